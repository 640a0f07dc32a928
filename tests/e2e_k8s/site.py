"""Runs in a pod: serves pages from one JSON file, {host: {path: [content type, text]}}. Standard library only."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGES = json.loads(Path(sys.argv[1]).read_text("utf-8"))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pages = PAGES.get(self.headers.get("Host", "").partition(":")[0], {})
        nothing = ["text/plain", ""]
        kind, text = pages.get(self.path) or pages.get(self.path.partition("?")[0], nothing)
        body = text.encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""


ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
