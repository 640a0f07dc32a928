"""The five ports. Each has an embedded adapter and, where the office outgrows one machine, a cluster adapter.

The clauses that every adapter passes are the suites in `tests/contracts/`. Events and records are the protobuf
messages of `protos/`: there is no second set of models.
"""

from services.core.ports.access import AccessLedger, AuditPage
from services.core.ports.bus import BATCH_BYTES, SUBJECTS, TOGETHER, Bus, Delivery, Output, Quarantined
from services.core.ports.classifier import Classifier
from services.core.ports.engine import EngineState, HasEngine
from services.core.ports.index import ArticleIndex, ArticlePage, HasSnapshots, IndexBuild, IndexRestore, Snapshot
from services.core.ports.ledger import (
    AlertLedger,
    AlertPage,
    Changes,
    Correction,
    Ledger,
    Recorded,
    Submission,
    WatchAreaLedger,
)
from services.core.ports.parcels import FindingPage, LandSummary, ParcelPage, ParcelSquare, ParcelStore
from services.core.ports.retention import Due, Extent, Retained, RetentionLedger

__all__ = [
    "BATCH_BYTES",
    "SUBJECTS",
    "TOGETHER",
    "AccessLedger",
    "AlertLedger",
    "AlertPage",
    "ArticleIndex",
    "ArticlePage",
    "AuditPage",
    "Bus",
    "Changes",
    "Classifier",
    "Correction",
    "Delivery",
    "Due",
    "EngineState",
    "Extent",
    "FindingPage",
    "HasEngine",
    "HasSnapshots",
    "IndexBuild",
    "IndexRestore",
    "LandSummary",
    "Ledger",
    "Output",
    "ParcelPage",
    "ParcelSquare",
    "ParcelStore",
    "Quarantined",
    "Recorded",
    "Retained",
    "RetentionLedger",
    "Snapshot",
    "Submission",
    "WatchAreaLedger",
]
