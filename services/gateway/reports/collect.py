"""The report of an import, asked together from the services."""

from __future__ import annotations

from datetime import datetime

import grpc.aio
from ngoclinh.land.v1.import_service_pb2 import GetImportRequest
from ngoclinh.land.v1.import_service_pb2_grpc import ImportServiceStub
from ngoclinh.land.v1.land_service_pb2 import (
    BatchGetParcelsRequest,
    GetParcelRequest,
    ListFindingsRequest,
    ListParcelsRequest,
    ListRulesRequest,
)
from ngoclinh.land.v1.land_service_pb2_grpc import LandServiceStub
from ngoclinh.land.v1.parcel_pb2 import Finding, ImportState, Parcel

from services.core.errors import Conflict
from services.gateway.reports.model import Report

MOST_PARCELS = 50_000
MOST_FINDINGS = 50_000
PAGE = 1000
BATCH = 100


class Collector:
    """Asks for everything that a report tells.

    Args:
        channel: where the services are.
        metadata: who asks.
    """

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...] = ()) -> None:
        self._land = LandServiceStub(channel)
        self._imports = ImportServiceStub(channel)
        self._metadata = metadata

    async def collect(self, name: str, now: datetime) -> Report:
        """The report of an import.

        Its parcels are those that no later import has replaced.

        Args:
            name: resource name of the import.
            now: when the report is made.

        Raises:
            Conflict: the import still runs.
        """
        done = await self._imports.GetImport(GetImportRequest(name=name), metadata=self._metadata)
        if done.state == ImportState.IMPORT_STATE_RUNNING:
            raise Conflict(
                "Đợt nhập đang chạy; báo cáo có sau khi chạy xong.", "The import still runs; its report comes after it."
            )
        findings, more_findings = await self._findings(name)
        parcels, more_parcels = await self._parcels(name)
        rules = await self._land.ListRules(ListRulesRequest(page_size=PAGE), metadata=self._metadata)
        titles = {rule.name: rule.title.vi for rule in rules.rules}
        return Report(done, parcels, findings, titles, now, more_findings + more_parcels)

    async def _findings(self, name: str) -> tuple[list[Finding], int]:
        asked = ListFindingsRequest(page_size=PAGE)
        setattr(asked.filter, "import", name)  # the field's name is a keyword
        found: list[Finding] = []
        while True:
            page = await self._land.ListFindings(asked, metadata=self._metadata)
            found += page.findings
            asked.page_token = page.next_page_token
            if not asked.page_token or len(found) >= MOST_FINDINGS:
                return found[:MOST_FINDINGS], max(0, page.total_count - len(found[:MOST_FINDINGS]))

    async def _parcels(self, name: str) -> tuple[list[Parcel], int]:
        asked = ListParcelsRequest(page_size=PAGE)
        setattr(asked.filter, "import", name)
        found: list[Parcel] = []
        while True:
            page = await self._land.ListParcels(asked, metadata=self._metadata)
            names = [parcel.name for parcel in page.parcels]
            for start in range(0, len(names), BATCH):
                found += await self._with_geometry(names[start : start + BATCH])
            asked.page_token = page.next_page_token
            if not asked.page_token or len(found) >= MOST_PARCELS:
                shown = sorted(found[:MOST_PARCELS], key=lambda parcel: parcel.record)
                return shown, max(0, page.total_count - len(shown))

    async def _with_geometry(self, names: list[str]) -> list[Parcel]:
        """Parcels by name; those that were too large for the common answer are asked for alone."""
        asked = BatchGetParcelsRequest(names=names, source_geometry=True)
        parcels = list((await self._land.BatchGetParcels(asked, metadata=self._metadata)).parcels)
        for place, parcel in enumerate(parcels):
            if not parcel.source_wkb:
                parcels[place] = await self._land.GetParcel(GetParcelRequest(name=parcel.name), metadata=self._metadata)
        return parcels
