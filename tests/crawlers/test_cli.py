"""The commands of the crawler."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app
from tests.e2e.newsweb_sites import crawler_settings, newsweb, write_sources

CASES = Path(__file__).parents[1] / "cases" / "sources"
runner = CliRunner()


def run(*words: str) -> tuple[int, str, str]:
    result = runner.invoke(app, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_extract_prints_the_article_of_a_page() -> None:
    code, out, _ = run(
        "extract",
        str(CASES / "vcc.html"),
        "--url",
        "https://tuoitre.vn/cau-treo-185261120140512345.htm",
        "--format",
        "json",
    )
    article = json.loads(out)
    assert code == 0
    assert article["source"] == "sources/tuoitre"
    assert article["title"] == "Bản Mẫu khánh thành cầu treo qua suối Đá Trắng"
    assert article["publish_time"] == "2026-11-20T07:05:00Z"
    assert article["publish_time_precision"] == "TIME_PRECISION_EXACT"
    assert article["author_names"] == ["Suối Đá", "CTV"]


def test_extract_reads_a_thread_by_a_named_profile() -> None:
    url = "https://dien-dan-mau.example.vn/t/hoi-giong-que.812/"
    code, out, _ = run(
        "extract", str(CASES / "xenforo.html"), "--url", url, "--profile", "xenforo", "--format", "jsonl"
    )
    kinds = [json.loads(row)["kind"] for row in out.splitlines()]
    assert code == 0
    assert kinds == ["ARTICLE_KIND_POST", "ARTICLE_KIND_COMMENT", "ARTICLE_KIND_COMMENT"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["extract", "khong-co.html", "--url", "https://a.vn/"], "khong-co.html"),
        (["extract", str(CASES / "vcc.html"), "--url", "ftp://a.vn/"], "http"),
        (["extract", str(CASES / "vcc.html"), "--url", "https://a.vn/", "--profile", "nothing"], "profiles/nothing"),
        (["extract", str(CASES / "vcc.toml"), "--url", "https://a.vn/"], "no HTML page"),
    ],
)
def test_extract_says_what_is_wrong(words: list[str], said: str) -> None:
    code, out, err = run("--lang", "en", *words)
    assert (code, out) == (2, "")
    assert said in err


@pytest.mark.parametrize(
    ("path", "agent", "code"), [("/cam/x", "NgocLinhBot", 1), ("/x", "NgocLinhBot", 0), ("/x", "Khac", 1)]
)
def test_robots_check(tmp_path: Path, path: str, agent: str, code: int) -> None:
    file = tmp_path / "robots.txt"
    file.write_text("User-agent: *\nDisallow: /\n\nUser-agent: NgocLinhBot\nDisallow: /cam/\n")
    assert run("robots", "check", str(file), f"https://a.vn{path}", "--agent", agent)[0] == code


def test_robots_check_of_no_file() -> None:
    code, _, err = run("--lang", "vi", "robots", "check", "khong-co.txt", "https://a.vn/")
    assert code == 2
    assert "Không đọc được" in err


def test_sources_are_listed() -> None:
    code, out, _ = run("sources", "list", "--format", "json")
    sources = {json.loads(row)["name"]: json.loads(row) for row in out.splitlines()}
    assert code == 0
    assert sources["sources/baodanang"]["tier"] == "local"
    assert len(sources["sources/baodanang"]["discoveries"]) == 3


def test_a_wrong_source_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "mau.toml").write_text('titel = "x"', encoding="utf-8")
    code, _, err = run("--lang", "en", "sources", "list", "--sources", str(tmp_path))
    assert code == 2
    assert "mau.toml: titel" in err


def test_a_source_that_there_is_not_is_told() -> None:
    code, out, err = run("--lang", "vi", "sources", "check", "vnexpress", "khong-co")
    assert (code, out) == (2, "")
    assert "Không tìm thấy sources/khong-co." in err


def test_sources_check_tells_a_missing_network_as_that(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        (tmp_path / "sources").mkdir()
        (tmp_path / "sources" / "mau.toml").write_text(
            f'title = "Mẫu"\nhome = "http://{host}/"\ntier = "local"\nprofile = "vcc"\n'
            'licence = "An invented site of the tests."\n[[discover]]\nlist = "/"\n',
            encoding="utf-8",
        )
        (tmp_path / "ngoclinh.toml").write_text(
            f'[crawler]\nallow_private_hosts = ["{host}"]\nsources_dir = "{tmp_path}/sources"\ndelay_s = 2.0\n',
            encoding="utf-8",
        )
        code, out, _ = run("--lang", "vi", "--config", str(tmp_path / "ngoclinh.toml"), "sources", "check", "mau")
    assert code == 1
    assert out.count(f"Không kết nối được máy chủ {host}.") == 2
    assert "robots.txt không" not in out


def test_sources_check_tells_what_answers(shared: Path, tmp_path: Path) -> None:
    with newsweb(shared).NewsWeb(seed=1, speed=0, articles=1) as web:
        write_sources(web, tmp_path / "sources")
        settings = crawler_settings(web, tmp_path / "sources")
        lines = ["[crawler]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
        (tmp_path / "ngoclinh.toml").write_text("\n".join(lines), encoding="utf-8")
        options = ["--lang", "en", "--config", str(tmp_path / "ngoclinh.toml")]
        sound = run(*options, "sources", "check", "portal")
        broken = run(*options, "sources", "check", "r503")
        audit = web.audit()
    assert sound[0] == 0
    assert "✓ portal: article" in sound[1]
    assert broken[0] == 1
    assert "robots.txt does not allow" in broken[1]
    assert audit["ok"], audit["violations"]
