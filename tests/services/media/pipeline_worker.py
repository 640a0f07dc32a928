"""What the process of the crash test does: publish articles from a number on, while the workers run."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from services.adapters.embedded.files import Files
from tests.contracts.articles import article, collected
from tests.services.media.stores import Stores


async def _work(folder: Path, first: int) -> None:
    stores = Stores(Files(folder))
    async with stores.working():
        for number in count(first):
            made = article(f"p{number}")
            await stores.publish("media.collected", collected(made))
            sys.stdout.write(made.name + "\n")
            sys.stdout.flush()
            await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1]), int(sys.argv[2])))
