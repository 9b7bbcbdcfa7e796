"""The sandbox program seen through its own routes: inbox, bank ledger, fault dials, magic values.

For sandbox installations only: texts and numbers of invented people pass through here. No real provider has such a
window.
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from merchant_server.ports import (
    BankBooking,
    CallbackTry,
    FaultDials,
    MagicValue,
    SentCallback,
    TextMessage,
)
from merchant_server.providers.http import Answer, JsonService, NotStrictJson, closed_object, read_money

EVERYDAY = "everyday"
ANSWER_BYTES_MAX = 1_000_000
KEPT_MESSAGES = 100
PAGES_MAX = 50


class HttpSandboxWindow:
    """Implements ports.SandboxWindow against the sandbox program; threads may share one."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        connect_timeout_seconds: float = 0.5,
        read_timeout_seconds: float = 1.5,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._how = {
            "provider": "sandbox",
            "api_key": api_key,
            "connect_timeout_seconds": connect_timeout_seconds,
            "read_timeout_seconds": read_timeout_seconds,
            "answer_bytes_max": ANSWER_BYTES_MAX,
        }
        self._service = self._at(self._base_url)
        self._inbox_at = (-1, self._service)
        self._lock = threading.Lock()
        self._messages: deque[TextMessage] = deque(maxlen=KEPT_MESSAGES)
        self._magic: tuple[MagicValue, ...] = ()

    def inbox(self, limit: int) -> tuple[TextMessage, ...]:
        """Return the newest texts. Raises ProviderUnavailable.

        The gateway lists oldest first, so what was read is kept, and only what came since is asked for.
        """
        with self._lock:
            for _ in range(PAGES_MAX):
                if not self._read_on():
                    break
            return tuple(reversed(self._messages))[:limit]

    def bookings(self, limit: int) -> tuple[tuple[BankBooking, ...], tuple[SentCallback, ...]]:
        """Return the newest deductions, and callbacks with every try. Raises ProviderUnavailable."""
        data = self._good(self._service.get("bank", "v1", "ledger"))
        try:
            deductions = tuple(_booking(row) for row in _list(data, "deductions"))
            callbacks = tuple(_callback(row) for row in _list(data, "callbacks"))
        except (NotStrictJson, KeyError, TypeError, ValueError):
            raise self._service.unavailable("its ledger is not what was agreed on") from None
        return deductions[:limit], callbacks[: 3 * limit]

    def dials(self) -> FaultDials:
        """Return the fault dials as they stand. Raises ProviderUnavailable."""
        return self._dials(self._service.get("bank", "v1", "controls"))

    def turn(self, changes: Mapping[str, int | bool]) -> FaultDials:
        """Set some dials. Raises ProviderRefused for a value out of range, ProviderUnavailable."""
        return self._dials(self._service.post("bank", "v1", "controls", body=changes))

    def resend(self, event_id: str) -> None:
        """Let the bank send one callback once more. Raises ProviderRefused when it has none, ProviderUnavailable."""
        self._good(self._service.post("bank", "v1", "callbacks", event_id, "resend", body={}))

    def magic(self) -> tuple[MagicValue, ...]:
        """Return the published values, asked for once. Raises ProviderUnavailable."""
        if not self._magic:
            data = self._good(self._service.get("magic", "v1", "values"))
            try:
                self._magic = _magic(data)
            except (NotStrictJson, KeyError, TypeError, AttributeError):
                raise self._service.unavailable("its magic values are not what was agreed on") from None
        return self._magic

    def _read_on(self) -> bool:
        """Read one page, from the newest text that is known; say whether there may be more."""
        newest = self._messages[-1] if self._messages else None
        # The newest known text is asked for again: when it is gone, the sandbox was emptied, and so are we.
        cursor = newest.id - 1 if newest else 0
        # JsonService quotes path parts and has no query, so the query is a part of this one's address.
        if self._inbox_at[0] != cursor:
            self._inbox_at = (cursor, self._at(f"{self._base_url}/sms/v1/messages?after={cursor}"))
        data = self._good(self._inbox_at[1].get())
        try:
            page = [_message(row) for row in _list(data, "messages")]
        except (NotStrictJson, KeyError, TypeError, ValueError):
            raise self._service.unavailable("its inbox is not what was agreed on") from None
        if newest is not None and newest not in page[:1]:
            self._messages.clear()
            return True
        fresh = page[1:] if newest else page
        self._messages.extend(fresh)
        return bool(fresh)

    def _at(self, base_url: str) -> JsonService:
        return JsonService(base_url=base_url, **self._how)  # type: ignore[arg-type]

    def _good(self, answer: Answer) -> dict[str, Any]:
        if answer.status >= 400:
            raise self._service.refused(answer)
        return answer.data

    def _dials(self, answer: Answer) -> FaultDials:
        data = self._good(answer)
        kinds = {field.name: bool if field.name == "hold_callbacks" else int for field in fields(FaultDials)}
        try:
            return FaultDials(**closed_object(data, kinds))
        except NotStrictJson:
            raise self._service.unavailable("its dials are not what was agreed on") from None


def _list(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = data.get(name)
    if not isinstance(rows, list):
        raise NotStrictJson(f"{name} is not a list")
    return rows


def _message(row: Any) -> TextMessage:
    texts = dict.fromkeys(("reference", "phone", "text", "sent_at"), str)
    found = closed_object(row, {"id": int, **texts})
    return TextMessage(**{**found, "sent_at": datetime.fromisoformat(found["sent_at"])})


def _booking(row: dict[str, Any]) -> BankBooking:
    return BankBooking(
        reference=row["reference"],
        mandate_reference=row["mandate_reference"],
        amount=read_money(row["amount"]),
        status=row["status"],
        code=row["code"],
        created_at=datetime.fromisoformat(row["created_at"]),
    )


def _callback(row: dict[str, Any]) -> SentCallback:
    tries = tuple(
        CallbackTry(
            datetime.fromisoformat(each["attempted_at"]), each["forged"], each["status"], each["reason"]
        )
        for each in row["attempts"]
    )
    names = ("event_id", "copy", "kind", "reference", "state")
    return SentCallback(**{name: row[name] for name in names}, tries=tries)


def _magic(data: dict[str, Any]) -> tuple[MagicValue, ...]:
    people = [
        MagicValue("person", row["id_number"], row["meaning"], row["meaning_zh"]) for row in data["people"]
    ]
    # Ordinary people have the everyday accounts; the others are in the reference.
    accounts = [
        MagicValue("account", row["last_four"], row["meaning"], row["meaning_zh"])
        for row in data["accounts"]
        if row["group"] == EVERYDAY
    ]
    phones = [MagicValue("phone", number, kind, "") for number, kind in data["phones"].items()]
    return (*people, *accounts, *phones)
