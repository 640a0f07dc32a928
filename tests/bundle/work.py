"""What an office does with an installed bundle: submit texts, lose its data, bring them back."""

from __future__ import annotations

import shutil

from tests.bundle.server import Server
from tests.services.backup.office import everything, rows

DATA = "var/lib/ngoclinh"
ASK = """
import json, sys, time, urllib.request
base, *pages = sys.argv[1:]

def ask(path, body=None):
    headers = {"Content-Type": "application/json"}
    return json.load(urllib.request.urlopen(urllib.request.Request(base + path, body, headers)))

assert urllib.request.urlopen(base + "/healthz").status == 200
before = int(ask("/v1/articles")["total_count"])
for text in pages:
    said = {"title": "Tin " + text, "text": "Nội dung ở xã Trà Leng: " + text}
    ask("/v1/articles:submit", json.dumps(said).encode())
for second in range(60):
    found = ask("/v1/articles")
    if int(found["total_count"]) == before + len(pages) and all("analyze_time" in str(each) for each in found["articles"]):
        break
    time.sleep(1)
else:
    raise SystemExit(f"not stored: {found}")
"""
WORK = """
cd /var/lib/ngoclinh
rm -f /tmp/ready
ngoclinh up --no-crawl > /tmp/ready 2>/tmp/errors & program=$!
for second in $(seq 120); do grep -q ^ready /tmp/ready && break; kill -0 $program || { cat /tmp/errors; exit 1; }; sleep 1; done
python3 -c "$ASK" http://127.0.0.1:8080 PAGES
kill $program; wait $program || true
"""


def work(server: Server, *pages: str) -> str:
    """Start the program as the office does, submit some texts, end it."""
    script = WORK.replace("PAGES", " ".join(f"'{page}'" for page in pages))
    return server.sound(f"ASK=$(cat <<'TEXT'\n{ASK}TEXT\n)\n{script}")


def articles(server: Server) -> int:
    """How many are kept."""
    return rows(server.root / DATA / "ledger.sqlite")["article"][0]


def lose_and_restore(server: Server) -> None:
    """Back up, wipe the data folder, restore; every row and every file is as it was."""
    data = server.root / DATA
    before = everything(data)
    server.sound(
        "ngoclinh backup /var/lib/ngoclinh/backups/drill.ngoclinh && mv /var/lib/ngoclinh/backups/drill.ngoclinh /tmp"
    )
    for path in data.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    server.sound("chmod 644 /tmp/drill.ngoclinh && ngoclinh restore /tmp/drill.ngoclinh")
    assert everything(data) == before
    (data / "backups").mkdir()
    shutil.chown(data / "backups", *((data / "ledger.sqlite").stat()[4:6]))
