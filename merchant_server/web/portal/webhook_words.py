"""What the webhook pages say to staff, in two languages."""

from merchant_server.web.language import language_tag

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("事件通知", "Webhooks"),
    "empty": ("还没有商户登记通知地址。", "No merchant has a webhook endpoint yet."),
    "back": ("返回通知地址列表", "Back to the endpoints"),
    "active": ("启用", "active"),
    "disabled": ("已停用", "disabled"),
    "newest": ("最近一次投递", "Newest delivery"),
    "nothing": ("还没有投递。", "Nothing was pushed yet."),
    "deliveries": ("最近的投递", "Newest deliveries"),
    "pending": ("待投递", "pending"),
    "delivered": ("已送达", "delivered"),
    "dead": ("已放弃", "given up"),
    "tries": ("每次尝试", "Every try"),
    "no_tries": ("尚未尝试。", "Not tried yet."),
    "number": ("次", "Try"),
    "at": ("时间", "When"),
    "took": ("耗时", "Took"),
    "outcome": ("结果", "Outcome"),
    "again": ("下次尝试", "next try"),
    "no_answer": ("无应答", "no answer"),
    "test": ("测试", "test"),
    "live": ("正式", "live"),
}


def webhook_words() -> dict[str, str]:
    """Return the words in the request's language."""
    place = 0 if language_tag() == "zh-CN" else 1
    return {name: texts[place] for name, texts in TEXTS.items()}
