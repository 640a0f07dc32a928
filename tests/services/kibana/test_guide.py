"""The analysts' guide names only what is there: fields in its KQL, dashboards and data views by their titles."""

from __future__ import annotations

import re

from services.kibana.boards import DASHBOARDS
from services.kibana.views import views
from tests.conftest import ROOT

GUIDE = (ROOT / "docs/analysts.md").read_text("utf-8")
VIEWS = views("ngoclinh-articles")


def test_every_field_of_the_guide_is_in_a_view() -> None:
    known = {field.name for view in VIEWS.values() for field in view.fields}
    code = re.findall(r"```kql\n(.*?)```", GUIDE, re.DOTALL) + re.findall(r"`([^`\n]+)`", GUIDE)
    asked = {name for text in code for name in re.findall(r"(?<![…\w])([a-z_]+): ", text)}
    assert {"topics", "sentiment", "area_titles", "sentiment_unsure"} <= asked <= known


def test_labels_of_the_guide_are_labels_of_fields() -> None:
    labels = {field.label for view in VIEWS.values() for field in view.fields}
    assert {"Nguồn tin", "Sắc thái", "Thái độ với chính quyền", "Nhóm tin", "Xã, phường chính"} <= labels
    assert {"Địa danh được nhắc", "Xã, phường hiện nay", "Vị trí xã, phường chính", "Nhãn do người sửa"} <= labels


def test_every_dashboard_and_view_stands_in_the_guide() -> None:
    titles = [dashboard.title.vi.removeprefix("Ngọc Linh · ") for dashboard in DASHBOARDS]
    assert not [title for title in titles if f"| {title} |" not in GUIDE]
    assert not [view.title.vi for view in VIEWS.values() if f"| **{view.title.vi}** |" not in GUIDE]
