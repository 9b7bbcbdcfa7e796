"""The bank's callbacks: outbox rows, signatures, and the thread that sends them until acknowledged.

A callback is acknowledged by a 2xx answer whose JSON says {"code": "SUCCESS"}; after any other answer it
is sent again later, a bounded number of times.
"""

import base64
import threading
from datetime import datetime, timedelta
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from urllib3.exceptions import HTTPError

from merchant_server.providers.bank_callbacks import callback_signed_bytes, public_key_id
from merchant_server.providers.http import NotStrictJson, parse_json
from merchant_server.providers.sandbox.controls import read_controls, take_one
from merchant_server.providers.sandbox.database import OperationalError, SandboxDatabase
from merchant_server.providers.sandbox.settings import SandboxSettings
from merchant_server.providers.sockets import DeadlineAdapter

_IDLE_SECONDS = 1.0
_ANSWER_BYTES_MAX = 4096


def signed_headers(
    key: Ed25519PrivateKey, event_id: str, body: bytes, now: datetime, *, key_id: str | None = None
) -> dict[str, str]:
    """Return the callback's headers: key id, timestamp, event id and the Ed25519 signature over all of it.

    `key_id` defaults to the key's own; a forger puts another's there.
    """
    timestamp = str(int(now.timestamp()))
    signature = key.sign(callback_signed_bytes(event_id, timestamp, body))
    return {
        "content-type": "application/json",
        "bank-key-id": key_id or public_key_id(key.public_key()),
        "bank-timestamp": timestamp,
        "bank-event-id": event_id,
        "bank-signature": base64.b64encode(signature).decode(),
    }


def headers_of(
    row: dict[str, Any], key: Ed25519PrivateKey, now: datetime, *, forged: bool = False
) -> dict[str, str]:
    """Return an outbox row's headers, signed as the row asks: genuinely, by a forger, or not at all."""
    signing = Ed25519PrivateKey.generate() if forged or row["signature"] == "forged" else key
    when = now - timedelta(seconds=row["age_seconds"])
    headers = signed_headers(
        signing, row["event_id"], row["body"].encode(), when, key_id=public_key_id(key.public_key())
    )
    if row["signature"] == "missing":
        del headers["bank-signature"]
    return headers


class CallbackSender:
    """One thread over the outbox table; what it had not sent when the process died, the next one sends."""

    def __init__(self, database: SandboxDatabase, settings: SandboxSettings, key: Ed25519PrivateKey) -> None:
        self._database, self._settings, self._key = database, settings, key
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-callbacks", daemon=True)
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = DeadlineAdapter(total_timeout_seconds=settings.callback_timeout_seconds, pool_maxsize=1)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)

    def start(self) -> None:
        """Begin to send what is due, beginning with what an earlier process left."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the callback being sent and end the thread."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(self._settings.callback_timeout_seconds + 1)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                wait_seconds = self._send_next()
            except OperationalError:
                # A full or locked disk must not end the thread: the rows are still there.
                wait_seconds = _IDLE_SECONDS
            if wait_seconds > 0:
                self._wake.wait(wait_seconds)

    def _send_next(self) -> float:
        """Send the callback that is due first; return the seconds until the next look."""
        now_ms = int(self._settings.clock.now().timestamp() * 1000)
        with self._database.transaction() as tx:
            row = tx.one("SELECT * FROM callbacks WHERE state = 'pending' ORDER BY due_at_ms, id LIMIT 1")
            held = not self._settings.callback_url or read_controls(tx, self._settings).hold_callbacks
            if row is None or held:
                return _IDLE_SECONDS
            if row["due_at_ms"] > now_ms:
                return min(float(row["due_at_ms"] - now_ms) / 1000, _IDLE_SECONDS)
            if row["attempts"] == 0 and take_one(tx, self._settings, "drop_next"):
                tx.run("UPDATE callbacks SET state = 'dropped' WHERE id = :id", id=row["id"])
                return 0
            forge = take_one(tx, self._settings, "forge_next")
        if forge:
            self._record(row["id"], True, *self._post(row, forged=True))
        self._settle(row, *self._post(row))
        return 0

    def _post(self, row: dict[str, Any], *, forged: bool = False) -> tuple[int, str]:
        """Return (status, reason); the reason is empty only for an acknowledgement."""
        body = row["body"].encode("utf-8")
        headers = headers_of(row, self._key, self._settings.clock.now(), forged=forged)
        timeouts = (1.0, self._settings.callback_timeout_seconds)
        try:
            with self._session.post(
                self._settings.callback_url,
                data=body,
                headers=headers,
                timeout=timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                raw = response.raw.read(_ANSWER_BYTES_MAX)
                status = response.status_code
        except (requests.RequestException, HTTPError, OSError) as error:
            return 0, type(error).__name__
        try:
            answer = parse_json(raw)
        except NotStrictJson:
            answer = None
        if 200 <= status < 300 and isinstance(answer, dict) and answer.get("code") == "SUCCESS":
            return status, ""
        return status, "not acknowledged"

    def _record(self, callback_id: int, forged: bool, status: int, reason: str) -> None:
        attempt = {
            "callback_id": callback_id,
            "attempted_at": self._settings.clock.now().isoformat(),
            "forged": int(forged),
            "status": status,
            "reason": reason,
        }
        with self._database.transaction() as tx:
            tx.insert("attempts", attempt)

    def _settle(self, row: dict[str, Any], status: int, reason: str) -> None:
        # What cannot authenticate is sent once; the bank does not know that it is wrong, and a forger gives up.
        hopeless = row["signature"] != "genuine" or bool(row["age_seconds"])
        self._record(row["id"], row["signature"] == "forged", status, reason)
        attempts = row["attempts"] + 1
        doubled_seconds = self._settings.retry_first_seconds * 2 ** min(attempts - 1, 20)
        delay_seconds = min(doubled_seconds, self._settings.retry_longest_seconds)
        state = "pending"
        if not reason:
            state = "delivered"
        elif hopeless or attempts >= self._settings.attempts_max:
            state = "dead"
        now_ms = int(self._settings.clock.now().timestamp() * 1000)
        with self._database.transaction() as tx:
            tx.run(
                "UPDATE callbacks SET state = :state, attempts = :attempts, due_at_ms = :due WHERE id = :id",
                state=state,
                attempts=attempts,
                due=now_ms + int(delay_seconds * 1000),
                id=row["id"],
            )
