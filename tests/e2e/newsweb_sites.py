"""The local news web as sources: which profile reads which site, and how its pages are found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

PROFILES: dict[str, dict[str, Any]] = {
    "vcc": {"profile": "vcc"},
    "epi": {"profile": "epi"},
    "grid": {"profile": "grid"},
    "vne": {"profile": "vne"},
    "wp": {"profile": "wordpress", "allow": [r"^/(?!category/)[a-z-]+/[^/]+/$"]},
    "portal": {"profile": "portal", "tier": "office"},
    "forum": {"profile": "xenforo", "tier": "social"},
    "tcont": {"profile": "vcc", "allow": ["^/bai/"]},
    "thttp": {"profile": "vcc", "allow": ["^/bai/"]},
    "tbody": {"profile": "vcc", "allow": ["^/bai/"]},
    "tfeed": {"profile": "vcc", "allow": ["^/bai/"]},
    "r503": {"profile": "vcc", "allow": ["^/bai/"]},
    "cd120": {"profile": "vcc", "allow": ["^/bai/"]},
}
"""What an operator would write down for each site of the news web."""
FRONT_PAGES = ("tcont", "thttp", "tbody", "r503", "cd120")
"""Sites whose articles stand on the front page."""


def newsweb(shared: Path) -> Any:
    """The module `newsweb.serve` of the development data."""
    if str(shared) not in sys.path:
        sys.path.insert(0, str(shared))
    from newsweb import serve

    return serve


def write_sources(web: Any, folder: Path) -> None:
    """Write one TOML file a site, from what the site says about itself."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, site in web.sites.items():
        about = site.describe()
        given = {"tier": "local"} | PROFILES[key]
        lines = [
            f"title = {_toml(about['name'])}",
            f"home = {_toml(about['base'] + '/')}",
            'licence = "A site on this machine, for tests."',
            "max_age_days = 0",
            *(f"{name} = {_toml(value)}" for name, value in given.items()),
        ]
        discoveries = [
            *(("feed", entry["url"], entry["type"] == "json" and key == "forum") for entry in about["feeds"]),
            *(("sitemap", url, False) for url in about["sitemaps"]),
            *(("list", url, False) for url in about["lists"]),
            *([("list", about["base"] + "/", False)] if key in FRONT_PAGES else []),
        ]
        for kind, url, documents in discoveries:
            lines += ["", "[[discover]]", f"{kind} = {_toml(url)}", "pages = 100"]
            lines += ["documents = true"] if documents else []
        lines += ["", "[selectors]", 'links = "h3.title a"'] if key in FRONT_PAGES else []
        (folder / f"{key}.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return "'" + value + "'" if "\\" in value else '"' + value.replace('"', '\\"') + '"'


def crawler_settings(web: Any, folder: Path, **more: Any) -> dict[str, Any]:
    """The section `crawler` of the settings: the floor of the delay, and only these hosts."""
    return {
        "sources_dir": str(folder),
        "bundled_sources": False,
        "delay_s": 2.0,
        "allow_private_hosts": list(web.hosts),
        "contact": "https://example.vn/bot",
    } | more
