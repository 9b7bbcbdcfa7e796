"""The client of the /v1 API. Builds requests and reads answers; all rules and amounts are the server's."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self

import requests

from fenqi.api.checkouts import Checkouts
from fenqi.api.clocks import TestClocks
from fenqi.api.disputes import Disputes
from fenqi.api.events import Events
from fenqi.api.intent import checked_money, fresh_key, intent_key, path_id
from fenqi.api.keys import Keys
from fenqi.api.pages import Page, checked_limit
from fenqi.api.places import Stores, Tills
from fenqi.api.prices import Offers
from fenqi.api.refunds import Refund, RefundPreview, Refunds
from fenqi.api.repaying import PaymentOrder, SettlementQuote
from fenqi.api.resources import Loan, TestClock, plan_from_dict
from fenqi.api.settlement import Payouts, Statements
from fenqi.api.transport import Clock, SystemClock, Timeout, Transport
from fenqi.api.webhook_endpoints import Deliveries, WebhookEndpoints
from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan

TIMEOUT: Timeout = (3.05, 20)
MAX_RETRIES = 2
DEFAULT_BASE_URL = "http://127.0.0.1:8010"


class Client:
    """A connection to fenqi under one API key; make one per process and share it between threads.

    api_key and base_url fall back to FENQI_API_KEY and FENQI_BASE_URL. timeout: (connect, read) seconds.
    max_retries: further tries after a lost connection, 429, 502, 503, 504 or an operation still in progress;
    all tries carry one Idempotency-Key. session: your own requests.Session, for proxies or certificates.
    Attributes: checkouts, offers, plans, loans, refunds, disputes, payouts, statements, events, webhook_endpoints,
    deliveries, stores, tills, keys, test_clocks, test_clock. Raises ConfigError.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Timeout = TIMEOUT,
        max_retries: int = MAX_RETRIES,
        session: requests.Session | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._transport = Transport(
            api_key=api_key if api_key is not None else os.environ.get("FENQI_API_KEY", ""),
            base_url=base_url if base_url is not None else os.environ.get("FENQI_BASE_URL", DEFAULT_BASE_URL),
            timeout=timeout,
            max_retries=max_retries,
            session=session,
            clock=clock or SystemClock(),
        )
        self.checkouts = Checkouts(self._transport)
        self.offers = Offers(self._transport)
        self.plans = Plans(self._transport)
        self.loans = Loans(self._transport)
        self.refunds = Refunds(self._transport)
        self.disputes = Disputes(self._transport)
        self.events = Events(self._transport)
        self.webhook_endpoints = WebhookEndpoints(self._transport)
        self.deliveries = Deliveries(self._transport)
        self.stores = Stores(self._transport)
        self.tills = Tills(self._transport)
        self.keys = Keys(self._transport)
        self.payouts = Payouts(self._transport)
        self.statements = Statements(self._transport)
        self.test_clocks = TestClocks(self._transport)
        self.test_clock = TurnedClock(self._transport)

    @property
    def base_url(self) -> str:
        """The server's address, without /v1."""
        return self._transport.base_url

    def server_time(self) -> datetime | None:
        """Make one small authenticated call and return the server's time (to the second), None if it sent none.

        Raises AuthenticationError, TransportError or NotFenqi: the quickest way to see that a client works.
        """
        sent = self._transport.call("GET", "/v1/events", query={"limit": 1}).server_date
        try:
            return None if sent is None else parsedate_to_datetime(sent).astimezone(UTC)
        except ValueError:
            return None

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"


class Plans:
    """Plans, as `fenqi.Plan`, that the merchant offers."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(self, plan: Plan, *, idempotency_key: str | None = None) -> Plan:
        """Add a plan under its own id; the same plan twice is one. Raises ConflictError for a taken id."""
        if not isinstance(plan, Plan):
            raise InvalidArgument(f"Expected fenqi.Plan, got {type(plan).__name__}.", field="plan")
        body = plan.to_dict()
        key = idempotency_key or intent_key("POST", "/v1/plans", body)
        return plan_from_dict(self._transport.call("POST", "/v1/plans", body=body, idempotency_key=key).body)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Page[Plan]:
        """Return the active plans; iterating the page goes on through all later pages."""
        query = {"limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, "/v1/plans", query, plan_from_dict)


class Loans:
    """Loans that signed checkouts became."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def retrieve(self, loan_id: str) -> Loan:
        """Return a loan with its schedule as it stands now. Raises NotFoundError."""
        return Loan.from_dict(self._transport.call("GET", f"/v1/loans/{path_id(loan_id, 'loan_id')}").body)

    def list(
        self, *, checkout_id: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Page[Loan]:
        """Return loans, newest first; iterating the page goes on through all later pages."""
        query = {"checkout_id": checkout_id, "limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, "/v1/loans", query, Loan.from_dict)

    def refund_preview(
        self,
        loan_id: str,
        *,
        amount: Money | None = None,
        lines: Mapping[str, int | None] | None = None,
        strategy: str = "recompute",
        idempotency_key: str | None = None,
    ) -> RefundPreview:
        """Show what taking goods worth `amount`, or `lines`, back would do; nothing changes.

        lines: how many pieces of each line of the checkout, None for all that are left of it.
        strategy: last_first, next_first, equal, shorter, recompute (the same number, each lower) or full_settlement.
        Raises InvalidRequestError.
        """
        path = f"/v1/loans/{path_id(loan_id, 'loan_id')}/refund_previews"
        body = _goods(amount, lines) | {"strategy": strategy}
        return RefundPreview.from_dict(
            self._transport.call("POST", path, body=body, idempotency_key=idempotency_key or fresh_key()).body
        )

    def settlement_quote(self, loan_id: str, *, idempotency_key: str | None = None) -> SettlementQuote:
        """Return what settles a loan today; it holds until `expires_at`, and nothing is paid by it.

        For a service desk: the consumer confirms and pays it on their own page. Raises InvalidRequestError.
        """
        path = f"/v1/loans/{path_id(loan_id, 'loan_id')}/settlement_quote"
        key = idempotency_key or fresh_key()
        return SettlementQuote.from_dict(
            self._transport.call("POST", path, body={}, idempotency_key=key).body
        )

    def pay_link(
        self,
        loan_id: str,
        *,
        amount: Money | None = None,
        expires_in_seconds: int | None = None,
        idempotency_key: str | None = None,
    ) -> PaymentOrder:
        """Return a link by which anybody pays a part of a loan at the bank's own page; show `url` as a QR code.

        Left out, the amount is what is due, or the next installment. Raises InvalidRequestError, NotFoundError.
        """
        path = f"/v1/loans/{path_id(loan_id, 'loan_id')}/payment_orders"
        given = {
            "amount": None if amount is None else checked_money(amount).to_dict(),
            "expires_in_seconds": expires_in_seconds,
        }
        body = {name: value for name, value in given.items() if value is not None}
        key = idempotency_key or fresh_key()
        return PaymentOrder.from_dict(self._transport.call("POST", path, body=body, idempotency_key=key).body)

    def payment_order(self, loan_id: str, order_id: str) -> PaymentOrder:
        """Return what became of a link. Raises NotFoundError."""
        path = f"/v1/loans/{path_id(loan_id, 'loan_id')}/payment_orders/{path_id(order_id, 'order_id')}"
        return PaymentOrder.from_dict(self._transport.call("GET", path).body)

    def refund(
        self,
        loan_id: str | None = None,
        *,
        preview: RefundPreview | str | None = None,
        amount: Money | None = None,
        lines: Mapping[str, int | None] | None = None,
        strategy: str = "recompute",
        reference: str = "",
        idempotency_key: str | None = None,
    ) -> Refund:
        """Take goods back: commit a preview, or refund a loan by an amount or by lines at once.

        The automatic key comes from the preview, or from loan, goods and your `reference`, so calling twice
        refunds once; without a reference every call is another refund. Raises InvalidRequestError, ConflictError.
        """
        if (preview is None) == (loan_id is None):
            raise InvalidArgument("Give a preview, or a loan_id and an amount.", field="preview")
        if preview is not None:
            named = preview.id if isinstance(preview, RefundPreview) else preview
            body: dict[str, Any] = {"preview_id": path_id(named, "preview"), "reference": reference}
            key = idempotency_key or intent_key("POST", "/v1/refunds", named)
        else:
            body = _goods(amount, lines)
            body |= {"loan_id": loan_id, "strategy": strategy, "reference": reference}
            meant = intent_key("POST", "/v1/refunds", body) if reference else None
            key = idempotency_key or meant or fresh_key()
        return Refund.from_dict(
            self._transport.call("POST", "/v1/refunds", body=body, idempotency_key=key).body
        )


def _goods(amount: Money | None, lines: Mapping[str, int | None] | None) -> dict[str, Any]:
    """Return what comes back as the body names it. Raises InvalidArgument for neither an amount nor lines."""
    body: dict[str, Any] = {}
    if amount is not None or not lines:
        body["amount"] = checked_money(amount).to_dict()
    if lines:
        body["lines"] = [{"id": name, "quantity": quantity} for name, quantity in lines.items()]
    return body


class TurnedClock:
    """The merchant's clock in test mode, turned at once; `test_clocks` goes day by day instead."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def retrieve(self) -> TestClock:
        """Return the test clock."""
        return TestClock.from_dict(self._transport.call("GET", "/v1/test_clock").body)

    def advance(
        self,
        *,
        months: int | None = None,
        days: int | None = None,
        seconds: int | None = None,
        idempotency_key: str | None = None,
    ) -> TestClock:
        """Turn the clock forwards by exactly one of months, days and seconds. Every call turns it again."""
        steps = {"months": months, "days": days, "seconds": seconds}
        body = {unit: count for unit, count in steps.items() if count is not None}
        if len(body) != 1:
            raise InvalidArgument("Give exactly one of months, days and seconds.", field="months")
        key = idempotency_key or fresh_key()
        return TestClock.from_dict(
            self._transport.call("POST", "/v1/test_clock/advance", body=body, idempotency_key=key).body
        )
