"""A client that is not ours, through reflection only, calls every method; REST answers every annotated one the same."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import grpc
import pytest
from google.api import annotations_pb2
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.e2e.mini_site import Site, settings_for
from tests.e2e.program import Program, eventually, running

STANDARD = {"grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
SQUARE = "POLYGON((552400 1678200, 552440 1678200, 552440 1678240, 552400 1678240, 552400 1678200))"

WATCH_AREA = {"title": "Trà Leng", "areas": ["areas/2025-20938"]}
RULE = {"title": "Trà Leng", "condition": {"areas": ["areas/2025-20938"]}}

CALLS: dict[str, dict[str, Any]] = {
    "AreaService.GetArea": {"name": "areas/2025-20938"},
    "AreaService.BatchGetAreas": {"names": ["areas/2025-20938", "areas/2004-20938"]},
    "AreaService.SearchAreas": {"query": "nam tra my", "level": "AREA_LEVEL_COMMUNE", "limit": 5},
    "AreaService.ListAreas": {"filter": {"edition": 2004, "query": "tra leng"}, "page_size": 5},
    "AreaService.ResolvePlace": {"text": "xã Trà Dơn, huyện Nam Trà My", "as_of_time": "2024-01-01T00:00:00Z"},
    "AreaService.GetWatchArea": {"name": "watchAreas/nam-tra-my"},
    "AreaService.ListWatchAreas": {},
    "AreaService.CreateWatchArea": {"watch_area": WATCH_AREA, "watch_area_id": "<NEW_ID>"},
    "AreaService.UpdateWatchArea": {"watch_area": {"name": "<WATCH_AREA>", "title": "Tên mới"}, "update_mask": "title"},
    "AreaService.DeleteWatchArea": {"name": "<NEW_WATCH_AREA>"},
    "MediaService.ListSources": {},
    "MediaService.GetSource": {"name": "sources/mini1"},
    "MediaService.SubmitArticle": {
        "title": "Sạt lở ở xã Trà Leng",
        "text": "Người dân xã Trà Leng phản ánh đường hỏng.",
    },
    "MediaService.GetArticle": {"name": "<ARTICLE>"},
    "MediaService.ListArticles": {
        "filter": {"areas": ["areas/2025-20938"], "sentiments": ["negative", "neutral", "positive"]}
    },
    "MediaService.SummarizeArticles": {
        "filter": {"watch_area": "watchAreas/nam-tra-my"},
        "facets": ["ARTICLE_FACET_SENTIMENT", "ARTICLE_FACET_TOPIC"],
        "interval": "TIME_INTERVAL_DAY",
        "by_area": True,
    },
    "MediaService.ListParcelMentions": {"filter": {"areas": ["areas/2025-20944"]}, "page_size": 10},
    "MediaService.CorrectArticle": {
        "name": "<ARTICLE>",
        "sentiment": "negative",
        "topics": ["giao_thong"],
        "note": "thử",
    },
    "MediaService.CreateSource": {
        "source_id": "mini9",
        "definition": {
            "title": "Mini 9",
            "home_url": "<HOME>",
            "feeds": ["/rss.xml"],
            "tier": "local",
            "licence_note": "Invented for tests.",
        },
        "validate_only": True,
    },
    "MediaService.RunSource": {"name": "sources/mini1"},
    "MediaService.UpdateSource": {"source": {"name": "sources/mini1", "state": "SOURCE_STATE_ACTIVE"}},
    "MediaService.TakeDownArticle": {"name": "<NEW_ARTICLE>", "reason": "theo yêu cầu"},
    "AlertService.CreateAlertRule": {"alert_rule": RULE},
    "AlertService.GetAlertRule": {"name": "<RULE>"},
    "AlertService.ListAlertRules": {},
    "AlertService.UpdateAlertRule": {"alert_rule": {"name": "<RULE>", "title": "Tên mới"}, "update_mask": "title"},
    "AlertService.DeleteAlertRule": {"name": "<NEW_RULE>"},
    "AlertService.TestAlertRule": {"alert_rule": RULE},
    "AlertService.GetAlert": {"name": "<ALERT>"},
    "AlertService.ListAlerts": {"filter": {"only_open": True}},
    "AlertService.AcknowledgeAlert": {"name": "<ALERT>", "note": "đã xem"},
    "SentimentService.AnalyzeText": {
        "text": {"title": "Đường hỏng", "text": "Dân bức xúc vì đường hỏng mãi không sửa."}
    },
    "SentimentService.BatchAnalyzeTexts": {"texts": [{"text": "Cầu mới rất tốt."}, {"text": ""}]},
    "SentimentService.GetModel": {},
    "LandService.GetParcel": {"name": "<PARCEL>"},
    "LandService.BatchGetParcels": {"names": ["<PARCEL>"]},
    "LandService.GetParcelOwners": {"name": "<PARCEL>"},
    "LandService.EraseOwners": {"name": "<CANCELLED>"},
    "LandService.ListParcels": {"filter": {"areas": ["areas/2025-20944"]}},
    "LandService.FindParcels": {"keys": [{"communes": ["areas/2004-20944"], "sheet": "5", "number": "1"}]},
    "LandService.SummarizeLand": {"areas": ["areas/2025-20944", "areas/2025-20938"]},
    "LandService.ValidateParcels": {"parcels": [{"wkt": SQUARE}], "options": {"coordinate_system": "5899"}},
    "LandService.ListFindings": {"filter": {"severities": ["SEVERITY_ERROR", "SEVERITY_WARNING"]}},
    "LandService.ListRules": {},
    "LandService.GetRule": {"name": "rules/parcels_overlap"},
    "LandService.DetectCoordinateSystem": {
        "coordinates": [{"first": 552400, "second": 1678200}],
        "commune": "areas/2004-20944",
    },
    "LandService.ListCoordinateSystems": {},
    "LandService.GetAreaOutlines": {"areas": ["areas/2025-20944", "areas/2025-20938"]},
    "LandService.TransformPoints": {"points": [{"first": 552400, "second": 1678200}], "from": "107-45", "to": "4326"},
    "ImportService.GetImport": {"name": "<IMPORT>"},
    "ImportService.ListImports": {},
    "ImportService.CancelImport": {"name": "<CANCELLED>"},
    "SituationService.GetSituation": {"watch_area": "watchAreas/nam-tra-my"},
    "OperationsService.ListQuarantined": {},
    "OperationsService.ReleaseQuarantined": {"ids": ["1"]},
    "OperationsService.PurgeQuarantined": {"ids": ["1"]},
    "OperationsService.GetHealth": {},
    "MaintenanceService.GetMaintenance": {},
    "MaintenanceService.ListSettings": {},
    "MaintenanceService.ListBackups": {},
    "AccessService.GetMe": {},
    "AccessService.ListUsers": {},
    "AccessService.ListAuditEntries": {"filter": {"user": "nobody"}},
}
"""A request for every method; <…> stands for what was stored first, <NEW_…> for what is made for the call."""
BY_HAND = {"LandService.GetParcelTile", "SentimentService.ReloadModel"}
"""Methods whose REST form is no transcoding of messages, or that have none because they are for the machine's operator."""
CARE = {
    f"MaintenanceService.{name}"
    for name in ("RunChore", "CreateBackup", "DeleteBackup", "RestoreBackup", "InstallBundle")
}
"""Methods that begin work in the background. See test_restore_by_page and tests/bundle."""
CLOSING = {
    f"AccessService.{name}" for name in ("ChangePassword", "CreateUser", "UpdateUser", "ResetPassword", "EndSessions")
}
"""Methods about users: with the first of them nobody comes in any more without signing in. See tests/services/access."""
VOLATILE = {
    "compute_time",
    "read_time",
    "time_range",
    "submission",
    "create_time",
    "update_time",
    "change_number",
    "check_time",
    "withdrawn_time",
    "answer_ms",
    "size_bytes",
    "free_bytes",
    "waiting_count",
    "call_count",
    "mean_s",
}
"""Fields that differ from call to call."""


class Stranger:
    """A gRPC client that knows nothing but the address."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address)
        self._database = ProtoReflectionDescriptorDatabase(self.channel)
        pool = DescriptorPool(self._database)
        self.methods: dict[str, MethodDescriptor] = {}
        for name in set(self._database.get_services()) - STANDARD:
            service = pool.FindServiceByName(name)
            self.methods |= {f"{service.name}.{method.name}": method for method in service.methods}

    def call(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """A unary call, JSON in and out."""
        method = self.methods[name]
        message = json_format.ParseDict(request, message_factory.GetMessageClass(method.input_type)())
        answer = self._multi(method, self.channel.unary_unary)(message, timeout=60)
        return json_format.MessageToDict(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )

    def upload(self, name: str, data: bytes, **header: Any) -> dict[str, Any]:
        """A call whose messages are a header and chunks of a file."""
        method = self.methods[name]
        kind = message_factory.GetMessageClass(method.input_type)
        first = json_format.ParseDict({"header": header}, kind())
        answer = self._multi(method, self.channel.stream_unary)(iter([first, kind(chunk=data)]), timeout=60)
        return json_format.MessageToDict(answer, preserving_proto_field_name=True)

    @staticmethod
    def _multi(method: MethodDescriptor, kind: Any) -> Any:
        return kind(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )

    def rest(self, name: str, request: dict[str, Any]) -> tuple[str, str, Any] | None:
        """Verb, path and body by which the annotation says a request; None for a method without one."""
        options = self.methods[name].GetOptions()
        if not options.HasExtension(annotations_pb2.http):
            return None
        rule = options.Extensions[annotations_pb2.http]
        verb = rule.WhichOneof("pattern")
        path, left = getattr(rule, verb), json.loads(json.dumps(request))
        for variable in re.findall(r"\{([a-z_.]+)=[^}]*\}", path):
            *parents, leaf = variable.split(".")
            place = left
            for parent in parents:
                place = place[parent]
            path = re.sub(r"\{" + re.escape(variable) + r"=[^}]*\}", quote(place.pop(leaf), safe="/~"), path)
        if rule.body == "*":
            return verb.upper(), path, left
        body = left.pop(rule.body) if rule.body else None
        query = urlencode(list(_parameters(left)))
        return verb.upper(), f"{path}?{query}" if query else path, body


def _parameters(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _parameters(value, f"{prefix}{key}.")
        else:
            for item in value if isinstance(value, list) else [value]:
                yield prefix + key, str(item).lower() if isinstance(item, bool) else str(item)


def stable(tree: Any, further: Collection[str] = ()) -> Any:
    """An answer without what differs from call to call."""
    if isinstance(tree, dict):
        return {
            key: stable(value, further)
            for key, value in sorted(tree.items())
            if key not in VOLATILE and key not in further
        }
    return [stable(each, further) for each in tree] if isinstance(tree, list) else tree


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder: Path = tmp_path_factory.mktemp("program")
    site = Site(1, articles=1)
    config = settings_for([site], folder)
    config.write_text(config.read_text() + "[land]\nkeep_owners = true\n")
    with running("--config", config, "up") as program:
        eventually(lambda: [each for each in program.get("/v1/articles")["articles"] if each.get("analysis")])
        yield program
    site.close()


@pytest.fixture(scope="module")
def stranger(program: Program) -> Stranger:
    return Stranger(f"127.0.0.1:{program.grpc_port}")


@pytest.fixture(scope="module")
def stored(stranger: Stranger) -> dict[str, str]:
    """Names of an article, a parcel and an import that were stored through the same door."""
    rule = stranger.call("AlertService.CreateAlertRule", {"alert_rule": RULE})["name"]
    article = stranger.call("MediaService.SubmitArticle", CALLS["MediaService.SubmitArticle"])["article"]
    alert = eventually(lambda: stranger.call("AlertService.ListAlerts", {})["alerts"])[0]["name"]
    feature = {
        "type": "Feature",
        "properties": {"SOTO": "5", "SOTHUA": "1", "LOAIDAT": "ONT", "TENCHU": "Người Thử Nghiệm"},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[108.14, 15.13], [108.141, 15.13], [108.141, 15.131], [108.14, 15.131], [108.14, 15.13]]],
        },
    }
    collection = {"type": "FeatureCollection", "features": [feature]}
    options = {"commune": "areas/2004-20944", "as_of_date": "2024-06-30", "scale": 1000}
    sheet = {"file_name": "to5.geojson", "options": options}
    import_ = stranger.upload("ImportService.UploadImport", json.dumps(collection).encode(), **sheet)["name"]

    def committed() -> bool:
        found = stranger.call("ImportService.GetImport", {"name": import_})
        assert found["state"] in ("IMPORT_STATE_RUNNING", "IMPORT_STATE_COMMITTED"), found
        return bool(found["state"] == "IMPORT_STATE_COMMITTED")

    eventually(committed)
    home = stranger.call("MediaService.GetSource", {"name": "sources/mini1"})["home_url"]
    cancelled = stranger.upload("ImportService.UploadImport", json.dumps(collection).encode(), **sheet)["name"]
    stranger.call("ImportService.CancelImport", {"name": cancelled})
    feature["properties"] = {"code": "20944"}
    outlines = stranger.upload(
        "ImportService.UploadAreaOutlines", json.dumps(collection).encode(), file_name="xa.geojson"
    )
    assert outlines["outline_count"] == 1, outlines
    watch_area = stranger.call("AreaService.CreateWatchArea", {"watch_area": WATCH_AREA})["name"]
    (parcel,) = stranger.call("LandService.ListParcels", {"filter": {"import": import_}})["parcels"]
    return {
        "ARTICLE": article, "PARCEL": parcel["name"], "IMPORT": import_, "RULE": rule, "ALERT": alert, "HOME": home,
        "CANCELLED": cancelled, "WATCH_AREA": watch_area,
    }  # fmt: skip


def test_the_table_knows_every_method(stranger: Stranger) -> None:
    streams = {name for name, method in stranger.methods.items() if method.client_streaming or method.server_streaming}
    assert set(CALLS) == set(stranger.methods) - streams - BY_HAND - CLOSING - CARE
    assert {"ImportService.UploadImport", "ImportService.UploadAreaOutlines"} <= streams


def told(name: str, stranger: Stranger, stored: dict[str, str]) -> dict[str, Any]:
    """The request of the table with the names of what is stored."""

    def real(match: re.Match[str]) -> str:
        if match[1] == "NEW_RULE":
            return json.dumps(stranger.call("AlertService.CreateAlertRule", {"alert_rule": RULE})["name"])
        if match[1] == "NEW_ID":
            return json.dumps(f"w{time.monotonic_ns()}")
        if match[1] == "NEW_WATCH_AREA":
            new = {"watch_area": WATCH_AREA, "watch_area_id": f"w{time.monotonic_ns()}"}
            return json.dumps(stranger.call("AreaService.CreateWatchArea", new)["name"])
        if match[1] == "NEW_ARTICLE":
            clipping = {"text": f"Bài sẽ bị gỡ {time.monotonic_ns()}."}
            return json.dumps(stranger.call("MediaService.SubmitArticle", clipping)["article"])
        return json.dumps(stored[match[1]])

    request: dict[str, Any] = json.loads(re.sub(r'"<(\w+)>"', real, json.dumps(CALLS[name])))
    return request


@pytest.mark.parametrize("name", CALLS)
def test_every_method_answers_over_grpc_and_the_same_over_rest(
    name: str, program: Program, stranger: Stranger, stored: dict[str, str]
) -> None:
    direct = stranger.call(name, told(name, stranger, stored))
    form = stranger.rest(name, told(name, stranger, stored))
    assert form, f"{name} has no REST form"
    verb, path, body = form
    answer = program.ask(path, verb, body)
    assert answer.status == 200, answer.body
    created = {"name"} if name.endswith(("CreateAlertRule", "CreateWatchArea", "TakeDownArticle")) else set()
    assert stable(answer.json, created) == stable(direct, created)
    assert direct or "Service.Delete" in name, "an answer says something"


def test_a_map_tile_is_the_same_over_both(program: Program, stranger: Stranger, stored: dict[str, str]) -> None:
    direct = stranger.call("LandService.GetParcelTile", {"z": 14, "x": 13113, "y": 7495, "import": stored["IMPORT"]})
    answer = program.ask(f"/v1/tiles/14/13113/7495.mvt?import={stored['IMPORT']}")
    assert stored["PARCEL"].encode() in answer.body
    assert answer.body == base64.b64decode(direct["data"])


def test_a_loaded_outline_is_on_the_map(program: Program, stored: dict[str, str]) -> None:
    features = program.get("/v1/areas.geojson?areas=areas/2025-20944&areas=areas/2025-20938")["features"]
    assert [one["properties"]["outline"] for one in features] == ["loaded", "schematic"]
    assert [108.141, 15.131] in features[0]["geometry"]["coordinates"][0]


def test_geojson_has_the_shapes_of_what_was_stored(program: Program, stored: dict[str, str]) -> None:
    parcels = program.get(f"/v1/parcels.geojson?filter.import={stored['IMPORT']}")
    (feature,) = parcels["features"]
    assert (parcels["type"], parcels["truncated"]) == ("FeatureCollection", False)
    assert feature["id"] == stored["PARCEL"]
    assert feature["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert "wgs84_wkb" not in feature["properties"]
    west = "filter.bounds.west_deg=108.1405&filter.bounds.south_deg=15.1305&filter.bounds.east_deg=108.2&filter.bounds.north_deg=15.2"
    assert len(program.get(f"/v1/parcels.geojson?{west}")["features"]) == 1
    assert program.get(f"/v1/parcels.geojson?{west.replace('108.1405', '108.19')}")["features"] == []
    assert program.get("/v1/findings.geojson")["type"] == "FeatureCollection"


def test_a_file_goes_in_over_rest_too(program: Program) -> None:
    answer = program.ask(
        "/v1/imports:upload?file_name=empty.gpkg", "POST", b"", {"Content-Type": "application/octet-stream"}
    )
    assert (answer.status, answer.reason) == (400, "UNREADABLE_FILE")


@pytest.mark.parametrize(
    ("name", "request_", "reason"),
    [
        ("MediaService.ListArticles", {"page_size": -1}, "INVALID_FIELD"),
        ("MediaService.ListArticles", {"page_token": "bm9uc2Vuc2U"}, "INVALID_PAGE_TOKEN"),
        ("LandService.ListParcels", {"page_size": -1}, "INVALID_FIELD"),
        ("AreaService.GetArea", {"name": "areas/2025-00001"}, "NOT_FOUND"),
        ("MediaService.GetArticle", {"name": "articles/" + "a" * 26}, "NOT_FOUND"),
        ("LandService.GetRule", {"name": "rules/none"}, "NOT_FOUND"),
        ("LandService.ValidateParcels", {"parcels": [{"wkt": "POINT(1000 2000)"}]}, "UNKNOWN_COORDINATE_SYSTEM"),
    ],
)
def test_what_cannot_be_done_has_the_same_reason_over_both(
    name: str, request_: dict[str, Any], reason: str, program: Program, stranger: Stranger
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stranger.call(name, request_)
    assert caught.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
    details = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    assert reason.encode() in details
    form = stranger.rest(name, request_)
    assert form
    answer = program.ask(form[1], form[0], form[2])
    assert answer.reason == reason
    assert answer.status in (400, 404)
