"""The settings in force, for people: each with its value and where that comes from."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

from ngoclinh.operations.v1.maintenance_service_pb2 import Setting, SettingOrigin

from services.backup.readable import readable
from services.core.config import Settings, known_keys

_ORIGINS = {
    "default": SettingOrigin.SETTING_ORIGIN_DEFAULT,
    "file": SettingOrigin.SETTING_ORIGIN_FILE,
    "environment": SettingOrigin.SETTING_ORIGIN_ENVIRONMENT,
    "option": SettingOrigin.SETTING_ORIGIN_OPTION,
}


def effective(settings: Settings) -> list[Setting]:
    """Every setting in the order of the reference. Files of secrets are named, what is in them never."""
    tree: Any = readable(settings.model_dump(mode="json"))
    found = []
    for key in known_keys():
        value = reduce(lambda part, name: part[name], key.split("."), tree)
        kind, detail = settings.origin(key)
        text = json.dumps(value, ensure_ascii=False)
        found.append(Setting(key=key, value=text, origin=_ORIGINS[kind], origin_detail=detail))
    return found
