"""The signature: read first, signed once, whatever is tapped twice, in two tabs, or with the back button."""

from concurrent.futures import ThreadPoolExecutor

from tests.web.consumer.phone import Phone


def _loans(phone: Phone) -> int:
    with phone.installation.deps.storage.reading() as uow:
        checkout = phone.checkout
        return len(
            uow.loans.page(
                checkout.merchant_id, checkout.mode, before=None, limit=10, checkout_id=checkout.id
            )
        )


def test_nobody_signs_before_the_reading_time_is_over(phone: Phone) -> None:
    phone.apply()
    phone.choose()
    early = phone.fill("/agreement", confirmed="1")
    assert early.status_code == 422
    assert "请先阅读合同" in early.text
    assert "10 秒后可以继续" in early.text or "11 秒后可以继续" in early.text
    assert len(phone.installation.sms.messages) == 1
    phone.installation.clock.pass_(seconds=11)
    assert phone.post("/agreement", {"confirmed": "1"}).status_code == 303


def test_the_page_says_how_long_there_is_to_read(phone: Phone) -> None:
    phone.apply()
    phone.choose()
    assert 'data-reading-seconds="10"' in phone.get("/agreement").text
    phone.installation.clock.pass_(seconds=3)
    assert 'data-reading-seconds="7"' in phone.get("/agreement").text
    phone.installation.clock.pass_(seconds=8)
    assert 'data-reading-seconds="0"' in phone.get("/agreement").text


def test_the_code_of_the_phone_number_signs_nothing(phone: Phone) -> None:
    phone.apply()
    phone_code = phone.installation.last_code()
    phone.choose()
    phone.installation.clock.pass_(seconds=11)
    phone.get("/sign")
    answer = phone.post("/sign", {"code": phone_code})
    assert (answer.status_code, phone.status) == (422, "signing")


def test_signing_twice_lands_on_the_receipt_both_times(phone: Phone) -> None:
    phone.to_sign()
    code = {"code": phone.installation.last_code()}
    assert [phone.post("/sign", code).headers["Location"] for _ in range(2)] == [f"{phone.home}/done"] * 2
    assert _loans(phone) == 1


def test_many_taps_at_once_make_one_loan_and_all_end_on_the_receipt(phone: Phone) -> None:
    """Every answer is the receipt or a page that waits for it."""
    phone.to_sign()
    form = phone.hidden | {"code": phone.installation.last_code()}
    claim = phone.client.get_cookie("fenqi_phone")
    session = phone.client.get_cookie("fenqi_session")
    assert claim is not None
    assert session is not None

    def tap(_: int) -> tuple[int, str]:
        client = phone.installation.client
        client.set_cookie("fenqi_phone", claim.value)
        client.set_cookie("fenqi_session", session.value)
        answer = client.post(f"{phone.home}/sign", data=form)
        return answer.status_code, answer.headers.get(
            "Location", "data-wait" if "data-wait" in answer.text else ""
        )

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(tap, range(8)))
    assert (303, f"{phone.home}/done") in answers
    assert answers <= {(303, f"{phone.home}/done"), (409, "data-wait")}
    assert _loans(phone) == 1
    assert phone.get("/sign").headers["Location"] == f"{phone.home}/done"


def test_a_code_that_a_failing_bank_used_up_waits_and_then_asks_for_another(phone: Phone) -> None:
    phone.to_sign()
    code = {"code": phone.installation.last_code()}
    phone.installation.bank.down = True
    failed = phone.post("/sign", code)
    assert (failed.status_code, phone.status) == (503, "signing")
    assert "银行暂时没有响应" in failed.text
    assert "请在下方重新获取" in failed.text
    phone.installation.bank.down = False
    again = phone.post("/sign", code)
    assert again.status_code == 409
    assert "data-wait" in again.text
    assert "重新发送" in phone.get("/sign").text
    phone.installation.clock.pass_(minutes=4)
    assert phone.post("/agreement", {"confirmed": "1"}).status_code == 303
    assert (
        phone.post("/sign", {"code": phone.installation.last_code()}).headers["Location"]
        == f"{phone.home}/done"
    )


def test_the_tab_with_the_older_agreement_signs_nothing(phone: Phone) -> None:
    phone.apply()
    phone.choose("p12")
    phone.get("/agreement")
    older = dict(phone.hidden)
    phone.choose("p6")
    phone.get("/agreement")
    newer = dict(phone.hidden)
    phone.installation.clock.pass_(seconds=11)
    phone.hidden = older
    refused = phone.post("/agreement", {"confirmed": "1"})
    assert refused.status_code == 409
    assert "您刚才选择了另一个方案" in refused.text
    assert len(phone.installation.sms.messages) == 1
    phone.hidden = newer
    assert phone.post("/agreement", {"confirmed": "1"}).status_code == 303
    code = {"code": phone.installation.last_code()}
    phone.hidden = older
    assert phone.post("/sign", code).status_code == 409
    phone.hidden = newer
    assert phone.post("/sign", code).headers["Location"] == f"{phone.home}/done"
    assert "6 × ¥684.10" in phone.get("/done").text


def test_another_plan_can_be_chosen_until_the_signature(phone: Phone) -> None:
    phone.to_sign()
    assert phone.get("/plan").status_code == 200
    assert phone.choose("p6").headers["Location"] == f"{phone.home}/agreement"
    assert "6 × " in phone.get("/agreement").text


def test_after_the_signature_every_way_leads_to_the_receipt_even_past_the_expiry(phone: Phone) -> None:
    phone.sign()
    phone.installation.clock.pass_(hours=3)
    assert phone.get().headers["Location"] == f"{phone.home}/done"
    assert phone.get("/done").status_code == 200
