"""The fake server's HTTP: keys, idempotency, schemas, problems and routes of /v1. Opens no socket."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from marshmallow import ValidationError

from fenqi.disclosure import DisclosureError, require_pack
from fenqi.durations import Duration
from fenqi.errors import InvalidArgument, JsonRefused
from fenqi.ids import REQUEST
from fenqi.testing.clock import ManualClock
from fenqi.testing.fake_answers import TITLES, Answer, Refused, checked_phone, json_bytes, page
from fenqi.testing.fake_dispute_api import DISPUTE_ROUTES, DisputeHandlers
from fenqi.testing.fake_disputes import FakeDisputes
from fenqi.testing.fake_feed import FakeFeed
from fenqi.testing.fake_json import checkout_json, loan_json
from fenqi.testing.fake_records import FakeCheckout, FakeLoan
from fenqi.testing.fake_refund_api import REFUND_ROUTES, RefundHandlers
from fenqi.testing.fake_refunds import FakeRefunds, RefundRefused
from fenqi.testing.fake_repaying_api import REPAYING_ROUTES, RepayingHandlers
from fenqi.testing.fake_sales import FakeSales, TransitionNotAllowed
from fenqi.testing.fake_settlement import FakeSettlement
from fenqi.testing.fake_settlement_api import ROUTES
from fenqi.testing.fake_setup import SETUP_ROUTES, FakeSetup
from fenqi.wire import (
    CancelSchema,
    CaptureSchema,
    CheckoutDraftSchema,
    CheckoutQuerySchema,
    LoanQuerySchema,
    OfferQuerySchema,
    PageQuerySchema,
    PlanDraftSchema,
    PlanSchema,
    SendLinkSchema,
    TestClockAdvanceSchema,
    first_error,
    strict_json,
)

_KEY = re.compile(r"[!-~]{1,255}")


class FakeApi(RefundHandlers, RepayingHandlers, DisputeHandlers):
    """Answers requests out of a FakeSales."""

    def __init__(self, sales: FakeSales, clock: ManualClock, api_key: str, place: str) -> None:
        self._sales, self._clock, self._api_key, self._place = sales, clock, api_key, place
        self.settlement = FakeSettlement(sales)
        self._done: dict[str, tuple[tuple[str, str, bytes], Answer]] = {}
        self._setup = FakeSetup(sales.new_id, clock.now)
        self._feed = FakeFeed(sales, clock)
        self._requests = 0
        self._refunds, self.quotes, self.orders = FakeRefunds(sales), {}, {}
        self.disputes = FakeDisputes(sales, self._refunds)

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one request; whatever is wrong with it comes back as a problem."""
        path, _, query_text = target.partition("?")
        self._sales.expire_due(self._clock.now())
        self.disputes.lapse(self.business_now())
        try:
            if headers.get("Authorization") != f"Bearer {self._api_key}":
                raise Refused(401, "key_invalid", "The API key is not known.")
            if method != "POST":
                return self._route(method, path, dict(parse_qsl(query_text, keep_blank_values=True)), body)
            return self._once(headers.get("Idempotency-Key"), path, body)
        except Refused as refused:
            return self.problem(refused.status, refused.code, refused.detail, refused.at)
        except JsonRefused as refused:
            return self.problem(400, "body_malformed", refused.message)
        except ValidationError as error:
            first = first_error(error.messages)
            if method == "GET" and first.code == "field_unknown":
                return self.problem(400, "filter_unknown", "There is no such filter here.", first.field)
            status = 400 if first.code == "body_malformed" else 422
            return self.problem(status, first.code, first.detail, first.field)
        except RefundRefused as refused:
            return self.problem(422, refused.code, refused.message, refused.at)
        except TransitionNotAllowed as refused:
            return self.problem(409, refused.code, refused.message)
        except InvalidArgument as refused:
            return self.problem(422, "field_invalid", refused.message, refused.field)

    def problem(
        self,
        status: int,
        code: str,
        detail: str,
        at: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a problem+json answer (RFC 9457)."""
        request_id = self._request_id()
        body = {
            "type": f"https://fenqi.dev/errors/{code}",
            "title": TITLES.get(status, "Refused"),
            "status": status,
            "detail": detail,
            "code": code,
            "field": at,
            "hint": f"See https://fenqi.dev/errors/{code}",
            "request_id": request_id,
        }
        base = {"Content-Type": "application/problem+json", "Request-Id": request_id}
        return Answer(status, json_bytes(body), base | dict(headers or {}))

    def _once(self, key: str | None, path: str, body: bytes) -> Answer:
        if key is None:
            raise Refused(400, "idempotency_key_missing", "Send an Idempotency-Key with every POST.")
        if not _KEY.fullmatch(key):
            raise Refused(400, "idempotency_key_invalid", "A key is 1 to 255 visible ASCII characters.")
        fingerprint = ("POST", path, body)
        if key in self._done:
            before, answer = self._done[key]
            if before != fingerprint:
                raise Refused(422, "idempotency_mismatch", "This key was used for another request.")
            return Answer(answer.status, answer.body, dict(answer.headers) | {"Idempotency-Replayed": "true"})
        answer = self._route("POST", path, {}, body)
        self._done[key] = (fingerprint, answer)
        return answer

    def _route(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        found = False
        for pattern, methods in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method in methods:
                return methods[method](self, query, body, *match.groups())
            found = found or match is not None
        for verb, pattern, answer in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                shown = answer(self.settlement, self._clock.now(), query, body, *match.groups())
                if shown is None:
                    raise Refused(404, "not_found", "There is no such thing.")
                return self._json(200, shown)
            found = found or match is not None
        if found:
            raise Refused(405, "method_not_allowed", f"{method} is not allowed here.")
        raise Refused(404, "not_found", "There is no such path.")

    def _json(self, status: int, body: Mapping[str, Any]) -> Answer:
        headers = {"Content-Type": "application/json", "Request-Id": self._request_id()}
        return Answer(status, json_bytes(body), headers)

    def _request_id(self) -> str:
        return self._sales.new_id(REQUEST, self._clock.now())

    def _checkout(self, checkout_id: str) -> FakeCheckout:
        if checkout_id not in self._sales.checkouts:
            raise Refused(404, "not_found", "There is no such checkout.")
        return self._sales.checkouts[checkout_id]

    def create_checkout(self, _: dict[str, str], body: bytes) -> Answer:
        draft = CheckoutDraftSchema().load(strict_json(body))
        return self._json(201, checkout_json(self._sales.create(draft, self._clock.now())))

    def list_checkouts(self, query: dict[str, str], _: bytes) -> Answer:
        wanted = CheckoutQuerySchema().load(query)
        rows = [
            checkout_json(checkout)
            for checkout in reversed(self._sales.checkouts.values())
            if wanted["status"] in (None, checkout.status)
            and wanted["reference"] in (None, checkout.draft["reference"])
        ]
        return self._json(200, page(rows, wanted["limit"], wanted["cursor"]))

    def retrieve_checkout(self, _: dict[str, str], __: bytes, checkout_id: str) -> Answer:
        return self._json(200, checkout_json(self._checkout(checkout_id)))

    def stream_checkout(self, _: dict[str, str], __: bytes, checkout_id: str) -> Answer:
        shown = checkout_json(self._checkout(checkout_id))
        text = f": keep-alive\n\nevent: checkout\nid: {shown['sequence']}\ndata: ".encode()
        return Answer(200, text + json_bytes(shown) + b"\n\n", {"Content-Type": "text/event-stream"})

    def cancel_checkout(self, _: dict[str, str], body: bytes, checkout_id: str) -> Answer:
        confirmed = CancelSchema().load(strict_json(body))["confirm"]
        checkout = self._checkout(checkout_id)
        if checkout.in_a_hand and not confirmed:
            raise Refused(422, "cancel_needs_confirm", "A customer's phone has opened it.", "confirm")
        self._sales.cancel(checkout, self._clock.now())
        return self._json(200, checkout_json(checkout))

    def send_link(self, _: dict[str, str], body: bytes, checkout_id: str) -> Answer:
        phone = checked_phone(SendLinkSchema().load(strict_json(body))["phone"])
        checkout = self._checkout(checkout_id)
        self._sales.send_link(checkout, phone)
        return self._json(200, checkout_json(checkout))

    def capture_checkout(self, _: dict[str, str], body: bytes, checkout_id: str) -> Answer:
        wanted = CaptureSchema().load(strict_json(body))
        checkout = self._checkout(checkout_id)
        self._sales.capture(checkout, wanted["amount"], self._clock.now())
        return self._json(200, checkout_json(checkout))

    def list_plans(self, query: dict[str, str], _: bytes) -> Answer:
        wanted = PageQuerySchema().load(query)
        rows = [PlanSchema().dump(plan) for plan in self._sales.plans.values()]
        return self._json(200, page(rows, wanted["limit"], wanted["cursor"]))

    def create_plan(self, _: dict[str, str], body: bytes) -> Answer:
        plan = PlanDraftSchema().load(strict_json(body))
        if self._sales.plans.get(plan.id, plan) != plan:
            raise Refused(409, "conflict", "Another plan has this id.", "id")
        try:
            require_pack(self._place, plan)
        except DisclosureError as refused:
            raise Refused(422, refused.code, str(refused), refused.field) from refused
        self._sales.plans[plan.id] = plan
        return self._json(201, PlanSchema().dump(plan))

    def list_loans(self, query: dict[str, str], _: bytes) -> Answer:
        wanted = LoanQuerySchema().load(query)
        rows = [
            loan_json(loan)
            for loan in reversed(self._sales.loans.values())
            if wanted["checkout_id"] in (None, loan.checkout.id)
        ]
        return self._json(200, page(rows, wanted["limit"], wanted["cursor"]))

    def retrieve_loan(self, _: dict[str, str], __: bytes, loan_id: str) -> Answer:
        return self._json(200, loan_json(self._loan(loan_id)))

    def _loan(self, loan_id: str) -> FakeLoan:
        if loan_id not in self._sales.loans:
            raise Refused(404, "not_found", "There is no such loan.")
        return self._sales.loans[loan_id]

    def business_now(self) -> datetime:
        return self._clock.now() + self.settlement.offset

    def list_offers(self, query: dict[str, str], _: bytes) -> Answer:
        wanted = OfferQuerySchema().load(query)
        return self._json(200, page(self._sales.offers(wanted, self._clock.now()), 1_000, None))

    def delete_endpoint(self, _: dict[str, str], __: bytes, endpoint_id: str) -> Answer:
        self._setup.delete_endpoint(endpoint_id)
        return Answer(204, b"", {"Request-Id": self._request_id()})

    def set_up(self, handler: str, query: dict[str, str], body: bytes, *ids: str) -> Answer:
        """Answer from what the merchant set up."""
        return self._json(*getattr(self._setup, handler)(query, body, *ids))

    def read_feed(self, handler: str, query: dict[str, str], body: bytes) -> Answer:
        """Answer from the feed of events."""
        return self._json(*getattr(self._feed, handler)(query, body))

    def show_clock(self, _: dict[str, str], __: bytes) -> Answer:
        return self._json(200, self.settlement.clock(self._clock.now()))

    def advance_clock(self, _: dict[str, str], body: bytes) -> Answer:
        step = TestClockAdvanceSchema().load(strict_json(body))
        # It turns the dates of loans; a checkout lives in the time of the phone that holds it.
        self.settlement.turn(self._clock.now(), Duration(**step), None)
        return self.show_clock({}, b"")


_Handler = Callable[..., Answer]


def _feed(handler: str) -> _Handler:
    return lambda api, query, body: api.read_feed(handler, query, body)


def _set_up(handler: str) -> _Handler:
    return lambda api, query, body, *ids: api.set_up(handler, query, body, *ids)


_ROUTES: tuple[tuple[str, Mapping[str, _Handler]], ...] = (
    ("/v1/checkouts", {"POST": FakeApi.create_checkout, "GET": FakeApi.list_checkouts}),
    ("/v1/checkouts/([^/]+)", {"GET": FakeApi.retrieve_checkout}),
    ("/v1/checkouts/([^/]+)/stream", {"GET": FakeApi.stream_checkout}),
    ("/v1/checkouts/([^/]+)/cancel", {"POST": FakeApi.cancel_checkout}),
    ("/v1/checkouts/([^/]+)/capture", {"POST": FakeApi.capture_checkout}),
    ("/v1/checkouts/([^/]+)/send_link", {"POST": FakeApi.send_link}),
    ("/v1/plans", {"POST": FakeApi.create_plan, "GET": FakeApi.list_plans}),
    ("/v1/loans", {"GET": FakeApi.list_loans}),
    ("/v1/loans/([^/]+)", {"GET": FakeApi.retrieve_loan}),
    *REFUND_ROUTES,
    *REPAYING_ROUTES,
    *DISPUTE_ROUTES,
    ("/v1/events", {"GET": _feed("list_events")}),
    ("/v1/offers", {"GET": FakeApi.list_offers}),
    ("/v1/events/ack", {"POST": _feed("acknowledge")}),
    ("/v1/webhook_endpoints/([^/]+)", {"DELETE": FakeApi.delete_endpoint}),
    *(
        (pattern, {method: _set_up(handler) for method, handler in methods.items()})
        for pattern, methods in SETUP_ROUTES
    ),
    ("/v1/test_clock", {"GET": FakeApi.show_clock}),
    ("/v1/test_clock/advance", {"POST": FakeApi.advance_clock}),
)
