"""Short dates and capital numerals of the agreement. Every other figure is written as disclosures write it."""

from datetime import date

from fenqi.disclosure.packs import words
from fenqi.finance.money import Money

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("", "拾", "佰", "仟")
SECTIONS = ("", "万", "亿", "兆")


def short_date_text(day: date, language: str) -> str:
    """Return `2026-11-21` or `21 Nov 2026`, for a column of dates."""
    if language == "zh-CN":
        return day.isoformat()
    return f"{day.day} {words('en')['months'][day.month - 1][:3]} {day.year}"


def yuan_in_words(amount: Money) -> str:
    """Return a CNY amount of zero or more in capital numerals.

    Source: 正确填写票据和结算凭证的基本规定 (中国人民银行《支付结算办法》附件一), items 1 to 4.
    """
    yuan, cents = divmod(amount.minor, 100)
    words = f"人民币{_whole_in_words(yuan)}元" if yuan or not cents else "人民币"
    tenths, hundredths = divmod(cents, 10)
    if not cents:
        return words + "整"
    if tenths:
        words += DIGITS[tenths] + "角"
    elif yuan:
        words += "零"
    return words + (DIGITS[hundredths] + "分" if hundredths else "整")


def _whole_in_words(number: int) -> str:
    if not number:
        return DIGITS[0]
    words, gap = "", False
    sections: list[int] = []
    while number:
        number, section = divmod(number, 10_000)
        sections.append(section)
    for place in range(len(sections) - 1, -1, -1):
        section = sections[place]
        if not section:
            gap = True
            continue
        if words and (gap or section < 1000):
            words += DIGITS[0]
        words += _section_in_words(section) + SECTIONS[place]
        gap = False
    return words


def _section_in_words(section: int) -> str:
    words, gap = "", False
    for place in range(3, -1, -1):
        digit = section // 10**place % 10
        if not digit:
            gap = bool(words)
            continue
        words += (DIGITS[0] if gap else "") + DIGITS[digit] + PLACES[place]
        gap = False
    return words
