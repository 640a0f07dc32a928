"""A small server on loopback that stands where Kibana would, remembers what came, and refuses what Kibana refuses."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from services.core.sections.stores import KibanaSettings
from services.kibana.dashboards_api import DashboardBody

USER, PASSWORD = "nguoi-day", "mat-khau-bia-dat"


@dataclass
class Loopback:
    """What it tells about itself, what it refuses, and what came in.

    Attributes:
        version: that it tells; empty tells none.
        level: of its health.
        login: whether it wants a user.
        refuses: id of an object → what it answers.
        requests: (method, path with query) in order.
        objects: body of what was taken by its path or, of an import, by its id.
    """

    version: str = "9.5.1"
    level: str = "available"
    login: bool = False
    refuses: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    objects: dict[str, Any] = field(default_factory=dict)

    async def __aenter__(self) -> Loopback:
        app = web.Application(middlewares=[self._guard])
        for base in ("", "/s/{space}"):
            app.router.add_get(f"{base}/api/status", self._status)
            app.router.add_post(f"{base}/api/data_views/data_view", self._data_view)
            app.router.add_put(f"{base}/api/dashboards/{{id}}", self._dashboard)
            app.router.add_post(f"{base}/api/saved_objects/_import", self._import)
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server()
        self.url = str(self._server.make_url("")).rstrip("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    def settings(self, folder: Path | None = None, **more: Any) -> KibanaSettings:
        """Settings that lead here; with a folder as the user that it wants."""
        if folder is not None:
            (folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
            more |= {"username": USER, "password_file": folder / "password"}
        return KibanaSettings(url=self.url, **more)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.login and request.headers.get("Authorization") != wanted:
            return web.json_response({"statusCode": 401, "error": "Unauthorized"}, status=401)
        if request.method != "GET" and request.headers.get("kbn-xsrf") != "true":
            return web.json_response(
                {"statusCode": 400, "message": "Request must contain a kbn-xsrf header."}, status=400
            )
        if request.method != "GET" and request.headers.get("Elastic-Api-Version") != "2023-10-31":
            return web.json_response({"statusCode": 400, "message": "no such version of the API"}, status=400)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _status(self, _: web.Request) -> web.Response:
        told: dict[str, Any] = {"status": {"overall": {"level": self.level}}}
        if self.version:
            told["version"] = {"number": self.version}
        return web.json_response(told)

    async def _data_view(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert set(body) == {"data_view", "override"}
        return self._keep(request, body["data_view"]["id"], body)

    async def _dashboard(self, request: web.Request) -> web.Response:
        body = await request.json()
        DashboardBody.model_validate(body)
        return self._keep(request, request.match_info["id"], body)

    def _keep(self, request: web.Request, id_: str, body: Any) -> web.Response:
        if id_ in self.refuses:
            return web.json_response({"statusCode": 400, "message": self.refuses[id_]}, status=400)
        self.objects[id_] = body
        return web.json_response({"id": id_})

    async def _import(self, request: web.Request) -> web.Response:
        assert request.content_type == "multipart/form-data"
        part = await (await request.multipart()).next()
        assert part is not None
        assert getattr(part, "name", None) == "file"
        assert str(getattr(part, "filename", "")).endswith(".ndjson")
        lines = [json.loads(line) for line in (await part.read()).decode().splitlines()]  # type: ignore[union-attr]
        errors = []
        for line in lines:
            if line["id"] in self.refuses:
                error = {"type": "missing_references", "references": [{"type": "index-pattern", "id": "khác"}]}
                errors.append({"id": line["id"], "type": line["type"], "error": error})
            else:
                self.objects[line["id"]] = line
        taken = len(lines) - len(errors)
        return web.json_response({"success": not errors, "successCount": taken, "errors": errors})
