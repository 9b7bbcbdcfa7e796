"""What the pages of relief and of the quarantine say to staff, in two languages."""

from merchant_server.domain.errors import DomainError
from merchant_server.web.language import language_tag
from merchant_server.web.portal.review_words import problem

TEXTS: dict[str, tuple[str, str]] = {
    "relief": ("减免", "Relief"),
    "relief_case": ("减免申请", "Relief proposal"),
    "no_relief": ("没有待批准的减免申请。", "No proposal waits for a second person."),
    "four_eyes": (
        "一人提出，另一人批准；批准后借据立即变更。",
        "One person proposes, another one grants; the loan changes when it is granted.",
    ),
    "propose": ("提出减免", "Propose relief"),
    "loan_id": ("借据号", "Loan id"),
    "kind": ("方式", "Kind"),
    "choose": ("请选择", "Please choose"),
    "waiver": ("减免罚息、费用和利息", "Waive penalties, fees and interest"),
    "write_off": ("核销", "Write the rest off"),
    "extension": ("展期", "Move every open row"),
    "hardship": ("个性化分期", "Spread it over monthly rows"),
    "size": ("数值", "How much"),
    "size_hint": (
        "减免填金额，展期填月数（最多 12），个性化分期填期数（最多 60），核销不填。",
        "An amount for a waiver, months for moving (12 at most), rows for spreading (60 at most); nothing"
        " for a write-off.",
    ),
    "why": ("理由", "Reason"),
    "send_proposal": ("提交申请", "Send the proposal"),
    "proposed": ("申请已提交，须由另一人批准。", "Sent. Another person has to grant it."),
    "granted": ("已批准，借据已变更。", "Granted; the loan has changed."),
    "turned_down": ("已驳回。", "Turned down."),
    "proposed_by": ("提出人", "Proposed by"),
    "proposed_at": ("提出时间", "Proposed at"),
    "own_proposal": (
        "您提出的申请须由另一人批准；您可以撤回。",
        "You proposed this, so another person has to grant it. You may take it back.",
    ),
    "grant": ("批准", "Grant"),
    "turn_down": ("驳回", "Turn down"),
    "take_back": ("撤回", "Take it back"),
    "loan": ("借据", "Loan"),
    "outstanding": ("未偿还", "Still owed"),
    "days_overdue": ("逾期天数", "Days overdue"),
    "goods": ("商品", "Goods"),
    "rows": ("未还各期", "Open rows"),
    "due_on": ("到期日", "Due on"),
    "principal": ("本金", "Principal"),
    "cost": ("利息与费用", "Interest and fees"),
    "penalty": ("罚息", "Penalty"),
    "months": ("{} 个月", "{} months"),
    "installments": ("{} 期", "{} rows"),
    "back": ("返回列表", "Back to the list"),
    "active": ("还款中", "active"),
    "overdue": ("逾期", "overdue"),
    "quarantine": ("隔离回调", "Quarantine"),
    "no_quarantine": ("没有待处理的回调。", "No callback waits for anybody."),
    "quarantine_lead": (
        "银行签名真实，但内容与我方请求不符，因此没有入账，也不会自动入账。",
        "The bank did sign these, but they are not what we asked for: nothing was booked, and nothing will"
        " be by itself.",
    ),
    "received_at": ("收到时间", "Received at"),
    "field": ("字段", "Field"),
    "they_say": ("银行回调", "The bank says"),
    "we_asked": ("我方请求", "We asked"),
    "never_asked": ("无此请求", "never asked"),
    "what_to_do": ("处理办法", "What to do"),
    "note": (
        "处理结果（5 至 500 字，勿填个人信息）",
        "What was done (5 to 500 characters, no personal data)",
    ),
    "handled": ("标记为已处理", "Mark as handled"),
    "handled_now": ("已标记为已处理。", "Marked as handled."),
    "bytes": ("原始内容", "As received"),
}
FIELDS: dict[str, tuple[str, str]] = {
    "status": ("结果", "Outcome"),
    "reference": ("代扣号", "Deduction"),
    "mandate_reference": ("代扣协议", "Mandate"),
    "gateway_account": ("网关账户", "Gateway account"),
    "mode": ("环境", "Mode"),
    "amount": ("金额", "Amount"),
}
HEADINGS: dict[str, tuple[str, str]] = {
    "reference": ("未知代扣", "Unknown deduction"),
    "amount": ("金额不符", "Wrong amount"),
    "currency": ("币种不符", "Wrong currency"),
    "mandate": ("代扣协议不符", "Wrong mandate"),
    "gateway_account": ("网关账户不符", "Wrong gateway account"),
    "mode": ("环境不符", "Wrong mode"),
    "kind": ("未知类型", "Unknown kind"),
    "": ("无法识别", "Unreadable"),
}
# By the field that differs; the last one is for bytes that could not be read.
ADVICE: dict[str, tuple[str, str]] = {
    "reference": (
        "我方没有发起过这笔代扣。请向银行查询，并导入当日对账文件；若确有资金到账，会在对账中列为未解释差异。",
        "We never asked for this deduction. Ask the bank what it is, and reconcile its file of that day:"
        " money that did"
        " come stands there as unexplained.",
    ),
    "amount": (
        "金额与请求不符。这笔代扣会自动再次查询；请核对银行对账文件，如确有差额请银行更正后重发。",
        "The amount is not what we asked for. The deduction is asked about again by itself; compare the"
        " bank's file, and"
        " have the bank correct and send it once more if it did take another sum.",
    ),
    "currency": (
        "币种与请求不符。请让银行更正后重发，不要手工折算入账。",
        "The currency is not what we asked for. Have the bank correct it and send it once more; convert"
        " nothing by hand.",
    ),
    "mandate": (
        "代扣协议号不符，可能扣错了账户。请立即联系银行核实，必要时冲正。",
        "It names another mandate, so the wrong account may have been charged. Call the bank at once, and"
        " have it reversed"
        " if so.",
    ),
    "gateway_account": (
        "网关账户不符。请检查银行侧登记的回调地址和密钥是否属于本系统。",
        "It comes from another gateway account. See whether the callback address and keys at the bank are"
        " this"
        " installation's.",
    ),
    "mode": (
        "测试与正式环境混用。请检查银行侧登记的回调地址。",
        "Test and live are mixed up. See which callback address the bank has for each.",
    ),
    "kind": (
        "未知的回调类型，银行接口可能已变更。请通知开发人员。",
        "A kind of message that we do not know: the bank's interface may have changed. Tell the developers.",
    ),
    "": (
        "签名真实但内容无法识别，银行接口可能已变更。请通知开发人员，并请银行核对。",
        "It is signed but cannot be read: the bank's interface may have changed. Tell the developers and the"
        " bank.",
    ),
}
PROBLEMS: dict[str, tuple[str, str]] = {
    "not_found": ("没有这笔借据或申请。", "There is no such loan or proposal."),
    "operator_missing": ("请填写理由。", "Give a reason."),
    "kind_unknown": ("请选择方式。", "Choose a kind."),
    "terms_invalid": ("数值不对，请见说明。", "The number does not fit; see the hint."),
    "nothing_owed": ("这笔借据没有欠款。", "Nothing is owed on this loan."),
    "not_overdue": ("只有逾期借据可以核销。", "Only an overdue loan can be written off."),
    "own_proposal": ("提出人不能批准自己的申请。", "Who proposed it cannot grant it."),
    "relief_own_loan": ("不能处理自己的借据。", "Nobody grants themselves relief."),
    "waiver_exceeds_owed": (
        "减免金额超过罚息、费用与利息之和。",
        "Less than that is owed in penalties, fees and interest.",
    ),
    "deduction_in_flight": (
        "有一笔代扣正在进行，请稍后再试。",
        "A deduction is under way; try again once the bank has answered.",
    ),
    "transition_not_allowed": ("此申请已有结论。", "This proposal was decided already."),
    "conflict": (
        "此借据已有待批准的申请，或刚被他人处理。",
        "Another proposal for this loan waits, or was just decided.",
    ),
    "handling_note_invalid": ("处理结果需 5 至 500 字。", "A note has 5 to 500 characters."),
}


def relief_words() -> dict[str, str]:
    """Return every text in the language of the request."""
    return {name: texts[_place()] for name, texts in TEXTS.items()}


def relief_problem(error: DomainError) -> str:
    """Return what to tell staff about a refusal."""
    own = PROBLEMS.get(error.code)
    return own[_place()] if own else problem(error.code)


def advice_for(difference: str) -> str:
    """Return what to do about a callback that differs in one field, or cannot be read."""
    return ADVICE.get(difference, ADVICE[""])[_place()]


def heading_for(difference: str) -> str:
    """Return what is wrong with a callback that differs in one field, or cannot be read."""
    return HEADINGS.get(difference, HEADINGS[""])[_place()]


def field_words() -> dict[str, str]:
    """Return the names of a callback's fields."""
    return {name: texts[_place()] for name, texts in FIELDS.items()}


def _place() -> int:
    return 0 if language_tag() == "zh-CN" else 1
