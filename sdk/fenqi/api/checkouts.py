"""`client.checkouts`: create, follow, capture, cancel, send the link. Computes no money and decides nothing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import requests

from fenqi.api.intent import checked_money, fresh_key, intent_key, path_id
from fenqi.api.pages import Page, checked_limit
from fenqi.api.refunds import VoidPreview
from fenqi.api.resources import Checkout
from fenqi.api.stream import StreamTooLong, server_sent_events
from fenqi.api.transport import Transport, raise_for_problem
from fenqi.errors import (
    IdempotencyError,
    InvalidArgument,
    NotFenqi,
    RateLimitError,
    RequestTimeout,
    TransportError,
    Unavailable,
)
from fenqi.finance.lines import Line
from fenqi.finance.money import Money

_PATH = "/v1/checkouts"
# A checkout in one of these will never be paid: the same intent then means a new attempt.
_DEAD = frozenset({"expired", "cancelled", "declined", "voided"})
_ATTEMPTS_MAX = 50
# The server sends a comment every few seconds, so this much silence means a dead connection.
_SILENCE_SECONDS = 45.0
_STREAM_FAILURES_MAX = 3


class Checkouts:
    """Checkouts of the merchant whose key the client holds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        amount: Money,
        reference: str,
        description: str | None = None,
        return_url: str | None = None,
        plan_ids: Sequence[str] | None = None,
        store_id: str | None = None,
        till_id: str | None = None,
        capture: str | None = None,
        expires_in_seconds: int | None = None,
        language: str | None = None,
        metadata: Mapping[str, str] | None = None,
        lines: Sequence[Line] | None = None,
        idempotency_key: str | None = None,
    ) -> Checkout:
        """Make a checkout for one order, or return the one that the same order already has.

        reference: your order number, 1 to 64 characters. plan_ids: the plans to offer, all active ones when
        left out. lines: what the order is made of, which sums to the amount and can come back by line.
        capture: "automatic" or "manual". expires_in_seconds: 60 to 172800, by default 900.
        The automatic Idempotency-Key comes from reference, amount, store and till: calling again gives the
        same checkout in its present state, and a new one only when that one has expired or was declined,
        cancelled or voided. The same order with other details raises IdempotencyError; your own
        idempotency_key overrides all of this.
        Raises InvalidArgument for an amount that is not Money, and APIError, TransportError, NotFenqi.
        """
        checked_money(amount)
        optional: dict[str, Any] = {
            "description": description,
            "return_url": return_url,
            "plan_ids": list(plan_ids) if plan_ids is not None else None,
            "store_id": store_id,
            "till_id": till_id,
            "capture": capture,
            "expires_in_seconds": expires_in_seconds,
            "language": language,
            "metadata": dict(metadata) if metadata is not None else None,
            "lines": [line.to_dict() for line in lines] if lines else None,
        }
        body: dict[str, Any] = {"amount": amount.to_dict(), "reference": reference}
        body |= {name: value for name, value in optional.items() if value is not None}
        if idempotency_key is not None:
            return Checkout.from_dict(self._post(_PATH, body, idempotency_key).body)
        intent: list[Any] = ["POST", _PATH, reference, amount.to_dict(), store_id, till_id]
        for _ in range(_ATTEMPTS_MAX):
            result = self._post_order(body, intent_key(*intent))
            checkout = Checkout.from_dict(result.body)
            if not result.replayed:
                return checkout
            # A replay shows the past; what counts is how the checkout stands now.
            checkout = self.retrieve(checkout.id)
            if checkout.status not in _DEAD:
                return checkout
            intent.append(checkout.id)
        raise InvalidArgument(
            f"{_ATTEMPTS_MAX} checkouts for this reference and amount ended unpaid; use a new reference.",
            field="reference",
        )

    def retrieve(self, checkout_id: str) -> Checkout:
        """Return a checkout as it stands now. Raises NotFoundError."""
        return Checkout.from_dict(self._transport.call("GET", self._of(checkout_id)).body)

    def list(
        self,
        *,
        status: str | None = None,
        reference: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Checkout]:
        """Return checkouts, newest first; iterating the page goes on through all later pages."""
        query = {"status": status, "reference": reference, "limit": checked_limit(limit), "cursor": cursor}
        return Page(self._transport, _PATH, query, Checkout.from_dict)

    def cancel(
        self, checkout_id: str, *, confirm: bool = False, idempotency_key: str | None = None
    ) -> Checkout:
        """End a checkout that is not signed yet. Raises ConflictError when it is too late.

        confirm: say so once the cashier has asked the customer; without it, a checkout that a phone has opened
        raises InvalidRequestError (cancel_needs_confirm).
        """
        path = f"{self._of(checkout_id)}/cancel"
        body = {"confirm": True} if confirm else {}
        key = idempotency_key or intent_key("POST", path, *([body] if body else []))
        return Checkout.from_dict(self._post(path, body, key).body)

    def send_link(self, checkout_id: str, phone: str, *, idempotency_key: str | None = None) -> Checkout:
        """Send the checkout's link to a mobile number by SMS, once a number, within the limits of codes.

        Raises InvalidRequestError (phone_invalid, code_rate_limited), ConflictError when a phone holds it already.
        """
        path, body = f"{self._of(checkout_id)}/send_link", {"phone": phone}
        key = idempotency_key or intent_key("POST", path, body)
        return Checkout.from_dict(self._post(path, body, key).body)

    def capture(
        self, checkout_id: str, *, amount: Money | None = None, idempotency_key: str | None = None
    ) -> Checkout:
        """Take the signed amount, or a part of it, when the goods leave.

        The automatic key comes from checkout and amount, so calling twice captures once; give an
        idempotency_key of your own to capture the same part a second time. Raises ConflictError when the
        state does not allow it.
        """
        path, body = f"{self._of(checkout_id)}/capture", _part(amount)
        return Checkout.from_dict(
            self._post(path, body, idempotency_key or intent_key("POST", path, body)).body
        )

    def void_preview(self, checkout_id: str, *, amount: Money | None = None) -> VoidPreview:
        """Show what giving up `amount`, or all that is not captured, would do to the schedule. Nothing changes.

        Raises InvalidRequestError for more than is left, ConflictError when nothing is left to void.
        """
        path = f"{self._of(checkout_id)}/void_previews"
        return VoidPreview.from_dict(self._post(path, _part(amount), fresh_key()).body)

    def void(
        self,
        checkout_id: str,
        *,
        amount: Money | None = None,
        preview: VoidPreview | None = None,
        idempotency_key: str | None = None,
    ) -> Checkout:
        """Give up a part of what was signed and is not captured, or all of that; your customer owes only the rest.

        With a preview, exactly that is given up, or nothing when the loan changed since (preview_stale). With nothing
        captured and nothing left the sale is over. The automatic key comes from checkout, amount and preview, so
        calling twice voids once. Raises InvalidRequestError for more than is left, ConflictError when nothing is left.
        """
        path = f"{self._of(checkout_id)}/void"
        body = _part(preview.amount if preview is not None else amount)
        if preview is not None:
            body["loan_sequence"] = preview.loan_sequence
        key = idempotency_key or intent_key("POST", path, *([body] if body else []))
        return Checkout.from_dict(self._post(path, body, key).body)

    def watch(self, checkout_id: str, *, timeout_seconds: float | None = None) -> Iterator[Checkout]:
        """Yield the checkout now and at each change, until a final state; newer states only, never one twice.

        Reads the live stream, connects again when it ends, and polls when there is none. Waits for as long as
        the checkout lives unless timeout_seconds is given. Raises RequestTimeout when that passes, and
        APIError, TransportError or NotFenqi when polling fails as well.
        """
        path = self._of(checkout_id)
        clock = self._transport.clock
        started = clock.now()
        newest, failures = -1, 0
        while True:
            polling = failures >= _STREAM_FAILURES_MAX
            states = self._poll(checkout_id) if polling else self._stream(path)
            pause = 0.5
            try:
                for checkout in states:
                    pause = max(0.2, float(checkout.till.poll_after_seconds))
                    if checkout.sequence > newest:
                        newest = checkout.sequence
                        yield checkout
                    if checkout.till.final:
                        return
            except (TransportError, NotFenqi, RateLimitError, Unavailable):
                if polling:
                    raise
                failures += 1
            if timeout_seconds is not None and (clock.now() - started).total_seconds() >= timeout_seconds:
                raise RequestTimeout(f"{checkout_id} did not end within {timeout_seconds:g} s.")
            clock.sleep(pause)

    def _poll(self, checkout_id: str) -> Iterator[Checkout]:
        yield self.retrieve(checkout_id)

    def _stream(self, path: str) -> Iterator[Checkout]:
        response = self._transport.send(
            "GET",
            f"{path}/stream",
            headers={"Accept": "text/event-stream"},
            stream=True,
            read_timeout_seconds=_SILENCE_SECONDS,
        )
        with closing(response):
            raise_for_problem(response)
            if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise NotFenqi("The live stream is not text/event-stream; a proxy may have replaced it.")
            try:
                for message in server_sent_events(response.iter_lines(chunk_size=1)):
                    if message.name == "checkout":
                        yield Checkout.from_dict(json.loads(message.data))
            except (requests.exceptions.RequestException, StreamTooLong, ValueError):
                raise NotFenqi("The live stream broke off.") from None

    def _post(self, path: str, body: Mapping[str, Any], key: str) -> Any:
        return self._transport.call("POST", path, body=body, idempotency_key=key)

    def _post_order(self, body: Mapping[str, Any], key: str) -> Any:
        try:
            return self._post(_PATH, body, key)
        except IdempotencyError as error:
            if error.code == "idempotency_mismatch":
                # Whoever reads this never saw the key.
                error.hint = (
                    f"The order {body['reference']!r} has a checkout with other details: pass those,"
                    " or use another reference."
                )
            raise

    @staticmethod
    def _of(checkout_id: str) -> str:
        return f"{_PATH}/{path_id(checkout_id, 'checkout_id')}"


def _part(amount: Money | None) -> dict[str, Any]:
    """Return the body that names a part of what was signed, or all of it."""
    if amount is None:
        return {}
    checked_money(amount)
    return {"amount": amount.to_dict()}
