"""The copy of a person's data: everything in it has a name and a state in both languages, in JSON and on paper."""

import json
import re
import subprocess
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from fenqi.finance.money import Money

from merchant_server.domain.checkout import CheckoutStatus
from merchant_server.domain.complaint import ComplaintStatus
from merchant_server.domain.decision import Outcome
from merchant_server.domain.deduction import DeductionStatus, MandateStatus
from merchant_server.domain.features import CONFIDENTIAL_SOURCES, REGISTRY
from merchant_server.domain.installment import InstallmentStatus
from merchant_server.domain.loan import LoanStatus
from merchant_server.domain.payment_order import PaymentOrderStatus
from merchant_server.domain.transfer import TransferStatus
from merchant_server.providers.agreement import TypstRenderer
from merchant_server.services.collection.ordering import open_own_order
from merchant_server.services.decisioning import reviewing
from merchant_server.services.decisioning.watching import block
from merchant_server.services.person.complaints import answer_complaint, file_complaint
from merchant_server.services.person.copy import copy_as_pdf, copy_of_data
from merchant_server.services.sale.approval import CONSENTS
from tests.decision.people import id_number
from tests.installation import Installation
from tests.privacy.people import Somebody, apply, repay, sell

WHO = Somebody(1)
LANGUAGES = ("zh-CN", "en")
STATES: tuple[tuple[str, type[StrEnum]], ...] = (
    ("applications", CheckoutStatus), ("decisions", Outcome), ("loans", LoanStatus), ("loans", InstallmentStatus),
    ("loans", DeductionStatus), ("loans", PaymentOrderStatus), ("loans", TransferStatus),
    ("mandates", MandateStatus), ("complaints", ComplaintStatus),
)  # fmt: skip


@pytest.fixture
def copied(sqlite_installation: Installation) -> tuple[Installation, str]:
    """Somebody with two loans, some installments paid, and an answered complaint."""
    house = sqlite_installation
    reviewing.add_reviewer(house.deps, "Li Wei", id_number(1, "19800101"))
    sold = sell(house, WHO, description="山地自行车")
    phone = sell(house, WHO, plan="p12", description="手机")
    assert sold.consumer_id and sold.loan_id
    complaint = file_complaint(house.deps, sold.consumer_id, "扣款日期不对。", sold.loan_id)
    answer_complaint(house.deps, complaint.id, {"zh-CN": "已处理。", "en": "It is done."}, staff="Li Wei")
    repay(house, months=1)
    open_own_order(house.deps, sold.consumer_id, str(phone.loan_id), Money(10_000, "CNY"))
    return house, sold.consumer_id


def members(value: Any) -> Iterator[str]:
    """Yield the name of every member, but not those of the signed terms, which are told as they are."""
    if isinstance(value, list):
        for each in value:
            yield from members(each)
    elif isinstance(value, dict):
        yield from value
        for name, each in value.items():
            if name not in ("terms", "labels"):
                yield from members(each)


def test_every_member_of_the_json_has_a_name_in_both_languages(copied: tuple[Installation, str]) -> None:
    house, consumer_id = copied
    data = copy_of_data(house.deps, consumer_id)
    by_value = {"minor", "currency", "zh-CN", "en", "labels"}
    nameless = {name for name in members(data) if name not in data["labels"]} - by_value
    assert nameless == set()
    assert data["labels"]["looked_at"] == {"zh-CN": "决策时参考的信息", "en": "What the decision looked at"}
    assert all(set(names) == set(LANGUAGES) and all(names.values()) for names in data["labels"].values())


def test_every_feature_has_a_name_in_both_languages() -> None:
    labels = TypstRenderer().copy_labels()
    hidden = {name for name, feature in REGISTRY.items() if feature.source in CONFIDENTIAL_SOURCES}
    assert set(REGISTRY) - set(labels) == hidden


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_and_answer_has_its_words(language: str) -> None:
    words = TypstRenderer()._copies._words[language]
    told = [(section, value) for section, states in STATES for value in states]
    told += [("decisions", value) for feature in REGISTRY.values() for value in feature.values]
    told += [("applications", consent) for consent in CONSENTS]
    assert [
        each for each in told if f"={each[1]}" not in words and f"{each[0]}:={each[1]}" not in words
    ] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_says_nothing_by_its_name_in_the_program(
    copied: tuple[Installation, str], language: str
) -> None:
    house, consumer_id = copied
    pdf = copy_as_pdf(house.deps, consumer_id, language)
    text = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()
    assert re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", re.sub(r"\b[a-z]+_01\w+", "", text)) == []
    assert "{" not in text and "None" not in text
    answer = "已处理。" if language == "zh-CN" else "It is done."
    assert all(each in text for each in (WHO.name, "¥3,999.00", "山地自行车", answer, "12.01%"))


def test_the_copy_says_no_more_of_a_refusal_than_the_page_did(sqlite_installation: Installation) -> None:
    """A confidential reason hides the others, and the block list is not told."""
    house = sqlite_installation
    sold = sell(house, WHO)
    block(house.deps, "person", WHO.id_number, reason="forged papers", by="alice")
    house.clock.pass_(days=120)
    apply(house, WHO)
    with house.deps.storage.reading() as uow:
        newest = uow.decisions.get(uow.people.ids("decisions", sold.consumer_id or "")[-1])
    assert newest is not None and "fraud_blocked" in newest[1].reasons
    data = copy_of_data(house.deps, sold.consumer_id or "")
    assert [[reason["code"] for reason in each["reasons"]] for each in data["decisions"]] == [[], ["general"]]
    assert "block" not in json.dumps(data)
