"""Settings of a product in parts: `ngoclinh serve` of each, over real servers, with a data folder and ports of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.roles import ROLES
from tests.cluster.places import Place
from tests.e2e.mini_site import Site, settings_for
from tests.faults.processes import Part, quiet_port


def parts_of(place: Place, sites: Sequence[Site], folder: Path) -> Mapping[str, Part]:
    """One process for each role, by its name.

    Args:
        place: where the servers are.
        sites: what is crawled.
        folder: for settings and data.
    """
    common = settings_for(list(sites), folder).read_text(encoding="utf-8")
    taken: set[int] = set()
    ports = {name: quiet_port(taken) for name in ROLES}
    peers = "".join(
        f'{service} = "127.0.0.1:{ports[name]}"\n' for name, role in ROLES.items() for service in role.services
    )
    web = quiet_port(taken)
    parts = {}
    for name, port in ports.items():
        text = common.replace(f'"{folder / "data"}"', f'"{folder / name}"')
        text = text.replace("[gateway]\nport = 0", f"[gateway]\nport = {web}")
        text = text.replace("[grpc]\nport = 0", f"[grpc]\nport = {port}")
        file = folder / f"{name}.toml"
        file.write_text(f'mode = "cluster"\n{text}[peers]\n{peers}{place.sections}', encoding="utf-8")
        parts[name] = Part("--config", file, "serve", name)
    return parts
