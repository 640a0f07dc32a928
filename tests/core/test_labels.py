"""One word for one thing: tables of labels and the dashboard agree."""

from __future__ import annotations

import json
from pathlib import Path

from services.core.labels import labels

DASHBOARD = Path(__file__).parents[2] / "services/gateway/web/src/i18n/vi.json"


def test_labels_are_called_as_on_the_dashboard() -> None:
    shown = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for head in ("sentiment", "event_valence", "stance", "complaint", "toxicity"):
        prefix = f"label.{head}."
        expected = {key.removeprefix(prefix): text.lower() for key, text in shown.items() if key.startswith(prefix)}
        assert {code: text for code, text in labels()[head].items() if code} == expected
        assert labels()["heads"][head] == shown[f"head.{head}"].lower()
    for code, text in labels()["topics"].items():
        assert not code or text == shown[f"topic.{code}"]
