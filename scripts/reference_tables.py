"""Tables of docs/reference, each made from the code that it describes. Writes nothing."""

import inspect
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

import click
from fenqi import errors as sdk
from fenqi.cli import main as fenqi_command
from fenqi.disclosure import pack_of
from fenqi.finance import errors as finance
from fenqi.finance.plan import DISCLOSURES
from fenqi.webhooks import TOLERANCE_SECONDS
from fenqi.wire.drafts import METADATA_MAX, PLAN_IDS_MAX
from werkzeug.routing import Rule

from merchant_server.app import create_app, install
from merchant_server.cli import main as server_command
from merchant_server.domain import (
    agreement,
    checkout,
    code,
    complaint,
    deduction,
    dispute,
    event,
    installment,
    loan,
    payment_order,
    payout,
    refund,
    relief_proposal,
    review,
    transfer,
)
from merchant_server.domain.code_limits import LIMITS
from merchant_server.domain.machine import Machine
from merchant_server.domain.refusal import REFUSALS
from merchant_server.services.operation.idempotency import KEPT_DAYS
from merchant_server.services.operation.webhooks import ENDPOINTS_MAX, REPLAY_MAX
from merchant_server.settings import Settings
from merchant_server.web.api.streaming import STREAMS_MAX
from merchant_server.web.bodies import BODY_BYTES_MAX, KEY_LENGTH_MAX
from scripts.error_codes import raised

MACHINES: tuple[Machine[Any], ...] = (
    checkout.MACHINE,
    loan.LOAN_MACHINE,
    installment.INSTALLMENT_MACHINE,
    deduction.MANDATE_MACHINE,
    deduction.DEDUCTION_MACHINE,
    payment_order.PAYMENT_ORDER_MACHINE,
    relief_proposal.PROPOSAL_MACHINE,
    agreement.AGREEMENT_MACHINE,
    agreement.TIMESTAMP_MACHINE,
    event.DELIVERY_MACHINE,
    refund.REFUND_MACHINE,
    dispute.DISPUTE_MACHINE,
    review.REVIEW_MACHINE,
    complaint.COMPLAINT_MACHINE,
    payout.PAYOUT_MACHINE,
    transfer.TRANSFER_MACHINE,
)


# Views that are made inside a function and so have no docstring of their own.
UNSPOKEN = {
    "GET /assets/{filename}": "Serve the pages' own style, script and pictures.",
    "GET /desk": "Show the sandbox desk: messages, bank, clock, events, books.",
    "GET /desk/panels": "Return the desk's panels, for a page that is open.",
    "POST /desk/clock": "Turn a merchant's test clock forwards.",
    "POST /desk/faults": "Turn a fault of the sandbox bank on or off.",
    "POST /desk/callbacks/{event_id}": "Let the sandbox bank send a callback again.",
    "GET /docs": "Show the reference of `/v1` as a page, drawn from its own description.",
    "GET /docs/errors": "Show every error code as a page.",
    "GET /healthz": "Say that the process answers.",
    "GET /metrics": "Return figures for Prometheus; shown only with its token.",
    "GET /readyz": "Say that the database can serve; 503 when it cannot.",
    "GET /v1/openapi.json": "Return the OpenAPI 3.1 document.",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a bar inside a cell is escaped."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").strip() for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def settings() -> str:
    """Every FENQI_* of the server."""
    rows = (
        (
            f"`FENQI_{each.name.upper()}`",
            f"`{each.default}`" if each.default else "(empty)",
            each.metadata["help"],
        )
        for each in fields(Settings)
    )
    return table(("variable", "default", "what it is"), rows)


def states() -> str:
    """Every state machine as a picture and a table."""
    return "\n\n".join(_machine(each) for each in MACHINES)


def _machine(machine: Machine[Any]) -> str:
    order = list(type(machine.start))
    lines = [f"    [*] --> {machine.start}"]
    lines += [f"    {state} --> {to}" for state in order for to in order if to in machine.moves[state]]
    lines += [f"    {state} --> [*]" for state in order if machine.is_final(state)]
    rows = (
        (f"`{state}`", ", ".join(f"`{to}`" for to in order if to in machine.moves[state]) or "final")
        for state in order
    )
    picture = "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```"
    return f"## {machine.noun.capitalize()}\n\n{picture}\n\n" + table(("from", "to"), rows)


def errors() -> str:
    """Every code that the server answers with; the wordings of one code share a row."""
    grouped: dict[str, list[Any]] = {}
    for each in raised():
        grouped.setdefault(each.code, []).append(each)
    rows = (
        (
            f"`{name}`",
            _joined((each.status for each in places), ", "),
            _joined(
                (f"`{each.field}`" for each in places if each.field.strip("…") and " " not in each.field),
                ", ",
            ),
            _joined((each.message for each in places), "; "),
            _joined((each.hint for each in places), "; "),
        )
        for name, places in grouped.items()
    )
    return table(("code", "status", "field", "what happened", "what to do"), rows)


def registry() -> list[dict[str, Any]]:
    """Every code that the server answers with, as data for a page."""
    grouped: dict[str, list[Any]] = {}
    for each in raised():
        grouped.setdefault(each.code, []).append(each)
    return [
        {
            "code": name,
            "statuses": sorted({each.status for each in places}),
            "messages": _distinct(each.message for each in places),
            "hints": _distinct(each.hint for each in places),
        }
        for name, places in grouped.items()
    ]


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text.strip("…")))


def _joined(texts: Iterable[str], separator: str) -> str:
    return separator.join(_distinct(texts))


def reasons() -> str:
    """Every reason of a decision, in both languages."""
    rows = (
        (
            f"`{r.code}`",
            r.kind.value,
            "yes" if r.leak else "no: `general` is shown",
            r.text_zh,
            r.text_en,
            r.change_en,
        )
        for r in REFUSALS.values()
    )
    return table(("code", "kind", "told to the person", "zh-CN", "en", "what would change it"), rows)


def sdk_errors() -> str:
    """The SDK's error classes with their default codes."""
    return table(("class", "under", "code", "meaning"), _classes(sdk, sdk.FenqiError, "default_code"))


def finance_errors() -> str:
    """The arithmetic's error classes."""
    return table(("class", "under", "code", "meaning"), _classes(finance, finance.FinanceError, "code"))


def _classes(module: Any, base: type[Exception], code_name: str) -> Iterator[tuple[str, str, str, str]]:
    for kind in vars(module).values():
        if inspect.isclass(kind) and issubclass(kind, base):
            above = "" if kind is base else f"`{kind.__bases__[0].__name__}`"
            text = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
            yield f"`{kind.__name__}`", above, f"`{getattr(kind, code_name)}`", text


def delivery_retries() -> str:
    """When a webhook that failed is sent again."""
    passed, rows = 0, []
    for attempt, seconds in enumerate(event.RETRY_SECONDS, 2):
        passed += seconds
        rows.append((str(attempt), _span(seconds), _span(passed)))
    return table(("try", "after the one before", "since the first"), rows)


def _span(seconds: int) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return (
                f"{seconds / length:g} {unit}" if seconds % length == 0 else f"{seconds / length:.1f} {unit}"
            )
    return f"{seconds} s"


def deduction_retries() -> str:
    """When a deduction that failed is tried again, and for which codes."""
    rows = (
        (str(attempt), f"{deduction.retry_after_days(attempt, 'bank_busy')} days later")
        if deduction.retry_after_days(attempt, "bank_busy") != 1
        else (str(attempt), "1 day later")
        for attempt in range(1, deduction.ATTEMPTS_MAX)
    )
    codes = ", ".join(f"`{each}`" for each in sorted(deduction.RETRYABLE_CODES))
    return (
        f"Tried again: {codes}. At most {deduction.ATTEMPTS_MAX} attempts for one installment.\n\n"
        + table(("failed attempt", "next attempt"), rows)
    )


def limits() -> str:
    """Numbers that callers meet."""
    seconds = (
        checkout.EXPIRES_IN_SECONDS_MIN,
        checkout.EXPIRES_IN_SECONDS_MAX,
        checkout.EXPIRES_IN_SECONDS_DEFAULT,
    )
    reading = ", ".join(f"{pack_of(name).reading_seconds} s by {name}" for name in DISCLOSURES)
    return table(
        ("limit", "value"),
        (
            ("body", f"{BODY_BYTES_MAX // 1024} kB"),
            ("`Idempotency-Key`", f"1 to {KEY_LENGTH_MAX} visible ASCII characters"),
            ("`expires_in_seconds`", f"{seconds[0]} to {seconds[1]}, default {seconds[2]}"),
            ("`plan_ids` in one checkout", f"1 to {PLAN_IDS_MAX}"),
            ("`metadata` entries", str(METADATA_MAX)),
            ("requests of a key in a second, per server process", f"{Settings().rate_per_second}, settable"),
            ("a kept answer under an `Idempotency-Key`", f"{KEPT_DAYS} days; for ever where money moved"),
            ("webhook endpoints of a merchant", str(ENDPOINTS_MAX)),
            ("events queued by one bulk replay", str(REPLAY_MAX)),
            ("live streams of a server process", str(STREAMS_MAX)),
            ("age of a webhook that `verify` accepts", f"{TOLERANCE_SECONDS} s either way"),
            ("one-time code", f"{code.DIGITS} digits, {code.LIFE_SECONDS} s, {code.TRIES_MAX} tries"),
            *((f"codes for one {limit.subject} in {limit.seconds} s", str(limit.sends)) for limit in LIMITS),
            ("time that an agreement must be shown", reading),
        ),
    )


def commands() -> str:
    """Every command with its options."""
    found = (*_commands("fenqi", fenqi_command), *_commands("fenqi-server", server_command))
    return table(("command", "what it does", "options"), found)


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, str, str]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _commands(f"{path} {name}", inner)
        return
    options = [each for each in command.params if isinstance(each, click.Option)]
    positional = " ".join(
        each.make_metavar(click.Context(command)) for each in command.params if each not in options
    )
    shown = ", ".join(f"`{each.opts[0]}`" for each in options)
    yield f"`{path} {positional}".rstrip() + "`", (command.help or "").split("\n")[0], shown


def routes(kind: str) -> str:
    """Every route of the server; `kind` is api for /v1, other for the rest."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = Settings(database_url=f"sqlite:///{folder}/fenqi.sqlite", state_folder=f"{folder}/state")
        installation = install(chosen)
        app = create_app(installation)
        rows = sorted(
            (_path(rule), method, _scope(view), _says(f"{method} {_path(rule)}", view))
            for rule in app.url_map.iter_rules()
            if _path(rule).startswith("/v1/") == (kind == "api")
            for view in [inspect.unwrap(app.view_functions[rule.endpoint])]
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        )
        installation.engine.close()
    if kind == "api":
        return table(
            ("route", "scope", "what it does"),
            ((f"`{m} {path}`", scope, says) for path, m, scope, says in rows),
        )
    return table(("route", "what it does"), ((f"`{method} {path}`", says) for path, method, _, says in rows))


def _path(rule: Rule) -> str:
    return rule.rule.replace("<", "{").replace(">", "}").replace("{path:", "{")


def _scope(view: Any) -> str:
    """Return the scopes of which a view asks the caller's key for one."""
    asked = re.search(r'\bcaller\(("\w+"(?:, "\w+")*)\)', inspect.getsource(view))
    return " or ".join(f"`{each}`" for each in re.findall(r"\w+", asked[1])) if asked else "none"


def _says(route: str, view: Any) -> str:
    text = inspect.getdoc(view) or ""
    return UNSPOKEN.get(route) or text.split("\n")[0]
