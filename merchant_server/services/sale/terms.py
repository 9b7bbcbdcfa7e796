"""The terms of an agreement as data: every figure the document shows, taken from the offer and never computed anew."""

from datetime import date
from typing import Any

from fenqi.disclosure import Charge, Disclosure
from fenqi.disclosure.packs import words
from fenqi.offers import Offer

from merchant_server.domain.agreement import TEMPLATE_VERSION
from merchant_server.domain.checkout import Checkout
from merchant_server.domain.consumer import Consumer
from merchant_server.domain.deduction import Mandate
from merchant_server.domain.merchant import Merchant

# The schedule is the agreement's own, and the brief is for the page on which an order is paid.
SAID_ELSEWHERE = ("schedule", "brief")


def agreement_terms(
    *,
    agreement_id: str,
    loan_id: str,
    checkout: Checkout,
    merchant: Merchant,
    store_name: str,
    consumer: Consumer,
    offer: Offer,
    sheet: Disclosure,
    mandate: Mandate,
    today: date,
    lender_name: str,
    policy_version: str,
) -> dict[str, Any]:
    """Return the JSON-ready terms: amounts as {"minor", "currency"}, rates as decimal text, dates as ISO text.

    `sheet` is the disclosure of the same offer, in the checkout's language.
    """
    chinese = checkout.language == "zh-CN"
    schedule, plan = offer.schedule, offer.plan
    return {
        "agreement_id": agreement_id,
        "checkout_id": checkout.id,
        "loan_id": loan_id,
        "language": checkout.language,
        "signed_on": today.isoformat(),
        "merchant": {
            "name": merchant.name,
            "legal_name": merchant.legal_name,
            "store": store_name or ("线上" if chinese else "online"),
        },
        "lender": {"name": lender_name},
        "consumer": {
            "name": consumer.person.name,
            "id_number_masked": consumer.person.masked_id_number,
            "phone_masked": consumer.person.masked_phone,
        },
        "goods": checkout.description or checkout.reference,
        "amount": offer.amount.to_dict(),
        "down_payment": offer.down_payment.to_dict(),
        "principal": schedule.principal.to_dict(),
        "plan": plan.to_dict(),
        "method": plan.method,
        "method_name": words(checkout.language)["methods"][plan.method],
        "annual_rate": str(plan.to_dict()["annual_rate"]),
        "annual_cost": format(offer.annual_cost, "f"),
        "fees": [_fee(charge) for charge in sheet.charges if charge.key != "interest"],
        "total_interest": schedule.total_interest.to_dict(),
        "total_fee": schedule.total_fee.to_dict(),
        "total_payable": offer.total_payable.to_dict(),
        "total_cost": offer.total_cost.to_dict(),
        "installments": [row.to_dict() | _money_parts(row) for row in schedule.installments],
        "mandate": {"bank_label": mandate.account_label, "reference": mandate.id},
        "penalty": {"annual_rate": str(plan.to_dict()["penalty_annual_rate"])},
        "early_settlement_fee_rate": str(plan.to_dict()["early_settlement_fee_rate"]),
        "disclosure": {name: part for name, part in sheet.to_dict().items() if name not in SAID_ELSEWHERE},
        "policy_version": policy_version,
        "template_version": TEMPLATE_VERSION,
    }


def _money_parts(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name).to_dict() for name in ("principal", "interest", "fee", "total")}


def _fee(charge: Charge) -> dict[str, Any]:
    return {"name": charge.name, "amount": charge.amount.to_dict(), "taken_by": charge.taken_by}
