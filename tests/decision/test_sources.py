"""Sources that are slow, down or send nonsense: a bounded wait, "unknown", quarantine, and never a yes by accident."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from merchant_server.domain.address import address_prefix
from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.circumstances import Circumstances
from merchant_server.domain.consumer import Person
from merchant_server.domain.decision import Bureau, Identity
from merchant_server.domain.features import (
    REGISTRY,
    REQUIRED,
    SOURCES,
    Features,
    FeaturesInvalid,
    Reading,
    ReadingState,
    assemble,
    checked_reading,
)
from merchant_server.ports import ProviderGarbled, ProviderRefused, ProviderUnavailable
from merchant_server.providers.breaker import (
    Breakers,
    CircuitBreaker,
    CircuitState,
    GuardedBureau,
    GuardedIdentity,
)
from merchant_server.services.decisioning import reviewing
from merchant_server.services.decisioning.sources import ask_outside
from merchant_server.services.decisioning.watching import block, block_list, forget_velocity, lift
from merchant_server.web.health import health_routes
from merchant_server.web.portal.review import review_pages
from tests.decision.people import id_number
from tests.installation import ID_NUMBER, PHONE, Installation

PERSON = Person("王小明", ID_NUMBER, PHONE, datetime(1990, 3, 7, tzinfo=UTC).date())
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


class Bureaus:
    """A bureau that does what it is told."""

    def __init__(self, does) -> None:
        self.does = does

    def report(self, *, reference: str, id_number: str) -> Bureau:
        return self.does()


def raising(error: Exception):
    def does():
        raise error

    return does


def test_every_feature_has_a_type_a_source_a_default_and_two_texts() -> None:
    for name, feature in REGISTRY.items():
        assert feature.name == name and feature.kind in ("count", "amount_minor", "text", "date")
        assert feature.meaning_en and feature.meaning_zh
        assert feature.default is not REQUIRED or feature.source in ("checkout", "person", "merchant", "own")
    assert set(Features.__slots__) == set(REGISTRY)


def test_the_reference_page_names_every_feature_as_the_registry_does() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/features.md").read_text(encoding="utf-8")

    for feature in REGISTRY.values():
        assert f"| `{feature.name}` | {feature.kind} | {feature.source} |" in page
        assert feature.meaning_en in page and feature.meaning_zh in page


def readings(**changes) -> list[Reading]:
    values = {source: {} for source in SOURCES}
    row = Features.from_dict(
        {name: "CNY" if name == "currency" else "2026-11-21" if name == "decided_on" else
         {"text": "match" if name == "identity" else "unknown" if name == "bureau_status" else
          feature.values[0] if feature.values else "electronics"}.get(feature.kind,
          None if name == "bureau_score" else 1) for name, feature in REGISTRY.items()}
    )  # fmt: skip
    for name, feature in REGISTRY.items():
        values[feature.source][name] = getattr(row, name)
    return [
        changes.get(source, Reading(source, ReadingState.ANSWERED, AT, values[source])) for source in SOURCES
    ]


@pytest.mark.parametrize("state", [ReadingState.UNAVAILABLE, ReadingState.GARBAGE, ReadingState.NOT_ASKED])
@pytest.mark.parametrize("source", ["identity", "bureau", "stated", "velocity", "block_list"])
def test_a_source_that_fails_leaves_its_defaults_and_nothing_else(source: str, state: ReadingState) -> None:
    whole = assemble(readings())
    failed = assemble(readings(**{source: Reading(source, state, AT, {"identity": "match"})}))

    for name, feature in REGISTRY.items():
        expected = feature.default if feature.source == source else getattr(whole, name)
        assert getattr(failed, name) == expected


@pytest.mark.parametrize("source", ["checkout", "person", "merchant", "own"])
def test_without_our_own_tables_there_is_no_decision(source: str) -> None:
    with pytest.raises(FeaturesInvalid, match="missing"):
        assemble(readings(**{source: Reading(source, ReadingState.UNAVAILABLE, AT)}))


@pytest.mark.parametrize(
    "values",
    [
        {"bureau_status": "found", "bureau_score": 9_999},
        {"bureau_status": "found", "bureau_score": None},
        {"bureau_status": "thin", "bureau_score": 700},
        {"bureau_status": "great", "bureau_score": None},
        {"bureau_status": "thin", "bureau_score": None, "bureau_debts_minor": -1},
        {"bureau_status": "thin", "bureau_score": None, "bureau_debts_minor": 10.5},
        {"bureau_status": "thin", "bureau_score": None, "unheard_of": 1},
        {"bureau_score": 700},
    ],
)
def test_a_report_that_no_rule_could_judge_is_garbage(values: dict[str, object]) -> None:
    checked = checked_reading(Reading("bureau", ReadingState.ANSWERED, AT, values))

    assert checked.state is ReadingState.GARBAGE and not checked.values


OUTCOMES = [
    (raising(ProviderUnavailable("bureau", "down")), "unavailable"),
    (raising(ProviderRefused("bureau", "unknown_person", "HTTP 404")), "unavailable"),
    (raising(ProviderGarbled("bureau", "no JSON", b"<html>110101199003077651")), "garbage"),
    (lambda: Bureau("found", 9_999), "garbage"),
    (lambda: Bureau("found", 700, debts_minor=-5), "garbage"),
    (lambda: Bureau("nonsense"), "garbage"),
]


@pytest.mark.parametrize(("does", "state"), OUTCOMES)
def test_a_bureau_without_a_usable_answer_refers_and_never_approves(installation, does, state) -> None:
    installation.deps = replace(installation.deps, bureau=Bureaus(does))

    decided = installation.apply(installation.checkout())

    assert decided.status is CheckoutStatus.REFERRED
    with installation.deps.storage.reading() as uow:
        record = uow.decisions.record(decided.decision_id)
        kept = uow.decisions.quarantined(decided.decision_id, "bureau")
    assert record.sources["bureau"]["state"] == state
    assert (record.features.bureau_status, record.features.bureau_score) == ("unknown", None)
    assert (kept is not None) == (state == "garbage")


def test_quarantined_bytes_are_sealed_and_not_in_any_log(installation, caplog) -> None:
    body = b"<html>110101199003077651 nonsense"
    does = raising(ProviderGarbled("bureau", "no JSON", body))
    installation.deps = replace(installation.deps, bureau=Bureaus(does))

    decided = installation.apply(installation.checkout())

    (row,) = installation.rows("SELECT * FROM quarantined_answers")
    assert (row["source"], row["reason"]) == ("bureau", "no JSON")
    assert b"110101" not in bytes(row["body_sealed"])
    with installation.deps.storage.reading() as uow:
        assert uow.decisions.quarantined(decided.decision_id, "bureau") == body
    assert f"bureau sent what is no answer for {decided.decision_id}: no JSON" in caplog.text
    assert "110101199003077651" not in caplog.text


def test_a_bureau_that_hangs_is_waited_for_a_bounded_time(sqlite_installation: Installation) -> None:
    released = threading.Event()

    def hang() -> Bureau:
        released.wait(30)
        return Bureau("found", 800)

    deps = replace(sqlite_installation.deps, bureau=Bureaus(hang))
    begun = time.monotonic()
    asked = ask_outside(deps, "dec_1", PERSON, wait_seconds=0.2)
    taken = time.monotonic() - begun
    released.set()

    states = {reading.source: reading.state for reading in asked.readings}
    assert states == {"identity": ReadingState.ANSWERED, "bureau": ReadingState.UNAVAILABLE}
    assert taken < 5


def test_sources_are_asked_side_by_side(sqlite_installation: Installation) -> None:
    meeting = threading.Barrier(2, timeout=10)

    class Meets:
        def check(self, **asked: str) -> Identity:
            meeting.wait()
            return Identity("match")

    def meet() -> Bureau:
        meeting.wait()
        return Bureau("thin")

    deps = replace(sqlite_installation.deps, identity=Meets(), bureau=Bureaus(meet))

    asked = ask_outside(deps, "dec_1", PERSON)

    assert {reading.state for reading in asked.readings} == {ReadingState.ANSWERED}


def test_a_mistake_of_ours_is_not_taken_for_silence(sqlite_installation: Installation) -> None:
    deps = replace(sqlite_installation.deps, bureau=Bureaus(raising(ZeroDivisionError())))

    with pytest.raises(ZeroDivisionError):
        ask_outside(deps, "dec_1", PERSON)


class Seconds:
    """A monotonic clock in the test's hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_circuit_opens_after_failures_in_a_row_and_closes_after_one_answer() -> None:
    seconds, asked = Seconds(), []
    breaker = CircuitBreaker("bureau", failures_to_open=3, open_seconds=15, seconds=seconds)
    does = {"now": raising(ProviderUnavailable("bureau", "down"))}

    def ask() -> Bureau:
        asked.append(1)
        return does["now"]()

    guarded = GuardedBureau(Bureaus(ask), breaker)

    def report() -> Bureau:
        return guarded.report(reference="dec_1", id_number=ID_NUMBER)

    for _ in range(3):
        assert breaker.state is CircuitState.CLOSED
        with pytest.raises(ProviderUnavailable):
            report()
    assert breaker.state is CircuitState.OPEN
    for _ in range(5):
        with pytest.raises(ProviderUnavailable, match="circuit is open"):
            report()
    assert len(asked) == 3, "an open circuit asks nobody"

    seconds.now = 15
    assert breaker.state is CircuitState.HALF_OPEN
    with pytest.raises(ProviderUnavailable, match="down"):
        report()
    assert (breaker.state, len(asked)) == (CircuitState.OPEN, 4)

    seconds.now, does["now"] = 30, lambda: Bureau("thin")
    assert report().status == "thin"
    assert breaker.state is CircuitState.CLOSED


def test_a_definite_no_is_an_answer_and_opens_no_circuit() -> None:
    breaker = CircuitBreaker("identity", failures_to_open=1)

    class Refuses:
        def check(self, **asked: str) -> Identity:
            raise ProviderRefused("identity", "bad", "HTTP 422")

    for _ in range(3):
        with pytest.raises(ProviderRefused):
            GuardedIdentity(Refuses(), breaker).check(reference="r", name="n", id_number="i", phone="p")
    assert breaker.state is CircuitState.CLOSED


def test_one_question_tries_a_half_open_circuit_while_others_are_refused() -> None:
    seconds = Seconds()
    breaker = CircuitBreaker("bureau", failures_to_open=1, open_seconds=1, seconds=seconds)
    with pytest.raises(ProviderUnavailable):
        breaker.call(raising(ProviderUnavailable("bureau", "down")))
    seconds.now = 2
    inside = []

    def trying() -> str:
        with pytest.raises(ProviderUnavailable, match="circuit"):
            breaker.call(lambda: "second")
        inside.append(breaker.state)
        return "first"

    assert breaker.call(trying) == "first"
    assert inside == [CircuitState.HALF_OPEN]


def test_the_circuits_state_is_shown_to_prometheus() -> None:
    from prometheus_client import REGISTRY as METRICS

    breaker = CircuitBreaker("shown", failures_to_open=1)
    assert METRICS.get_sample_value("fenqi_source_circuit_state", {"source": "shown"}) == 0
    with pytest.raises(ProviderUnavailable):
        breaker.call(raising(ProviderUnavailable("shown", "down")))
    assert METRICS.get_sample_value("fenqi_source_circuit_state", {"source": "shown"}) == 2


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("8.8.4.77", "8.8.4.0/24"),
        ("2a00:1450:4001:2:3::4", "2a00:1450:4001::/48"),
        ("::ffff:8.8.4.9", "8.8.4.0/24"),
        ("8.8.4.77, 1.1.1.1", ""),
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("192.168.1.1", ""),
        ("::1", ""),
        ("fe80::1", ""),
        ("unix:", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_an_address_is_counted_by_its_network(address: str | None, prefix: str) -> None:
    assert address_prefix(address) == prefix


def test_applications_are_counted_by_person_phone_device_store_and_network(
    installation: Installation,
) -> None:
    seen = []
    for number in range(3):
        checkout = installation.checkout(store_id=installation.store_id)
        decided = installation.apply(checkout, id_number=id_number(300 + number), claim="one-device")
        with installation.deps.storage.reading() as uow:
            seen.append(uow.decisions.record(decided.decision_id).features)

    assert [each.person_applications_24h for each in seen] == [1, 1, 1]
    assert [each.phone_applications_24h for each in seen] == [1, 2, 3]
    assert [each.device_applications_24h for each in seen] == [1, 2, 3]
    assert [each.store_applications_1h for each in seen] == [1, 2, 3]
    assert [each.phone_persons_30d for each in seen] == [1, 2, 3]
    assert [each.device_persons_30d for each in seen] == [1, 2, 3]
    hashes = {row["key_index"] for row in installation.rows("SELECT key_index FROM velocity_facts")}
    assert not any("138" in each and PHONE in each for each in hashes)
    assert all(len(each) == 64 for each in hashes)


def test_what_is_counted_leaves_its_window(sqlite_installation: Installation) -> None:
    house = sqlite_installation
    keys = {"phone": PHONE, "address": address_prefix("8.8.4.7")}
    house.apply(house.checkout())
    house.clock.pass_(hours=24)
    with house.deps.storage.reading() as uow:
        found = uow.watch.velocity(keys, mode="test", at=house.clock.now())
        other_mode = uow.watch.velocity(keys, mode="live", at=house.clock.now())
    assert (found.applications["phone"], found.persons["phone"]) == (0, 1)
    assert other_mode.persons["phone"] == 0, "test and live are two worlds"
    assert forget_velocity(house.deps) == 0
    house.clock.pass_(days=90)
    assert forget_velocity(house.deps) == 3


def test_a_blocked_phone_is_refused_without_a_word_of_why(installation: Installation) -> None:
    block_id = block(installation.deps, "phone", PHONE, reason="stolen handset", by="alice")
    (listed,) = block_list(installation.deps)
    assert PHONE not in str(listed)

    decided = installation.apply(installation.checkout())

    assert (decided.status, decided.decline_code) == (CheckoutStatus.DECLINED, "fraud_blocked")
    lift(installation.deps, block_id, by="bob")
    assert installation.apply(installation.checkout(), claim="phone-2").status is CheckoutStatus.OFFERED


def test_circumstances_show_nothing_when_printed() -> None:
    assert "secret" not in repr(Circumstances(device="secret", address="203.0.113.7"))


@pytest.fixture
def with_open_bureau(sqlite_installation: Installation) -> Installation:
    """A house whose bureau has failed once too often."""
    house = sqlite_installation
    broken = CircuitBreaker("bureau", failures_to_open=1)
    with pytest.raises(ProviderUnavailable):
        broken.call(raising(ProviderUnavailable("bureau", "down")))
    house.deps = replace(house.deps, circuits=Breakers(CircuitBreaker("identity"), broken))
    return house


def test_a_process_that_misses_a_source_is_ready_and_says_what_is_degraded(with_open_bureau) -> None:
    house = with_open_bureau
    house.app.register_blueprint(health_routes(house.deps, lambda: None))

    answer = house.client.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert answer.json["degraded"] == ["bureau: its circuit is open"]


def test_the_reviewers_queue_shows_each_circuit(with_open_bureau) -> None:
    house = with_open_bureau
    house.app.register_blueprint(review_pages(house.deps, "a-portal-token-of-enough-length"))
    house.app.config["WTF_CSRF_ENABLED"] = False
    reviewing.add_reviewer(house.deps, "Li Wei", id_number(1, "19800101"))
    client = house.client
    client.post("/portal/sign-in", data={"name": "Li Wei", "token": "a-portal-token-of-enough-length"})
    page = client.get("/portal/reviews").text

    assert "实名核验" in page and "征信" in page
    assert page.count("正常") == 1 and "<strong>已熔断" in page
