"""What a refused person sees: reasons in words, the nearest yes, and a way to a person; nothing of a fraud rule."""

import re

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.decision import Bureau
from merchant_server.services.decisioning import reviewing
from merchant_server.services.decisioning.watching import block
from tests.decision.people import id_number
from tests.installation import ID_NUMBER, PHONE, Installation
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
