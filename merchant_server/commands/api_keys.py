"""`fenqi-server key`: the keys that merchants call the API with."""

import json

import click
from fenqi.wire.places import OVERLAP_SECONDS_DEFAULT

from merchant_server.commands import installation, readable
from merchant_server.domain.errors import NotFound
from merchant_server.domain.merchant import KIND_SCOPES, SCOPES
from merchant_server.services.deps import merchant_of
from merchant_server.services.operation import api_keys
from merchant_server.services.setup_resources import key_resource


@click.group()
def key() -> None:
    """Make, list, roll and revoke the keys that merchants call the API with."""


@key.command("create")
@click.argument("merchant_id")
@click.option("--kind", type=click.Choice(list(KIND_SCOPES)), default="secret", show_default=True)
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Repeat for more; all if left out."
)
@click.option("--mode", type=click.Choice(["test", "live"]), default="test", show_default=True)
@click.option("--till", "till_id", default=None, help="The till of a till's key.")
@click.option("--name", default="", help="What it is for.")
@readable
def create(
    merchant_id: str, kind: str, scopes: tuple[str, ...], mode: str, till_id: str | None, name: str
) -> None:
    """Make a key and print it as JSON, its secret for the only time."""
    deps = installation().deps
    made = api_keys.create_key(
        deps, merchant_id, mode, scopes or SCOPES, kind=kind, name=name, till_id=till_id
    )
    _print({**key_resource(made.key, deps.clock.now()), "secret": made.secret})


@key.command("list")
@click.argument("merchant_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@readable
def list_keys(merchant_id: str, as_json: bool) -> None:
    """List a merchant's keys of both modes, newest first, with when each was last used."""
    deps = installation().deps
    with deps.storage.reading() as uow:
        merchant_of(uow, merchant_id)
        shown = [key_resource(each, deps.clock.now()) for each in uow.merchants.keys(merchant_id)]
    for each in shown:
        if as_json:
            _print(each)
        else:
            used = (each["last_used_at"] or "never")[:16]
            click.echo(
                f"{each['id']}  {each['kind']:<11} {each['mode']:<4} …{each['hint']}  {each['status']:<8} "
                f"used {used:<16}  {','.join(each['scopes'])}  {each['name']}".rstrip()
            )


@key.command("roll")
@click.argument("key_id")
@click.option(
    "--overlap-seconds", default=OVERLAP_SECONDS_DEFAULT, show_default=True, help="How long both are alive."
)
@readable
def roll(key_id: str, overlap_seconds: int) -> None:
    """Make a key's successor and print it; the key itself lives on for the overlap."""
    deps = installation().deps
    with deps.storage.unit_of_work() as uow:
        old = uow.merchants.key(key_id)
        if old is None:
            raise NotFound("there is no such key", key_id=key_id)
        made = api_keys.roll_key(uow, deps, old, overlap_seconds, "operator")
    _print({**key_resource(made.key, deps.clock.now()), "secret": made.secret})


@key.command("revoke")
@click.argument("key_id")
@readable
def revoke(key_id: str) -> None:
    """End a key on every process, within half a second."""
    api_keys.revoke_key(installation().deps, key_id)
    click.echo(f"{key_id} is revoked")


def _print(shown: dict[str, object]) -> None:
    click.echo(json.dumps(shown, ensure_ascii=False))
