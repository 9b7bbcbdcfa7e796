"""Complaints from both sides: staff see what waits and until when, answer and close; the person reads the answer."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from merchant_server.domain.errors import (
    Forbidden,
    NotFound,
    RuleRefused,
    TransitionConflict,
    TransitionNotAllowed,
)
from merchant_server.services.decisioning import reviewing
from merchant_server.services.person.complaints import (
    answer_complaint,
    complaint_case,
    complaint_desk,
    file_complaint,
)
from merchant_server.services.person.copy import copy_of_data
from merchant_server.services.person.erasure import reasons_to_keep
from merchant_server.web.portal.review import review_pages
from tests.decision.people import id_number
from tests.installation import Installation
from tests.privacy.people import Somebody, Visitor, sell

WHO, STAFF = Somebody(1), Somebody(2)
TOKEN = "a-portal-token-of-enough-length"
CHINESE, ENGLISH = "款项已于今日退回，请查收。", "The money went back to you today."


@pytest.fixture
def house(installation: Installation) -> Installation:
    """An installation with somebody who answers, and a customer who answers too."""
    reviewing.add_reviewer(installation.deps, "Li Wei", id_number(1, "19800101"))
    reviewing.add_reviewer(installation.deps, "Customer", WHO.id_number)
    return installation


def complain(house: Installation, text: str = "扣款日期不对。", who: Somebody = WHO) -> Any:
    sold = sell(house, who)
    assert sold.consumer_id and sold.loan_id
    return file_complaint(house.deps, sold.consumer_id, text, sold.loan_id)


def test_what_waits_longest_comes_first_and_an_answer_takes_it_off(house: Installation) -> None:
    first = complain(house)
    house.clock.pass_(days=3)
    second = file_complaint(house.deps, first.consumer_id, "Second")
    desk = complaint_desk(house.deps)
    assert [each.id for each in desk.open] == [first.id, second.id]
    answer_complaint(house.deps, first.id, {"zh-CN": CHINESE, "en": ENGLISH}, staff="Li Wei")
    desk = complaint_desk(house.deps)
    assert [each.id for each in desk.open] == [second.id]
    (answered,) = desk.answered
    assert answered.answer is not None
    assert answered.answer.text_for("en").reveal() == ENGLISH
    assert answered.answer.text_for("zh-CN").reveal() == CHINESE


def test_an_answer_is_sealed_audited_and_in_the_persons_copy(house: Installation) -> None:
    complaint = complain(house)
    answer_complaint(house.deps, complaint.id, {"zh-CN": "", "en": ENGLISH}, staff="Li Wei")
    (row,) = house.rows("SELECT * FROM complaints")
    assert ENGLISH.encode() not in bytes(row["answer_sealed"]) and row["answered_by"] == "Li Wei"
    (act,) = house.rows("SELECT * FROM audit WHERE action = 'complaint.answered'")
    assert (act["actor"], act["subject"]) == ("staff Li Wei", complaint.id)
    assert json.loads(act["detail"]) == {"languages": ["en"], "late": False}
    (told,) = copy_of_data(house.deps, complaint.consumer_id)["complaints"]
    assert told["answers"] == {"en": ENGLISH} and told["status"] == "answered"
    assert "complaint_open" not in {each.code for each in reasons_to_keep(house.deps, complaint.consumer_id)}


@pytest.mark.parametrize(
    ("texts", "code"),
    [({}, "complaint_empty"), ({"zh-CN": " ", "en": "\n"}, "complaint_empty"),
     ({"en": "x" * 2_001}, "complaint_too_long"), ({"en": "ok", "zh-CN": "\u202eabc"}, "complaint_unreadable")],
)  # fmt: skip
def test_what_is_no_answer_is_refused_and_the_complaint_stays_open(
    house: Installation, texts: dict[str, str], code: str
) -> None:
    complaint = complain(house)
    with pytest.raises(RuleRefused) as refused:
        answer_complaint(house.deps, complaint.id, texts, staff="Li Wei")
    assert (refused.value.code, refused.value.field) == (code, "answer")
    assert complaint_desk(house.deps).open


def test_one_answer_only_by_staff_and_never_to_oneself(house: Installation) -> None:
    complaint = complain(house)
    with pytest.raises(Forbidden) as own:
        answer_complaint(house.deps, complaint.id, {"en": ENGLISH}, staff="Customer")
    with pytest.raises(Forbidden) as unknown:
        complaint_case(house.deps, complaint.id, "Mallory")
    assert (own.value.code, unknown.value.code) == ("complaint_own_case", "reviewer_unknown")
    with pytest.raises(NotFound):
        complaint_case(house.deps, "cmp_none", "Li Wei")
    answered = answer_complaint(house.deps, complaint.id, {"en": ENGLISH}, staff="Li Wei")
    with pytest.raises(TransitionNotAllowed):
        answer_complaint(house.deps, complaint.id, {"en": "Another"}, staff="Li Wei")
    with pytest.raises(TransitionConflict), house.deps.storage.unit_of_work() as uow:
        uow.complaints.save_answer(answered)


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("answer_sealed = NULL", "answer_sealed = x'00'"),
        ("status = 'answered', answer_sealed = x'00'", "status = 'open'"),
    ],
)
def test_a_complaint_that_is_answered_without_answer_or_act_breaks_a_law(
    sqlite_installation: Installation, broken: str, mended: str
) -> None:
    house = sqlite_installation
    reviewing.add_reviewer(house.deps, "Li Wei", id_number(1, "19800101"))
    complaint = complain(house)
    if broken.startswith("answer"):
        answer_complaint(house.deps, complaint.id, {"en": ENGLISH}, staff="Li Wei")
    with house.engine.transaction() as db:
        db.execute(f"UPDATE complaints SET {broken}")
    assert [breach[:23] for breach in house.breaches()] == ["4 an answered complaint"]
    with house.engine.transaction() as db:
        db.execute(f"UPDATE complaints SET {mended}")


def test_who_answers_sees_the_person_masked_and_the_loan(house: Installation) -> None:
    complaint = complain(house)
    case = complaint_case(house.deps, complaint.id, "Li Wei")
    told = repr(case)
    assert WHO.name not in told and WHO.id_number not in told and WHO.phone not in told
    assert case.about is not None and case.about.loan.id == complaint.loan_id
    assert "扣款" not in told


@pytest.fixture
def portal(sqlite_installation: Installation) -> Installation:
    """An installation with the staff's pages."""
    reviewing.add_reviewer(sqlite_installation.deps, "Li Wei", id_number(1, "19800101"))
    sqlite_installation.app.register_blueprint(review_pages(sqlite_installation.deps, TOKEN))
    return sqlite_installation


def signed_in(portal: Installation) -> FlaskClient:
    portal.app.config["WTF_CSRF_ENABLED"] = False
    client = portal.client
    answer = client.post("/portal/sign-in", data={"name": "Li Wei", "token": TOKEN, "way_on": "complaints"})
    assert answer.headers["Location"] == "/portal/complaints"
    return client


def test_staff_answer_on_the_page_and_the_person_reads_it_on_theirs(portal: Installation) -> None:
    complaint = complain(portal, "<b>扣款</b> & 两次")
    client, path = signed_in(portal), f"/portal/complaints/{complaint.id}"
    page = client.get("/portal/complaints", headers={"Accept-Language": "en"})
    assert "15 days left" in page.text and "&lt;b&gt;扣款&lt;/b&gt; &amp; 两次" in page.text
    assert "<script" not in page.text and "style=" not in page.text
    empty = client.post(path, data={"answer_zh": " "})
    assert empty.status_code == 422 and 'role="alert"' in empty.text
    done = client.post(path, data={"answer_zh": CHINESE, "answer_en": ENGLISH})
    assert (done.status_code, done.headers["Location"]) == (303, f"{path}?closed=1")
    assert CHINESE in client.get(path).text and "<textarea" not in client.get(path).text
    late = client.post(path, data={"answer_zh": "另一答复"})
    assert late.status_code == 409 and "另一答复" not in late.text
    visitor = Visitor(portal, WHO)
    visitor.sign_in()
    assert CHINESE in visitor.get("/complaints", **{"Accept-Language": "zh-CN"}).text
    visitor.get("/complaints?lang=en")
    english = visitor.get("/complaints").text
    assert ENGLISH in english and CHINESE not in english


def test_an_answer_that_is_late_is_shown_and_recorded_as_late(portal: Installation) -> None:
    complaint = complain(portal)
    portal.clock.pass_(days=17)
    page = signed_in(portal).get("/portal/complaints", headers={"Accept-Language": "en"}).text
    assert "2 days late" in page
    answer_complaint(portal.deps, complaint.id, {"zh-CN": CHINESE}, staff="Li Wei")
    (act,) = portal.rows("SELECT detail FROM audit WHERE action = 'complaint.answered'")
    assert json.loads(act["detail"])["late"] is True


@pytest.mark.parametrize("path", ["/portal/complaints", "/portal/complaints/{}"])
def test_without_signing_in_no_complaint_is_seen_or_answered(portal: Installation, path: str) -> None:
    complaint = complain(portal)
    portal.app.config["WTF_CSRF_ENABLED"] = False
    page = portal.client.get(path.format(complaint.id))
    assert page.status_code == 401 and "扣款" not in page.text
    # A visit to one's own page opens none of the staff's, nor the other way round.
    visitor = Visitor(portal, WHO)
    visitor.sign_in()
    assert visitor.client.get(path.format(complaint.id)).status_code == 401
    answered = visitor.client.post(f"/portal/complaints/{complaint.id}", data={"answer_zh": "已处理"})
    assert answered.status_code == 401 and complaint_desk(portal.deps).open
    assert signed_in(portal).get("/my/complaints").status_code == 303


def test_the_answer_form_wants_the_pages_own_token(portal: Installation) -> None:
    complaint = complain(portal)
    client = signed_in(portal)
    portal.app.config["WTF_CSRF_ENABLED"] = True
    assert client.post(f"/portal/complaints/{complaint.id}", data={"answer_zh": CHINESE}).status_code in (
        400,
        403,
    )
    assert complaint_desk(portal.deps).open
