"""`fenqi-server till`: keys of tills that sell without network, and the stickers of stores."""

import json
from pathlib import Path

import click

from merchant_server.app import Installation
from merchant_server.commands import installation, readable


@click.group()
def till() -> None:
    """Let tills sell without network, and print stickers."""


@till.group()
def key() -> None:
    """Add and revoke keys by which tills sell without network."""


@key.command("add")
@click.argument("till_id")
@click.argument("public_keys")
@click.option("--sale-max", required=True, help="The most that one sale may cost, such as 2000.00.")
@click.option("--day-max", required=True, help="The most that a day's sales may cost together.")
@click.option("--day-count", default=50, show_default=True, help="How many sales a day may have.")
@click.option("--valid-minutes", default=60, show_default=True, help="How long a code may be opened.")
@click.option("--plan", "plan_ids", multiple=True, help="A plan to allow; repeatable, all when left out.")
@readable
def add(
    till_id: str,
    public_keys: str,
    sale_max: str,
    day_max: str,
    day_count: int,
    valid_minutes: int,
    plan_ids: tuple[str, ...],
) -> None:
    """Register the PUBLIC_KEYS (tpk_…) of a till and print its grant, to be kept at the till as grant.json."""
    from fenqi.finance.money import Money
    from fenqi.till.keys import PublicKeys

    from merchant_server.domain.till_key import OfflineBounds
    from merchant_server.services.operation.merchants import currency_of_till
    from merchant_server.services.sale.offline import add_till_key

    deps = _ready().deps
    currency = currency_of_till(deps, till_id)
    bounds = OfflineBounds(
        sale_minor_max=Money.parse(sale_max, currency).minor,
        day_count_max=day_count,
        day_minor_max=Money.parse(day_max, currency).minor,
        valid_seconds=valid_minutes * 60,
    )
    keys = PublicKeys.parse(public_keys)
    grant = add_till_key(deps, till_id=till_id, public_keys=keys, bounds=bounds, plan_ids=plan_ids)
    click.echo(json.dumps(grant.to_dict(), ensure_ascii=False, indent=2))


@key.command("revoke")
@click.argument("key_id")
@readable
def revoke(key_id: str) -> None:
    """Take a till's key back at once."""
    from merchant_server.services.sale.offline import revoke_till_key

    revoke_till_key(_ready().deps, key_id)
    click.echo(f"{key_id} is revoked")


@till.command()
@click.argument("store_id")
@click.option(
    "--svg", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR code here."
)
@readable
def sticker(store_id: str, file: Path | None) -> None:
    """Print the link of a store's sticker, which opens the store's page and nothing to pay."""
    from fenqi import qr

    from merchant_server.services.sale.store_page import sticker_link

    link = sticker_link(_ready().deps, store_id)
    if file is not None:
        file.write_text(qr.svg(link, error_correction="Q"))
    click.echo(link)


def _ready() -> Installation:
    house = installation()
    house.require_schema()
    return house
