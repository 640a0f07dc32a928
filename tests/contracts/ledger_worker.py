"""What a process of the crash test does: record, analyse and correct one article after the other, without end."""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from itertools import count

from ngoclinh.media.v1.media_service_pb2 import CorrectArticleRequest

from services.core.ports import Ledger
from tests.contracts.articles import analyzed, article, collected


async def _work(ledger: Ledger) -> None:
    for number in count():
        made = article(f"c{number}")
        await ledger.record_collected(collected(made))
        await ledger.record_analyzed(analyzed(made.name))
        await ledger.correct(CorrectArticleRequest(name=made.name, stance="critical"), "thư ký")
        sys.stdout.write(made.name + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    factory, location = sys.argv[1:]
    asyncio.run(_work(pkgutil.resolve_name(factory)(location)))
