"""What the complaint pages say, in two languages; they are for staff, so they stay out of the consumer's catalogue."""

from merchant_server.web.language import language_tag

TEXTS: dict[str, tuple[str, str]] = {
    "webhooks": ("事件通知", "Webhooks"),
    "complaints": ("投诉", "Complaints"),
    "complaint": ("投诉", "Complaint"),
    "no_complaints": ("没有待答复的投诉。", "No complaint waits for an answer."),
    "waiting_complaints": ("待答复", "Waiting for an answer"),
    "answered_complaints": ("最近已答复", "Answered lately"),
    "answer_by": ("答复期限", "Answer by"),
    "days_left": ("还剩 {} 天", "{} days left"),
    "due_today": ("今天到期", "due today"),
    "overdue_days": ("已超期 {} 天", "{} days late"),
    "sent_at": ("提交时间", "Sent at"),
    "answered_at": ("答复时间", "Answered at"),
    "answered_by": ("答复人", "Answered by"),
    "about_loan": ("涉及借款", "About the loan"),
    "about_nothing": ("未指明借款", "no loan was named"),
    "their_words": ("投诉内容", "In their own words"),
    "your_answer": ("您的答复", "Your answer"),
    "answer_zh": ("中文答复", "Answer in Chinese"),
    "answer_en": ("英文答复", "Answer in English"),
    "answer_hint": (
        "填写一种语言即可，最多 {} 字。对方在“我的页面”看到答复。",
        "One language is enough, at most {} characters. The person reads it on their own page.",
    ),
    "send_answer": ("答复并结案", "Answer and close"),
    "answered_and_closed": ("已答复并结案。", "Answered and closed."),
    "back_to_complaints": ("返回投诉列表", "Back to the complaints"),
    "staff_pages": ("员工页面", "Staff pages"),
}
PROBLEMS: dict[str, tuple[str, str]] = {
    "complaint_empty": ("请至少用一种语言写下答复。", "Write an answer in one language at least."),
    "complaint_too_long": (
        "答复太长，请缩短到 2000 字以内。",
        "The answer is too long; shorten it to 2,000 characters.",
    ),
    "complaint_unreadable": (
        "答复含有不可见字符，请重新输入，不要粘贴。",
        "The answer holds invisible characters; type it anew, without pasting.",
    ),
    "complaint_own_case": (
        "不能答复自己的投诉，请同事处理。",
        "Nobody answers their own complaint; a colleague has to.",
    ),
    "reviewer_unknown": ("您没有答复权限。", "You may not answer."),
    "transition_not_allowed": ("此投诉已有答复。", "This complaint was answered already."),
    "conflict": ("另一位同事刚刚答复了此投诉。", "A colleague was faster."),
}
OTHER_PROBLEM = ("操作未成功，请重试。", "That did not work; try again.")


def complaint_words() -> dict[str, str]:
    """Return every text in the language of the request."""
    return {name: texts[_place()] for name, texts in TEXTS.items()}


def complaint_problem(code: str) -> str:
    """Return what to tell a member of staff about a refusal."""
    return PROBLEMS.get(code, OTHER_PROBLEM)[_place()]


def time_left(days: int) -> str:
    """Return how many days are left for an answer, or since when it is late."""
    name = "due_today" if days == 0 else "days_left" if days > 0 else "overdue_days"
    return TEXTS[name][_place()].format(abs(days))


def _place() -> int:
    return 0 if language_tag() == "zh-CN" else 1
