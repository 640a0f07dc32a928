"""`ngoclinh kibana`: dashboards and data views for Kibana, pushed or written as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.kibana.push import Outcome

app = typer.Typer(
    help="Dashboards for analysts in Kibana.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

TEXTS = {
    "vi": {
        "index-pattern": "khung nhìn dữ liệu",
        "dashboard": "bảng điều khiển",
        "done": "{done} / {all} mục đã vào Kibana.",
    },
    "en": {"index-pattern": "data view", "dashboard": "dashboard", "done": "{done} of {all} objects are in Kibana."},
}

Titles = Annotated[Literal["vi", "en"], typer.Option(help="Language of titles; fields are named in Vietnamese.")]


@app.command()
def push(ctx: typer.Context, titles: Titles = "vi") -> None:
    """Bring data views and dashboards into the Kibana of the settings. Exit code 0 where all were taken, 2 otherwise.

    Kibana 9.5 and later get them over the Dashboards API, 9.0 to 9.4 as saved objects. What is there under the same
    identity is replaced; what analysts made themselves stays.
    """
    from services.kibana.boards import DASHBOARDS
    from services.kibana.ids import Ids
    from services.kibana.push import push as send
    from services.kibana.views import views

    settings = common.settings_from(ctx)
    alias = settings.elasticsearch.alias
    ids = Ids(alias, settings.kibana.space)
    outcomes = common.run(send(settings.kibana, DASHBOARDS, views(alias), ids, titles), ctx)
    _report(outcomes, common.language(ctx))
    if any(outcome.problem for outcome in outcomes):
        raise typer.Exit(common.UNUSABLE)


@app.command()
def export(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for the files; it is made where it is not there.")],
    format: Annotated[  # noqa: A002  (the name of the option)
        Literal["dashboards", "ndjson"],
        typer.Option(help="dashboards: for Kibana 9.5 and later, with a script; ndjson: for 9.0 to 9.4."),
    ] = "dashboards",
    titles: Titles = "vi",
) -> None:
    """Write data views and dashboards as files, without a Kibana."""
    from services.core.errors import NgocLinhError
    from services.kibana.boards import DASHBOARDS
    from services.kibana.files import SCRIPT, files
    from services.kibana.ids import Ids
    from services.kibana.views import views

    settings = common.settings_from(ctx)
    alias = settings.elasticsearch.alias
    made = files(format, DASHBOARDS, views(alias), Ids(alias, settings.kibana.space), titles)
    try:
        with common.writing(out):
            for path, text in made.items():
                file = out / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
                if path == SCRIPT:
                    file.chmod(0o755)
    except NgocLinhError as error:
        common.fail(error, ctx)
    for path in made:
        print(out / path)


def _report(outcomes: list[Outcome], lang: str) -> None:
    texts = TEXTS[lang]
    for outcome in outcomes:
        mark = "✗" if outcome.problem else "✓"
        print(f"{mark} {texts[outcome.kind]}: {outcome.title}" + (f" — {outcome.problem}" if outcome.problem else ""))
    taken = sum(not outcome.problem for outcome in outcomes)
    print(texts["done"].format(done=taken, all=len(outcomes)))
