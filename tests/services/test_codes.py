"""One-time codes through a sale: five tries, one use, one checkout, one document, and few messages."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.errors import DomainError, RuleRefused, Unavailable
from merchant_server.services.sale import approval, claims, codes, signing
from tests.installation import ID_NUMBER, NAME, PHONE, Installation


def opened(house: Installation, reference: str = "order-1001", claim: str = "phone-1") -> Checkout:
    checkout = house.checkout(reference=reference)
    claims.open_link(house.deps, checkout.token, claim)
    return checkout


def refused(house: Installation, checkout: Checkout, digits: str, claim: str = "phone-1") -> str:
    with pytest.raises(DomainError) as refusal:
        codes.check_phone_code(house.deps, checkout.token, claim, digits)
    return refusal.value.code


def wrong(right: str) -> str:
    return f"{(int(right) + 1) % 1_000_000:06d}"


def test_after_five_wrong_tries_the_right_code_is_refused_and_a_new_one_works(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    checkout = opened(installation)
    codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
    right = installation.last_code()
    assert [refused(installation, checkout, wrong(right)) for _ in range(5)] == ["code_wrong"] * 5
    assert refused(installation, checkout, right) == "code_exhausted"
    codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
    codes.check_phone_code(installation.deps, checkout.token, "phone-1", installation.last_code())


def test_twenty_guesses_at_once_are_five_tries(installation: Installation) -> None:
    checkout = opened(installation)
    codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
    guess = wrong(installation.last_code())
    start = threading.Barrier(10)

    def try_it(_: int) -> str:
        start.wait()
        return refused(installation, checkout, guess)

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(try_it, range(20)))
    assert outcomes.count("code_wrong") <= 5
    assert set(outcomes) <= {"code_wrong", "code_exhausted", "conflict"}
    assert installation.rows("SELECT tries FROM codes") == [{"tries": outcomes.count("code_wrong")}]


def test_a_code_is_over_after_ten_minutes(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = opened(installation)
    codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
    installation.clock.pass_(seconds=600)
    assert refused(installation, checkout, installation.last_code()) == "code_expired"


def test_only_the_newest_code_counts(installation: Installation) -> None:
    checkout = opened(installation)
    codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
    first = installation.last_code()
    codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
    if first != installation.last_code():
        assert refused(installation, checkout, first) == "code_wrong"
    codes.check_phone_code(installation.deps, checkout.token, "phone-1", installation.last_code())


def test_a_code_of_another_checkout_or_another_number_is_no_code_here(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    mine, other = opened(installation), opened(installation, "order-2", "phone-2")
    codes.send_phone_code(installation.deps, other.token, "phone-2", PHONE)
    borrowed = installation.last_code()
    assert refused(installation, mine, borrowed) == "code_missing"
    codes.send_phone_code(installation.deps, mine.token, "phone-1", "+8613900139000")
    if borrowed != installation.last_code():
        assert refused(installation, mine, borrowed) == "code_wrong"


def test_a_code_for_a_number_does_not_verify_another_number_typed_after_it(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    checkout = opened(installation)
    codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
    own = installation.last_code()
    with pytest.raises(Unavailable):
        codes.send_phone_code(installation.deps, checkout.token, "phone-1", "+8619900000503")
    assert refused(installation, checkout, own) in ("code_wrong", "code_missing")


def test_a_number_gets_three_messages_in_ten_minutes_over_all_checkouts(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    for number in range(3):
        checkout = opened(installation, f"order-{number}")
        codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
    fourth = opened(installation, "order-4")
    with pytest.raises(RuleRefused) as refusal:
        codes.send_phone_code(installation.deps, fourth.token, "phone-1", PHONE)
    assert refusal.value.code == "code_rate_limited"
    assert len(installation.sms.messages) == 3
    installation.clock.pass_(minutes=11)
    codes.send_phone_code(installation.deps, fourth.token, "phone-1", PHONE)


def test_a_number_gets_ten_messages_a_day(installation: Installation) -> None:
    sent = 0
    for number in range(14):
        checkout = opened(installation, f"order-{number}")
        try:
            codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
            sent += 1
        except RuleRefused as refused_:
            assert refused_.code == "code_rate_limited"
        installation.clock.pass_(minutes=11)
    assert sent == 10


def test_ten_requests_at_once_on_one_checkout_send_three_messages(installation: Installation) -> None:
    checkout = opened(installation)
    start = threading.Barrier(10)

    def ask(_: int) -> str:
        start.wait()
        try:
            codes.send_phone_code(installation.deps, checkout.token, "phone-1", PHONE)
        except DomainError as refused_:
            return refused_.code
        return "sent"

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(ask, range(10)))
    assert outcomes.count("sent") == len(installation.sms.messages) <= 3


@pytest.mark.parametrize("text", ["", "1380013800", "138001380000", "010-12345678", "１", "138a0138000"])
def test_what_is_no_mobile_number_is_refused_and_sends_nothing(
    sqlite_installation: Installation, text: str
) -> None:
    checkout = opened(sqlite_installation)
    with pytest.raises(RuleRefused) as refusal:
        codes.send_phone_code(sqlite_installation.deps, checkout.token, "phone-1", text)
    assert (refusal.value.code, refusal.value.field) == ("phone_invalid", "phone")
    assert sqlite_installation.sms.messages == []


@pytest.mark.parametrize(
    ("name", "id_number", "code"),
    [
        (NAME, "110101199003077652", "id_number_invalid"),
        (NAME, "11010119900307765", "id_number_invalid"),
        (NAME, "110101199013077651", "id_number_invalid"),
        (NAME, "", "id_number_invalid"),
        ("", ID_NUMBER, "name_invalid"),
        ("1", ID_NUMBER, "name_invalid"),
        ("王" * 61, ID_NUMBER, "name_invalid"),
        ("<script>", ID_NUMBER, "name_invalid"),
    ],
)
def test_an_invalid_person_is_refused_before_anybody_is_asked(
    sqlite_installation: Installation, name: str, id_number: str, code: str
) -> None:
    house = sqlite_installation
    checkout = opened(house)
    codes.send_phone_code(house.deps, checkout.token, "phone-1", PHONE)
    codes.check_phone_code(house.deps, checkout.token, "phone-1", house.last_code())
    with pytest.raises(RuleRefused) as refusal:
        approval.apply(
            house.deps, checkout.token, "phone-1", name=name, id_number=id_number, consents=approval.CONSENTS
        )
    assert refusal.value.code == code
    assert house.now(checkout).status == "opened"
    assert house.rows("SELECT * FROM consumers") == []


def test_nobody_is_decided_on_without_a_verified_number_and_every_consent(
    sqlite_installation: Installation,
) -> None:
    installation = sqlite_installation
    checkout = opened(installation)
    for consents in ((), approval.CONSENTS[:1], approval.CONSENTS[1:]):
        with pytest.raises(RuleRefused) as refusal:
            approval.apply(
                installation.deps,
                checkout.token,
                "phone-1",
                name=NAME,
                id_number=ID_NUMBER,
                consents=consents,
            )
        assert refusal.value.code == "consent_missing"
    with pytest.raises(RuleRefused) as refusal:
        approval.apply(
            installation.deps,
            checkout.token,
            "phone-1",
            name=NAME,
            id_number=ID_NUMBER,
            consents=approval.CONSENTS,
        )
    assert refusal.value.code == "phone_unverified"
    assert installation.rows("SELECT * FROM decisions") == []


def test_a_signing_code_is_bound_to_the_document_that_was_shown(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    installation.apply(checkout)
    installation.choose(checkout, plan="p12")
    signing.send_signing_code(installation.deps, checkout.token, "phone-1")
    for_the_first = installation.last_code()
    installation.choose(checkout, plan="p3")
    with pytest.raises(RuleRefused) as refusal:
        signing.sign(installation.deps, checkout.token, "phone-1", for_the_first)
    assert refusal.value.code == "code_missing"
    assert installation.rows("SELECT * FROM loans") == []
    assert installation.sign(checkout).plan_id == "p3"


def test_a_phone_code_does_not_sign(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    checkout = installation.checkout()
    installation.apply(checkout)
    phone_code = installation.last_code()
    installation.choose(checkout)
    with pytest.raises(RuleRefused) as refusal:
        signing.sign(installation.deps, checkout.token, "phone-1", phone_code)
    assert refusal.value.code == "code_missing"


def test_nobody_signs_before_the_reading_time_is_over(sqlite_installation: Installation) -> None:
    installation = sqlite_installation
    from merchant_server.services.sale import choosing

    checkout = installation.checkout()
    installation.apply(checkout)
    offered = choosing.choices(installation.deps, checkout.token, "phone-1")
    choosing.prepare_agreement(
        installation.deps, checkout.token, "phone-1", plan_id="p3", account_token=offered.accounts[0].token
    )
    installation.clock.pass_(seconds=9.9)
    with pytest.raises(RuleRefused) as refusal:
        signing.send_signing_code(installation.deps, checkout.token, "phone-1")
    assert (refusal.value.code, refusal.value.facts["seconds_left"]) == ("reading_time", 1)
    installation.clock.pass_(seconds=0.1)
    signing.send_signing_code(installation.deps, checkout.token, "phone-1")
