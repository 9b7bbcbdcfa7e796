"""What a refused person sees: reasons in words, the nearest yes, and a way to a person; nothing of a fraud rule."""

import json
import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from fenqi.finance.money import Money
from markupsafe import escape

from merchant_server.domain.decision import Bureau, Decision, Features, Identity, Outcome
from merchant_server.domain.refusal import REFUSALS, Kind, public
from merchant_server.ports import CreditPolicy
from merchant_server.services.decisioning import reviewing
from merchant_server.services.decisioning.watching import block
from merchant_server.services.person.copy import copy_of_data
from merchant_server.services.sale.persons import CONSENTS
from tests.decision.people import id_number
from tests.installation import ID_NUMBER, NAME, PHONE, Installation
from tests.web.consumer.phone import Phone

OVERDUE = "110101199003079227"


@pytest.fixture
def installation(sqlite_installation: Installation) -> Installation:
    return sqlite_installation


def test_the_nearest_yes_is_shown_in_words(installation: Installation) -> None:
    installation.bureau.reports[ID_NUMBER] = Bureau("found", 560)
    phone = Phone(installation, installation.checkout(Money(1_500_000, "CNY")))
    phone.apply()

    page = phone.get("/decision").text

    assert "今天可以通过的方案" in page
    assert "分期金额不超过 ¥10,000.00" in page
    assert "现在向商户支付 ¥6,000.00，其余 ¥9,000.00 分期" in page


def test_one_tap_asks_the_shop_for_the_nearest_yes_and_tells_it_nothing_else(
    installation: Installation,
) -> None:
    installation.bureau.reports[ID_NUMBER] = Bureau("found", 560)
    shop = "https://shop.example/back?cart=7#top"
    phone = Phone(installation, installation.checkout(Money(1_500_000, "CNY"), return_url=shop))
    phone.apply()

    page = phone.get("/decision").text

    links = [
        unescape(link) for link in re.findall(r'href="(https://shop.example[^"]+counter_offer[^"]+)"', page)
    ]
    wished = [dict(parse_qsl(urlsplit(link).query)) for link in links]
    assert [(each["fenqi_counter_offer"], each["fenqi_amount_minor"]) for each in wished] == [
        ("smaller_amount", "1000000"),
        ("bigger_down_payment", "900000"),
    ]
    assert {name for each in wished for name in each} == {
        "cart", "fenqi_counter_offer", "fenqi_amount_minor", "fenqi_down_payment_minor", "fenqi_plan_id",
    }  # fmt: skip
    assert all(link.endswith("#top") for link in links)


def test_a_refusal_is_sent_to_a_person_from_the_page_and_says_by_when(installation: Installation) -> None:
    phone = Phone(installation, installation.checkout())
    phone.apply(OVERDUE)
    assert "申请人工复核</button>" in phone.get("/decision").text

    sent = phone.post("/decision")

    assert sent.status_code == 303 and sent.headers["Location"].endswith("/decision")
    page = phone.get("/decision").text
    assert "前完成人工复核" in page and "申请人工复核</button>" not in page
    (review,) = reviewing.queue(installation.deps)
    assert review.asked_by == "consumer"
    assert phone.post("/decision").status_code == 303
    assert len(reviewing.queue(installation.deps)) == 1


def test_a_persons_yes_leads_the_phone_to_the_plans(installation: Installation) -> None:
    reviewing.add_reviewer(installation.deps, "Li Wei", id_number(1, "19800101"))
    phone = Phone(installation, installation.checkout())
    phone.apply(OVERDUE)
    phone.fill("/decision")
    (review,) = reviewing.queue(installation.deps)

    reviewing.approve(
        installation.deps, review.id, reviewer="Li Wei", reason="The report was disputed and mended."
    )

    assert phone.get().headers["Location"].endswith("/plan")
    assert phone.get("/plan").status_code == 200


def test_somebody_blocked_reads_the_general_refusal_and_no_counter_offer(installation: Installation) -> None:
    block(installation.deps, "phone", PHONE, reason="stolen handset", by="alice")
    phone = Phone(installation, installation.checkout())
    phone.apply()

    page = phone.get("/decision").text

    assert "本次申请未能通过" in page and "今天可以通过的方案" not in page
    assert not re.search("fraud|拦截|名单|风控|stolen", page)


def test_an_approved_phone_has_nobody_to_ask(installation: Installation) -> None:
    phone = Phone(installation, installation.checkout())
    phone.apply()

    phone.get("/plan")
    assert phone.post("/decision").headers["Location"].endswith("/plan")
    assert reviewing.queue(installation.deps) == ()


SECRETS = re.compile("fraud|blocked|applications_|persons_30d|拦截|名单|风控|stolen", re.IGNORECASE)


def test_a_fraud_rule_is_in_nothing_that_leaves_the_house(installation: Installation) -> None:
    """The person's page, what the merchant is told, every event, and the copy of the person's data."""
    bought = installation.sell()
    block(installation.deps, "phone", PHONE, reason="stolen handset", by="alice")
    phone = Phone(installation, installation.checkout())
    phone.apply()

    pages = [phone.get(page).text for page in ("", "/decision")]
    told = installation.get(f"/v1/checkouts/{phone.checkout.id}").text
    events = str(installation.rows("SELECT body FROM events"))
    copied = json.dumps(copy_of_data(installation.deps, str(bought.consumer_id)), ensure_ascii=False)

    assert installation.now(phone.checkout).decline_code == "fraud_blocked"
    assert '"bureau_score"' in copied and '"general"' in copied
    for shown in (*pages, told, events, copied):
        assert not SECRETS.search(shown), SECRETS.findall(shown)


def test_whoever_types_anothers_id_number_learns_nothing_of_them(installation: Installation) -> None:
    installation.deps = replace(installation.deps, identity=Mismatch())
    installation.bureau.reports[ID_NUMBER] = Bureau("found", 400, 9_000_000, 90, 12)
    phone = Phone(installation, installation.checkout())
    phone.apply()

    page = phone.get("/decision").text

    assert "不属于同一个人" in page
    assert not re.search("逾期|征信|评分|负债", page)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_each_refusal_that_the_policy_knows_can_be_sent_to_a_person(
    installation: Installation, code: str
) -> None:
    """Whatever the reason was: the page offers a person, and in both languages says what would change the answer."""
    kind = REFUSALS[code].kind
    if kind == Kind.FACTOR:
        return
    checkout = installation.checkout()
    installation.deps = replace(installation.deps, policy=Refusing(installation.deps.policy, kind, code))
    phone = Phone(installation, checkout)
    phone.apply()

    chinese = phone.get("/decision").text
    told = public(code)
    assert escape(told.text_zh) in chinese and told.change_zh in chinese
    if kind == Kind.DECLINE:
        assert "申请人工复核</button>" in chinese
        phone.post("/decision")
    assert "前完成人工复核" in phone.get("/decision").text
    phone.client.set_cookie("fenqi_language", "en")
    english = phone.get("/decision").text
    assert escape(told.text_en) in english and escape(told.change_en) in english
    assert len(reviewing.queue(installation.deps)) == 1


class Refusing:
    """The shipped policy, but what it says is one refusal."""

    def __init__(self, policy: CreditPolicy, kind: Kind, code: str) -> None:
        self._policy, self._kind, self._code = policy, kind, code
        self.name, self.version, self.document = policy.name, policy.version, policy.document

    def decide(self, features: Features) -> Decision:
        said = self._policy.decide(features)
        return replace(said, outcome=Outcome(self._kind.value), reasons=(self._code,), limit_minor=0)


class Mismatch:
    """An identity check that says: not one person."""

    def check(self, **_: object) -> Identity:
        return Identity("mismatch")


def test_what_a_person_states_can_make_an_installment_too_much(installation: Installation) -> None:
    installation.bureau.reports[ID_NUMBER] = Bureau("found", 760)
    phone = Phone(installation, installation.checkout(Money(1_000_000, "CNY"), plan_ids=["p6"]))
    phone.verify()

    phone.fill(
        "/apply", name=NAME, id_number=ID_NUMBER, consent=list(CONSENTS), income="￥3,000", debts="1 200.00"
    )

    with installation.deps.storage.reading() as uow:
        features, decision = uow.decisions.get(str(installation.now(phone.checkout).decision_id))
    assert (features.income_stated_minor, features.debts_stated_minor) == (300_000, 120_000)
    assert decision.reasons == ("not_affordable",)
    page = phone.get("/decision").text
    assert "每期还款压力过大" in page and "更长期数" in page


def test_income_and_debts_may_be_left_empty(installation: Installation) -> None:
    phone = Phone(installation, installation.checkout())

    assert phone.apply().headers["Location"].endswith("/plan")

    with installation.deps.storage.reading() as uow:
        features, _ = uow.decisions.get(str(installation.now(phone.checkout).decision_id))
    assert (features.income_stated_minor, features.debts_stated_minor) == (0, 0)
    assert features.income_seen_minor >= 2_000_000, "the sandbox's bureau says what it sees"


@pytest.mark.parametrize("typed", ["a lot", "-5", "1.234", "1e5", "٣٠٠٠ USD"])
def test_an_income_that_is_no_amount_is_refused_beside_its_field(
    installation: Installation, typed: str
) -> None:
    phone = Phone(installation, installation.checkout())
    phone.verify()

    answer = phone.fill("/apply", name=NAME, id_number=ID_NUMBER, consent=list(CONSENTS), income=typed)

    assert answer.status_code == 422 and "收入与负债须为金额" in answer.text
    assert re.search(r'id="income"[^>]+aria-invalid="true"', answer.text)
    assert NAME in answer.text, "what was typed stays"
