"""The fake server's routes of refunds and voids."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fenqi.testing.clock import ManualClock
from fenqi.testing.fake_answers import Answer, Refused, page
from fenqi.testing.fake_json import checkout_json
from fenqi.testing.fake_records import FakeCheckout, FakeLoan
from fenqi.testing.fake_refunds import FakeRefunds, preview_json, refund_json, void_preview_json
from fenqi.testing.fake_sales import FakeSales
from fenqi.wire import (
    RefundDraftSchema,
    RefundPreviewDraftSchema,
    RefundQuerySchema,
    VoidPreviewDraftSchema,
    VoidSchema,
    strict_json,
)


class RefundHandlers:
    """Mixed into the fake API, which gives loans, the business time and JSON answers."""

    _refunds: FakeRefunds
    _sales: FakeSales
    _clock: ManualClock

    def _checkout(self, checkout_id: str) -> FakeCheckout:
        raise NotImplementedError

    def _loan(self, loan_id: str) -> FakeLoan:
        raise NotImplementedError

    def business_now(self) -> datetime:
        raise NotImplementedError

    def _json(self, status: int, body: Mapping[str, Any]) -> Answer:
        raise NotImplementedError

    def void_checkout(self, _: dict[str, str], body: bytes, checkout_id: str) -> Answer:
        draft = VoidSchema().load(strict_json(body))
        checkout = self._checkout(checkout_id)
        loan = self._loan(checkout.loan_id) if checkout.loan_id is not None else None
        if loan is not None and draft["loan_sequence"] not in (None, loan.sequence):
            raise Refused(422, "preview_stale", "The loan changed since this preview.")
        given_up = self._sales.void(checkout, draft["amount"], self._clock.now())
        if loan is not None:
            self._refunds.void(loan, given_up, self._clock.now())
        return self._json(200, checkout_json(checkout))

    def preview_void(self, _: dict[str, str], body: bytes, checkout_id: str) -> Answer:
        draft = VoidPreviewDraftSchema().load(strict_json(body))
        checkout = self._checkout(checkout_id)
        given_up = self._sales.voidable(checkout, draft["amount"])
        loan = self._loan(str(checkout.loan_id))
        before, change = self._refunds.without(loan, given_up)
        return self._json(200, void_preview_json(loan, given_up, before, change))

    def create_refund_preview(self, _: dict[str, str], body: bytes, loan_id: str) -> Answer:
        draft = RefundPreviewDraftSchema().load(strict_json(body))
        made = self._refunds.preview(
            self._loan(loan_id),
            draft.get("amount"),
            draft["strategy"],
            self.business_now(),
            draft.get("lines", ()),
        )
        return self._json(201, preview_json(made))

    def create_refund(self, _: dict[str, str], body: bytes) -> Answer:
        draft, now = RefundDraftSchema().load(strict_json(body)), self.business_now()
        if "preview_id" in draft:
            preview = self._refunds.previews.get(draft["preview_id"])
            if preview is None:
                raise Refused(404, "not_found", "There is no such preview.")
        else:
            loan = self._loan(draft["loan_id"])
            strategy, lines = draft.get("strategy", "recompute"), draft.get("lines", ())
            preview = self._refunds.preview(loan, draft.get("amount"), strategy, now, lines)
        return self._json(201, refund_json(self._refunds.commit(preview, draft["reference"], now)))

    def list_refunds(self, query: dict[str, str], _: bytes) -> Answer:
        wanted = RefundQuerySchema().load(query)
        rows = [
            shown
            for shown in map(refund_json, reversed(self._refunds.refunds.values()))
            if wanted["loan_id"] in (None, shown["loan_id"]) and wanted["status"] in (None, shown["status"])
        ]
        return self._json(200, page(rows, wanted["limit"], wanted["cursor"]))

    def retrieve_refund(self, _: dict[str, str], __: bytes, refund_id: str) -> Answer:
        if refund_id not in self._refunds.refunds:
            raise Refused(404, "not_found", "There is no such refund.")
        return self._json(200, refund_json(self._refunds.refunds[refund_id]))


REFUND_ROUTES = (
    ("/v1/checkouts/([^/]+)/void", {"POST": RefundHandlers.void_checkout}),
    ("/v1/checkouts/([^/]+)/void_previews", {"POST": RefundHandlers.preview_void}),
    ("/v1/loans/([^/]+)/refund_previews", {"POST": RefundHandlers.create_refund_preview}),
    ("/v1/refunds", {"POST": RefundHandlers.create_refund, "GET": RefundHandlers.list_refunds}),
    ("/v1/refunds/([^/]+)", {"GET": RefundHandlers.retrieve_refund}),
)
