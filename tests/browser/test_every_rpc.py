"""What the dashboard's own fetch layer makes of every refusal: the reason, in words."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from ngoclinh.type.v1.access_pb2 import Role
from playwright.sync_api import Browser, Page

from services.core import errors
from services.gateway.frontend import WEB, node_and_npm
from services.gateway.transcode import bindings
from services.rpc import methods
from tests.services import every_rpc
from tests.services.doors import CASES, Case, Doors, doors_in_a_thread, rest

ASK = """async (calls) => {
  const out = [];
  for (const [verb, path, body] of calls) {
    const named = { GET: "get", POST: "post", PATCH: "patch", DELETE: "remove" }[verb];
    try { await client[named](path, body ?? undefined); out.push(["", ""]); }
    catch (error) { out.push([error.reason, error.text()]); }
  }
  return out;
}"""


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """`api/client.ts` of the dashboard as one script, by the bundler that builds the dashboard."""
    folder, _ = node_and_npm()
    into = tmp_path_factory.mktemp("layer") / "client.js"
    bundler = WEB / "node_modules" / "rolldown" / "bin" / "cli.mjs"
    command = [str(folder / "node"), str(bundler), "src/api/client.ts", "--format", "iife", "--name", "client"]
    subprocess.run([*command, "--file", str(into)], cwd=WEB, check=True, capture_output=True, timeout=120)
    return into.read_text()


@pytest.fixture(scope="module")
def opened(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with doors_in_a_thread(tmp_path_factory.mktemp("doors")) as found:
        yield found


@pytest.fixture
def page(browser: Browser, opened: Doors, layer: str) -> Iterator[Page]:
    with browser.new_context(base_url=opened.url) as context:
        page = context.new_page()
        page.goto("/healthz")
        page.evaluate(f"() => {{ {layer}; globalThis.client = client; }}")
        yield page


def answers(page: Page, opened: Doors, case: Case) -> dict[str, tuple[str, str]]:
    """What every call of the table gave, by REST form: reason and text. The token comes as a proxy in front sends it."""
    by_token: dict[str, list[Any]] = defaultdict(list)
    tokens: dict[int, str] = {}
    for binding in bindings():
        role = methods.access(binding.method).role  # decides which token a case makes
        token = tokens.setdefault(role, case.token(opened.provider, binding.method))
        by_token[token].append((binding, rest(binding, every_rpc.request(binding.method, case.foreign))))
    found: dict[str, tuple[str, str]] = {}
    for token, calls in by_token.items():
        page.set_extra_http_headers({"authorization": f"Bearer {token}"} if token else {})
        told = page.evaluate(ASK, [list(call) for _, call in calls])
        found |= {
            f"{binding.verb} {binding.template}": tuple(one) for (binding, _), one in zip(calls, told, strict=True)
        }
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_dashboard_hears_the_reason_of_every_refusal(page: Page, opened: Doors, name: str) -> None:
    case = CASES[name]
    told = answers(page, opened, case)
    expected = {f"{one.verb} {one.template}": case.reason(one.method) for one in bindings()}
    assert {form: told[form][0] for form, reason in expected.items() if reason} == {
        form: reason for form, reason in expected.items() if reason
    }
    assert all(text and "{" not in text for form, (reason, text) in told.items() if expected[form])


def test_the_dashboard_is_let_in_where_the_role_is_right(page: Page, opened: Doors) -> None:
    admin = Case(lambda provider, method: provider.token({Role.ROLE_ADMIN}), lambda method: "")
    assert {reason for reason, _ in answers(page, opened, admin).values()} <= {"", errors.InvalidField.reason}
