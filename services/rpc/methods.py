"""What the descriptors say about our services: the only register of methods."""

from __future__ import annotations

from collections.abc import Iterator

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from ngoclinh.access.v1 import access_service_pb2
from ngoclinh.area.v1 import area_service_pb2
from ngoclinh.land.v1 import import_service_pb2, land_service_pb2
from ngoclinh.media.v1 import alert_service_pb2, media_service_pb2
from ngoclinh.operations.v1 import maintenance_service_pb2, operations_service_pb2
from ngoclinh.sentiment.v1 import sentiment_service_pb2
from ngoclinh.situation.v1 import situation_service_pb2
from ngoclinh.type.v1 import access_pb2

FILES = (
    area_service_pb2,
    media_service_pb2,
    alert_service_pb2,
    sentiment_service_pb2,
    land_service_pb2,
    import_service_pb2,
    situation_service_pb2,
    operations_service_pb2,
    maintenance_service_pb2,
    access_service_pb2,
)
"""The files that declare services."""


def services() -> list[ServiceDescriptor]:
    """Our services, in the order of `FILES`."""
    return [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]


def service(full_name: str) -> ServiceDescriptor:
    """One service. Example: ``ngoclinh.media.v1.MediaService``."""
    return descriptor_pool.Default().FindServiceByName(full_name)


def methods() -> Iterator[MethodDescriptor]:
    """All methods of our services."""
    for each in services():
        yield from each.methods


def path(method: MethodDescriptor) -> str:
    """The path of a method on the wire: "/package.Service/Method"."""
    return f"/{method.containing_service.full_name}/{method.name}"


def request_class(method: MethodDescriptor) -> type[Message]:
    """The class of a method's request."""
    return message_factory.GetMessageClass(method.input_type)


def response_class(method: MethodDescriptor) -> type[Message]:
    """The class of a method's response."""
    return message_factory.GetMessageClass(method.output_type)


def http_rule(method: MethodDescriptor) -> http_pb2.HttpRule | None:
    """The REST form of a method, where it has one."""
    options = method.GetOptions()
    return options.Extensions[annotations_pb2.http] if options.HasExtension(annotations_pb2.http) else None


def access(method: MethodDescriptor) -> access_pb2.Access:
    """Who may call a method."""
    return method.GetOptions().Extensions[access_pb2.access]


def repeatable(method: MethodDescriptor) -> bool:
    """May a call be sent again after UNAVAILABLE: it reads only, by its REST verb or its idempotency level."""
    rule = http_rule(method)
    level = method.GetOptions().idempotency_level
    return bool(rule and rule.get) or level in (1, 2)  # NO_SIDE_EFFECTS, IDEMPOTENT
