"""Relief and the quarantine on the staff's pages: two people for each relief, and what to do about a wrong callback."""

import pytest
from fenqi.finance.money import Money
from flask.testing import FlaskClient

from merchant_server.domain.checkout import Checkout
from merchant_server.domain.errors import Forbidden, NotFound, RuleRefused
from merchant_server.domain.relief_proposal import ReliefKind
from merchant_server.services.collection import proposals
from merchant_server.services.collection.callbacks import receive
from merchant_server.services.collection.quarantine import handle, quarantined
from merchant_server.web.portal.review import review_pages
from tests.disputes.disputing import REVIEWER, with_reviewer
from tests.installation import ID_NUMBER, Installation
from tests.services.collecting import loan_of
from tests.services.test_callbacks import genuine, pending

OTHER, OTHER_NUMBER = "Zhao Min", "110101199003079251"
TOKEN = "a-portal-token-of-enough-length"


@pytest.fixture
def house(sqlite_installation: Installation) -> Installation:
    with_reviewer(with_reviewer(sqlite_installation), OTHER, OTHER_NUMBER)
    sqlite_installation.app.register_blueprint(review_pages(sqlite_installation.deps, TOKEN))
    sqlite_installation.app.config["WTF_CSRF_ENABLED"] = False
    return sqlite_installation


def staff(house: Installation, name: str) -> FlaskClient:
    client = house.client
    client.post("/portal/sign-in", data={"name": name, "token": TOKEN})
    return client


def propose(client: FlaskClient, sold: Checkout, kind: str, size: str, reason: str = "生病住院") -> int:
    form = {"loan_id": sold.loan_id, "kind": kind, "size": size, "reason": reason}
    return client.post("/portal/relief", data=form).status_code


def test_one_person_proposes_and_only_another_one_grants(house: Installation) -> None:
    sold = house.sell(plan="p12", description="自行车")
    first, second = staff(house, REVIEWER), staff(house, OTHER)
    assert propose(first, sold, "hardship", "24") == 303
    listed = second.get("/portal/relief").text
    assert "个性化分期 · 24 期" in listed and REVIEWER in listed
    (waiting,) = house.rows("SELECT id FROM relief_proposals")
    page = f"/portal/relief/{waiting['id']}"
    own = first.get(page).text
    assert 'value="grant"' not in own and "须由另一人批准" in own
    refused = first.post(page, data={"verdict": "grant"})
    assert (refused.status_code, "提出人不能批准" in refused.text) == (422, True)
    seen = second.get(page).text
    assert 'value="grant"' in seen and "生病住院" in seen and "自行车" in seen and "王小明" not in seen
    granted = second.post(page, data={"verdict": "grant"})
    assert granted.headers["Location"] == "/portal/relief?said=granted"
    assert loan_of(house, sold).relieved_interest.minor > 0
    again = second.post(page, data={"verdict": "grant"})
    assert (again.status_code, "已有结论" in again.text) == (409, True)
    assert "没有待批准" in second.get("/portal/relief").text


def test_a_waiver_is_typed_as_money_and_can_be_turned_down(house: Installation) -> None:
    sold = house.sell(plan="p12")
    first, second = staff(house, REVIEWER), staff(house, OTHER)
    assert propose(first, sold, "waiver", "12.34") == 303
    (waiting,) = house.rows("SELECT id, terms FROM relief_proposals")
    assert waiting["terms"] == '{"minor":1234}' and "¥12.34" in second.get("/portal/relief").text
    done = second.post(f"/portal/relief/{waiting['id']}", data={"verdict": "reject"})
    assert done.headers["Location"] == "/portal/relief?said=turned_down"
    assert loan_of(house, sold).relieved_interest == Money(0, "CNY")


@pytest.mark.parametrize(
    ("kind", "size", "reason", "status", "words"),
    [
        ("extension", "13", "x", 422, "数值不对"),
        ("extension", "-1", "x", 422, "数值不对"),
        ("hardship", "viele", "x", 422, "数值不对"),
        ("waiver", "0", "x", 422, "数值不对"),
        ("waiver", "1.005", "x", 422, "数值不对"),
        ("nonsense", "1", "x", 422, "请选择方式"),
        ("extension", "1", " ", 422, "请填写理由"),
        ("write_off", "", "x", 422, "只有逾期借据"),
    ],
)
def test_a_wrong_wish_comes_back_with_what_was_typed(
    house: Installation, kind: str, size: str, reason: str, status: int, words: str
) -> None:
    sold = house.sell(plan="p12")
    form = {"loan_id": sold.loan_id, "kind": kind, "size": size, "reason": reason}
    answer = staff(house, REVIEWER).post("/portal/relief", data=form)
    assert (answer.status_code, words in answer.text, str(sold.loan_id) in answer.text) == (
        status,
        True,
        True,
    )
    unknown = staff(house, REVIEWER).post(
        "/portal/relief", data=form | {"loan_id": "loan_none", "kind": "waiver"}
    )
    assert (unknown.status_code, "没有这笔借据" in unknown.text) == (404, True)
    assert house.rows("SELECT * FROM relief_proposals") == []


def test_nobody_touches_relief_on_their_own_loan(house: Installation) -> None:
    with_reviewer(house, "Wang Xiaoming", ID_NUMBER)
    sold = house.sell(plan="p12")
    own = staff(house, "Wang Xiaoming")
    assert propose(own, sold, "extension", "1") == 403
    made = proposals.propose(
        house.deps, str(sold.loan_id), ReliefKind.EXTENSION, {"months": 1}, reason="x", by=REVIEWER
    )
    page = f"/portal/relief/{made.id}"
    assert own.get(page).status_code == own.post(page, data={"verdict": "grant"}).status_code == 403
    with pytest.raises(Forbidden) as refused:
        proposals.approve(house.deps, made.id, by="Wang Xiaoming")
    assert refused.value.code == "relief_own_loan"


def test_who_is_not_signed_in_is_led_on_to_the_page_they_wanted(house: Installation) -> None:
    for way in ("relief", "quarantine"):
        asked = house.client.get(f"/portal/{way}")
        assert (asked.status_code, f'value="{way}"' in asked.text) == (401, True)
        form = {"name": REVIEWER, "token": TOKEN, "way_on": way}
        assert house.client.post("/portal/sign-in", data=form).headers["Location"] == f"/portal/{way}"
    assert staff(house, REVIEWER).get("/portal/relief/rlp_none").status_code == 404


def test_a_genuine_callback_that_is_wrong_waits_with_what_to_do_until_somebody_did_it(
    house: Installation,
) -> None:
    deduction = pending(house)
    told = receive(house.deps, *genuine(house, deduction, amount={"minor": 1, "currency": "USD"}))
    assert told.outcome == "quarantined"
    client = staff(house, REVIEWER)
    page = client.get("/portal/quarantine").text
    assert "币种不符 · 金额不符" in page and "US$0.01" in page and "¥1,333.00" in page
    assert "币种与请求不符" in page and "金额与请求不符" in page
    form = {"gateway_account": deduction.gateway_account, "event_id": "bev_changed_0001"}
    short = client.post("/portal/quarantine", data=form | {"note": "ok"})
    assert (short.status_code, "5 至 500 字" in short.text) == (422, True)
    done = client.post("/portal/quarantine", data=form | {"note": "银行已更正并重发"})
    assert done.headers["Location"] == "/portal/quarantine?handled=1"
    assert "没有待处理的回调" in client.get("/portal/quarantine?handled=1").text
    client.post("/portal/quarantine", data=form | {"note": "once more"})
    (act,) = house.rows("SELECT actor, detail FROM audit WHERE action = 'callback.handled'")
    assert act["actor"] == f"reviewer {REVIEWER}" and "银行已更正并重发" in act["detail"]
    with pytest.raises(NotFound):
        handle(house.deps, "other", "bev_none", note="nothing there", by=REVIEWER)


def test_what_can_be_read_and_what_was_never_asked_for_is_told_apart(installation: Installation) -> None:
    deduction = pending(installation)
    receive(installation.deps, *genuine(installation, deduction, reference="ded_unknown"))
    unread = installation.bank.signed({"nothing": "agreed"}, "bev_unread", installation.clock.now())
    for _ in range(3):
        assert receive(installation.deps, *unread).outcome == "quarantined"
    unknown, strange = quarantined(installation.deps)
    assert (unknown.differences, unknown.asked(), unknown.told()["reference"]) == (
        ("reference",),
        {},
        "ded_unknown",
    )
    assert (strange.gateway_account, strange.reference, strange.told()) == ("", "", {})
    handle(installation.deps, "", strange.event_id, note="told the developers", by=REVIEWER)
    assert quarantined(installation.deps) == (unknown,)
    with pytest.raises(RuleRefused) as refused:
        handle(installation.deps, "", strange.event_id, note="x" * 501, by=REVIEWER)
    assert refused.value.code == "handling_note_invalid"
