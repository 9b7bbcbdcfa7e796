"""The fake webhook sender keeps the port's promises that other tests lean on."""

from datetime import UTC, datetime

import pytest

from merchant_server.ports import Sent, WebhookSender
from tests.fakes.providers import FakeWebhookSender

MESSAGE = {"url": "https://shop.example/", "secret": "whsec_x", "message_id": "evt_1", "body": b"{}"}


def test_it_gives_its_answers_in_turn_and_then_its_default() -> None:
    fake = FakeWebhookSender(answers=[Sent(500, 0.1, "status_500"), Sent(0, 15.0, "timeout")])
    sender: WebhookSender = fake
    at = datetime(2026, 11, 21, tzinfo=UTC)
    told = [sender.send(timestamp=at, **MESSAGE).status for _ in range(4)]
    assert told == [500, 0, 200, 200]
    assert [sent[2] for sent in fake.sent] == ["evt_1"] * 4


def test_a_naive_timestamp_is_refused_as_by_the_real_one() -> None:
    with pytest.raises(TypeError, match="aware"):
        FakeWebhookSender().send(timestamp=datetime(2026, 11, 21), **MESSAGE)  # noqa: DTZ001
