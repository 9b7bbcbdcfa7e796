"""Limits of codes: by number, person, network and hour; pages say when to try again, and no address is kept."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.code_limits import refuse_too_many
from merchant_server.domain.errors import RuleRefused
from merchant_server.services.person.visits import ask_to_come_in
from merchant_server.services.sale import claims, code_limits, codes
from tests.installation import HandClock, Installation
from tests.privacy.people import Somebody, Visitor, sell

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
WHO = Somebody(1)


def ask(house: Installation, who: Somebody, address: str | None = None) -> None:
    ask_to_come_in(house.deps, who.phone, "zh-CN", address=address)


def test_the_wait_is_until_the_oldest_code_that_is_in_the_way_falls_out() -> None:
    sent = [NOW - timedelta(minutes=minutes) for minutes in (1, 3, 7, 30)]
    with pytest.raises(RuleRefused) as refused:
        refuse_too_many("number", sent, NOW)
    assert refused.value.facts["retry_after_seconds"] == 181
    refuse_too_many("number", sent, NOW + timedelta(seconds=181))


def test_ten_a_day_hold_also_when_they_are_slow() -> None:
    sent = [NOW - timedelta(hours=hours) for hours in range(1, 11)]
    with pytest.raises(RuleRefused) as refused:
        refuse_too_many("number", sent, NOW)
    assert refused.value.facts["minutes_left"] == 14 * 60 + 1


def test_a_number_is_limited_however_often_the_address_changes(installation: Installation) -> None:
    for last in range(3):
        ask(installation, WHO, f"8.8.{last}.1")
    with pytest.raises(RuleRefused) as refused:
        ask(installation, WHO, "9.9.9.9")
    assert (refused.value.code, refused.value.facts["limit"]) == ("code_rate_limited", "number")
    installation.clock.pass_(minutes=10, seconds=1)
    ask(installation, WHO)


def test_a_network_is_limited_however_often_the_number_changes(installation: Installation) -> None:
    for number in range(60):
        ask(installation, Somebody(number), f"8.8.8.{number}")
    with pytest.raises(RuleRefused) as refused:
        ask(installation, Somebody(61), "8.8.8.200")
    assert refused.value.facts["limit"] == "address"
    ask(installation, Somebody(61), "8.8.9.200")
    ask(installation, Somebody(62))


def test_a_person_is_limited_however_many_numbers_they_use(installation: Installation) -> None:
    """Codes that sign count for who signs, whatever number they go to."""

    def spend(number: int, consumer_id: str) -> None:
        with installation.deps.storage.unit_of_work() as uow:
            code_limits.spend_code(
                uow, installation.deps, "sign", f"number {number}", consumer_id=consumer_id
            )

    for number in range(6):
        spend(number, "con_1")
    with pytest.raises(RuleRefused) as refused:
        spend(7, "con_1")
    assert refused.value.facts["limit"] == "person"
    spend(7, "con_2")


def test_a_code_that_signs_counts_for_the_person_who_signs(installation: Installation) -> None:
    sold = sell(installation, WHO)
    counted = installation.rows("SELECT purpose, consumer_id FROM code_sends ORDER BY id")
    assert counted == [
        {"purpose": "phone", "consumer_id": None},
        {"purpose": "sign", "consumer_id": sold.consumer_id},
    ]


def test_the_hour_has_a_budget_and_the_breaker_says_when_it_closes(installation: Installation) -> None:
    installation.deps = replace(installation.deps, codes_per_hour=5)
    installation.clock.pass_(minutes=48)
    for number in range(5):
        ask(installation, Somebody(number))
    for number in range(6, 9):
        with pytest.raises(RuleRefused) as refused:
            ask(installation, Somebody(number))
        assert (refused.value.code, refused.value.facts["minutes_left"]) == ("codes_paused", 12)
    assert installation.rows("SELECT sent FROM code_hours") == [{"sent": 5}]
    assert len(installation.rows("SELECT * FROM audit WHERE action = 'codes.paused'")) == 1
    assert len(installation.sms.messages) == 5
    installation.clock.pass_(minutes=12)
    ask(installation, Somebody(9))


def test_a_hundred_at_once_do_not_outrun_a_limit(installation: Installation) -> None:
    installation.deps = replace(installation.deps, codes_per_hour=20)

    def one(number: int) -> str:
        try:
            ask(installation, Somebody(number % 10))
        except RuleRefused as error:
            return error.code
        return "sent"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(100)))
    assert answers.count("sent") == 20
    counts = installation.rows("SELECT phone_index, COUNT(*) AS n FROM code_sends GROUP BY phone_index")
    assert max(row["n"] for row in counts) <= 3


def test_codes_at_the_turn_of_an_hour_wait_for_one_another(installation: Installation) -> None:
    """Two servers whose clocks stand in two hours count on two rows: the number itself has to be held."""
    house = installation
    house.clock.pass_(minutes=59)
    for _ in range(2):
        ask(house, WHO)
    behind = house.clock.now()
    house.clock.pass_(minutes=1)
    with house.deps.storage.reading() as uow:
        phone_index = uow.visits.phone_index(WHO.phone)

    def other_server() -> str:
        try:
            with house.deps.storage.unit_of_work() as uow:
                code_limits.spend_code(uow, house.deps, "my", phone_index)
        except RuleRefused as error:
            return error.code
        return "sent"

    slow = replace(house.deps, clock=HandClock(behind))
    with ThreadPoolExecutor(1) as pool:
        with house.deps.storage.unit_of_work() as uow:
            code_limits.spend_code(uow, slow, "my", phone_index)
            answer = pool.submit(other_server)
            wait([answer], timeout=0.3)
        assert answer.result(30) == "code_rate_limited"
    assert house.rows("SELECT COUNT(*) AS n FROM code_sends") == [{"n": 3}]


@pytest.mark.parametrize("tries", [1, 2])
def test_one_number_on_twenty_checkouts_at_once_gets_three_codes(
    installation: Installation, tries: int
) -> None:
    house = installation
    opened = [house.checkout() for _ in range(20)]
    for checkout in opened:
        claims.open_link(house.deps, checkout.token, checkout.id + "x" * 22)

    def one(checkout: Checkout) -> str:
        try:
            codes.send_phone_code(house.deps, checkout.token, checkout.id + "x" * 22, WHO.phone)
        except RuleRefused as error:
            return error.code
        return "sent"

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(one, opened * tries))
    assert answers.count("sent") == 3 == len(house.sms.messages)


def test_a_refused_code_is_not_sent_and_leaves_no_visit(installation: Installation) -> None:
    for _ in range(3):
        ask(installation, WHO)
    visits = len(installation.rows("SELECT id FROM my_visits"))
    with pytest.raises(RuleRefused):
        ask(installation, WHO)
    assert len(installation.sms.messages) == 3
    assert len(installation.rows("SELECT id FROM my_visits")) == visits


def test_pages_say_when_to_try_again(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    checkout = house.checkout()
    claims.open_link(house.deps, checkout.token, WHO.claim)
    for _ in range(3):
        codes.send_phone_code(house.deps, checkout.token, WHO.claim, WHO.phone)
    browser = Visitor(house, WHO)
    browser.client.set_cookie("fenqi_phone", WHO.claim)
    page = browser.client.get(f"/p/{checkout.token}/phone")
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    answer = browser.client.post(f"/p/{checkout.token}/phone", data={"csrf_token": token, "phone": WHO.phone})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "601")
    assert "11 分钟后" in answer.text


def test_addresses_are_kept_as_keyed_hashes_only(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    browser = Visitor(house, WHO)
    browser.get()
    browser.client.post(
        "/my/phone", data=browser.hidden | {"phone": WHO.phone}, environ_overrides={"REMOTE_ADDR": "8.8.4.4"}
    )
    row = house.rows("SELECT * FROM code_sends")[0]
    assert row["address_index"] and len(row["address_index"]) == 64
    dump = "".join(str(house.rows(f"SELECT * FROM {each['name']}")) for each in house.rows(
        "SELECT name FROM sqlite_master WHERE type = 'table'"))  # fmt: skip
    assert "8.8.4" not in dump
