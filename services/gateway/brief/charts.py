"""The two charts of a brief as PNG."""

from __future__ import annotations

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from services.gateway.brief import lines
from services.gateway.brief.collect import Brief

COLOURS = {"negative": "#b3261e", "neutral": "#8a8f98", "positive": "#1b7f4b", "other": "#d5d8dd"}
NAMES = {"negative": "tiêu cực", "neutral": "trung tính", "positive": "tích cực", "other": "chưa phân tích"}
WIDTH_IN, HEIGHT_IN, DPI = 6.4, 2.4, 160


def days(brief: Brief) -> bytes:
    """Articles a day by tone, the last two weeks; PNG."""
    figure, axes = _figure()
    places = range(len(brief.days))
    below = [0] * len(brief.days)
    for tone, colour in COLOURS.items():
        counts = [getattr(day, tone) for day in brief.days]
        if any(counts):
            axes.bar(places, counts, bottom=below, color=colour, label=NAMES[tone], width=0.8)
        below = [low + count for low, count in zip(below, counts, strict=True)]
    axes.set_xticks(places, [f"{day.day:%d/%m}" for day in brief.days], fontsize=7)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title("Tin bài theo ngày và sắc thái (máy gợi ý)", loc="left", fontsize=9)
    if any(below):
        axes.legend(fontsize=7, frameon=False, ncols=4, loc="upper left")
        axes.set_ylim(0, max(below) * 1.3)
    return _png(figure)


def topics(brief: Brief) -> bytes:
    """Stories of the day by topic; PNG."""
    figure, axes = _figure()
    counts = [(lines.topic(code), len(stories)) for code, stories in reversed(brief.topics.items())]
    bars = axes.barh([name for name, _ in counts], [count for _, count in counts], color="#1f5fa8", height=0.7)
    axes.bar_label(bars, fontsize=7, padding=2)
    axes.tick_params(axis="y", labelsize=7)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title("Nhóm tin theo chủ đề (máy gợi ý)", loc="left", fontsize=9)
    return _png(figure)


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=7)
    return figure, axes


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
