"""`ngoclinh model …`: train a PhoBERT classifier, export it for serving, check a directory, put a new one in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import common

if TYPE_CHECKING:
    from services.core.config import Settings
    from services.sentiment.phobert.text import Segmenter

app = typer.Typer(no_args_is_help=True, help="Train, export, check and reload a PhoBERT classifier.")

Out = Annotated[Path, typer.Option(help="New folder for the result.")]
AcceptLicence = Annotated[
    str | None, typer.Option(help="Licence to accept although it would be refused; default sentiment.accept_licence.")
]

TEXTS = {
    "vi": {
        "trained": "Đã huấn luyện {name}@{version}: {out}. Bước tiếp theo: ngoclinh model export {out} --out THƯ_MỤC",
        "exported": "Đã xuất: {out}. Lệch fp32 so với torch: {fp32:.1e}; int8 cho cùng nhãn với fp32: {int8:.2%} "
        "(lệch xác suất nhiều nhất {gap:.3f}), trên {texts} văn bản.",
        "good": "{folder}: dùng được.",
    },
    "en": {
        "trained": "Trained {name}@{version}: {out}. Next: ngoclinh model export {out} --out FOLDER",
        "exported": "Exported: {out}. fp32 differs from torch by {fp32:.1e}; int8 names the label of fp32 in {int8:.2%} "
        "(largest difference of a probability {gap:.3f}), over {texts} texts.",
        "good": "{folder}: can be used.",
    },
}


@app.command()
def train(
    ctx: typer.Context,
    base: Annotated[Path, typer.Option(help="Folder of PhoBERT: config.json, weights, vocab.txt, bpe.codes.")],
    out: Out,
    epochs: Annotated[int, typer.Option(min=1, max=100, help="Passes over the texts.")] = 5,
    rate: Annotated[float, typer.Option(min=1e-7, max=0.1, help="Highest learning rate of the encoder.")] = 3e-5,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same weights on one machine.")] = 2026,
    accept_licence: AcceptLicence = None,
) -> None:
    """Fine-tune a PhoBERT directory on the texts that come with the product; needs the extra [export]."""
    from services.sentiment.phobert.train import Recipe
    from services.sentiment.phobert.train import train as fit

    settings = common.settings_from(ctx)
    recipe = Recipe(epochs=epochs, rate=rate, seed=seed)
    with common.failing(ctx):
        found = fit(base, out, _words(settings), recipe, _accepted(settings, accept_licence), common.say)
    common.say(TEXTS[common.language(ctx)]["trained"].format(name=found.name, version=found.version, out=out))


@app.command()
def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of a trained classifier.")],
    out: Out,
    accept_licence: AcceptLicence = None,
) -> None:
    """Write a classifier as ONNX, fp32 and int8, and compare it with the original; needs the extra [export]."""
    from services.sentiment.phobert.export import export as write

    settings = common.settings_from(ctx)
    with common.failing(ctx):
        parity = write(folder, out, _words(settings), _accepted(settings, accept_licence))
    text = TEXTS[common.language(ctx)]["exported"]
    numbers = {"fp32": parity.fp32_difference, "int8": parity.int8_agreement, "gap": parity.int8_difference}
    common.say(text.format(out=out, texts=parity.texts, **numbers))


@app.command()
def check(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of a classifier.")],
    accept_licence: AcceptLicence = None,
) -> None:
    """Tell everything that keeps a directory from being served; exit code 1 where there is something."""
    from services.sentiment.phobert.check import problems

    settings = common.settings_from(ctx)
    found = list(problems(folder, lambda: _words(settings), _accepted(settings, accept_licence)))
    for problem in found:
        print(f"✗ {problem.message(common.language(ctx))}")
    if found:
        raise typer.Exit(1)
    print(TEXTS[common.language(ctx)]["good"].format(folder=folder))


@app.command()
def reload(ctx: typer.Context) -> None:
    """Have the running program load the model of its settings again, without missing a call; SIGHUP does the same."""
    print(common.run(_reload(common.settings_from(ctx)), ctx))


async def _reload(settings: Settings) -> str:
    """The model that answers from now on.

    Raises:
        Conflict: no program runs.
    """
    from ngoclinh.sentiment.v1.sentiment_service_pb2 import ReloadModelRequest
    from ngoclinh.sentiment.v1.sentiment_service_pb2_grpc import SentimentServiceStub

    from services.bootstrap import reach
    from services.cli.up import RELOAD_S
    from services.core.errors import Conflict
    from services.supervisor import is_locked

    if not is_locked(settings.data_dir / "lock"):
        raise Conflict(
            f"Không có chương trình nào đang chạy trên {settings.data_dir}.",
            f"No program runs over {settings.data_dir}.",
        )
    async with reach(settings) as channel:
        model = await SentimentServiceStub(channel).ReloadModel(ReloadModelRequest(), timeout=RELOAD_S)
    return f"{model.name}@{model.version}"


def _words(settings: Settings) -> Segmenter:
    from services.sentiment.phobert.segment import segmenter

    return segmenter(settings.sentiment.segmenter, settings.sentiment.segmenter_dir)


def _accepted(settings: Settings, given: str | None) -> str:
    return settings.sentiment.accept_licence if given is None else given
