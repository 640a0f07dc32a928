"""Runs in a pod beside the product: calls the gateway as a browser would. Standard library only.

client.py ask METHOD PATH [FILE]     one call; prints {"status": …, "body": …}
client.py load PATH…                 says "begun", calls the paths in turn from four threads until /tmp/stop is there,
                                     below auth.calls_per_second (50); prints {"calls": …, "failed": [...], …}
"""

import base64
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

BASE = os.environ["GATEWAY"]
TIMEOUT_S = 60
STOP = Path("/tmp/stop")
LONGEST_S = 3600
THREADS = 4
EVERY_S = 0.1
"""At least so long from one call of a thread to its next one: together 40 calls a second at most."""


def call(method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    user = base64.b64encode(f"{os.environ['GATEWAY_USER']}:{os.environ['GATEWAY_PASSWORD']}".encode()).decode()
    headers = {"Authorization": f"Basic {user}"}
    if body is not None:
        headers |= {"Content-Type": "application/octet-stream" if ":upload" in path else "application/json"}
    request = urllib.request.Request(BASE + path, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


def ask(method: str, path: str, file: str = "") -> None:
    status, body = call(method, path, Path(file).read_bytes() if file else None)
    print(json.dumps({"status": status, "body": body.decode("utf-8", "replace")}))


def load(paths: list[str]) -> None:
    STOP.unlink(missing_ok=True)
    begin = time.monotonic()
    lock = threading.Lock()
    calls, failed, slowest = 0, [], 0.0

    def work(offset: int) -> None:
        nonlocal calls, slowest
        turn = offset
        while not STOP.exists() and time.monotonic() - begin < LONGEST_S:
            path = paths[turn % len(paths)]
            turn += 1
            start = time.monotonic()
            status, body = call("GET", path)
            took = time.monotonic() - start
            with lock:
                calls += 1
                slowest = max(slowest, took)
                if status != 200:
                    failed.append([round(start - begin, 1), path, status, body.decode("utf-8", "replace")[:200]])
            time.sleep(max(0.01, EVERY_S - took))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    print("begun", flush=True)
    for thread in threads:
        thread.join()
    print(json.dumps({"calls": calls, "failed": failed, "slowest_s": round(slowest, 2)}))


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "ask":
        ask(*rest)
    else:
        load(rest)
