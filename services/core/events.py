"""The message type of every subject of the bus: what is published there, and what a consumer gets."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.message import DecodeError, Message
from ngoclinh.land.v1.parcel_pb2 import LandValidated
from ngoclinh.media.v1.alert_pb2 import AlertRaised
from ngoclinh.media.v1.event_pb2 import (
    ArticleAnalyzed,
    ArticleCollected,
    ArticleWithdrawn,
    SourceChecked,
    SourceCommand,
    SourceStateReported,
    SubmissionFailed,
)

EVENTS: Mapping[str, type[Message]] = {
    "media.collected": ArticleCollected,
    "media.withdrawn": ArticleWithdrawn,
    "media.recorded": ArticleCollected,
    "media.analyzed": ArticleAnalyzed,
    "media.indexed": ArticleAnalyzed,
    "alert.raised": AlertRaised,
    "media.submission": SubmissionFailed,
    "source.state": SourceStateReported,
    "source.command": SourceCommand,
    "source.checked": SourceChecked,
    "land.validated": LandValidated,
}
"""Message type by subject; the subjects are those of `services.core.ports.SUBJECTS`."""


def encode(subject: str, event: Message) -> bytes:
    """The bytes of an event as the bus carries them.

    Raises:
        TypeError: the subject carries another type, or there is no such subject.
    """
    if type(event) is not EVENTS.get(subject):
        raise TypeError(f"{subject} does not carry {type(event).__name__}")
    return event.SerializeToString(deterministic=True)


def decode(subject: str, payload: bytes) -> Message | None:
    """The event in `payload`, or None where the bytes are none of the subject's type."""
    event = EVENTS[subject]()
    try:
        event.ParseFromString(payload)
    except DecodeError:
        return None
    return event
