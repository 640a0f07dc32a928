"""What a process of the power cut test does where no contract suite has one: fill an index, or forget to flush."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from services.adapters.embedded.index_sqlite import SqliteArticleIndex
from tests.contracts.articles import article


def tell(what: str) -> None:
    """Say that a step is done."""
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


async def fill(index: SqliteArticleIndex) -> None:
    """Put one article after the other."""
    for number in count():
        await index.put([article(f"c{number}", change_number=number + 1)])
        tell(str(number))


def forget(path: Path) -> None:
    """Write lines and never flush them to the disk, as no store may."""
    with path.open("w") as file:
        for number in count():
            file.write(f"{number}\n")
            file.flush()
            tell(str(number))


if __name__ == "__main__":
    job, location = sys.argv[1:]
    if job == "fill":
        asyncio.run(fill(SqliteArticleIndex(location)))
    else:
        forget(Path(location))
