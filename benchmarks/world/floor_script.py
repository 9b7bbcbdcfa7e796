"""Writes what the floor's application reads: the product's own statements, recorded, and pages' data made ready."""

import json
import pickle
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fenqi.finance.money import Money
from fenqi.offers import Offer, quote

from benchmarks.world.recording import RecordingEngine, Transaction
from benchmarks.world.seeding import MORE_PLANS, World, bank_key, draft
from merchant_server.providers.sandbox.settings import ensure_signing_key
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.operation import merchants
from merchant_server.services.operation.idempotency import Once, run_once
from merchant_server.services.resources import checkout_resource
from merchant_server.services.sale import checkouts
from merchant_server.services.sale.pricing import priced_offers
from merchant_server.storage.opening import open_engine
from tests.installation import PLANS

KEY, FINGERPRINT, REFERENCE = "recorded-key", "f" * 64, "recorded-reference"


def write_script(world: World, recorded_on: str, database: str) -> Path:
    """Record a new checkout and every waiting callback on a copy of their own; return the script's path.

    `recorded_on` and `database` are URLs of copies: one to record on, one for the floor to work with.
    """
    engine = open_engine(recorded_on)
    taped = RecordingEngine(engine)
    deps = replace(world.deps, storage=world.storage(taped))
    caller = merchants.authenticate(deps, world.house.api_key)
    key = taped.reads[-1]
    for key_of_try in (
        "first-key",
        KEY,
    ):  # the first of an installation also makes the key that seals answers
        made = run_once(deps, caller, Once(key_of_try, FINGERPRINT), 201, lambda uow: checkout_resource(
            checkouts.create_checkout(uow, deps, caller, draft(REFERENCE)), "http://127.0.0.1"
        ))  # fmt: skip
    created, resource = taped.writes[-1], json.loads(made.body)
    callbacks = {}
    with engine.reading() as connection:
        rows = connection.all("SELECT * FROM deductions WHERE status = 'pending'")
    for row in rows:
        event_id, body = world.callback(row)
        receive(deps, body, world.sign_callback(event_id, body, world.house.clock.now()))
        callbacks[row["id"]] = taped.writes[-1]
    plans = [_plan(offer) for offer in priced_offers(deps, caller, 100_000, "CNY", None)]
    engine.close()
    public = ensure_signing_key(str(bank_key(world.folder))).public_key()
    script = {
        "name": "floor",
        "database": database,
        "own_engine": False,
        "bank_key": public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
        "key": _plain(key),
        "create": _with_places(created, resource),
        "checkout": resource,
        "event": _event(created),
        "callbacks": {name: _plain(each) for name, each in callbacks.items()},
        "page": _page(world),
        "plans": plans,
    }
    path = world.folder / f"{recorded_on.partition(':')[0]}.script"
    path.write_bytes(pickle.dumps(script))
    return path


def over_own_engine(floor: Path, database: str) -> Path:
    """Return the path of a script that does the same over the product's engine, on a database of its own."""
    script = pickle.loads(floor.read_bytes()) | {"name": "bound", "database": database, "own_engine": True}
    path = floor.with_suffix(".bound")
    path.write_bytes(pickle.dumps(script))
    return path


def _plain(statements: Transaction) -> list[tuple[str, Any, bool]]:
    """Return statements as the floor runs them: text, values, and whether for many rows."""
    return [(each.sql, each.params, each.many) for each in statements]


def _plan(offer: Offer) -> tuple[dict[str, Any], tuple[int, int], date]:
    """Return a plan as the API says it, its yearly rate as a ratio, and from which day it is reckoned."""
    return offer.plan.to_dict(), offer.plan.annual_rate.as_integer_ratio(), offer.schedule.on


def _event(created: Transaction) -> dict[str, Any]:
    """Return an event without its number."""
    found = next(each.params for each in created if each.sql.startswith("INSERT INTO events "))
    body: dict[str, Any] = json.loads(f"{found['head']}0{found['tail']}")
    del body["sequence"]
    return body


def _with_places(created: Transaction, resource: dict[str, Any]) -> list[Any]:
    """Return the statements with a mark wherever a value is another for each checkout."""
    event = _event(created)
    checkout = next(each.params for each in created if each.sql.startswith("INSERT INTO checkouts "))
    places = {
        resource["id"]: "id", checkout["token"]: "token", event["id"]: "event_id", KEY: "key",
        FINGERPRINT: "fingerprint", REFERENCE: "reference", checkout["created_at"]: "now",
        checkout["expires_at"]: "expires",
    }  # fmt: skip
    marked = []
    for sql, params, many in _plain(created):
        named = {name: _marked(value, places) for name, value in params.items()}
        if sql.startswith("INSERT INTO events "):
            named |= {"head": "\x02head", "tail": "\x02tail"}
        marked.append((sql, named, many))
    return marked


def _marked(value: Any, places: dict[str, str]) -> Any:
    """Return a value, or the mark of what stands in its place; the only bytes are the kept answer."""
    if isinstance(value, bytes):
        return "\x02response"
    return f"\x02{places[value]}" if isinstance(value, str) and value in places else value


def _page(world: World) -> dict[str, Any]:
    """Return the hosted page's texts, as ready as texts can be."""
    checkout = world.opened[0].checkout
    offers = quote(checkout.amount, (*PLANS, *MORE_PLANS), date(2026, 12, 21))
    return {
        "merchant": "小满商店",
        "legal_name": "小满商店有限公司",
        "amount": _money(checkout.amount),
        "goods": checkout.description,
        "reference": checkout.reference,
        "expires": "48 小时内有效",
        "lender": world.deps.lender_name,
        "next": f"/p/{checkout.token}/phone",
        "cards": [_card(offer) for offer in offers],
    }


def _money(amount: Money) -> str:
    return f"¥{amount.minor // 100:,}.{amount.minor % 100:02}"


def _card(offer: Offer) -> dict[str, Any]:
    rows = offer.schedule.installments
    return {
        "headline": f"{len(rows)} × {_money(offer.per_installment)}",
        "method": "每月 · 等额本息",
        "annual_cost": f"{offer.annual_cost * 100:.2f}%",
        "total_cost": _money(offer.total_cost),
        "total_payable": _money(offer.total_payable),
        "bar": offer.amount.minor * 1000 // offer.total_payable.minor,
        "rows": [
            {
                "number": row.number,
                "due_on": row.due_on.isoformat(),
                "total": _money(row.total),
                "principal": _money(row.principal),
                "interest": _money(row.interest),
            }
            for row in rows
        ],
    }
