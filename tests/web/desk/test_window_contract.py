"""One contract for the window into the sandbox: the client of the real program and the fake keep it."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from merchant_server.ports import (
    BankBooking,
    CallbackTry,
    ProviderRefused,
    ProviderUnavailable,
    SandboxWindow,
    SentCallback,
    TextMessage,
)
from merchant_server.providers.sandbox.app import SandboxServer
from merchant_server.providers.sandbox.magic import PEOPLE, PHONES, accounts_of
from merchant_server.providers.sandbox.settings import SandboxSettings
from merchant_server.providers.sandbox_window import HttpSandboxWindow
from merchant_server.providers.sms import HttpSmsSender
from tests.fakes.receiver import Receiver
from tests.fakes.sandbox_window import FakeSandboxWindow
from tests.installation import START
from tests.providers.desk import AMOUNT, KEY, Desk, settings_in, until

PHONE = "+8613800138000"


@dataclass
class Side:
    """A window, and what makes something appear in it."""

    window: SandboxWindow
    text: Callable[[str, str], None]
    deduct: Callable[[str], None]


def _fake() -> Side:
    window = FakeSandboxWindow()

    def text(reference: str, words: str) -> None:
        window.messages.append(TextMessage(len(window.messages) + 1, reference, PHONE, words, START))

    def deduct(reference: str) -> None:
        window.deductions.append(BankBooking(reference, "mnd_0001", AMOUNT, "succeeded", "", START))
        tries = (CallbackTry(START, False, 200, ""),)
        event_id = f"bev_{reference}"
        sent = SentCallback(event_id, 0, "deduction.succeeded", reference, "delivered", tries)
        window.callbacks.append(sent)

    return Side(window, text, deduct)


def _real(settings: SandboxSettings, base_url: str, receiver: Receiver) -> Side:
    bank = Desk(settings, base_url, receiver)
    bank.mandate()
    window = HttpSandboxWindow(base_url=base_url, api_key=KEY)
    sms = HttpSmsSender(base_url=base_url, api_key=KEY)

    def deduct(reference: str) -> None:
        bank.deduct(reference)
        until(lambda: all(each.state == "delivered" for each in window.bookings(50)[1]))

    return Side(window, lambda ref, words: sms.send(reference=ref, phone=PHONE, text=words), deduct)


@pytest.fixture(params=["sandbox", "fake"])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Side]:
    if request.param == "fake":
        yield _fake()
        return
    with Receiver() as receiver:
        settings = settings_in(tmp_path, receiver.url)
        with SandboxServer(settings) as server:
            yield _real(settings, server.base_url, receiver)


def test_the_inbox_is_newest_first_and_as_long_as_asked_for(side: Side) -> None:
    assert side.window.inbox(5) == ()
    for number in range(1, 4):
        side.text(f"sms_{number:04d}", f"text {number}")
    assert [each.text for each in side.window.inbox(2)] == ["text 3", "text 2"]
    side.text("sms_0004", "text 4")
    newest = side.window.inbox(5)
    assert [each.text for each in newest] == ["text 4", "text 3", "text 2", "text 1"]
    assert newest[0].phone == PHONE and newest[0].sent_at.utcoffset() is not None
    assert newest == side.window.inbox(5)


def test_the_newest_text_is_found_behind_any_number_of_others(side: Side) -> None:
    for number in range(1, 120):
        side.text(f"sms_{number:04d}", f"text {number}")
    assert [each.text for each in side.window.inbox(2)] == ["text 119", "text 118"]


def test_deductions_come_newest_first_with_their_callbacks(side: Side) -> None:
    assert side.window.bookings(5) == ((), ())
    for number in range(1, 4):
        side.deduct(f"ded_{number:04d}")
    deductions, callbacks = side.window.bookings(2)
    assert [each.reference for each in deductions] == ["ded_0003", "ded_0002"]
    assert (deductions[0].mandate_reference, deductions[0].amount) == ("mnd_0001", AMOUNT)
    assert deductions[0].status == "succeeded"
    newest = next(each for each in callbacks if each.reference == "ded_0003")
    assert (newest.state, newest.kind) == ("delivered", "deduction.succeeded")
    assert [(each.status, each.forged) for each in newest.tries] == [(200, False)]


def test_dials_stay_as_they_were_turned(side: Side) -> None:
    before = side.window.dials()
    turned = side.window.turn({"hold_callbacks": True, "drop_next": 2})
    assert turned == side.window.dials() == replace(before, hold_callbacks=True, drop_next=2)


@pytest.mark.parametrize(
    "change",
    [{"drop_next": -1}, {"forge_next": 101}, {"hold_callbacks": 1}, {"drop_next": True}, {"explode": 1}],
)
def test_a_value_out_of_range_is_refused_and_sets_nothing(side: Side, change: dict[str, int | bool]) -> None:
    before = side.window.dials()
    with pytest.raises(ProviderRefused):
        side.window.turn(change)
    assert side.window.dials() == before


def test_a_callback_can_be_sent_again_and_an_unknown_one_cannot(side: Side) -> None:
    side.deduct("ded_0001")
    side.window.resend(side.window.bookings(1)[1][0].event_id)
    with pytest.raises(ProviderRefused):
        side.window.resend("bev_unknown")


def test_the_magic_values_are_all_there(side: Side) -> None:
    magic = side.window.magic()
    kinds = [each.kind for each in magic]
    assert (kinds.count("person"), kinds.count("account"), kinds.count("phone")) == (
        len(PEOPLE),
        len(accounts_of("")),
        len(PHONES),
    )
    assert all(each.meaning for each in magic)


def reopened(folder: Path, port: int) -> SandboxServer:
    """An empty sandbox on a port that was just closed, which another program's connection may hold for a moment."""
    for _ in range(200):
        try:
            return SandboxServer(settings_in(folder, ""), port=port)
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"port {port} stays taken")


def test_an_emptied_sandbox_empties_the_inbox(tmp_path: Path) -> None:
    """The client keeps what it read; a sandbox that begins anew must not leave old texts standing."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with SandboxServer(settings_in(tmp_path / "a", "")) as first:
        port, window = first.port, HttpSandboxWindow(base_url=first.base_url, api_key=KEY)
        sms = HttpSmsSender(base_url=first.base_url, api_key=KEY)
        sms.send(reference="sms_0001", phone=PHONE, text="old")
        sms.send(reference="sms_0002", phone=PHONE, text="older")
        assert len(window.inbox(5)) == 2
    with reopened(tmp_path / "b", port) as second:
        assert window.inbox(5) == ()
        HttpSmsSender(base_url=second.base_url, api_key=KEY).send(
            reference="sms_0001", phone=PHONE, text="new"
        )
        assert [each.text for each in window.inbox(5)] == ["new"]


class _Nonsense(BaseHTTPRequestHandler):
    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"messages": 1, "deductions": 1, "callbacks": 1, "people": 1, "accounts": [], "phones": {}}',
        b'{"messages": [1], "deductions": [1], "callbacks": [], "people": [1], "accounts": [], "phones": {}}',
        b'{"messages": [{"id": "1"}], "deductions": [{}], "callbacks": [], "people": [], "accounts": [], "phones": []}',
        b'{"callback_delay_ms": 1.5, "callback_delay_ms": 2}',
    ],
)
def test_nonsense_is_no_answer(body: bytes) -> None:
    handler = type("Handler", (_Nonsense,), {"body": body})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    window = HttpSandboxWindow(base_url=f"http://127.0.0.1:{server.server_port}", api_key=KEY)
    try:
        for look in (lambda: window.inbox(5), lambda: window.bookings(5), window.dials, window.magic):
            with pytest.raises(ProviderUnavailable):
                look()
    finally:
        server.shutdown()
        server.server_close()


def test_a_sandbox_that_is_not_there_is_told_at_once() -> None:
    window = HttpSandboxWindow(base_url="http://127.0.0.1:9", api_key=KEY)
    began = time.monotonic()
    for look in (lambda: window.inbox(5), lambda: window.bookings(5), window.dials, window.magic):
        with pytest.raises(ProviderUnavailable):
            look()
    assert time.monotonic() - began < 2
