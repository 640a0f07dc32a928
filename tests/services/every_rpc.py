"""Every RPC before servicers that answer at once: what is refused is refused by the stages in front of them."""

from __future__ import annotations

import re
import types
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from ngoclinh.area.v1.area_service_pb2 import BatchGetAreasRequest, GetWatchAreaRequest, WatchArea
from ngoclinh.land.v1.import_service_pb2 import (
    CancelImportRequest,
    GetImportRequest,
    UploadHeader,
    UploadImportRequest,
    WatchImportRequest,
    WatchImportResponse,
)
from ngoclinh.land.v1.land_service_pb2 import (
    BatchGetParcelsRequest,
    EraseOwnersRequest,
    FindParcelsRequest,
    GetParcelOwnersRequest,
    GetParcelRequest,
    ParcelKey,
    SummarizeLandRequest,
)
from ngoclinh.land.v1.parcel_pb2 import Import, ImportOptions, Parcel, ParcelOwners
from ngoclinh.media.v1.alert_pb2 import Alert, AlertRule
from ngoclinh.media.v1.alert_service_pb2 import (
    AcknowledgeAlertRequest,
    CreateAlertRuleRequest,
    DeleteAlertRuleRequest,
    GetAlertRequest,
    GetAlertRuleRequest,
    TestAlertRuleRequest,
    UpdateAlertRuleRequest,
)
from ngoclinh.media.v1.article_pb2 import Article
from ngoclinh.media.v1.media_service_pb2 import (
    ArticleFilter,
    CorrectArticleRequest,
    GetArticleRequest,
    GetEvidenceRequest,
    TakeDownArticleRequest,
)
from ngoclinh.operations.v1.maintenance_service_pb2 import (
    DeleteBackupRequest,
    DownloadBackupRequest,
    InstallBundleRequest,
    RestoreBackupRequest,
    RunChoreRequest,
)
from ngoclinh.type.v1.access_pb2 import Scope

from services.rpc import areas_of, methods
from services.rpc.serve import Server

MINE, THEIRS = "watchAreas/mine", "watchAreas/theirs"
COMMUNES = {MINE: ["areas/2025-20944", "areas/2025-20941"], THEIRS: ["areas/2025-20950"]}
ARTICLE, RULE, ALERT = (f"{kind}/{'a' * 26}" for kind in ("articles", "alertRules", "alerts"))
BACKUP = "backups/x.ngoclinh"
_THEIR_RULE = AlertRule(name=RULE, title="x", condition=ArticleFilter(watch_area=THEIRS))
_WINDOW = {"title": "x", "window": {"seconds": 60}, "cooldown": {"seconds": 60}}

METHODS = list(methods.methods())
IDS = [f"{method.containing_service.name}.{method.name}" for method in METHODS]


def _rule(**given: Any) -> AlertRule:
    rule = AlertRule(title="x", **given)
    rule.window.seconds = rule.cooldown.seconds = 60
    return rule


REQUESTS: dict[str, Message] = {
    "BatchGetAreas": BatchGetAreasRequest(names=COMMUNES[THEIRS]),
    "GetWatchArea": GetWatchAreaRequest(name=THEIRS),
    "GetArticle": GetArticleRequest(name=ARTICLE),
    "CorrectArticle": CorrectArticleRequest(name=ARTICLE),
    "TakeDownArticle": TakeDownArticleRequest(name=ARTICLE, reason="theo yêu cầu"),
    "CreateAlertRule": CreateAlertRuleRequest(alert_rule=_rule()),
    "TestAlertRule": TestAlertRuleRequest(alert_rule=_rule()),
    "UpdateAlertRule": UpdateAlertRuleRequest(alert_rule=_rule(name=RULE)),
    "GetAlertRule": GetAlertRuleRequest(name=RULE),
    "DeleteAlertRule": DeleteAlertRuleRequest(name=RULE),
    "SummarizeLand": SummarizeLandRequest(areas=COMMUNES[THEIRS]),
    "GetParcel": GetParcelRequest(name="parcels/x"),
    "GetParcelOwners": GetParcelOwnersRequest(name="parcels/x"),
    "EraseOwners": EraseOwnersRequest(name="parcels/x"),
    "BatchGetParcels": BatchGetParcelsRequest(names=["parcels/x"]),
    "UploadImport": UploadImportRequest(header=UploadHeader(file_name="x")),
    "GetImport": GetImportRequest(name="imports/x"),
    "CancelImport": CancelImportRequest(name="imports/x"),
    "WatchImport": WatchImportRequest(name="imports/x"),
    "GetAlert": GetAlertRequest(name=ALERT),
    "AcknowledgeAlert": AcknowledgeAlertRequest(name=ALERT),
    "GetEvidence": GetEvidenceRequest(sha256="0" * 64, article=ARTICLE),
    "RunChore": RunChoreRequest(name="chores/retention"),
    "DownloadBackup": DownloadBackupRequest(name=BACKUP),
    "DeleteBackup": DeleteBackupRequest(name=BACKUP),
    "RestoreBackup": RestoreBackupRequest(name=BACKUP, confirmation="x"),
    "InstallBundle": InstallBundleRequest(sha256="0" * 64, confirmation="x"),
    "FindParcels": FindParcelsRequest(keys=[ParcelKey(communes=["areas/2025-20950"], sheet="1", number="1")]),
}
"""Requests that an empty one would not do for, by name of the method."""

ANSWERS: dict[str, Message] = {
    "GetArticle": Article(name=ARTICLE, current_areas=COMMUNES[THEIRS]),
    "GetAlertRule": _THEIR_RULE,
    "GetParcel": Parcel(name="parcels/x", current_area=COMMUNES[THEIRS][0]),
    "GetAlert": Alert(name=ALERT, areas=COMMUNES[THEIRS]),
    "GetImport": Import(name="imports/x", options=ImportOptions(areas=COMMUNES[THEIRS])),
    "WatchImport": WatchImportResponse(**{"import": Import(options=ImportOptions(areas=COMMUNES[THEIRS]))}),
    "GetParcelOwners": ParcelOwners(parcel="parcels/x", current_area=COMMUNES[THEIRS][0]),
}
"""What is somebody else's, by name of the method that shows it."""


def request(method: MethodDescriptor, foreign: bool = False) -> Message:
    """A valid request, about an area of others where it can name one."""
    made = REQUESTS.get(method.name) or methods.request_class(method)()
    made = type(made).FromString(made.SerializeToString())
    access = methods.access(method)
    if foreign and access.narrowed:
        areas_of.narrow(made, access.narrowed, {THEIRS}, COMMUNES[THEIRS])
    return made


def listed(method: MethodDescriptor) -> bool:
    """Does an answer leave out what is not the caller's, rather than be refused?"""
    access = methods.access(method)
    return access.scope == Scope.SCOPE_FIELDS and not (
        access.request_areas or access.HasField("lookup") or method.name in ANSWERS
    )


def add_all(server: Server) -> dict[str, Message]:
    """Serve every method; returns where the last request of each is found, by name of the method."""
    seen: dict[str, Message] = {}
    for service in methods.services():
        server.add(
            service.full_name, types.SimpleNamespace(**{each.name: _behaviour(each, seen) for each in service.methods})
        )
    return seen


def _behaviour(method: MethodDescriptor, seen: dict[str, Message]) -> Any:
    def respond(request: Any) -> Message:
        seen[method.name] = request
        if method.name == "GetWatchArea" and request.name in COMMUNES:
            return WatchArea(name=request.name, areas=COMMUNES[request.name])
        return ANSWERS.get(method.name) or methods.response_class(method)()

    async def unary(request: Any, context: Any) -> Message:
        return respond(request)

    async def stream(request: Any, context: Any) -> AsyncIterator[Message]:
        yield respond(request)

    return stream if method.server_streaming else unary


async def ask(channel: Any, method: MethodDescriptor, message: Message, metadata: Any = ()) -> list[Any]:
    """All answers of a method to a request."""
    kind = "_".join("stream" if each else "unary" for each in (method.client_streaming, method.server_streaming))
    call = getattr(channel, kind)(
        methods.path(method),
        request_serializer=lambda each: each.SerializeToString(),
        response_deserializer=methods.response_class(method).FromString,
    )
    started = call(iter([message]) if method.client_streaming else message, metadata=metadata, timeout=60)
    return [each async for each in started] if method.server_streaming else [await started]


def path_of(template: str) -> str:
    """A path that fits a template. Example: ``/v1/articles/x``."""
    return re.sub(r"\{[^=}]+=([^}]*)\}", lambda match: match[1].replace("**", "x").replace("*", "x"), template)
