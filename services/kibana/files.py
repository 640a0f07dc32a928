"""Dashboards and data views as files, for a Kibana that this machine does not reach, and for operators without Python."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from services.kibana import dashboards_api, data_views, saved_objects
from services.kibana.description import Dashboard, Language, View
from services.kibana.ids import Ids

Format = Literal["dashboards", "ndjson"]

NDJSON = "ngoclinh.ndjson"
SCRIPT = "import.sh"

_SCRIPT = """\
#!/bin/sh
# Brings the data views and dashboards of this folder into Kibana 9.5 or later.
# KIBANA_URL: its address, with /s/<space> for another space than the default; KIBANA_USER: curl asks for the password.
set -eu
cd "$(dirname "$0")"
send() {
  echo "$2 $3"
  curl --fail-with-body --silent --show-error --output /dev/null ${KIBANA_USER:+--user "$KIBANA_USER"} \\
    --request "$1" --header 'kbn-xsrf: true' --header 'Elastic-Api-Version: 2023-10-31' \\
    --header 'Content-Type: application/json' --data-binary "@$3" "${KIBANA_URL%/}$2"
}
"""


def files(
    form: Format, dashboards: Sequence[Dashboard], views: Mapping[str, View], ids: Ids, lang: Language
) -> dict[str, str]:
    """Text of every file by its path: for the Dashboards API one for each object and a script, else one of saved objects."""
    if form == "ndjson":
        return {NDJSON: saved_objects.ndjson(dashboards, views, ids, lang)}
    made: dict[str, str] = {}
    calls: list[str] = []
    for view in views.values():
        path = f"data-views/{view.id}.json"
        made[path] = _text(data_views.body(view, ids, lang))
        calls.append(f"send POST /api/data_views/data_view {path}")
    for dashboard in dashboards:
        path = f"dashboards/{dashboard.id}.json"
        made[path] = _text(dashboards_api.body(dashboard, views, ids, lang))
        calls.append(f"send PUT /api/dashboards/{ids.of('dashboard', dashboard.id)} {path}")
    return made | {SCRIPT: _SCRIPT + "\n".join(calls) + "\n"}


def _text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
