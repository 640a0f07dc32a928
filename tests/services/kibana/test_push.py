"""Pushing over HTTP: the version decides the format, every object is reported, every refusal is told in words."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.core.errors import Forbidden, InputError, InvalidField, NgocLinhError, Unavailable
from services.core.sections.stores import KibanaSettings
from services.kibana import dashboards_api, data_views
from services.kibana.boards import DASHBOARDS
from services.kibana.files import files
from services.kibana.ids import Ids
from services.kibana.push import Outcome, push
from services.kibana.views import views
from tests.services.kibana.loopback import PASSWORD, USER, Loopback

ALIAS = "ngoclinh-articles"
VIEWS = views(ALIAS)


async def pushed(settings: KibanaSettings) -> list[Outcome]:
    return await push(settings, DASHBOARDS, VIEWS, Ids(ALIAS, settings.space), "vi")


async def refusal(settings: KibanaSettings) -> NgocLinhError:
    with pytest.raises(NgocLinhError) as caught:
        await pushed(settings)
    assert caught.value.vi != caught.value.en
    assert PASSWORD not in caught.value.vi + caught.value.en
    return caught.value


async def test_kibana_9_5_gets_data_views_then_dashboards_over_the_dashboards_api() -> None:
    ids = Ids(ALIAS)
    async with Loopback() as kibana:
        outcomes = await pushed(kibana.settings())
        await pushed(kibana.settings())
    assert [outcome.problem for outcome in outcomes] == [""] * 9
    once = [("GET", "/api/status"), *[("POST", "/api/data_views/data_view")] * 3]
    once += [("PUT", f"/api/dashboards/{ids.of('dashboard', dashboard.id)}") for dashboard in DASHBOARDS]
    assert kibana.requests == once * 2
    assert len(kibana.objects) == 9
    for view in VIEWS.values():
        assert kibana.objects[ids.of("view", view.id)] == data_views.body(view, ids, "vi")
    for dashboard in DASHBOARDS:
        assert kibana.objects[ids.of("dashboard", dashboard.id)] == dashboards_api.body(dashboard, VIEWS, ids, "vi")


@pytest.mark.parametrize("version", ["9.0.0", "9.4.3-SNAPSHOT"])
async def test_kibana_9_0_to_9_4_gets_saved_objects_in_one_import(version: str) -> None:
    async with Loopback(version=version) as kibana:
        outcomes = await pushed(kibana.settings())
    assert kibana.requests == [("GET", "/api/status"), ("POST", "/api/saved_objects/_import?overwrite=true")]
    assert [outcome.problem for outcome in outcomes] == [""] * 9
    assert {one["type"] for one in kibana.objects.values()} == {"index-pattern", "dashboard"}


@pytest.mark.parametrize("version", ["9.6.0", "10.0.1"])
async def test_a_later_kibana_gets_the_dashboards_api_too(version: str) -> None:
    async with Loopback(version=version) as kibana:
        await pushed(kibana.settings())
    assert ("POST", "/api/data_views/data_view") in kibana.requests


@pytest.mark.parametrize("version", ["9.5.0", "9.2.8"])
async def test_a_user_and_a_space_are_used_and_the_identities_are_those_of_the_space(
    version: str, tmp_path: Path
) -> None:
    async with Loopback(version=version, login=True) as kibana:
        outcomes = await pushed(kibana.settings(tmp_path, space="kinh-te"))
    assert not any(outcome.problem for outcome in outcomes)
    assert kibana.requests[0] == ("GET", "/api/status")
    assert all(path.startswith("/s/kinh-te/api/") for _, path in kibana.requests[1:])
    assert Ids(ALIAS, "kinh-te").of("dashboard", "overview") in kibana.objects
    assert Ids(ALIAS).of("dashboard", "overview") not in kibana.objects


@pytest.mark.parametrize(
    ("version", "says"), [("9.5.0", "400: panels[3] is wrong"), ("9.3.0", "missing_references: index-pattern khác")]
)
async def test_what_kibana_refuses_is_told_and_the_rest_is_taken(version: str, says: str) -> None:
    refused = Ids(ALIAS).of("dashboard", "land")
    async with Loopback(version=version, refuses={refused: "panels[3] is wrong"}) as kibana:
        outcomes = await pushed(kibana.settings())
    problems = {outcome.title: outcome.problem for outcome in outcomes if outcome.problem}
    assert problems == {"Ngọc Linh · Tin về đất đai": says}
    assert len(kibana.objects) == 8


async def test_a_kibana_that_is_too_old_or_tells_no_version_is_refused() -> None:
    async with Loopback(version="8.19.2") as kibana:
        assert "8.19" in (await refusal(kibana.settings())).vi
    async with Loopback(version="") as kibana:
        assert isinstance(await refusal(kibana.settings()), InputError)
    assert kibana.requests == [("GET", "/api/status")]


async def test_a_wrong_password_is_told_with_the_name_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("sai", encoding="utf-8")
    async with Loopback(login=True) as kibana:
        error = await refusal(kibana.settings(username=USER, password_file=tmp_path / "wrong"))
        assert isinstance(error, Forbidden)
        assert USER in error.vi
        assert isinstance(await refusal(kibana.settings()), Forbidden)


async def test_a_kibana_that_is_not_ready_or_not_there_is_told_with_its_address() -> None:
    async with Loopback(level="unavailable") as kibana:
        assert isinstance(await refusal(kibana.settings()), Unavailable)
    error = await refusal(kibana.settings())  # it is gone now
    assert isinstance(error, Unavailable)
    assert kibana.url in error.vi


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "kibana.example:5601"}, "kibana.url"),
        ({"url": "http://ai:bimat@127.0.0.1:5601"}, "kibana.url"),
        ({"username": "ai", "password_file": Path("/không/có")}, "kibana.password_file"),
        ({"ca_file": Path("/không/có")}, "kibana.ca_file"),
    ],
)
async def test_settings_that_cannot_be_used_are_told_by_their_key(wrong: dict[str, Any], field: str) -> None:
    error = await refusal(KibanaSettings(**wrong))
    assert isinstance(error, InvalidField)
    assert error.field == field
    assert "bimat" not in error.vi + error.en


# ------------------------------------------------------------ command line and files


async def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a command, in a thread: the server of the test goes on meanwhile."""
    result = await asyncio.to_thread(CliRunner().invoke, app, ["--lang", "vi", "kibana", *arguments], env=environment)
    return result.exit_code, result.output


async def test_the_command_reports_every_object_and_ends_with_0_or_2() -> None:
    async with Loopback() as kibana:
        where = {"NGOCLINH_KIBANA__URL": kibana.url}
        code, output = await run("push", **where)
        assert (code, output.count("✓")) == (0, 9)
        assert "9 / 9 mục đã vào Kibana." in output
        kibana.refuses = {Ids(ALIAS).of("view", "alerts"): "không được"}
        code, output = await run("push", **where)
        assert code == 2
        assert "✗ khung nhìn dữ liệu: Cảnh báo — 400: không được" in output
    code, output = await run("push", **where)
    assert code == 2
    assert "không trả lời" in output


@pytest.mark.parametrize("form", ["dashboards", "ndjson"])
async def test_the_command_writes_files_without_a_kibana(form: Any, tmp_path: Path) -> None:
    code, output = await run("export", "--out", str(tmp_path / "a/b"), "--format", form)
    wanted = files(form, DASHBOARDS, VIEWS, Ids(ALIAS), "vi")
    assert code == 0
    assert {
        str(path.relative_to(tmp_path / "a/b")): path.read_text("utf-8") for path in (tmp_path / "a/b").rglob("*.*")
    } == wanted
    assert all(path in output for path in wanted)


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, output = await run("export", "--out", str(tmp_path / "file"))
    assert code == 2
    assert "--out" in output


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
async def test_the_script_brings_the_files_in_with_curl_alone(tmp_path: Path) -> None:
    await run("export", "--out", str(tmp_path))
    async with Loopback() as kibana:
        script = await asyncio.create_subprocess_exec(
            str(tmp_path / "import.sh"), env={"PATH": os.environ["PATH"], "KIBANA_URL": kibana.url + "/s/mot/"}
        )
        assert await asyncio.wait_for(script.wait(), 60) == 0
        assert len(kibana.objects) == 9
        assert all(path.startswith("/s/mot/api/") for _, path in kibana.requests)
        kibana.refuses = {Ids(ALIAS).of("view", "articles"): "không"}
        failing = await asyncio.create_subprocess_exec(
            str(tmp_path / "import.sh"),
            env={"PATH": os.environ["PATH"], "KIBANA_URL": kibana.url},
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await asyncio.wait_for(failing.wait(), 60) != 0


async def test_a_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kibana.client.TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = await refusal(KibanaSettings(url=f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert isinstance(error, Unavailable)
