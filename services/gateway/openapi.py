"""`/openapi.json`: OpenAPI 3.1 of the REST API, from the descriptors and the comments of the protos."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from services.gateway.transcode import Binding, bindings
from services.rpc import methods
from services.rpc.caller import encode_roles
from services.rpc.comments import comment

Schema = dict[str, Any]

_SCALARS: dict[int, Schema] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    FieldDescriptor.TYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.TYPE_UINT64: {"type": "string", "format": "uint64"},
}
_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string"},
    "google.protobuf.FieldMask": {"type": "string"},
}
_LIMITS: dict[str, dict[str, str]] = {
    "string": {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern"},
    "int32": {"gte": "minimum", "lte": "maximum"},
    "double": {"gte": "minimum", "lte": "maximum"},
    "repeated": {"min_items": "minItems", "max_items": "maxItems"},
}
"""Rules of protovalidate that OpenAPI can say."""
_ERROR: Schema = {
    "type": "object",
    "description": "google.rpc.Status in JSON; `details` holds ErrorInfo with the reason, and the message in both languages.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "integer", "description": "HTTP status."},
                "message": {"type": "string", "description": "In the language of Accept-Language: vi or en."},
                "status": {"type": "string", "description": "gRPC status."},
                "details": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}


@dataclass(frozen=True)
class Form:
    """The body of a route written by hand: fields of a message and a file.

    Attributes:
        message: whose fields the parts are named like.
        file: name of the part that is the file.
        fields: those of the message that are taken; all where none is named.
        alone: the file may be the body too, the fields being query parameters then; it is needed.
    """

    message: Descriptor
    file: str
    fields: tuple[str, ...] = ()
    alone: bool = False


def document(extra: Iterable[tuple[str, str, str, Form | None]] = ()) -> dict[str, Any]:
    """The document.

    Args:
        extra: (verb, path, summary, body) of the routes written by hand.
    """
    schemas: dict[str, Schema] = {"Error": _ERROR}
    paths: dict[str, dict[str, Any]] = {}
    for binding in bindings():
        paths.setdefault(_path(binding), {})[binding.verb.lower()] = _operation(binding, schemas)
    for verb, path, summary, form in extra:
        names = re.findall(r"{(\w+)}", path)
        operation: dict[str, Any] = {"summary": summary, "responses": {"default": _response("Error")}}
        if names:
            operation["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
            ]
        if form is not None:
            operation |= _form(form, schemas)
        paths.setdefault(path, {})[verb.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ngọc Linh",
            "version": metadata.version("ngoclinh"),
            "description": "What is written online and how the land parcels stand, per commune.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _operation(binding: Binding, schemas: dict[str, Schema]) -> dict[str, Any]:
    method = binding.method
    parameters = [
        {
            "name": "id",
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
            "description": f"{name} is {template}",
        }
        for name, template in re.findall(r"\{([^}=]+)=([^}]*)\}", binding.template)
    ]
    operation: dict[str, Any] = {
        "operationId": f"{method.containing_service.name}.{method.name}",
        "tags": [method.containing_service.name],
        "summary": comment(method.full_name),
        "x-role": encode_roles([methods.access(method).role]),
        "responses": {
            "200": {"description": comment(method.output_type.full_name)} | _content(method.output_type, schemas),
            "default": _response("Error"),
        },
    }
    if binding.body:
        field = method.input_type.fields_by_name.get(binding.body)
        sent = field.message_type if field is not None and field.message_type else method.input_type
        operation["requestBody"] = {"required": True} | _content(sent, schemas)
    if binding.body != "*":
        parameters += _query(method.input_type, "", {*binding.variables, binding.body}, schemas)
    if parameters:
        operation["parameters"] = parameters
    return operation


def _query(message: Descriptor, prefix: str, bound: set[str], schemas: dict[str, Schema]) -> Iterable[dict[str, Any]]:
    for field in message.fields:
        name = prefix + field.name
        if name in bound:
            continue
        if field.message_type is not None and field.message_type.full_name not in _WELL_KNOWN:
            yield from _query(field.message_type, f"{name}.", bound, schemas)
        else:
            described = _field(field, schemas)
            yield {
                "name": name,
                "in": "query",
                "description": described.pop("description", ""),
                "schema": described,
            }


def _form(form: Form, schemas: dict[str, Schema]) -> dict[str, Any]:
    """The request body of a form; query parameters too where the file may come alone."""
    parameters = [
        each for each in _query(form.message, "", set(), schemas) if not form.fields or each["name"] in form.fields
    ]
    parts = {each["name"]: each["schema"] | {"description": each["description"]} for each in parameters}
    file: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}
    schema: Schema = {"type": "object", "properties": parts | {form.file: file}}
    content: dict[str, Any] = {"multipart/form-data": {"schema": schema}}
    if not form.alone:
        return {"requestBody": {"required": True, "content": content}}
    schema["required"] = [form.file]
    content["application/octet-stream"] = {"schema": {}}
    return {"requestBody": {"required": True, "content": content}, "parameters": parameters}


def _path(binding: Binding) -> str:
    """The template as OpenAPI writes it: ``/v1/{name=articles/*}`` is ``/v1/articles/{id}``."""
    return re.sub(r"\{[^}=]+=([^}]*)\}", lambda match: match[1].replace("*", "{id}"), binding.template)


def _content(message: Descriptor, schemas: dict[str, Schema]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": _reference(message, schemas, _message)}}}


def _response(name: str) -> dict[str, Any]:
    return {
        "description": "What went wrong.",
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }


def _reference(
    element: Any, schemas: dict[str, Schema], describe: Callable[[Any, dict[str, Schema]], Schema]
) -> Schema:
    if element.full_name not in schemas:
        schemas[element.full_name] = {}
        schemas[element.full_name] = describe(element, schemas)
    return {"$ref": f"#/components/schemas/{element.full_name}"}


def _message(message: Descriptor, schemas: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "description": comment(message.full_name),
        "properties": {field.name: _field(field, schemas) for field in message.fields},
    }


def _enum(enum: EnumDescriptor, schemas: dict[str, Schema]) -> Schema:
    lines = [f"- `{value.name}`: {comment(f'{enum.full_name}.{value.name}')}" for value in enum.values]
    return {
        "type": "string",
        "enum": [value.name for value in enum.values],
        "description": "\n".join([comment(enum.full_name), "", *lines]),
    }


def _field(field: FieldDescriptor, schemas: dict[str, Schema]) -> Schema:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        schema: Schema = {
            "type": "object",
            "additionalProperties": _single(inner.fields_by_name["value"], schemas),
        }
    elif field.is_repeated:
        schema = {"type": "array", "items": _single(field, schemas)}
    else:
        schema = _single(field, schemas)
    text = comment(field.full_name)
    return schema | _limits(field) | ({"description": text} if text else {})


def _single(field: FieldDescriptor, schemas: dict[str, Schema]) -> Schema:
    if field.enum_type is not None:
        return _reference(field.enum_type, schemas, _enum)
    if field.message_type is not None:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return dict(known) if known else _reference(field.message_type, schemas, _message)
    return dict(_SCALARS[field.type])


def _limits(field: FieldDescriptor) -> Schema:
    options = field.GetOptions()
    if not options.HasExtension(validate_pb2.field):
        return {}
    rules = options.Extensions[validate_pb2.field]
    kind = rules.WhichOneof("type") or ""
    return {
        name: getattr(getattr(rules, kind), rule)
        for rule, name in _LIMITS.get(kind, {}).items()
        if getattr(rules, kind).HasField(rule)
    }
