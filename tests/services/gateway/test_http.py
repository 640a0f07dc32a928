"""What the gateway answers over HTTP."""

from __future__ import annotations

import json

import pytest

from tests.services.gateway.conftest import Ask

JSON = {"Content-Type": "application/json"}


async def test_a_read_answers_in_the_json_of_the_product(ask: Ask) -> None:
    answer = await ask("GET", "/v1/areas/2025-20938")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["name"] == "areas/2025-20938"
    assert answer.json["level"] == "AREA_LEVEL_UNSPECIFIED"
    assert answer.json["successors"] == []
    assert "Xã Trà Leng".encode() in answer.body


async def test_query_parameters_reach_the_filter(ask: Ask) -> None:
    answer = await ask(
        "GET", "/v1/areas?filter.query=tr%C3%A0+leng&filter.edition=2004&filter.level=AREA_LEVEL_COMMUNE&page_size=7"
    )
    assert answer.json["areas"][0]["title"] == "trà leng|2004|3|7"


async def test_a_write_takes_json(ask: Ask) -> None:
    answer = await ask("POST", "/v1/areas:resolve", json.dumps({"text": "Trà Dơn"}).encode(), JSON)
    assert answer.json["candidates"][0]["matched_text"] == "Trà Dơn"


async def test_an_error_has_code_reason_and_the_language_asked_for(ask: Ask) -> None:
    for accept, text in (
        ("vi", "Không tìm thấy areas/2025-99999."),
        ("en-US,en;q=0.9,vi;q=0.1", "areas/2025-99999 does not exist."),
        ("fr", "Không tìm thấy areas/2025-99999."),
        (";;;q=x,,", "Không tìm thấy areas/2025-99999."),
    ):
        answer = await ask("GET", "/v1/areas/2025-99999", headers={"Accept-Language": accept})
        error = answer.json["error"]
        assert (answer.status, error["code"], error["status"], answer.reason) == (404, 404, "NOT_FOUND", "NOT_FOUND")
        assert error["message"] == text


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("GET", "/v1/areas?page_size=-1", None, "page_size"),
        ("GET", "/v1/areas?page_size=1001", None, "page_size"),
        ("GET", "/v1/areas?nonsense=1", None, "nonsense"),
        ("GET", "/v1/areas/2025-%FF", None, "name"),
        ("GET", "/v1/areas?filter.query=%FF%FE", None, "query"),
        ("POST", "/v1/areas:resolve", b'{"text": "\xff\xfe"}', "body"),
        ("POST", "/v1/areas:resolve", b'{"text": ', "body"),
        ("POST", "/v1/areas:resolve", b"", "text"),
    ],
)
async def test_a_bad_request_names_its_field(ask: Ask, method: str, path: str, body: bytes | None, field: str) -> None:
    answer = await ask(method, path, body, JSON if body is not None else {})
    violations = [
        each["field"] for detail in answer.json["error"]["details"] for each in detail.get("field_violations", ())
    ]
    assert (answer.status, answer.reason, violations) == (400, "INVALID_FIELD", [field])


async def test_an_unknown_address_and_a_wrong_verb_carry_no_reason(ask: Ask) -> None:
    nowhere = await ask("GET", "/v1/nothing")
    wrong = await ask("DELETE", "/v1/areas/2025-20938", headers=JSON)
    assert (nowhere.status, nowhere.reason) == (404, "")
    assert (wrong.status, wrong.reason, wrong.headers["allow"]) == (405, "", "GET")
    assert (await ask("GET", "/no-such-page")).status == 404
    assert (await ask("GET", "/../app.py")).status == 404
    assert (await ask("GET", "/%2e%2e/app.py")).status == 404


async def test_a_fault_tells_nothing_but_the_request_id(ask: Ask) -> None:
    answer = await ask("GET", "/v1/areas?filter.query=fault", headers={"X-Request-Id": "req-5"})
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert answer.json["error"]["details"][0]["metadata"] == {"request_id": "req-5"}
    assert answer.headers["x-request-id"] == "req-5"


async def test_overload_says_when_to_come_back_and_a_deadline_is_kept(ask: Ask) -> None:
    busy = await ask("GET", "/v1/areas?filter.query=busy")
    late = await ask("POST", "/v1/areas:resolve", b'{"text": "wait"}', JSON)
    assert (busy.status, busy.reason, busy.headers["retry-after"]) == (429, "OVERLOADED", "2")
    assert (late.status, late.reason) == (504, "DEADLINE")


async def test_a_service_that_is_not_there_is_unimplemented_not_a_crash(ask: Ask) -> None:
    answer = await ask("GET", "/v1/alerts")
    assert answer.status in (404, 501)
    assert (await ask("GET", "/v1/areas/2025-20938")).status == 200


async def test_health_pages_and_the_document_are_there(ask: Ask) -> None:
    health = await ask("GET", "/healthz")
    assert (health.status, health.json) == (200, {"status": "SERVING"})
    page = await ask("GET", "/")
    assert page.status == 200
    assert b"<html" in page.body
    document = (await ask("GET", "/openapi.json")).json
    assert document["openapi"] == "3.1.0"
    assert {"/v1/areas/{id}", "/v1/articles:summarize", "/v1/imports:upload"} <= set(document["paths"])


async def test_head_answers_like_get_without_a_body(ask: Ask) -> None:
    answer = await ask("HEAD", "/v1/areas/2025-20938")
    assert (answer.status, answer.body) == (200, b"")


async def test_a_fault_of_the_gateway_itself_is_told_in_our_form(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret path /srv/db")

    monkeypatch.setattr("services.gateway.openapi.document", broken)
    answer = await ask("GET", "/openapi.json")
    assert (answer.status, answer.reason) == (500, "INTERNAL")
    assert b"secret" not in answer.body
    assert (await ask("GET", "/healthz")).status == 200
