"""Personal data does not show itself: repr, format, JSON, copies and pickles give stars or refuse."""

import copy
import json
import logging
import pickle
import pprint
import traceback
from dataclasses import asdict
from datetime import UTC, date, datetime

import pytest
from fenqi.finance.money import Money
from flask import Flask, render_template_string
from flask import json as flask_json

from merchant_server.domain.consumer import Consumer, Person
from merchant_server.domain.deduction import Mandate, MandateStatus
from merchant_server.domain.secret import Secret
from merchant_server.ports import BankAccount

CANARY = "canary-王小明"
PERSON = Person(CANARY, CANARY + "1", CANARY + "2", date(1990, 3, 7))


@pytest.mark.parametrize(
    "shown",
    [repr, str, "{}".format, "{!r}".format, lambda value: f"{value}", lambda value: f"{[value]}",
     lambda value: str({"who": value}), lambda value: str(Exception(value))],
)  # fmt: skip
@pytest.mark.parametrize(
    "value", [Secret(CANARY), PERSON, Consumer("con_1", PERSON, datetime(2026, 1, 1, tzinfo=UTC))]
)
def test_no_way_of_printing_shows_the_value(shown: object, value: object) -> None:
    assert "canary" not in shown(value)  # type: ignore[operator]


def test_a_format_with_a_width_shows_no_more() -> None:
    assert "canary" not in f"{Secret(CANARY):>40}"


def test_json_refuses_a_secret_or_shows_stars() -> None:
    with pytest.raises(TypeError):
        json.dumps({"who": Secret(CANARY)})
    assert "canary" not in json.dumps({"who": Secret(CANARY)}, default=str)
    with Flask("any").app_context():
        assert flask_json.dumps(Secret(CANARY)) == '"***"'
        assert render_template_string("{{ value }}", value=Secret(CANARY)) == "***"


@pytest.mark.parametrize("value", [Secret(CANARY), PERSON, [Secret(CANARY)], {"who": PERSON}])
def test_no_log_line_and_no_traceback_shows_a_secret(value: object, caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("any")
    with caplog.at_level(logging.DEBUG):
        log.info("who %s %r", value, value)
        try:
            raise ValueError(value)
        except ValueError:
            log.exception("it failed for %s", value)
    shown = "".join(traceback.format_exception(ValueError(value)))
    assert len(caplog.records) == 2 and "***" in caplog.text
    assert "canary" not in caplog.text + shown + pprint.pformat(value)


def test_a_secret_has_no_way_round_but_its_own() -> None:
    secret = Secret(CANARY)
    assert not hasattr(secret, "__dict__")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps([secret], protocol)
    for encode in (json.dumps, list, iter, len, bytes):
        with pytest.raises(TypeError):
            encode(secret)  # type: ignore[operator]


def test_a_person_taken_apart_is_still_secret() -> None:
    assert "canary" not in str(asdict(PERSON))
    assert "canary" not in json.dumps(asdict(PERSON), default=str)


def test_a_secret_is_not_pickled_and_a_copy_is_as_secret() -> None:
    with pytest.raises(TypeError, match="reveal"):
        pickle.dumps(Secret(CANARY))
    assert "canary" not in repr(copy.deepcopy([Secret(CANARY)]))


def test_what_is_asked_for_is_given() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert (PERSON.name, PERSON.born_on) == (CANARY, date(1990, 3, 7))
    assert Person(CANARY, CANARY + "1", CANARY + "2", date(1990, 3, 7)) == PERSON
    assert Secret("a") != Secret("b")


def test_an_account_and_its_mandate_do_not_print_their_label() -> None:
    mandate = Mandate(
        "mnd_1", "mer_1", "test", "chk_1", "con_1", MandateStatus.ACTIVE, 1, "gw", CANARY, CANARY,
        Money(1, "CNY"), datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert "canary" not in repr(mandate)
    assert "canary" not in repr(BankAccount(CANARY, CANARY))
