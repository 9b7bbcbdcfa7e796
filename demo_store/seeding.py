"""The demonstration's merchant: made once with the server's own commands and API, then read from its file."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fenqi import Client, Money, Plan
from fenqi.till import SecretKeys

from demo_store.processes import run_command

MERCHANT = "小满商店"
STORES = ("人民路店", "滨江店")
PLANS = (
    Plan(id="p3", installments=3, annual_rate="0", max_amount=Money(600_000, "CNY"), name="3 期免息"),
    Plan(id="p6", installments=6, annual_rate="0.09", name="6 期"),
    Plan(id="p12", installments=12, annual_rate="0.12", name="12 期"),
    Plan(id="p24", installments=24, annual_rate="0.15", min_amount=Money(200_000, "CNY"), name="24 期"),
)


@dataclass(frozen=True, slots=True)
class Shop:
    """What the shop needs to know of itself; kept in a file that only its owner can read."""

    api_key: str
    webhook_secret: str
    webhook_url: str
    secret_key: str
    stores: list[dict[str, Any]]


def seed(file: Path, environment: dict[str, str], server_url: str, webhook_url: str) -> Shop:
    """Return the shop of this folder, making merchant, plans and webhook endpoint that are not there yet."""
    known = json.loads(file.read_text()) if file.exists() else _create(environment)
    _keep(file, known)
    client = Client(api_key=known["api_key"], base_url=server_url)
    present = {plan.id for plan in client.plans.list()}
    for plan in PLANS:
        if plan.id not in present:
            client.plans.create(plan)
    if known.get("webhook_url") != webhook_url:
        for endpoint in client.webhook_endpoints.list():
            client.webhook_endpoints.delete(endpoint.id)
        made = client.webhook_endpoints.create(url=webhook_url, idempotency_key=secrets.token_hex(16))
        known |= {"webhook_url": webhook_url, "webhook_secret": made.secret}
        _keep(file, known)
    return Shop(**known)


def enroll_tills(folder: Path, shop: Shop, environment: dict[str, str], base_url: str) -> None:
    """Let each till sell without network: its own key, the merchant's bounds, both kept in the till's folder."""
    for store in shop.stores:
        place = folder / store["till"]["id"]
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = place / "grant.json"
        if not file.exists():
            keys = SecretKeys.open(place / "till.key").public
            command = ["fenqi-server", "till", "key", "add", store["till"]["id"], str(keys)]
            command += ["--sale-max", "5000.00", "--day-max", "50000.00", "--day-count", "50"]
            file.write_text(run_command(command, environment))
        grant = json.loads(file.read_text())
        if grant["public_url"] != base_url:
            file.write_text(json.dumps(grant | {"public_url": base_url}, ensure_ascii=False))


def _create(environment: dict[str, str]) -> dict[str, Any]:
    command = [
        "fenqi-server",
        "merchant",
        "create",
        "--name",
        MERCHANT,
        "--legal-name",
        f"{MERCHANT}有限公司",
    ]
    for store in STORES:
        command += ["--store", store]
    made = json.loads(run_command(command, environment))
    return asdict(Shop(made["api_key"], "", "", secrets.token_hex(32), made["stores"]))


def _keep(file: Path, known: dict[str, Any]) -> None:
    draft = file.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        json.dump(known, handle, ensure_ascii=False)
    draft.replace(file)
