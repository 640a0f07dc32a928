"""The pages as files: compressed, kept by browsers where the name holds a digest, asked for again otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

HERE = Path(__file__).parent
BUILT = HERE / "web" / "dist"
"""What `make web` builds."""
PLAIN = HERE / "pages"
"""A page without a build, so that a gateway always shows something."""


class _Files(StaticFiles):
    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        digested = Path(full_path).parent.name == "assets"
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if digested else "no-cache"
        return response


def pages(built: Path = BUILT, plain: Path = PLAIN) -> ASGIApp:
    """The application that serves the dashboard, or the plain page where none was built."""
    folder = built if (built / "index.html").is_file() else plain
    return GZipMiddleware(_Files(directory=folder, html=True), minimum_size=1024)
