"""What the dispute pages say to staff, in two languages."""

from merchant_server.web.language import language_tag
from merchant_server.web.portal.review_words import problem

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("争议", "Disputes"),
    "empty": ("没有进行中的争议。", "No dispute is waiting."),
    "dispute": ("争议", "Dispute"),
    "loan": ("借据", "Loan"),
    "state": ("状态", "State"),
    "open": ("等待商户答复", "Waits for the merchant"),
    "evidence_submitted": ("商户已提交证据", "The merchant sent evidence"),
    "challenged": ("等待裁定", "To decide"),
    "won": ("商户胜", "Won by the merchant"),
    "lost": ("消费者胜", "Lost by the merchant"),
    "accepted": ("商户已接受", "Accepted by the merchant"),
    "withdrawn": ("消费者已撤回", "Withdrawn by the consumer"),
    "about": ("争议内容", "What it is about"),
    "answer_due": ("商户答复期限", "Merchant's answer due"),
    "goods": ("商品", "Goods"),
    "opened_by": ("提出者", "Opened by"),
    "consumer": ("消费者", "the consumer"),
    "statement": ("消费者陈述", "The consumer's words"),
    "evidence": ("商户证据", "The merchant's evidence"),
    "no_evidence": ("尚无证据。", "None yet."),
    "erased": ("该消费者的信息已被删除。", "The consumer's data was erased."),
    "outcome": ("裁定", "Your decision"),
    "ruling": ("理由（10 至 1000 字，双方可见）", "Reason (10 to 1,000 characters; both sides read it)"),
    "why": ("裁定理由", "Why it was decided so"),
    "decide_lost": ("支持消费者，退款", "For the consumer: refund"),
    "decide_won": ("支持商户", "For the merchant"),
    "wait": (
        "商户答复期满前不能裁定。",
        "It can be decided once the merchant has answered, or the time is over.",
    ),
    "refund": ("退款", "Refund"),
    "not_received": ("未收到商品", "not received"),
    "not_as_described": ("与描述不符", "not as described"),
    "damaged": ("商品损坏", "damaged"),
    "returned": ("已退货未退款", "sent back, no refund"),
    "wrong_amount": ("金额有误", "wrong amount"),
    "not_mine": ("非本人购买", "not bought by them"),
    "other": ("其他", "something else"),
    "back": ("返回列表", "Back to the list"),
}
PROBLEMS: dict[str, tuple[str, str]] = {
    "ruling_invalid": ("理由需 10 至 1000 字。", "A reason has 10 to 1,000 characters."),
    "outcome_unknown": ("请选择裁定结果。", "Choose one of the two outcomes."),
    "dispute_own_case": ("不能裁定自己的争议。", "Nobody decides their own dispute."),
    "transition_not_allowed": ("此争议现在不能裁定。", "This dispute cannot be decided now."),
    "deduction_in_flight": (
        "有一笔代扣正在进行，请稍后再试。",
        "A deduction is under way; try again once the bank has answered.",
    ),
    "conflict": ("刚刚有人处理了此争议。", "Somebody else was faster."),
}


def dispute_words() -> dict[str, str]:
    """Return every text in the language of the request."""
    place = 0 if language_tag() == "zh-CN" else 1
    return {name: texts[place] for name, texts in TEXTS.items()}


def dispute_problem(code: str) -> str:
    """Return what to tell staff about a refusal."""
    own = PROBLEMS.get(code)
    return own[0 if language_tag() == "zh-CN" else 1] if own else problem(code)
