"""The document says what the API takes and gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from services.gateway import evidence, openapi, transcode, upload

DOCUMENT = openapi.document(
    [
        ("POST", "/v1/imports:upload", "A file.", upload.FORM),
        ("POST", "/v1/articles:clip", "A clipping.", evidence.FORM),
        ("GET", "/healthz", "Does it serve.", None),
    ]
)


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from nodes(child)


def test_every_annotated_method_is_an_operation_with_a_summary() -> None:
    operations = {
        operation["operationId"]: operation
        for path in DOCUMENT["paths"].values()
        for operation in path.values()
        if "operationId" in operation
    }
    expected = {f"{each.method.containing_service.name}.{each.method.name}" for each in transcode.bindings()}
    assert set(operations) == expected
    assert all(operation["summary"] for operation in operations.values())


def test_every_reference_leads_to_a_schema_and_every_schema_is_used() -> None:
    used = {node["$ref"].removeprefix("#/components/schemas/") for node in nodes(DOCUMENT) if "$ref" in node}
    assert used == set(DOCUMENT["components"]["schemas"])


def test_path_parameters_are_those_of_the_path() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            declared = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
            assert declared == re.findall(r"\{(\w+)\}", path)


def test_a_field_has_its_comment_its_limits_and_its_kind() -> None:
    listing = DOCUMENT["paths"]["/v1/articles"]["get"]
    parameters = {each["name"]: each for each in listing["parameters"]}
    assert parameters["page_size"]["schema"] == {"type": "integer", "format": "int32", "minimum": 0, "maximum": 200}
    assert "1 to 200" in parameters["page_size"]["description"]
    assert parameters["filter.sources"]["schema"]["type"] == "array"
    assert parameters["filter.time_range.start_time"]["schema"] == {"type": "string", "format": "date-time"}
    finding = DOCUMENT["components"]["schemas"]["ngoclinh.land.v1.Finding"]["properties"]
    assert finding["severity"]["$ref"].endswith("ngoclinh.land.v1.Severity")
    assert finding["details"]["additionalProperties"] == {"type": "string"}
    assert "SEVERITY_ERROR" in DOCUMENT["components"]["schemas"]["ngoclinh.land.v1.Severity"]["enum"]


def test_a_body_that_is_one_field_is_described_as_that_field() -> None:
    for binding in transcode.bindings():
        if binding.body in ("", "*"):
            continue
        (operation,) = [
            each
            for path in DOCUMENT["paths"].values()
            for each in path.values()
            if each.get("operationId", "").endswith(f".{binding.method.name}")
        ]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema["$ref"].endswith(binding.method.input_type.fields_by_name[binding.body].message_type.full_name)
        assert not any(
            each["name"].split(".")[0] == binding.body
            for each in operation.get("parameters", ())
            if each["in"] == "query"
        )


def test_forms_say_their_parts() -> None:
    sent = DOCUMENT["paths"]["/v1/imports:upload"]["post"]
    content = sent["requestBody"]["content"]
    assert set(content) == upload.KINDS
    parts = content["multipart/form-data"]["schema"]
    assert {"file", "file_name", "sha256", "options.as_of_date"} <= set(parts["properties"])
    assert parts["required"] == ["file"]
    assert {each["name"] for each in sent["parameters"]} == set(parts["properties"]) - {"file"}
    clip = DOCUMENT["paths"]["/v1/articles:clip"]["post"]["requestBody"]["content"]
    assert set(clip) == evidence.KINDS
    properties = clip["multipart/form-data"]["schema"]["properties"]
    assert set(properties) == {"url", "title", "text", "publish_time", "evidence"}
    assert properties["publish_time"]["format"] == "date-time"
    assert "requestBody" not in DOCUMENT["paths"]["/healthz"]["get"]
