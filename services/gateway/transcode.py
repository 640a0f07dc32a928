"""REST from the `google.api.http` annotations: any annotated unary RPC, without a line written for it.

Path templates bind fields (`/v1/{name=articles/*}:correct`), the body is the request or one field of it, all other
fields are query parameters: `filter.query=…`, repeated ones repeated. Names are those of the proto.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote_to_bytes

import grpc
import grpc.aio
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from services.core import protojson
from services.core.errors import InvalidField
from services.gateway import answers
from services.rpc import methods
from services.rpc import status as rpc_status

M = TypeVar("M", bound=Message)

_VARIABLE = re.compile(r"\{([a-z_][a-z0-9_.]*)(?:=([^}]*))?\}")
_LEAVES = ("google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask")
_MAX_PARAMETERS = 1000
_IN_FIELD = re.compile(r"Failed to parse ([a-zA-Z]\w*) field")
_NO_FIELD = re.compile(r'has no field named "(\w+)"')
"""Where the errors of protobuf's JSON form name a field."""


@dataclass(frozen=True)
class Binding:
    """One annotated form of a method.

    Attributes:
        verb: HTTP verb.
        template: the path template. Example: ``/v1/{name=articles/*}:correct``.
        pattern: what the template matches; groups v0, v1, … are the variables.
        variables: dotted paths of the fields that they bind, in that order.
        body: "" for none, "*" for the whole request, else the field that the body fills.
        method: the RPC.
    """

    verb: str
    template: str
    pattern: re.Pattern[str]
    variables: tuple[str, ...]
    body: str
    method: MethodDescriptor


def bindings(all_methods: Iterable[MethodDescriptor] | None = None) -> list[Binding]:
    """The annotated forms of our unary methods; a template with a custom verb goes before one without."""
    found: list[Binding] = []
    for method in methods.methods() if all_methods is None else all_methods:
        rule = methods.http_rule(method)
        if rule is None:
            continue
        found += [_binding(method, each) for each in (rule, *rule.additional_bindings)]
    return sorted(found, key=lambda binding: ("{" in binding.template, ":" not in binding.template))


class Transcoder:
    """Answers REST requests by calls over a channel.

    Args:
        channel: where the services are.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._bindings = bindings()
        self._calls = {
            methods.path(binding.method): channel.unary_unary(
                methods.path(binding.method),
                request_serializer=methods.request_class(binding.method).SerializeToString,
                response_deserializer=methods.response_class(binding.method).FromString,
            )
            for binding in self._bindings
        }

    async def handle(self, request: Request) -> Response:
        """The answer to a request; 404 or 405 where no annotation fits."""
        path = raw_path(request.scope)
        fitting = [(binding, match) for binding in self._bindings if (match := binding.pattern.fullmatch(path))]
        verb = "GET" if request.method == "HEAD" else request.method
        for binding, match in fitting:
            if binding.verb == verb:
                return await self._call(request, binding, match)
        return answers.no_route(request.headers, ", ".join(sorted({binding.verb for binding, _ in fitting})))

    async def _call(self, request: Request, binding: Binding, match: re.Match[str]) -> Response:
        try:
            message = read(binding, match, request.scope["query_string"], await request.body())
        except InvalidField as error:
            return answers.domain_error(error, request.headers)
        try:
            call = self._calls[methods.path(binding.method)]
            return answers.answer(await call(message, metadata=answers.caller(request.scope)))
        except grpc.aio.AioRpcError as error:
            return answers.error(rpc_status.from_rpc_error(error), answers.language(request.headers))


def raw_path(scope: Mapping[str, Any]) -> str:
    """The path as sent; a colon may have been escaped."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1").split("?", 1)[0].replace("%3A", ":").replace("%3a", ":")


def read(binding: Binding, match: re.Match[str], query: bytes, body: bytes) -> Message:
    """The request message of a REST request.

    Raises:
        InvalidField: a parameter or a field that there is not, a value of the wrong kind, bytes that are no UTF-8.
    """
    message = methods.request_class(binding.method)()
    if binding.body:
        _read_body(message, binding.body, body)
    bound = set(binding.variables)
    for key, value in _parameters(query):
        if binding.body == "*" or key in bound or key.split(".")[0] == binding.body:
            raise InvalidField(key, "không nhận ở tham số truy vấn", "is not taken as a query parameter")
        assign(message, key, value)
    for path, value in zip(binding.variables, match.groups(), strict=True):
        assign(message, path, _text(value, path), again=True)
    return message


def query_message(kind: type[M], query: bytes) -> M:
    """A message whose fields are the parameters of a query string.

    Raises:
        InvalidField: as `read`.
    """
    message = kind()
    for key, value in _parameters(query):
        assign(message, key, value)
    return message


def assign(message: Message, path: str, value: str, again: bool = False) -> None:
    """Set the field at a dotted path from text; a repeated field gets one more value.

    Args:
        message: what to set it in.
        path: names of fields. Example: ``filter.time_range.start_time``.
        value: as it stands in a URL.
        again: replace a value that is there.

    Raises:
        InvalidField: there is no such field, it has a value already, or the value is of the wrong kind.
    """
    tree: Any = None
    fields = list(_walk(message.DESCRIPTOR, path))
    for field in reversed(fields):
        if tree is None:
            tree = _leaf(field, value)
        tree = {field.name: [tree] if field.is_repeated and field is fields[-1] else tree}
    if not again and not fields[-1].is_repeated and _is_set(message, fields):
        raise InvalidField(path, "được cho nhiều lần", "is given more than once")
    try:
        message.MergeFrom(protojson.parse_dict(tree, type(message)()))
    except ValueError as error:
        raise InvalidField(path, f"giá trị không hợp lệ: {value[:100]!r}", f"invalid value: {value[:100]!r}") from error


def _walk(descriptor: Any, path: str) -> Iterator[FieldDescriptor]:
    """The fields along a dotted path that may stand in a URL."""
    parts = path.split(".")
    for index, part in enumerate(parts):
        field = descriptor.fields_by_name.get(part)
        last = index == len(parts) - 1
        inner = field.message_type if field is not None else None
        is_leaf = inner is None or inner.full_name in _LEAVES
        if field is None or is_leaf is not last or (field.is_repeated and not last):
            raise InvalidField(path[:200], "không có tham số này", "there is no such parameter")
        yield field
        if inner is not None:
            descriptor = inner


def _leaf(field: FieldDescriptor, value: str) -> Any:
    """A value as protobuf's JSON form reads it."""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"true": True, "false": False, "1": True, "0": False}.get(value.lower(), value)
    if field.type == FieldDescriptor.TYPE_ENUM and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        return int(value)
    return value


def _is_set(message: Message, fields: list[FieldDescriptor]) -> bool:
    """Has a singular field a value already?"""
    for field in fields[:-1]:
        if not message.HasField(field.name):
            return False
        message = getattr(message, field.name)
    leaf = fields[-1]
    return message.HasField(leaf.name) if leaf.has_presence else getattr(message, leaf.name) != leaf.default_value


def _read_body(message: Message, field: str, body: bytes) -> None:
    target = message if field == "*" else getattr(message, field)
    try:
        protojson.parse(body or b"{}", target)
    except ValueError as error:
        raise _unfit(str(error), "" if field == "*" else f"{field}.") from error


def _unfit(said: str, prefix: str) -> InvalidField:
    """What protobuf found wrong with a body: the field where it names one, in sentences of ours."""
    path = ".".join(_IN_FIELD.findall(said))
    unknown = _NO_FIELD.search(said)
    if unknown:
        name = f"{path}.{unknown[1]}" if path else unknown[1]
        return InvalidField(f"{prefix}{name}"[:200], "không có trường này", "there is no such field")
    if path:
        return InvalidField(f"{prefix}{path}"[:200], "giá trị không hợp lệ", "the value is invalid")
    return InvalidField("body", "không phải một đối tượng JSON đúng", "is not a valid JSON object")


def _parameters(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except ValueError as error:
        raise InvalidField(
            "query", "phải là UTF-8, tối đa 1000 tham số", "must be UTF-8 with at most 1000 parameters"
        ) from error


def _text(escaped: str, path: str) -> str:
    try:
        return unquote_to_bytes(escaped).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidField(path, "không phải UTF-8", "is not UTF-8") from error


def _binding(method: MethodDescriptor, rule: HttpRule) -> Binding:
    verb = rule.WhichOneof("pattern")
    template = getattr(rule, verb)
    if method.client_streaming or method.server_streaming:
        raise TypeError(f"{method.full_name}: a stream has no generic REST form")
    pattern, variables = _compile(template)
    return Binding(verb.upper(), template, pattern, variables, rule.body, method)


def _compile(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """A path template as a pattern: ``*`` is one segment, ``**`` any number of them."""
    pattern, variables, at = "", [], 0
    for match in _VARIABLE.finditer(template):
        segments = re.escape(match[2] or "*").replace(r"\*\*", ".+").replace(r"\*", "[^/:]+")
        pattern += f"{re.escape(template[at : match.start()])}({segments})"
        variables.append(match[1])
        at = match.end()
    return re.compile(pattern + re.escape(template[at:])), tuple(variables)
