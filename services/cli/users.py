"""`ngoclinh users`: who may come in where the gateway is open beyond this machine."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from services.cli import common

app = typer.Typer(no_args_is_help=True, help="Users of a gateway that is open beyond this machine.")


@app.callback()
def users() -> None:
    """Users of a gateway that is open beyond this machine."""


@app.command()
def add(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Small letters, digits, dots, dashes.")]) -> None:
    """Add a user, or give a new password, in the file of the setting `gateway.users_file`."""
    from services.core.errors import InvalidField
    from services.gateway.users import MIN_PASSWORD, NAME, hash_password

    path = common.settings_from(ctx).gateway.users_file
    if path is None:
        common.fail(InvalidField("gateway.users_file", "chưa đặt", "is not set"), ctx)
    if not NAME.fullmatch(name):
        common.fail(
            InvalidField("name", "chỉ gồm a-z, 0-9, dấu chấm, gạch", "small letters, digits, dots, dashes"), ctx
        )
    prompt = "Mật khẩu" if common.language(ctx) == "vi" else "Password"
    password = typer.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
    if len(password) < MIN_PASSWORD:
        few = InvalidField(
            "password", f"cần ít nhất {MIN_PASSWORD} ký tự", f"must have at least {MIN_PASSWORD} characters"
        )
        common.fail(few, ctx)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition(":")[0] != name]
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join([*kept, f"{name}:{hash_password(password)}"]) + "\n")
    fresh.replace(path)
