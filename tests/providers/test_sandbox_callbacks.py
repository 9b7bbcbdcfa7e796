"""How the sandbox sends its callbacks, and the faults that it plays."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from merchant_server.ports import CallbackForged
from merchant_server.providers.sandbox.app import SandboxServer
from tests.fakes.receiver import SUCCESS, RawReceiver, Receiver
from tests.providers.desk import AMOUNT, Desk, settings_in


class TestCallbackSending:
    """A callback is sent until it is acknowledged in the bank's own manner, and every try is on the ledger."""

    def test_only_a_success_answer_acknowledges(self, desk: Desk) -> None:
        desk.receiver.answers = [
            (500, b"", {}),
            (200, b"", {}),
            (200, b'{"code":"FAIL"}', {}),
            (302, b'{"code":"SUCCESS"}', {"location": "/elsewhere"}),
            (200, b"not json", {}),
            SUCCESS,
        ]
        desk.mandate()
        desk.deduct("ded_0001")
        events = [desk.next_callback() for _ in range(6)]
        assert len(set(events)) == 1
        row = desk.callback_state("delivered")
        assert [attempt["status"] for attempt in row["attempts"]] == [500, 200, 200, 302, 200, 200]
        assert [attempt["reason"] for attempt in row["attempts"]] == ["not acknowledged"] * 5 + [""]

    @pytest.mark.parametrize("answer", [b"", b"garbage", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"])
    def test_a_receiver_that_breaks_off_does_not_stop_the_sending(
        self, tmp_path: Path, answer: bytes
    ) -> None:
        def behave(connection: socket.socket) -> None:
            connection.recv(65_536)
            good = b'HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{"code":"SUCCESS"}'
            connection.sendall(answer if broken.connections < 4 else good)

        with Receiver() as unused, RawReceiver(behave) as broken:
            settings = settings_in(tmp_path, f"http://127.0.0.1:{broken.port}/")
            with SandboxServer(settings) as server:
                desk = Desk(settings, server.base_url, unused)
                desk.mandate()
                desk.deduct("ded_0001")
                assert len(desk.callback_state("delivered")["attempts"]) == 4

    def test_it_gives_up_after_a_bounded_number_of_tries_and_can_be_asked_again(self, tmp_path: Path) -> None:
        with Receiver((500, b"", {})) as receiver:
            settings = replace(settings_in(tmp_path, receiver.url), attempts_max=3)
            with SandboxServer(settings) as server:
                desk = Desk(settings, server.base_url, receiver)
                desk.mandate()
                desk.deduct("ded_0001")
                dead = desk.callback_state("dead")
                assert len(dead["attempts"]) == 3
                receiver.answers = [SUCCESS]
                answer = desk.call("POST", f"/bank/v1/callbacks/{dead['event_id']}/resend")
                assert answer.status_code == 202
                assert len(desk.callback_state("delivered")["attempts"]) == 4

    def test_a_replayed_callback_has_the_same_event_id_and_body(self, desk: Desk) -> None:
        desk.mandate()
        desk.deduct("ded_0001")
        first = desk.receiver.next()
        event_id = desk.callback_state("delivered")["event_id"]
        desk.call("POST", f"/bank/v1/callbacks/{event_id}/resend")
        again = desk.receiver.next()
        assert again.body == first.body
        assert again.headers["bank-event-id"] == first.headers["bank-event-id"] == event_id

    def test_a_deduction_is_pending_on_the_ledger_until_it_settles_or_is_asked_about(
        self, desk: Desk
    ) -> None:
        desk.call("POST", "/bank/v1/controls", json={"callback_delay_ms": 3_600_000})
        desk.mandate()
        desk.deduct("ded_0001")
        assert desk.call("GET", "/bank/v1/ledger").json()["deductions"][0]["status"] == "pending"
        assert desk.bank.find_deduction(reference="ded_0001").status == "succeeded"
        assert desk.call("GET", "/bank/v1/ledger").json()["deductions"][0]["status"] == "succeeded"


class TestFaultDials:
    """A visitor can hold, drop, delay and forge callbacks; a nonsense dial changes nothing."""

    def test_a_dropped_callback_never_comes_but_asking_tells(self, desk: Desk) -> None:
        desk.call("POST", "/bank/v1/controls", json={"drop_next": 1})
        desk.mandate()
        desk.deduct("ded_0001")
        assert desk.callback_state("dropped")["attempts"] == []
        desk.deduct("ded_0002")
        assert desk.next_callback().reference == "ded_0002"
        assert desk.bank.find_deduction(reference="ded_0001").status == "succeeded"

    def test_a_forged_callback_comes_first_and_the_genuine_one_after_it(self, desk: Desk) -> None:
        desk.call("POST", "/bank/v1/controls", json={"forge_next": 1})
        desk.mandate()
        desk.deduct("ded_0001")
        forged = desk.receiver.next()
        with pytest.raises(CallbackForged, match="signature"):
            desk.bank.authenticate(forged.body, forged.headers, datetime.now(UTC))
        assert desk.next_callback().reference == "ded_0001"
        tries = desk.callback_state("delivered")["attempts"]
        assert [attempt["forged"] for attempt in tries] == [True, False]

    def test_held_callbacks_wait_and_come_when_let_go(self, desk: Desk) -> None:
        desk.call("POST", "/bank/v1/controls", json={"hold_callbacks": True})
        desk.mandate()
        for number in range(3):
            desk.deduct(f"ded_000{number}")
        rows = desk.call("GET", "/bank/v1/ledger").json()["callbacks"]
        assert [(row["state"], row["attempts"]) for row in rows] == [("pending", [])] * 3
        desk.call("POST", "/bank/v1/controls", json={"hold_callbacks": False})
        assert [desk.next_callback().reference for _ in range(3)] == ["ded_0000", "ded_0001", "ded_0002"]

    @pytest.mark.parametrize(
        "change",
        [
            {"drop_next": 1, "nonsense": 1},
            {"drop_next": True},
            {"drop_next": -1},
            {"drop_next": 1, "hold_callbacks": 1},
            {"callback_delay_ms": -1},
            {"callback_delay_ms": 10**9},
            [],
        ],
    )
    def test_a_nonsense_dial_is_refused_and_nothing_changes(self, desk: Desk, change: object) -> None:
        before = desk.call("GET", "/bank/v1/controls").json()
        assert desk.call("POST", "/bank/v1/controls", json=change).status_code == 422
        assert desk.call("GET", "/bank/v1/controls").json() == before


class TestConcurrency:
    """The same request from many threads at once has one effect."""

    def test_twenty_threads_with_one_reference_make_one_deduction(self, desk: Desk) -> None:
        desk.mandate("insufficient_twice")
        barrier = threading.Barrier(20)

        def deduct(_: int) -> str:
            barrier.wait()
            return desk.bank.deduct(reference="ded_0001", mandate_reference="mnd_0001", amount=AMOUNT).status

        with ThreadPoolExecutor(20) as threads:
            assert set(threads.map(deduct, range(20))) == {"pending"}
        ledger = desk.call("GET", "/bank/v1/ledger").json()
        assert len(ledger["deductions"]) == len(ledger["callbacks"]) == 1
