"""`fenqi-server`: migrate, seed, serve, work and check an installation."""

import json
import signal
import sys
import threading
from typing import Any

import click
from fenqi import __version__

from merchant_server.app import install
from merchant_server.commands import api_keys as api_key_commands
from merchant_server.commands import audit as audit_commands
from merchant_server.commands import collect as collect_commands
from merchant_server.commands import databases as database_commands
from merchant_server.commands import dispute as dispute_commands
from merchant_server.commands import events as event_commands
from merchant_server.commands import export as export_commands
from merchant_server.commands import installation as _installation
from merchant_server.commands import keys as key_commands
from merchant_server.commands import loan as loan_commands
from merchant_server.commands import policy as policy_commands
from merchant_server.commands import readable as _readable
from merchant_server.commands import reconcile as reconcile_commands
from merchant_server.commands import review as review_commands
from merchant_server.commands import risk as risk_commands
from merchant_server.commands import settlement as settlement_commands
from merchant_server.commands import signing as signing_commands
from merchant_server.commands import till as till_commands
from merchant_server.settings import Settings


@click.group()
@click.version_option(__version__, prog_name="fenqi-server")
def main() -> None:
    """Run a fenqi installation. Settings come from FENQI_* in the environment; see docs/reference/settings.md."""


@main.command()
@_readable
def migrate() -> None:
    """Bring the database to this code's schema."""
    done = _installation().engine.migrate()
    click.echo(f"applied {len(done)}: {', '.join(done)}" if done else "nothing to apply")


@main.command()
@_readable
def run() -> None:
    """Serve HTTP until told to stop."""
    from merchant_server.serving import serve

    settings = Settings.from_env()
    install(settings).require_ready()
    serve(
        "merchant_server.serving:application_on_a_core",
        settings.host,
        int(settings.port),
        int(settings.threads),
        int(settings.processes),
    )


@main.command()
@_readable
def worker() -> None:
    """Deliver events, collect installments and tidy up until told to stop."""
    from merchant_server import logs
    from merchant_server.worker import work

    installation = _installation()
    installation.require_ready()
    installation.require_reconciled()
    logs.set_up(installation.settings.log_format)
    stop = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    work(installation.deps, stop)


main.add_command(collect_commands.collect)


@main.command()
@_readable
def sandbox() -> None:
    """Serve the sandbox of bank, identity check, bureau and SMS gateway until told to stop."""
    from merchant_server.providers.sandbox.app import serve

    installation = _installation()
    settings = installation.settings
    serve(
        settings.sandbox_host,
        int(settings.sandbox_port),
        settings.sandbox_database,
        installation.keys.sandbox_api,
        f"{settings.callback_url or settings.public_url}/callbacks/bank",
        str(installation.sandbox_key_file),
        public_url=settings.sandbox_public_url,
    )


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@_readable
def doctor(as_json: bool) -> None:
    """Read the laws of the house and the audit log's state; exit code 1 when something is wrong."""
    from merchant_server.services.operation.doctor import check

    installation = _installation()
    installation.require_schema()
    checkup = check(installation.deps)
    clock_apart_seconds = installation.clock_apart_seconds()
    if as_json:
        click.echo(
            json.dumps(
                {
                    "healthy": checkup.healthy,
                    "breaches": [
                        {"law": b.law, "subject": b.subject, "detail": b.detail} for b in checkup.breaches
                    ],
                    "balances": {account: money.to_dict() for account, money in checkup.balances},
                    "pending_deliveries": checkup.pending_deliveries,
                    "clock_apart_seconds": round(clock_apart_seconds, 3),
                    "audit_log": {
                        "altered": checkup.audit_alarm.detail if checkup.audit_alarm else None,
                        "waiting": checkup.audit_waiting,
                        "behind_seconds": checkup.audit_behind_seconds,
                    },
                },
                ensure_ascii=False,
            )
        )
    else:
        for breach in checkup.breaches:
            click.echo(f"BROKEN  {breach.law}: {breach.subject} ({breach.detail})")
        for account, money in checkup.balances:
            if not account.startswith("loan:"):
                click.echo(f"{money!s:>24}  {account}")
        if checkup.audit_alarm:
            click.echo(
                f"ALTERED {checkup.audit_alarm.detail}, found {checkup.audit_alarm.found_at:%Y-%m-%d %H:%M}"
            )
        if checkup.audit_is_behind:
            click.echo(
                f"BEHIND  acts wait {checkup.audit_behind_seconds} s for the audit log: does a worker run?"
            )
        click.echo(f"{len(checkup.breaches)} breaches" if checkup.breaches else "balanced: every law holds")
        click.echo(f"{checkup.pending_deliveries} deliveries pending")
        click.echo(f"{clock_apart_seconds:+.3f} s between this clock and the database's")
    sys.exit(0 if checkup.healthy else 1)


@main.group()
def merchant() -> None:
    """Set up merchants."""


@merchant.command("create")
@click.option("--name", required=True)
@click.option("--legal-name", default=None)
@click.option("--category", default="electronics", show_default=True)
@click.option("--currency", default="CNY", show_default=True)
@click.option("--time-zone", default="Asia/Shanghai", show_default=True)
@click.option(
    "--place",
    default=None,
    help="Where it sells, such as CN (ISO 3166-1); by default the currency's country.",
)
@click.option("--fee-bps", default=60, show_default=True, help="What the merchant pays, in basis points.")
@click.option(
    "--payout-account",
    default="sandbox_9001",
    show_default=True,
    help="Where the merchant is paid; empty for none yet.",
)
@click.option("--store", "stores", multiple=True, help="A store's name; repeat for more. Each gets a till.")
@_readable
def create(
    name: str, legal_name: str | None, stores: tuple[str, ...], payout_account: str, **more: Any
) -> None:
    """Make a merchant with stores, tills and a test key; print them as JSON, the key for the only time."""
    from merchant_server.services.operation import merchants
    from merchant_server.services.settlement.terms import set_terms

    deps = _installation().deps
    made = merchants.create_merchant(deps, name=name, legal_name=legal_name or name, **more)
    set_terms(deps, made.id, payout_account=payout_account or None)
    places = []
    for store_name in stores:
        store = merchants.create_store(deps, made.id, store_name)
        till = merchants.create_till(deps, made.id, store.id, f"{store_name} 1")
        places.append({"id": store.id, "name": store.name, "till": {"id": till.id, "name": till.name}})
    key = merchants.create_key(deps, made.id)
    click.echo(
        json.dumps({"merchant_id": made.id, "api_key": key.secret, "stores": places}, ensure_ascii=False)
    )


@main.command()
@_readable
def settings() -> None:
    """List every setting with its value and meaning."""
    from dataclasses import fields

    current = Settings.from_env()

    def shown(name: str) -> str:
        value = str(getattr(current, name))
        return "(set)" if name.endswith("_token") and value else value

    for each in fields(current):
        click.echo(f"FENQI_{each.name.upper():<18} {shown(each.name):<28} {each.metadata['help']}")


main.add_command(api_key_commands.key)
main.add_command(event_commands.events)
main.add_command(export_commands.export)
main.add_command(reconcile_commands.reconcile)
main.add_command(reconcile_commands.bank_file)
main.add_command(settlement_commands.settlement)
main.add_command(settlement_commands.lender)
main.add_command(settlement_commands.statement)
main.add_command(audit_commands.audit)
main.add_command(audit_commands.evidence)
main.add_command(dispute_commands.dispute)
main.add_command(database_commands.copy)
main.add_command(database_commands.backup)
main.add_command(database_commands.restore)
main.add_command(key_commands.keys)
main.add_command(loan_commands.loan)
main.add_command(signing_commands.signing)
main.add_command(policy_commands.policy)
main.add_command(review_commands.review)
main.add_command(review_commands.block)
main.add_command(risk_commands.risk)
main.add_command(till_commands.till)
