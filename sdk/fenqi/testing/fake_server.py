"""A fenqi in memory behind requests: the same JSON, keys, errors and events as the server, and no network."""

import json
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from fenqi.api.resources import Event, Payout
from fenqi.api.transport import SystemClock
from fenqi.client import Client
from fenqi.errors import InvalidArgument
from fenqi.finance.money import Money
from fenqi.finance.plan import Plan
from fenqi.testing.clock import ManualClock
from fenqi.testing.fake_answers import Answer
from fenqi.testing.fake_api import FakeApi
from fenqi.testing.fake_sales import FakeSales
from fenqi.testing.fake_settlement import payout_json
from fenqi.testing.signing import sign

if TYPE_CHECKING:
    from fenqi.testing.fake_tills import FakeTills

DEFAULT_PLANS = (
    Plan(id="p3", installments=3, method="equal_installments", annual_rate="0.12"),
    Plan(id="p12", installments=12, method="equal_installments", annual_rate="0.12"),
)


class FakeServer:
    """One merchant's fenqi in test mode. Time stands still until `clock` moves; every consumer is approved.

    Attributes: base_url, api_key, webhook_secret, clock, requests (each (method, path, Idempotency-Key) seen).
    """

    base_url = "https://fenqi.invalid"
    api_key = "sk_test_fake_server"
    webhook_secret = "whsec_ZmVucWktdGVzdGluZy1zZWNyZXQtMzItYnl0ZXMh"  # noqa: S105

    def __init__(
        self,
        *,
        plans: tuple[Plan, ...] = DEFAULT_PLANS,
        clock: ManualClock | None = None,
        place: str = "CN",
    ) -> None:
        """Begin with `plans`; `place` is where the merchant sells (ISO 3166-1 alpha-2), whose pack new plans need."""
        self.clock = clock or ManualClock()
        self.requests: list[tuple[str, str, str | None]] = []
        self._sales = FakeSales(plans={plan.id: plan for plan in plans}, base_url=self.base_url)
        self._api = FakeApi(self._sales, self.clock, self.api_key, place)
        self._tills: FakeTills | None = None
        self._faults: list[Callable[[Callable[[], Answer]], Answer]] = []

    def client(self, **options: Any) -> Client:
        """Return a Client that talks to this server; options as for Client."""
        return Client(
            **(
                {"api_key": self.api_key, "base_url": self.base_url}
                | options
                | {
                    "session": self.session(),
                    "clock": self.clock,
                }
            )
        )

    def session(self) -> requests.Session:
        """Return a requests session whose calls to base_url reach this server."""
        session = requests.Session()
        session.mount(self.base_url, _Adapter(self))
        return session

    def advance(self, checkout_id: str, *, to: str) -> None:
        """Play the consumer until the checkout has this status, with every event on the way.

        to: opened, deciding, offered, signing, authorized, captured, closed, or declined, referred, expired,
        cancelled. An automatic capture follows authorized at once. Raises InvalidArgument for an unknown
        checkout and TransitionNotAllowed for a way that does not exist.
        """
        checkout = self._sales.checkouts.get(checkout_id)
        if checkout is None:
            raise InvalidArgument("There is no such checkout.", field="checkout_id")
        self._sales.expire_due(self.clock.now())
        self._sales.advance(checkout, to, self.clock.now())

    def pay_installment(self, loan_id: str) -> None:
        """Play the bank: pay the loan's next installment. Raises InvalidArgument for an unknown loan."""
        loan = self._sales.loans.get(loan_id)
        if loan is None:
            raise InvalidArgument("There is no such loan.", field="loan_id")
        self._sales.pay_installment(loan, self.clock.now())

    def pay_order(self, order_id: str) -> None:
        """Play whoever scans a payment link and pays it at the bank's page.

        Raises InvalidArgument for an unknown order and TransitionNotAllowed for one that is paid or expired.
        """
        if order_id not in self._api.orders:
            raise InvalidArgument("There is no such payment order.", field="order_id")
        self._api.pay_order(order_id)

    def open_dispute(
        self,
        loan_id: str,
        *,
        reason: str = "not_received",
        statement: str = "It never came.",
        amount: Money | None = None,
    ) -> str:
        """Play the consumer who objects to a purchase, and return the dispute's id.

        Raises InvalidArgument for an unknown loan or reason, and when nothing is left to dispute.
        """
        loan = self._sales.loans.get(loan_id)
        if loan is None:
            raise InvalidArgument("There is no such loan.", field="loan_id")
        return self._api.disputes.open(loan, reason, statement, amount, self._api.business_now()).id

    def decide_dispute(self, dispute_id: str, outcome: str, *, ruling: str = "Decided by the test.") -> None:
        """Play the operator who decides a challenged dispute as won or lost by the merchant.

        Raises InvalidArgument for an unknown dispute and TransitionNotAllowed when it is not challenged.
        """
        dispute = self._api.disputes.disputes.get(dispute_id)
        if dispute is None:
            raise InvalidArgument("There is no such dispute.", field="dispute_id")
        self._api.disputes.decide(dispute, outcome, ruling, self._api.business_now())

    def pay_out(self) -> Payout:
        """Play the payout day: pay everything captured. Raises InvalidArgument when there is nothing."""
        return Payout.from_dict(payout_json(self._api.settlement.pay_out(self.clock.now())))

    def signed_event(
        self, event_type: str | None = None, *, secret: str | None = None, sent_at: datetime | None = None
    ) -> tuple[bytes, dict[str, str]]:
        """Return the newest event (of a type) as the bytes and headers that fenqi would post.

        Signed with `webhook_secret` and the machine's present time unless told otherwise, so that a receiver
        under test accepts it. Raises InvalidArgument when nothing of the kind has happened.
        """
        found = [raw for raw in self._sales.events if event_type in (None, raw["type"])]
        if not found:
            raise InvalidArgument(f"No event {event_type or ''} has happened yet.", field="event_type")
        body = json.dumps(found[-1], ensure_ascii=False, separators=(",", ":")).encode()
        when = sent_at or SystemClock().now()
        return body, sign(body, secret or self.webhook_secret, message_id=found[-1]["id"], sent_at=when)

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that happened, oldest first."""
        return tuple(Event.from_dict(raw) for raw in self._sales.events)

    @property
    def tills(self) -> "FakeTills":
        """Offline sales: grants for tills, phones that open their codes, receipts. Needs `fenqi[till]`."""
        if self._tills is None:
            from fenqi.testing.fake_tills import FakeTills

            self._tills = FakeTills(self._sales, self.clock, self.base_url)
        return self._tills

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """The text messages that `checkouts.send_link` sent: (phone, link), oldest first."""
        return tuple(self._sales.texts)

    def fail_next(
        self, status: int, *, code: str = "unavailable", retry_after_seconds: int | None = None
    ) -> None:
        """Answer the next request with a problem before it has any effect; call again for more."""
        headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
        self._faults.append(
            lambda _: self._api.problem(status, code, "Asked for by the test.", headers=headers)
        )

    def lose_next_answer(self) -> None:
        """Let the next request act, then break the connection: the caller cannot know that it acted."""

        def lose(act: Callable[[], Answer]) -> Answer:
            act()
            raise requests.exceptions.ConnectionError("the connection broke before the answer came")

        self._faults.append(lose)

    def _handle(self, request: requests.PreparedRequest) -> Answer:
        headers = CaseInsensitiveDict(request.headers)
        path = (request.path_url or "/").partition("?")[0]
        self.requests.append((request.method or "", path, headers.get("Idempotency-Key")))
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()

        def act() -> Answer:
            return self._api.handle(request.method or "", request.path_url or "/", headers, body)

        return self._faults.pop(0)(act) if self._faults else act()


class _Adapter(BaseAdapter):
    """Hands prepared requests to the fake server instead of a socket."""

    def __init__(self, server: FakeServer) -> None:
        super().__init__()
        self._server = server

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        answer = self._server._handle(request)
        response = requests.Response()
        response.status_code = answer.status
        date = format_datetime(self._server.clock.now(), usegmt=True)
        response.headers = CaseInsensitiveDict({"Date": date, **answer.headers})
        response.raw = BytesIO(answer.body)
        response.request = request
        response.url = request.url or ""
        response.encoding = "utf-8"
        return response

    def close(self) -> None:
        """Nothing is held open."""
