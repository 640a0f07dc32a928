"""Where an installation from a bundle lies: what is root's, and what is the service's user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER, BUNDLE, WISH = "bundles", "next.tar", "install.json"
"""In the data folder: the folder of the bundle that waits, the bundle, the wish that it be installed."""
DOOR = "ngoclinh-update.path"
"""Unit of systemd that waits for the wish."""


@dataclass(frozen=True)
class Places:
    """Where everything lies, as `bundle/install` makes it.

    Attributes:
        opt: releases, and the link `current` to one of them.
        config: the settings.
        data: the data folder; the only one that the user of the service writes.
        units: folder of the units of systemd.
        command: what people call.
        key: public key of who releases.
        state: folder of root's, read by everybody: how the last update that a page asked for went.
        user: the user of the service, as a name or a number.
    """

    opt: Path = Path("/opt/ngoclinh")
    config: Path = Path("/etc/ngoclinh/ngoclinh.toml")
    data: Path = Path("/var/lib/ngoclinh")
    units: Path = Path("/etc/systemd/system")
    command: Path = Path("/usr/local/bin/ngoclinh")
    key: Path = Path("/etc/ngoclinh/release.pub")
    state: Path = Path("/var/lib/ngoclinh-update")
    user: str = "ngoclinh"

    @property
    def bundle(self) -> Path:
        """The bundle that a page took; of the service's user."""
        return self.data / FOLDER / BUNDLE

    @property
    def wish(self) -> Path:
        """What a page asks for; of the service's user."""
        return self.data / FOLDER / WISH

    @property
    def enabled(self) -> Path:
        """The link that `systemctl enable` makes for the door."""
        return self.units / "paths.target.wants" / DOOR

    def as_user(self, *command: str) -> list[str]:
        """A command with the rights of the user of the service, which it cannot get more of."""
        rights = [f"--reuid={self.user}", f"--regid={self.user}", "--init-groups", "--inh-caps=-all", "--no-new-privs"]
        return ["setpriv", *rights, "--", *command]

    def program(self, release_folder: Path, *arguments: str) -> list[str]:
        """A command of a release, as the user of the service."""
        return self.as_user(str(release_folder / "bin/ngoclinh"), "--config", str(self.config), *arguments)


INSTALLED = Places()
"""Where `bundle/install` puts it."""
