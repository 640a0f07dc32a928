"""A brief as plain text, to paste into a chat ("Chép gửi Zalo")."""

from __future__ import annotations

from services.gateway.brief import lines
from services.gateway.brief.collect import Brief


def write(brief: Brief) -> bytes:
    """The text, UTF-8."""
    out = [
        lines.heading(brief).upper(),
        "; ".join(f"{name}: {lines.number(value)}" for name, value in lines.summary(brief)),
    ]
    for code, stories in brief.topics.items():
        out += ["", f"■ {lines.topic(code)} ({len(stories)})"]
        for number, story in enumerate(stories, 1):
            out += [f"{number}. {lines.headline(story.article)}", f"   {lines.story(brief, story)}"]
            if story.article.url:
                out.append(f"   {story.article.url}")
    if brief.truncated:
        out += ["", f"Ngày này còn nhiều tin hơn; ở đây chỉ ghi {sum(map(len, brief.topics.values()))} nhóm tin."]
    if brief.alerts:
        out += ["", "■ Cảnh báo", *(f"- {lines.alert(raised)}" for raised in brief.alerts)]
    if brief.imports:
        out += ["", "■ Dữ liệu đất đai nhập trong ngày", *(f"- {lines.imported(import_)}" for import_ in brief.imports)]
        out += [f"  {lines.found(finding)}" for finding in brief.findings]
    out += ["", lines.NOTE, lines.prepared(brief)]
    return ("\n".join(out) + "\n").encode()
