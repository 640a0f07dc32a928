"""Reading and checking in tests: everything that a child says about a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ngoclinh.land.v1.land_service_pb2 import ValidateParcelsRequest
from ngoclinh.land.v1.parcel_pb2 import Finding, Import, ImportOptions, ImportState, Parcel, ParcelOwners

from services.core.sections.work import LandSettings
from services.land import reader


@dataclass
class Answer:
    """What came of a file."""

    steps: list[str] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    owners: list[ParcelOwners] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    done: Import = field(default_factory=Import)

    def codes(self, severity: int = 0) -> list[str]:
        """Rule codes of the findings, of one severity where asked."""
        return [finding.rule_code for finding in self.findings if severity in (0, finding.severity)]


OPTIONS: dict[str, Any] = {"commune": "areas/2004-20944", "as_of_date": "2024-06-30", "scale": 1000}
"""What is known about the sheets of `tests.gis.files`."""


async def read(path: Path, name: str = "imports/i1", land: LandSettings | None = None, **options: Any) -> Answer:
    """Read a file in a child."""
    answer = Answer()
    import_ = Import(name=name, file_name=path.name, options=ImportOptions(**options))
    async for message in reader.read_file(path, import_, land or LandSettings()):
        if isinstance(message, Parcel):
            answer.parcels.append(message)
        elif isinstance(message, ParcelOwners):
            answer.owners.append(message)
        elif isinstance(message, Finding):
            answer.findings.append(message)
        elif isinstance(message, Import) and message.state == ImportState.IMPORT_STATE_RUNNING:
            answer.steps.append(message.step)
        elif isinstance(message, Import):
            answer.done = message
    return answer


def request(*inputs: dict[str, Any], **options: Any) -> ValidateParcelsRequest:
    """A request to check parcels."""
    return ValidateParcelsRequest(parcels=inputs, options=ImportOptions(**options))
