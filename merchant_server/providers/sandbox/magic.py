"""The published magic values of the sandbox: people, phones and amounts. Bank accounts are in magic_accounts.py.

Everything not listed behaves well: the person matches, has a decent credit history, may sign a mandate.
"""

import hashlib
from dataclasses import dataclass

from merchant_server.providers.sandbox.magic_accounts import (
    ACCOUNTS,
    EVERYDAY,
    PAYOUT_ACCOUNTS,
    MagicAccount,
    Telling,
)

__all__ = [
    "ACCOUNTS", "AMOUNTS", "PAYOUT_ACCOUNTS", "PEOPLE", "PHONES", "MagicAccount", "MagicPerson", "Telling",
    "account_of", "accounts_of", "bureau_report", "outcome", "person",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class MagicPerson:
    """What the sandbox does with one id number.

    identity: match | mismatch | slow | down | garbage.
    bureau: ordinary | great | thin | overdue_<days> | over_indebted | shopping | score_<points>, or as identity.
    bank: signs | refuses | frozen | down | no_accounts. accounts: which set of bank accounts the person has.
    """

    id_number: str
    meaning: str
    meaning_zh: str
    identity: str = "match"
    bureau: str = "ordinary"
    bank: str = "signs"
    accounts: str = EVERYDAY


# Valid check digits (GB 11643, MOD 11-2); born 1990-03-07 in 110101; the sequence number tells the case.
PEOPLE: tuple[MagicPerson, ...] = (
    MagicPerson("110101199003079104", "identity does not match", "实名不一致", identity="mismatch"),
    MagicPerson("110101199003079112", "identity check answers too late", "实名核验超时", identity="slow"),
    MagicPerson("110101199003079120", "identity check is down", "实名核验服务不可用", identity="down"),
    MagicPerson("110101199003079139", "identity answers nonsense", "实名核验返回乱码", identity="garbage"),
    MagicPerson("110101199003079200", "excellent credit history", "信用极好", bureau="great"),
    MagicPerson("110101199003079219", "no credit history", "无信用记录", bureau="thin"),
    MagicPerson("110101199003079227", "was 60 days overdue", "曾逾期60天", bureau="overdue_60"),
    MagicPerson("110101199003079235", "owes too much elsewhere", "负债过高", bureau="over_indebted"),
    MagicPerson("110101199003079243", "bureau answers too late", "征信查询超时", bureau="slow"),
    MagicPerson("110101199003079251", "bureau is down", "征信服务不可用", bureau="down"),
    MagicPerson("11010119900307926X", "bureau answers nonsense", "征信返回乱码", bureau="garbage"),
    MagicPerson("110101199003079278", "was 30 days overdue", "曾逾期30天", bureau="overdue_30"),
    MagicPerson("110101199003079286", "was 90 days overdue", "曾逾期90天", bureau="overdue_90"),
    MagicPerson("110101199003079294", "asked for credit in many places", "近期多头查询", bureau="shopping"),
    MagicPerson("110101199003079307", "bank refuses the mandate", "银行拒绝签约代扣", bank="refuses"),
    MagicPerson("110101199003079315", "bank says the account is frozen", "签约时账户已冻结", bank="frozen"),
    MagicPerson(
        "110101199003079323", "bank is down while listing accounts", "查询账户时银行不可用", bank="down"
    ),
    MagicPerson("110101199003079331", "has no bank account", "名下没有银行账户", bank="no_accounts"),
    MagicPerson("110101199003079403", "accounts that fail to pay", "扣款失败类账户", accounts="failures"),
    MagicPerson(
        "110101199003079411", "accounts that call back oddly", "回调异常类账户", accounts="callbacks"
    ),
    MagicPerson(
        "11010119900307942X", "accounts whose callbacks are wrong", "回调内容错误类账户", accounts="wrong"
    ),
    MagicPerson(
        "110101199003079438", "accounts whose bank answers badly", "银行应答异常类账户", accounts="answers"
    ),
    MagicPerson("11010119900307950X", "a bureau score of 560", "征信评分560", bureau="score_560"),
    MagicPerson("110101199003079518", "a bureau score of 610", "征信评分610", bureau="score_610"),
    MagicPerson("110101199003079526", "a bureau score of 650", "征信评分650", bureau="score_650"),
    MagicPerson("110101199003079534", "a bureau score of 690", "征信评分690", bureau="score_690"),
)
_BY_ID_NUMBER = {each.id_number: each for each in PEOPLE}
_ORDINARY = MagicPerson("", "ordinary", "普通")
_BY_LAST_FOUR = {each.last_four: each for each in ACCOUNTS}

# Phone numbers in E.164, and what the SMS gateway does with a message to them.
PHONES: dict[str, str] = {
    "+8619900000422": "refused",
    "+8619900000503": "down",
    "+8619900000408": "slow",
    "+8619900000200": "lost",
    "+8619900000208": "delivered_twice",
    "+8619900000502": "accepted_then_down",
}

# Amounts of one deduction, in minor units of any currency, from an account that otherwise pays.
AMOUNTS: dict[int, str] = {
    10_001: "0007",
    10_002: "0010",
    10_003: "0005",
    10_004: "0014",
    10_005: "0006",
    10_006: "0016",
}


def person(id_number: str) -> MagicPerson:
    """Return the magic person of an id number, or the ordinary one."""
    return _BY_ID_NUMBER.get(id_number.upper(), _ORDINARY)


def accounts_of(id_number: str) -> tuple[MagicAccount, ...]:
    """Return the accounts that the bank shows a person."""
    holder = person(id_number)
    return (
        ()
        if holder.bank == "no_accounts"
        else tuple(each for each in ACCOUNTS if each.group == holder.accounts)
    )


def account_of(behaviour: str, amount_minor: int) -> MagicAccount:
    """Return whose behaviour a deduction follows: the account's own, or a magic amount's when the account pays."""
    own = next(each for each in ACCOUNTS if each.behaviour == behaviour)
    return _BY_LAST_FOUR[AMOUNTS[amount_minor]] if behaviour == "pays" and amount_minor in AMOUNTS else own


def outcome(behaviour: str, deductions_before: int, amount_minor: int = 0) -> tuple[str, str]:
    """Return (status, code) of the next deduction of a mandate that has had `deductions_before` of them."""
    return account_of(behaviour, amount_minor).outcome(deductions_before)


def bureau_report(id_number: str) -> dict[str, object]:
    """Return the credit report of an id number, the same at every call; amounts are CNY."""
    kind = person(id_number).bureau
    word, _, number = kind.partition("_")
    if kind == "thin":
        return _report("thin", None, 0, 0, 0, None)
    if kind == "great":
        return _report("found", 872, 0, 0, 0, 5_000_000)
    if word == "overdue":
        return _report("found", 545, 1_800_000, int(number), 3, 800_000)
    if word == "score":
        return _report("found", int(number), 300_000, 0, 1, 1_500_000)
    if kind == "over_indebted":
        return _report("found", 585, 68_000_000, 0, 9, 900_000)
    if kind == "shopping":
        return _report("found", 702, 900_000, 0, 24, 1_500_000)
    seed = hashlib.sha256(b"sandbox bureau\x00" + id_number.upper().encode("utf-8")).digest()
    score = 690 + int.from_bytes(seed[:4], "big") % 131
    debts_minor = int.from_bytes(seed[4:8], "big") % 1_500_000
    # Wide enough for every line that such a score is given: the ordinary person can buy.
    income_minor = 2_000_000 + int.from_bytes(seed[9:12], "big") % 20_001 * 100
    return _report("found", score, debts_minor, 0, seed[8] % 3, income_minor)


def _report(
    status: str,
    score: int | None,
    debts_minor: int,
    overdue_days: int,
    inquiries: int,
    income_minor: int | None,
) -> dict[str, object]:
    return {
        "status": status,
        "score": score,
        "debts": {"minor": debts_minor, "currency": "CNY"},
        "worst_overdue_days": overdue_days,
        "inquiries_30d": inquiries,
        "income": None if income_minor is None else {"minor": income_minor, "currency": "CNY"},
    }
