"""The program of the child process that reads and checks hostile data. Started by `services.land.child`, never by hand.

Nothing that parses a file or a geometry is imported before the limits hold.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from services.land import fence


def main(orders: dict[str, Any]) -> None:
    """Answer the requests on stdin until its end, or the one that asks for the file.

    Args:
        orders: `fence` and `limits` (fields of `fence.Limits` and `check.Limits`), `path` of the file ("" for requests),
            `folder` for temporary files, `keep_owners`.
    """
    fence.limit(fence.Limits(**orders["fence"]))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    fence.isolate()
    serve(sys.stdin.buffer, answers, orders)


def serve(requests: BinaryIO, answers: BinaryIO, orders: dict[str, Any]) -> None:
    """Answer requests; an exception that is no domain error ends the process, after it was told on stderr."""
    from ngoclinh.land.v1.parcel_pb2 import Import

    from services.core.errors import NgocLinhError, TooLarge
    from services.land import frames

    while (request := frames.read(requests)) is not None:
        try:
            for message in _answer(request, orders):
                answers.write(frames.encode(message))
                if isinstance(message, Import):
                    answers.flush()
        except NgocLinhError as error:
            answers.write(frames.encode(frames.failure(error)))
        except Exception as error:
            if not isinstance(error, MemoryError) and "bad_alloc" not in str(error):
                traceback.print_exc()
                sys.exit(1)
            costly = TooLarge(
                "Dữ liệu này cần nhiều bộ nhớ hơn giới hạn của trình đọc.",
                "These data take more memory than the reader may use.",
            )
            answers.write(frames.encode(frames.failure(costly)))
        answers.flush()


def _answer(request: Any, orders: dict[str, Any]) -> Iterator[Any]:
    from ngoclinh.land.v1.area_outline_pb2 import AreaOutlinesHeader
    from ngoclinh.land.v1.parcel_pb2 import Import

    from services.land import check, outlines

    limits = check.Limits(**orders["limits"])
    if isinstance(request, Import):
        return check.check_file(
            Path(orders["path"]), Path(orders["folder"]), request, limits, keep_owners=orders["keep_owners"]
        )
    if isinstance(request, AreaOutlinesHeader):
        return outlines.read_outlines(Path(orders["path"]), Path(orders["folder"]), request, limits)
    return check.check_request(request, limits)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
