"""What the review pages say, in two languages; they are for staff, so they stay out of the consumer's catalogue."""

from merchant_server.web.language import language_tag

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("人工复核", "Human review"),
    "disputes": ("争议", "Disputes"),
    "relief": ("减免", "Relief"),
    "quarantine": ("隔离回调", "Quarantine"),
    "sign_in": ("登录", "Sign in"),
    "sign_out": ("退出", "Sign out"),
    "name": ("复核人姓名", "Your name as a reviewer"),
    "token": ("口令", "Token"),
    "wrong": ("姓名或口令不对。", "The name or the token is wrong."),
    "empty": ("没有待复核的案件。", "No case is waiting."),
    "case": ("案件", "Case"),
    "asked": ("提交时间", "Asked at"),
    "asked_by": ("来源", "Asked by"),
    "policy": ("策略", "the policy"),
    "consumer": ("消费者", "the consumer"),
    "due": ("目标时间", "Target time"),
    "late": ("已超过目标时间", "past its target time"),
    "back": ("返回列表", "Back to the queue"),
    "person": ("申请人", "Person"),
    "amount": ("金额", "Amount"),
    "merchant": ("商户", "Merchant"),
    "grade": ("等级", "Grade"),
    "version": ("策略版本", "Policy version"),
    "reasons": ("原因", "Reasons"),
    "rules": ("命中规则", "Rules that fired"),
    "features": ("特征", "Features"),
    "earlier": ("此前的复核", "Earlier verdicts"),
    "verdict": ("结论", "Your verdict"),
    "reason": ("理由（10 至 1000 字）", "Reason (10 to 1,000 characters)"),
    "limit": ("授信额度（留空则为本次金额）", "The whole line (empty: what was asked for)"),
    "approve": ("通过", "Approve"),
    "decline": ("拒绝", "Decline"),
    "approved": ("已通过", "Approved"),
    "declined": ("已拒绝", "Declined"),
    "queued": ("待复核", "Waiting"),
    "sources": ("外部数据源（本进程所见）", "Outside sources, as this process sees them"),
    "identity": ("实名核验", "Identity check"),
    "bureau": ("征信", "Credit bureau"),
    "closed": ("正常", "asked as usual"),
    "half_open": ("正在试探恢复", "being tried again"),
    "open": (
        "已熔断：连续失败，暂停查询，申请转人工",
        "not asked after failures in a row; cases go to people",
    ),
}
PROBLEMS: dict[str, tuple[str, str]] = {
    "review_reason_invalid": ("理由需 10 至 1000 字。", "A reason has 10 to 1,000 characters."),
    "review_own_case": ("不能复核自己的案件。", "Nobody reviews their own case."),
    "review_second_look": (
        "您已复核过此案，须由另一位复核人处理。",
        "You judged this case before; another reviewer has to.",
    ),
    "review_limit_invalid": ("额度无效或低于已用额度。", "The line is no amount, or less than what is used."),
    "review_beyond_people": (
        "身份未核实、未成年或在拦截名单中的申请不能人工通过。",
        "An unproven identity, a minor, or somebody on the block list cannot be approved by anybody.",
    ),
    "reviewer_unknown": ("您没有复核权限。", "You may not review."),
    "transition_not_allowed": ("此案已有结论。", "This case has a verdict already."),
    "conflict": ("另一位复核人刚刚处理了此案。", "Another reviewer was faster."),
}
OTHER_PROBLEM = ("操作未成功，请重试。", "That did not work; try again.")


def words() -> dict[str, str]:
    """Return every text in the language of the request."""
    place = 0 if language_tag() == "zh-CN" else 1
    return {name: texts[place] for name, texts in TEXTS.items()}


def problem(code: str) -> str:
    """Return what to tell a reviewer about a refusal."""
    return PROBLEMS.get(code, OTHER_PROBLEM)[0 if language_tag() == "zh-CN" else 1]
