"""Areas in messages: which a request is about, how a request is narrowed, what of an answer somebody may see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from services.core.errors import OutsideArea


def values(message: Message, path: str) -> Iterator[str]:
    """The texts at a dotted path, of every element of the lists on the way."""
    for holder, name in _holders(message, path.split(".")):
        found = getattr(holder, name)
        yield from [found] if isinstance(found, str) else found


def require(message: Message, paths: Sequence[str], allowed: Collection[str]) -> bool:
    """Check that every area that a request names is allowed; returns whether it names any.

    Raises:
        OutsideArea: names the first ones that are not.
    """
    named = [value for path in paths for value in values(message, path) if value]
    beyond = [value for value in named if value not in allowed]
    if beyond:
        raise OutsideArea(", ".join(beyond[:5]))
    return bool(named)


def narrow(message: Message, path: str, watch_areas: Collection[str], communes: Collection[str]) -> None:
    """Set the field at a path to what somebody may see: a list to all communes, one text to the first watch area."""
    *parents, name = path.split(".")
    for parent in parents:
        inner = getattr(message, parent)
        inner.SetInParent()
        message = inner
    if isinstance(getattr(message, name), str):
        setattr(message, name, min(watch_areas))
    elif communes:
        getattr(message, name).extend(sorted(communes))
    else:  # an empty list would mean all
        raise OutsideArea


def keep(message: Message, paths: Sequence[str], allowed: Collection[str]) -> None:
    """Leave out of an answer what is about none of the allowed areas.

    Args:
        message: the answer; elements of its innermost list go.
        paths: of fields that hold areas, of the same element each.
        allowed: names of watch areas and communes.

    Raises:
        OutsideArea: the answer is no list and about something else.
    """
    split = [path.split(".") for path in paths]
    depth = _list_depth(message.DESCRIPTOR, split[0])
    if not depth:
        if not any(value in allowed for path in paths for value in values(message, path)):
            raise OutsideArea
        return
    inner = [".".join(path[depth:]) for path in split]
    for holder, name in list(_holders(message, split[0][:depth])):
        elements = getattr(holder, name)
        shown = [one for one in elements if any(value in allowed for path in inner for value in values(one, path))]
        if len(shown) < len(elements):
            del elements[:]
            elements.extend(shown)


def _list_depth(descriptor: Any, path: Sequence[str]) -> int:
    """Number of names up to the innermost list of messages on a path; 0 where there is none."""
    depth = 0
    for number, name in enumerate(path[:-1], 1):
        field = descriptor.fields_by_name[name]
        depth = number if field.is_repeated else depth
        descriptor = field.message_type
    return depth


def _holders(message: Message, path: Sequence[str]) -> Iterator[tuple[Message, str]]:
    """The messages that have the last field of a path, and its name."""
    if len(path) == 1:
        yield message, path[0]
        return
    inner = getattr(message, path[0])
    for each in [inner] if isinstance(inner, Message) else inner:
        yield from _holders(each, path[1:])
