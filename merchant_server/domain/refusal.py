"""Why a decision did not say yes, in words for the person: code, text and what would change the answer.

Only reasons of a credit decision live here, as data. Errors of the API and of other rules are not refusals.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a code stands for: a no, a question to a person, or a circumstance that cost points."""

    DECLINE = "decline"
    REFER = "refer"
    FACTOR = "factor"


class UnknownReason(Exception):
    """No refusal has this code. Attributes: code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"there is no refusal {code!r}; add it to domain/refusal.py with both texts")


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason. `leak` is False when telling it would teach a fraudster; show `public(code)` instead."""

    code: str
    kind: Kind
    text_zh: str
    text_en: str
    change_zh: str
    change_en: str
    leak: bool = True

    def text(self, language: str) -> str:
        """Return why, in `language`: Chinese for zh and its regions, English for every other."""
        return self.text_zh if language.lower().startswith("zh") else self.text_en

    def change(self, language: str) -> str:
        """Return what would change the answer, in `language`."""
        return self.change_zh if language.lower().startswith("zh") else self.change_en


def refusal(code: str) -> Refusal:
    """Return the registered refusal with `code`, for operators. Raises UnknownReason."""
    try:
        return REFUSALS[code]
    except KeyError:
        raise UnknownReason(code) from None


def public(code: str) -> Refusal:
    """Return what the consumer may be told for `code`: a general refusal for every fraud code.

    Raises UnknownReason.
    """
    found = refusal(code)
    return found if found.leak else REFUSALS["general"]


def public_reasons(codes: Iterable[str], *, proven: bool) -> tuple[Refusal, ...]:
    """Return what the consumer may be told for `codes`, in their order and each once.

    One confidential code hides all others: a list that is one short would say which rule was meant. Whoever is not
    `proven` to be the person hears nothing of that person's records. Raises UnknownReason.
    """
    found = tuple(dict.fromkeys(public(code) for code in codes))
    if not found:
        return ()
    general = REFUSALS["general"]
    if not proven and general not in found:
        found = tuple(each for each in found if each.code in TOLD_TO_ANYBODY)
    return (general,) if general in found or not found else found


def told_to_shop(code: str) -> Refusal:
    """Return what a shop may be told for `code`: what it can change about its offer, else only that it is a no.

    A shop that read of late payments would know more of its customer than that customer agreed to.
    """
    return REFUSALS[code if code in TOLD_TO_SHOPS else "general"]


TOLD_TO_SHOPS = frozenset(("amount_over_limit", "price_over_cap"))
TOLD_TO_ANYBODY = frozenset(
    (
        "identity_mismatch",
        "identity_unknown",
        "age",
        "currency_not_covered",
        "manual_review",
        "review_declined",
    )
)
"""Reasons that tell nothing but what the form itself said: name and id number may be somebody else's."""


REFUSALS: dict[str, Refusal] = {
    row.code: row
    for row in (
        Refusal(
            "identity_mismatch",
            Kind.DECLINE,
            "姓名、身份证号和手机号不属于同一个人。",
            "The name, id number and phone number do not belong to one person.",
            "请核对填写内容，并使用本人实名登记的手机号后重新申请。",
            "Check what you entered, use a phone number registered in your own name, and apply again.",
        ),
        Refusal(
            "age",
            Kind.DECLINE,
            "分期付款仅面向 18 至 65 周岁的申请人。",
            "Paying in installments is open to people aged 18 to 65.",
            "年龄符合要求后可再次申请；本次可以选择其他付款方式。",
            "You can apply once your age is within these bounds; you can pay in another way today.",
        ),
        Refusal(
            "own_overdue",
            Kind.DECLINE,
            "您在本平台有一笔分期已经逾期。",
            "One of your installment loans with us is overdue.",
            "请先还清逾期款项，之后即可重新申请。",
            "Pay the overdue installment first; you can apply again right after.",
        ),
        Refusal(
            "bureau_overdue",
            Kind.DECLINE,
            "征信报告显示近两年内有逾期 60 天或以上的记录。",
            "Your credit report shows a payment 60 or more days late in the last two years.",
            "请核对您的征信报告，如有错误可向征信机构提出异议；记录满两年后不再影响申请。",
            "Check your credit report and dispute any error with the bureau; a record counts for two years.",
        ),
        Refusal(
            "score_too_low",
            Kind.DECLINE,
            "综合评分未达到本次分期的最低要求。",
            "Your overall score is below the minimum for paying in installments.",
            "改善下列影响评分的情况后可再次申请，也可以申请人工复核。",
            "Improve the points listed below and apply again later, or ask for a person to review this.",
        ),
        Refusal(
            "amount_over_limit",
            Kind.DECLINE,
            "订单金额超过了您目前可用的额度。",
            "The amount is more than what is left of your credit line.",
            "您可以降低分期金额、提高首付，或先归还部分在用额度。",
            "Choose a smaller amount, make a bigger down payment, or pay back some of what you already owe.",
        ),
        Refusal(
            "not_affordable",
            Kind.DECLINE,
            "按所填或征信显示的收入和负债，每期还款压力过大。",
            "The installments would be too much for the income and debts that we know of.",
            "您可以降低分期金额、选择更长期数或提高首付。",
            "Choose a smaller amount, a longer plan, or a bigger down payment.",
        ),
        Refusal(
            "price_over_cap",
            Kind.DECLINE,
            "可选方案的年化综合成本高于我们为您设定的上限。",
            "The plans on offer cost more a year than the cap that applies to you.",
            "请选择成本更低的方案，或请商户提供。",
            "Choose a cheaper plan, or ask the shop for one.",
        ),
        Refusal(
            "review_declined",
            Kind.DECLINE,
            "您的申请经人工复核未能通过。",
            "A person looked at your application and could not approve it.",
            "情况有变化后可再次申请，也可以申请由另一位审核人员复核。",
            "Apply again when something has changed, or ask for another person to look at it.",
        ),
        Refusal(
            "identity_unknown",
            Kind.REFER,
            "暂时无法完成实名核验。",
            "We could not check your identity at the moment.",
            "请稍后再试，或等待人工复核结果。",
            "Try again later, or wait for a person to look at your application.",
        ),
        Refusal(
            "bureau_unknown",
            Kind.REFER,
            "暂时无法取得征信报告。",
            "We could not get your credit report at the moment.",
            "请稍后再试，或等待人工复核结果。",
            "Try again later, or wait for a person to look at your application.",
        ),
        Refusal(
            "score_borderline",
            Kind.REFER,
            "综合评分接近最低要求，需要人工复核。",
            "Your overall score is close to the minimum, so a person has to look at your application.",
            "改善下列影响评分的情况会有帮助；提供收入证明可以加快复核。",
            "Improving the points listed below helps; proof of income can speed up the review.",
        ),
        Refusal(
            "currency_not_covered",
            Kind.REFER,
            "该币种没有自动审批的额度。",
            "There is no automatic credit line in this currency.",
            "请改用商户支持的其他币种，或等待人工复核结果。",
            "Choose another currency that the shop offers, or wait for a person to look at your application.",
        ),
        Refusal(
            "manual_review",
            Kind.REFER,
            "您的申请需要人工复核。",
            "A person has to look at your application.",
            "请等待人工复核结果。",
            "Wait for the result of the review.",
        ),
        Refusal(
            "low_bureau_score",
            Kind.FACTOR,
            "征信评分偏低。",
            "Your credit bureau score is low.",
            "按时偿还各类借款会逐步提高评分。",
            "Paying every debt on time raises it step by step.",
        ),
        Refusal(
            "no_bureau_history",
            Kind.FACTOR,
            "没有可参考的征信记录。",
            "There is no credit history to look at.",
            "按时还清一笔小额分期即可建立记录。",
            "Paying off one small installment loan on time builds a history.",
        ),
        Refusal(
            "many_inquiries",
            Kind.FACTOR,
            "近 30 天内申请贷款的次数较多。",
            "You applied for credit many times in the last 30 days.",
            "一个月内不再申请其他贷款，评分会恢复。",
            "Apply nowhere else for a month and this recovers.",
        ),
        Refusal(
            "high_debts",
            Kind.FACTOR,
            "在其他机构的负债较高。",
            "You owe a lot elsewhere.",
            "归还部分现有借款后再申请。",
            "Pay back some of it before you apply again.",
        ),
        Refusal(
            "many_open_loans",
            Kind.FACTOR,
            "在本平台未还清的分期较多。",
            "You have many open installment loans with us.",
            "还清其中一笔或几笔后再申请。",
            "Pay off one or more of them before you apply again.",
        ),
        Refusal(
            "recent_refusals",
            Kind.FACTOR,
            "近 30 天内有多次申请未通过。",
            "Several of your applications were refused in the last 30 days.",
            "请在 30 天后再次申请。",
            "Apply again after 30 days.",
        ),
        Refusal(
            "general",
            Kind.DECLINE,
            "本次申请未能通过。",
            "We cannot approve this application.",
            "您可以申请人工复核，或选择其他付款方式。",
            "You can ask for a person to review this, or pay in another way.",
        ),
        Refusal(
            "fraud_blocked",
            Kind.DECLINE,
            "申请人、手机号或设备在拦截名单中。",
            "The person, phone or device is on the block list.",
            "须由风控人员解除拦截。",
            "A risk officer has to lift the block.",
            leak=False,
        ),
        Refusal(
            "fraud_velocity",
            Kind.DECLINE,
            "短时间内同一人、手机号、设备或地址的申请过多。",
            "Too many applications from one person, phone, device or address in a short time.",
            "须由风控人员复核。",
            "A risk officer has to review the case.",
            leak=False,
        ),
    )
}
