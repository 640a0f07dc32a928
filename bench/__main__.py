"""Run every script of this folder, pass on its JSON line, then print them as a table: `make bench`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.harness import SKIPPED

HELPERS = {"__init__", "__main__", "harness", "phobert_peer", "phobert_shape"}


def main() -> int:
    """Returns 1 where a script fails or a goal is missed."""
    results = []
    failed = 0
    for script in sorted(path for path in Path(__file__).parent.glob("*.py") if path.stem not in HELPERS):
        command = [sys.executable, "-m", f"bench.{script.stem}", *sys.argv[1:]]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        print("\n".join(lines), flush=True)
        failed += done.returncode not in (0, SKIPPED)
        results += [json.loads(line) for line in lines]
    print(f"\n{'goal':<32}{'ratio':>8}{'wanted':>8}  {'spread':<18}peer")
    for result in results:
        met = result["ratio"] >= result["goal"] if result["better"] == "higher" else result["ratio"] <= result["goal"]
        spread = "{} – {}".format(*result["spread"])
        print(
            f"{result['name']:<32}{result['ratio']:>8}{result['goal']:>8}  {spread:<18}{result['peer']['name']} {result['peer']['version']}{'' if met else '   MISSED'}"
        )
        failed += not met
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
