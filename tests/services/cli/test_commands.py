"""The command line as a whole: what it lists, what it says, in which language."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from services.cli import COMMANDS, app, common
from services.core.clock import VIETNAM, utc_now

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("NGOCLINH_CONFIG", "NGOCLINH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_help_lists_every_command_of_the_table() -> None:
    done = RUNNER.invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    listed = {line.split()[1] for line in done.output.splitlines() if line.startswith("│ ") and len(line.split()) > 2}
    assert set(COMMANDS) <= listed


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    done = RUNNER.invoke(app, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage" in done.output


def test_an_unknown_command_is_refused() -> None:
    assert RUNNER.invoke(app, ["dance"]).exit_code == 2


@pytest.mark.parametrize(("lang", "words"), [("vi", "không có mục cài đặt này"), ("en", "no such setting")])
def test_a_wrong_setting_is_told_in_the_language_asked_for_with_exit_code_2(
    tmp_path: Path, lang: str, words: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[gateway]\nprot = 1\n")
    done = RUNNER.invoke(app, ["--config", str(file), "--lang", lang, "situation"])
    assert done.exit_code == 2
    assert words in done.stderr
    assert "gateway.port" in done.stderr
    assert done.stdout == ""


def test_a_situation_of_an_empty_folder_has_the_five_communes(tmp_path: Path) -> None:
    folder = ["--data-dir", str(tmp_path / "data")]
    table = RUNNER.invoke(app, [*folder, "situation"], env={"COLUMNS": "160"})
    assert table.exit_code == 0, table.stderr
    for words in (
        "Xã Nam Trà My",
        "Xã Trà Tập",
        "Xã Trà Linh",
        "Xã Trà Leng",
        "Xã Trà Vân",
        "Chưa thu thập được tin bài nào",
    ):
        assert words in table.stdout
    english = RUNNER.invoke(app, ["--lang", "en", *folder, "situation"], env={"COLUMNS": "160"})
    assert "Nothing was collected yet." in english.stdout
    raw = RUNNER.invoke(app, [*folder, "situation", "--since", "7d", "--format", "json"])
    assert len(json.loads(raw.stdout)["areas"]) == 5


def test_an_error_of_a_service_is_told_in_words(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["--data-dir", str(tmp_path), "situation", "--watch-area", "none"])
    assert done.exit_code == 2
    assert "Không tìm thấy watchAreas/none" in done.stderr


def test_a_moment_is_a_date_of_vietnam_or_an_age() -> None:
    assert common.moment("2026-11-01", "--since").isoformat() == "2026-11-01T00:00:00+07:00"
    assert common.moment("2026-11-01T10:00:00Z", "--since").utcoffset() == timedelta(0)
    assert abs(utc_now() - common.moment("7d", "--since") - timedelta(days=7)) < timedelta(seconds=5)
    assert abs(utc_now() - common.moment("12h", "--since") - timedelta(hours=12)) < timedelta(seconds=5)
    assert common.moment("2026-11-01", "--since").tzinfo is VIETNAM
    with pytest.raises(typer.Exit):
        common.moment("yesterday", "--since")
    refused = RUNNER.invoke(app, ["areas", "resolve", "xã Trà Linh", "--as-of", "hôm qua"])
    assert refused.exit_code == 2
    assert refused.stderr.startswith("--as-of: “hôm qua”")


@pytest.mark.parametrize(("lang", "words"), [("vi", "không ghi được"), ("en", "cannot write")])
@pytest.mark.parametrize("command", ["brief --out {}.docx", "articles export --out {}.xlsx"])
def test_a_file_that_cannot_be_written_is_told_in_words(tmp_path: Path, command: str, lang: str, words: str) -> None:
    options = ["--data-dir", str(tmp_path / "data"), "--lang", lang]
    done = RUNNER.invoke(app, [*options, *command.format(tmp_path / "nowhere" / "x").split()])
    assert done.exit_code == 2, done.output
    assert words in done.stderr


@pytest.mark.parametrize(("lang", "words"), [("vi", "không dùng được thư mục"), ("en", "cannot use the folder")])
@pytest.mark.parametrize("command", [["situation"], ["up", "--port", "0", "--grpc-port", "0"]])
def test_a_data_folder_that_cannot_be_made_is_told_in_words(
    tmp_path: Path, command: list[str], lang: str, words: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (file, Path("/proc/x")):
        done = RUNNER.invoke(app, ["--data-dir", str(folder), "--lang", lang, *command])
        assert done.exit_code == 2, done.output
        assert f"data_dir: {words} {folder}" in done.stderr


def test_doctor_says_what_is_sound_and_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.doctor.LEAST_DISK", 0)  # however full the disk of this machine is
    folder = ["--data-dir", str(tmp_path / "data")]
    done = RUNNER.invoke(app, [*folder, "doctor"])
    assert "SQLite" in done.stdout
    assert "✗" not in done.stdout.replace("✗ Tiến trình đọc tệp", ""), done.stdout
    file = tmp_path / "open.toml"
    file.write_text('[gateway]\nhost = "0.0.0.0"\n')
    wrong = RUNNER.invoke(app, ["--config", str(file), *folder, "doctor"])
    assert wrong.exit_code == 1
    assert "tls_cert_file" in wrong.stdout


def test_users_are_added_listed_given_new_passwords_and_disabled(tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return RUNNER.invoke(app, ["--data-dir", str(tmp_path / "data"), "--lang", "en", "users", *arguments])

    added = run("add", "lan", "--role", "admin")
    assert added.exit_code == 0, added.output
    first = json.loads(added.stdout)
    assert first["user"]["password_change_required"] is True
    assert run("add", "nam", "--role", "analyst", "--watch-area", "nam-tra-my").exit_code == 0
    again = json.loads(run("reset", "lan").stdout)
    assert len({first["password"], again["password"]}) == 2
    assert run("disable", "nam").exit_code == 0
    users = {user["name"]: user for user in json.loads(run("list").stdout)["users"]}
    assert users["users/nam"]["disabled"] is True
    assert users["users/nam"]["watch_areas"] == ["watchAreas/nam-tra-my"]
    for wrong in (("add", "Lan Anh", "--role", "admin"), ("add", "x", "--role", "king"), ("reset", "none")):
        assert run(*wrong).exit_code == 2
    last = run("disable", "lan")
    assert last.exit_code == 2
    assert "administrator" in last.stderr
