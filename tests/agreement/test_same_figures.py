"""One sale in each pack and language: sheet, PDF, page, stored loan, API and the SDK's quote say the same figures."""

import copy
import re
import subprocess
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fenqi.disclosure import Disclosure, disclose
from fenqi.disclosure.packs import LANGUAGES
from fenqi.disclosure.text import money_text
from fenqi.finance import Money, Plan
from fenqi.finance.plan import DISCLOSURES
from fenqi.offers import Offer, quote
from fenqi.wire import PlanSchema

from merchant_server.domain.agreement import Agreement
from merchant_server.domain.errors import RuleRefused
from merchant_server.services.operation import merchants
from merchant_server.services.sale import choosing, signing
from merchant_server.services.sale.terms import SAID_ELSEWHERE
from merchant_server.web.consumer.cards import terms_rows
from tests.installation import Installation
from tests.web.consumer.phone import Phone

PLACES = {"CN": ("CNY", "CN"), "EU": ("EUR", "DE"), "UK": ("GBP", "GB"), "US": ("USD", "US")}


def shop_in(house: Installation, pack: str, **terms: Any) -> Installation:
    """Return the house as a merchant sees it who sells where the pack applies, with one plan."""
    currency, place = PLACES[pack]
    shop = copy.copy(house)
    made = merchants.create_merchant(
        shop.deps, name="小满商店", legal_name="小满商店有限公司", category="electronics", currency=currency,
        time_zone="Asia/Shanghai", fee_bps=60, place=place,
    )  # fmt: skip
    shop.api_key = merchants.create_key(shop.deps, made.id).secret
    shop.caller = merchants.authenticate(shop.deps, shop.api_key)
    put(shop, Plan(**{"id": "p12", "installments": 12, "annual_rate": "0.12", "disclosure": pack, **terms}))
    return shop


def put(shop: Installation, plan: Plan) -> None:
    with shop.deps.storage.unit_of_work() as uow:
        merchants.put_plan(uow, shop.deps, shop.caller, plan)


def sold(shop: Installation, pack: str, language: str) -> Agreement:
    """Sell for 3,999.00 and return the signed agreement."""
    checkout = shop.sell(Money(399_900, PLACES[pack][0]), language=language)
    with shop.deps.storage.reading() as uow:
        agreement = uow.agreements.get(checkout.agreement_id or "")
    assert agreement is not None and agreement.signed_pdf is not None
    return agreement


def pdf_text(pdf: bytes, folder: Path, *options: str) -> str:
    path = folder / "agreement.pdf"
    path.write_bytes(pdf)
    command = ["pdftotext", *options, str(path), "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def squeezed(text: str) -> str:
    return "".join(text.split())


def priced_by_the_sdk(shop: Installation, agreement: Agreement) -> Offer:
    """Price the plan as the API publishes it, at the consumer's own rate, with nothing but the SDK."""
    (published,) = shop.get("/v1/plans").get_json()["data"]
    plan = PlanSchema().load(published).priced(annual_rate=agreement.terms["annual_rate"])
    amount = Money(agreement.terms["amount"]["minor"], agreement.terms["amount"]["currency"])
    (offer,) = quote(amount, [plan], on=date.fromisoformat(agreement.terms["signed_on"]))
    return offer


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pack", DISCLOSURES)
def test_every_figure_is_the_same_wherever_it_stands(
    sqlite_installation: Installation, tmp_path: Path, pack: str, language: str
) -> None:
    shop = shop_in(sqlite_installation, pack, installment_fee_minor=150, early_settlement_fee_rate="0.01")
    agreement = sold(shop, pack, language)
    offer, terms = priced_by_the_sdk(shop, agreement), agreement.terms
    sheet = disclose(
        offer, creditor=shop.deps.lender_name, merchant="小满商店有限公司", pack=pack, language=language
    )
    written = sheet.to_dict()

    assert terms["disclosure"] == {name: part for name, part in written.items() if name not in SAID_ELSEWHERE}
    assert {name: terms[name] for name in ("amount", "down_payment", "total_payable", "total_cost", "annual_cost")} == {
        name: offer.to_dict()[name] for name in ("amount", "down_payment", "total_payable", "total_cost", "annual_cost")
    }  # fmt: skip
    rows = [
        (row.number, row.due_on, row.principal, row.interest, row.fee, row.total) for row in sheet.schedule
    ]
    with shop.deps.storage.reading() as uow:
        stored = uow.loans.installments(agreement.loan_id)
    assert [
        (row.number, row.due_on, row.principal, row.interest, row.fee, row.total) for row in stored
    ] == rows
    shown = [(row.number, row.principal, row.interest, row.fee, row.total) for row in terms_rows(terms)]
    assert shown == [(row[0], *row[2:]) for row in rows]
    answered = shop.get(f"/v1/loans/{agreement.loan_id}").get_json()
    assert [row["total"] for row in answered["installments"]] == [row[5].to_dict() for row in rows]

    pdf = agreement.signed_pdf or b""
    flat = squeezed(pdf_text(pdf, tmp_path, "-raw"))
    assert [figure for figure in told(sheet) if squeezed(figure) not in flat] == []
    lines = pdf_text(pdf, tmp_path, "-layout").replace(",", "").splitlines()
    for number, _, *parts in rows:
        line = next(line for line in lines if line.split()[:1] == [str(number)])
        assert all(part.decimal_text in line for part in parts)


def told(sheet: Disclosure) -> list[str]:
    """Return every text of a sheet that a person is to read."""
    lines = [row for section in sheet.sections for row in section.rows]
    texts = [sheet.title, sheet.lead, sheet.warning, *sheet.statements]
    texts += [text for line in lines for text in (line.label, line.value, line.note)]
    texts += [text for each in sheet.charges for text in (each.name, each.standard, each.how, each.yearly)]
    texts += [money_text(each.amount) for each in sheet.charges]
    return texts + [text for each in sheet.possible_charges for text in (each.name, each.standard)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pack", DISCLOSURES)
def test_the_page_shows_the_sheet_that_the_document_prints(
    sqlite_installation: Installation, pack: str, language: str
) -> None:
    shop = shop_in(sqlite_installation, pack, installment_fee_minor=150)
    phone = Phone(shop, shop.checkout(Money(399_900, PLACES[pack][0]), language=language))
    phone.client.set_cookie("lang", language)
    phone.apply()
    phone.choose()
    page = squeezed(unescape(re.sub("<[^>]+>", "", phone.get("/agreement").text)))
    with shop.deps.storage.reading() as uow:
        agreement = uow.agreements.get(shop.now(phone.checkout).agreement_id or "")
    assert agreement is not None and agreement.language == language
    sheet = disclose(
        priced_by_the_sdk(shop, agreement),
        creditor=shop.deps.lender_name,
        merchant="小满商店有限公司",
        language=language,
    )
    assert [text for text in told(sheet) if squeezed(text) not in page] == []
    assert all(page.count(squeezed(statement)) == 1 for statement in sheet.statements)
    # Only the Chinese pack forces a reading time.
    assert (agreement.reading_seconds > 0) == (pack == "CN")
    assert phone.post("/agreement", {"confirmed": "1"}).status_code == (422 if pack == "CN" else 303)


@pytest.mark.parametrize(("pack", "plan_pack"), [("CN", "US"), ("EU", "CN"), ("UK", "EU"), ("US", "UK")])
def test_a_plan_of_another_places_pack_is_refused(
    sqlite_installation: Installation, pack: str, plan_pack: str
) -> None:
    shop = shop_in(sqlite_installation, pack)
    with pytest.raises(RuleRefused) as refusal:
        put(shop, Plan(id="p7", installments=7, disclosure=plan_pack))
    assert (refusal.value.code, refusal.value.field) == ("disclosure_pack_wrong", "disclosure")
    assert pack in refusal.value.hint


def test_no_plan_is_sold_where_no_pack_applies(sqlite_installation: Installation) -> None:
    shop = shop_in(sqlite_installation, "CN")
    move(shop, "JP")
    with pytest.raises(RuleRefused) as refusal:
        put(shop, Plan(id="p7", installments=7))
    assert refusal.value.code == "disclosure_place_unknown"


def move(shop: Installation, place: str) -> None:
    """Let the merchant sell elsewhere from now on."""
    with shop.engine.transaction() as connection:
        moved = {"place": place, "id": shop.caller.merchant_id}
        connection.execute("UPDATE merchants SET place = :place WHERE id = :id", moved)


def test_nothing_is_drawn_up_or_signed_once_the_place_asks_for_another_pack(
    installation: Installation,
) -> None:
    shop = shop_in(installation, "CN")
    checkout = shop.checkout()
    shop.apply(checkout)
    shop.choose(checkout)
    signing.send_signing_code(shop.deps, checkout.token, "phone-1")
    move(shop, "US")
    with pytest.raises(RuleRefused) as refusal:
        signing.sign(shop.deps, checkout.token, "phone-1", shop.last_code())
    assert refusal.value.code == "disclosure_pack_wrong"
    assert shop.now(checkout).status == "signing"
    offered = choosing.choices(shop.deps, checkout.token, "phone-1")
    with pytest.raises(RuleRefused) as refusal:
        choosing.prepare_agreement(
            shop.deps, checkout.token, "phone-1", plan_id="p12", account_token=offered.accounts[0].token
        )
    assert refusal.value.code == "disclosure_pack_wrong"


@pytest.mark.parametrize("currency", ["CNY", "USD", "GBP", "EUR"])
def test_a_merchant_sells_in_the_country_of_its_currency_unless_told_otherwise(
    sqlite_installation: Installation, currency: str
) -> None:
    made = merchants.create_merchant(
        sqlite_installation.deps, name="x", legal_name="x", category="electronics", currency=currency,
        time_zone="Asia/Shanghai", fee_bps=60,
    )  # fmt: skip
    assert made.place == currency[:2]


def test_a_place_that_is_no_country_code_is_refused(sqlite_installation: Installation) -> None:
    with pytest.raises(RuleRefused) as refusal:
        merchants.create_merchant(
            sqlite_installation.deps, name="x", legal_name="x", category="electronics", currency="EUR",
            time_zone="Asia/Shanghai", fee_bps=60, place="Germany",
        )  # fmt: skip
    assert (refusal.value.code, refusal.value.field) == ("place_invalid", "place")
