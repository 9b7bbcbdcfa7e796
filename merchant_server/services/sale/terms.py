"""The terms of an agreement as data: every figure the document shows, taken from the offer and never computed anew."""

from datetime import date
from typing import Any

from fenqi.offers import Offer

from merchant_server.domain.agreement import TEMPLATE_VERSION
from merchant_server.domain.checkout import Checkout
from merchant_server.domain.consumer import Consumer
from merchant_server.domain.deduction import Mandate
from merchant_server.domain.merchant import Merchant

METHOD_NAMES = {
    "equal_installments": ("等额本息", "Equal installments"),
    "equal_principal": ("等额本金", "Equal principal"),
    "flat_fee": ("等本等费", "Equal principal with a flat fee"),
    "interest_only": ("先息后本", "Interest first, principal at the end"),
    "bullet": ("到期还本付息", "All at the end"),
}
PENALTY = (
    "逾期不收取罚息或其他费用；逾期信息可能影响您以后的授信结果。",
    "No penalty or other charge is made for late payment; lateness can affect later decisions.",
)
FEE_NAMES = ("分期服务费", "Installment fee")
NO_OTHER_FEES = (
    "除本表所列项目外，不收取其他任何费用。",
    "Besides the items in this table, no other fee is charged.",
)


def agreement_terms(
    *,
    agreement_id: str,
    loan_id: str,
    checkout: Checkout,
    merchant: Merchant,
    store_name: str,
    consumer: Consumer,
    offer: Offer,
    mandate: Mandate,
    today: date,
    lender_name: str,
    policy_version: str,
) -> dict[str, Any]:
    """Return the JSON-ready terms: amounts as {"minor", "currency"}, rates as decimal text, dates as ISO text."""
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
        "method_name": METHOD_NAMES[plan.method][0 if chinese else 1],
        "annual_rate": str(plan.to_dict()["annual_rate"]),
        "annual_cost": format(offer.annual_cost, "f"),
        "fees": _fees(offer, lender_name, chinese),
        "total_interest": schedule.total_interest.to_dict(),
        "total_fee": schedule.total_fee.to_dict(),
        "total_payable": offer.total_payable.to_dict(),
        "total_cost": offer.total_cost.to_dict(),
        "installments": [row.to_dict() | _money_parts(row) for row in schedule.installments],
        "mandate": {"bank_label": mandate.account_label, "reference": mandate.id},
        "penalty": {"text": PENALTY[0 if chinese else 1]},
        "disclosure": {
            "pack": plan.disclosure,
            "version": TEMPLATE_VERSION,
            "statements": [NO_OTHER_FEES[0 if chinese else 1]],
        },
        "policy_version": policy_version,
        "template_version": TEMPLATE_VERSION,
    }


def _money_parts(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name).to_dict() for name in ("principal", "interest", "fee", "total")}


def _fees(offer: Offer, lender_name: str, chinese: bool) -> list[dict[str, Any]]:
    if not offer.schedule.total_fee.minor:
        return []
    name = FEE_NAMES[0 if chinese else 1]
    return [{"name": name, "amount": offer.schedule.total_fee.to_dict(), "taken_by": lender_name}]
