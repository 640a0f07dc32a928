"""`ngoclinh users`: who may come in, for an office without an identity provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import common

if TYPE_CHECKING:
    from google.protobuf.message import Message

app = typer.Typer(no_args_is_help=True, help="Users of an office without an identity provider.")

Name = Annotated[str, typer.Argument(help="Small letters, digits, dots, dashes.")]
Roles = Annotated[list[str], typer.Option("--role", help="viewer, analyst, land_officer or admin; may be given again.")]
Areas = Annotated[
    list[str] | None,
    typer.Option("--watch-area", help="Id of a watch area that the user is limited to; may be given again."),
]
Title = Annotated[str, typer.Option(help="Name of the person.")]


@app.callback()
def users() -> None:
    """Users of an office without an identity provider."""


@app.command()
def add(ctx: typer.Context, name: Name, role: Roles, watch_area: Areas = None, title: Title = "") -> None:
    """Add a user; prints a made password once, which has to be changed at the first sign-in."""
    from ngoclinh.access.v1.access_service_pb2 import CreateUserRequest
    from ngoclinh.access.v1.user_pb2 import User

    from services.core.errors import InvalidField
    from services.rpc.caller import decode_roles

    roles = [decode_roles(each) for each in role]
    if not all(roles):
        known = "viewer, analyst, land_officer, admin"
        common.fail(InvalidField("--role", f"chỉ nhận {known}", f"is one of {known}"), ctx)
    areas = [f"watchAreas/{each}" for each in watch_area or []]
    given: Any = sorted({each for some in roles for each in some})  # numbers of Role
    user = User(name=f"users/{name}", title=title, roles=given, watch_areas=areas)
    _call(ctx, lambda stub: stub.CreateUser(CreateUserRequest(user=user)))


@app.command()
def reset(ctx: typer.Context, name: Name) -> None:
    """Give a user a made password, printed once; all sessions of the user end."""
    from ngoclinh.access.v1.access_service_pb2 import ResetPasswordRequest

    _call(ctx, lambda stub: stub.ResetPassword(ResetPasswordRequest(name=f"users/{name}")))


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """Print the users."""
    from ngoclinh.access.v1.access_service_pb2 import ListUsersRequest

    _call(ctx, lambda stub: stub.ListUsers(ListUsersRequest(page_size=1000)))


@app.command()
def disable(
    ctx: typer.Context, name: Name, undo: Annotated[bool, typer.Option(help="Let the user come in again.")] = False
) -> None:
    """Keep a user from signing in; open sessions end."""
    from google.protobuf.field_mask_pb2 import FieldMask
    from ngoclinh.access.v1.access_service_pb2 import UpdateUserRequest
    from ngoclinh.access.v1.user_pb2 import User

    user = User(name=f"users/{name}", disabled=not undo)
    _call(ctx, lambda stub: stub.UpdateUser(UpdateUserRequest(user=user, update_mask=FieldMask(paths=["disabled"]))))


def _call(ctx: typer.Context, ask: Callable[[Any], Awaitable[Message]]) -> None:
    """Call AccessService of the program that runs, else of this process for a while, and print the answer."""
    settings = common.settings_from(ctx)

    async def work() -> Message:
        from ngoclinh.access.v1.access_service_pb2_grpc import AccessServiceStub

        from services.bootstrap import reach

        async with reach(settings) as channel:
            return await ask(AccessServiceStub(channel))

    common.print_message(common.run(work(), ctx))
