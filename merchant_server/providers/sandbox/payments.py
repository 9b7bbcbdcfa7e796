"""The sandbox bank's payments: a page of its own on which whoever opens it pays one amount, and a callback about it.

Rules and routes. The page is the only part of the sandbox without an API key: its address is the secret.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from fenqi.finance.money import Money
from flask import Blueprint, Response, redirect, render_template_string, request

from merchant_server.providers.sandbox.bank import milliseconds
from merchant_server.providers.sandbox.database import SandboxDatabase, Transaction
from merchant_server.providers.sandbox.door import (
    PAGES,
    Refused,
    amount_of,
    json_answer,
    json_body,
    reference_of,
    text_of,
)
from merchant_server.providers.sandbox.settings import SandboxSettings

_STYLE = (
    "body{font:17px/1.6 system-ui,sans-serif;margin:0;background:#f2f4f7;color:#14181f}"
    "main{max-width:26rem;margin:0 auto;padding:2rem 1.25rem}"
    "article{background:#fff;border-radius:16px;padding:1.5rem;border:1px solid #d5dae2}"
    "h1{font-size:1.15rem;margin:0 0 1rem}.sum{font-size:2rem;font-weight:700;margin:.5rem 0}"
    "p{margin:.5rem 0}.quiet{color:#4a5361;font-size:.95rem}"
    "button,a.button{display:block;width:100%;box-sizing:border-box;min-height:52px;margin-top:1.25rem;border:0;"
    "border-radius:12px;background:#1f4fbf;color:#fff;font:inherit;font-weight:600;text-align:center;"
    "line-height:52px;text-decoration:none}"
)
_POLICY = (
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)
_PAGE = (
    '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>沙盒银行 Sandbox Bank</title>'
    "<style>"
    + _STYLE
    + """</style></head><body><main><article>
<h1>沙盒银行 · Sandbox Bank</h1>
<p class="sum">{{ amount }}</p><p>{{ description }}</p>
{% if status == "paid" %}<p><strong>已付款 · Paid</strong></p>
{% elif status == "expired" %}<p><strong>已过期，未扣款 · This is over; nothing was taken</strong></p>
{% else %}<p class="quiet">测试页面，不会扣真实的钱。<br>A page for tests: no real money moves.</p>
<form method="post"><button>付款 · Pay</button></form>{% endif %}
{% if return_url and status != "pending" %}
<a class="button" href="{{ return_url }}" rel="noreferrer">返回 · Go back</a>{% endif %}
</article></main></body></html>"""
)


class SandboxPayments:
    """The bank's payments over its database."""

    def __init__(self, database: SandboxDatabase, settings: SandboxSettings) -> None:
        self._database, self._settings = database, settings

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take on a payment that somebody will make at its page, or return the one that this reference has."""
        reference = reference_of(body)
        text_of(body, "description")
        amount_minor, currency = amount_of(body, "amount")
        fingerprint = self._database.keyed_hash("payment", body)
        with self._database.transaction() as tx:
            row = tx.one("SELECT * FROM payments WHERE reference = :reference", reference=reference)
            if row is None:
                row = {
                    "reference": reference,
                    "fingerprint": fingerprint,
                    "token": self._database.keyed_hash("payment page", reference)[:40],
                    "amount_minor": amount_minor,
                    "currency": currency,
                    "description": body["description"],
                    "return_url": _web_address(body["return_url"]),
                    "expires_at_ms": milliseconds(_instant(body["expires_at"])),
                    "paid_at_ms": None,
                }
                tx.insert("payments", row)
        if row["fingerprint"] != fingerprint:
            raise Refused(409, "reference_conflict", "this reference was used with another body", "reference")
        return self._shown(row)

    def find(self, reference: str) -> dict[str, Any]:
        """Return what became of a payment."""
        with self._database.transaction() as tx:
            row = tx.one("SELECT * FROM payments WHERE reference = :reference", reference=reference)
        if row is None:
            raise Refused(404, "payment_unknown", "the bank took on no payment with this reference")
        return self._shown(row)

    def page(self, token: str) -> dict[str, Any]:
        """Return the payment that a page shows."""
        with self._database.transaction() as tx:
            return self._of_page(tx, token)

    def pay(self, token: str) -> dict[str, Any]:
        """Pay it, once; the callback about it is stored in the same commit."""
        now_ms = milliseconds(self._settings.clock.now())
        with self._database.transaction() as tx:
            row = self._of_page(tx, token)
            if self._status(row) == "pending":
                row["paid_at_ms"] = now_ms
                tx.run("UPDATE payments SET paid_at_ms = :now WHERE token = :token", now=now_ms, token=token)
                tx.insert("callbacks", self._callback(row))
        return row

    def _of_page(self, tx: Transaction, token: str) -> dict[str, Any]:
        row = tx.one("SELECT * FROM payments WHERE token = :token", token=token)
        if row is None:
            raise Refused(404, "payment_unknown", "there is no such payment page")
        return row

    def _status(self, row: dict[str, Any]) -> str:
        if row["paid_at_ms"] is not None:
            return "paid"
        over = row["expires_at_ms"] <= milliseconds(self._settings.clock.now())
        return "expired" if over else "pending"

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "reference": row["reference"],
            "status": self._status(row),
            "page": row["token"],
            "amount": {"minor": row["amount_minor"], "currency": row["currency"]},
        }

    def shown_on_page(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return what the page says."""
        return {
            "amount": str(Money(row["amount_minor"], row["currency"])),
            "description": row["description"],
            "status": self._status(row),
            "return_url": row["return_url"],
        }

    def _callback(self, row: dict[str, Any]) -> dict[str, Any]:
        body = payment_callback_body(
            self._settings.gateway_account,
            row["reference"],
            Money(row["amount_minor"], row["currency"]),
            datetime.fromtimestamp(row["paid_at_ms"] / 1000, UTC),
        )
        return {
            "event_id": f"bev_{self._database.keyed_hash('event', [row['reference'], 'paid'])[:24]}",
            "copy": 0,
            "kind": body["kind"],
            "reference": row["reference"],
            "body": json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
            "due_at_ms": row["paid_at_ms"],
            "state": "pending",
            "signature": "genuine",
            "age_seconds": 0,
        }


def payment_callback_body(
    gateway_account: str, reference: str, amount: Money, occurred_at: datetime
) -> dict[str, Any]:
    """Return what the bank tells of a payment that was made."""
    return {
        "gateway_account": gateway_account,
        "mode": "test",
        "kind": "payment.succeeded",
        "reference": reference,
        "mandate_reference": "",
        "status": "succeeded",
        "code": "",
        "amount": {"minor": amount.minor, "currency": amount.currency},
        "occurred_at": occurred_at.isoformat(),
    }


def payment_routes(payments: SandboxPayments, wake: Callable[[], None], public_url: str = "") -> Blueprint:
    """Return the routes under /bank/v1/payments, and the page; `wake` is called when a callback became due.

    The page's address begins with `public_url`, or with the address that was asked.
    """
    routes = Blueprint("payments", __name__)

    @routes.post("/bank/v1/payments")
    def create() -> Response:
        texts = dict.fromkeys(("reference", "description", "expires_at", "return_url"), str)
        shown = payments.create(json_body({**texts, "amount": dict}))
        return json_answer(201, _with_address(shown, public_url))

    @routes.get("/bank/v1/payments/<reference>")
    def find(reference: str) -> Response:
        return json_answer(200, _with_address(payments.find(reference), public_url))

    @routes.get(f"{PAGES}<token>")
    def page(token: str) -> Response:
        text = render_template_string(_PAGE, **payments.shown_on_page(payments.page(token)))
        response = Response(text, content_type="text/html; charset=utf-8")
        response.headers.update(
            {
                "content-security-policy": _POLICY,
                "referrer-policy": "no-referrer",
                "cache-control": "no-store",
                "x-content-type-options": "nosniff",
            }
        )
        return response

    @routes.post(f"{PAGES}<token>")
    def pay(token: str) -> Response:
        payments.pay(token)
        wake()
        return redirect(f"{PAGES}{token}", 303)  # type: ignore[return-value]

    return routes


def _with_address(shown: dict[str, Any], public_url: str) -> dict[str, Any]:
    token = shown.pop("page")
    return {**shown, "pay_url": f"{(public_url or request.host_url).rstrip('/')}{PAGES}{token}"}


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _no_instant() from None
    if instant.tzinfo is None:
        raise _no_instant()
    return instant


def _no_instant() -> Refused:
    return Refused(422, "expires_at_invalid", "use an ISO 8601 instant with its offset", "expires_at")


def _web_address(text: str) -> str:
    if (text and not text.startswith(("http://", "https://"))) or len(text) > 2000:
        raise Refused(422, "return_url_invalid", "use an http(s) address, or nothing", "return_url")
    return text
