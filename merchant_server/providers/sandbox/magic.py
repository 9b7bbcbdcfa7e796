"""The published magic values of the sandbox: the one table that bank, identity, bureau and SMS read.

Everything not listed behaves well: the person matches, has a decent credit history, may sign a mandate.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MagicPerson:
    """What the sandbox does with one id number.

    identity: match | mismatch | slow | down | garbage.
    bureau: ordinary | great | thin | overdue_60 | over_indebted | slow | down | garbage.
    bank: signs | refuses.
    """

    id_number: str
    meaning: str
    meaning_zh: str
    identity: str = "match"
    bureau: str = "ordinary"
    bank: str = "signs"


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
    MagicPerson("110101199003079307", "bank refuses the mandate", "银行拒绝签约代扣", bank="refuses"),
)
_BY_ID_NUMBER = {person.id_number: person for person in PEOPLE}
_ORDINARY = MagicPerson("", "ordinary", "普通")


def person(id_number: str) -> MagicPerson:
    """Return the magic person of an id number, or the ordinary one."""
    return _BY_ID_NUMBER.get(id_number.upper(), _ORDINARY)


@dataclass(frozen=True, slots=True)
class MagicAccount:
    """One bank account that every sandbox holder has; `behaviour` decides what deductions do."""

    last_four: str
    behaviour: str
    meaning: str
    meaning_zh: str

    @property
    def label(self) -> str:
        """Return the masked text that a person picks the account by."""
        return f"沙盒银行 Sandbox Bank ·· {self.last_four}（{self.meaning_zh} · {self.meaning}）"


ACCOUNTS: tuple[MagicAccount, ...] = (
    MagicAccount("0001", "pays", "pays", "正常扣款"),
    MagicAccount("0002", "insufficient_twice", "insufficient funds twice, then pays", "余额不足两次后成功"),
    MagicAccount("0003", "callback_late", "pays, callback late", "成功但回调迟到"),
    MagicAccount("0004", "callback_thrice", "pays, callback three times", "成功且回调三次"),
    MagicAccount("0005", "closed", "account closed after signing", "签约后销户"),
    MagicAccount("0006", "reversed", "pays, then reversed", "成功后冲正"),
)

# Phone numbers in E.164, and what the SMS gateway does with a message to them.
PHONES: dict[str, str] = {
    "+8619900000422": "refused",
    "+8619900000503": "down",
    "+8619900000408": "slow",
}


def outcome(behaviour: str, deductions_before: int) -> tuple[str, str]:
    """Return (status, code) of the next deduction of a mandate that has had `deductions_before` of them."""
    if behaviour == "closed":
        return "failed", "account_closed"
    if behaviour == "insufficient_twice" and deductions_before < 2:
        return "failed", "insufficient_funds"
    return "succeeded", ""


def bureau_report(id_number: str) -> dict[str, object]:
    """Return the credit report of an id number, the same at every call; amounts are CNY."""
    kind = person(id_number).bureau
    if kind == "thin":
        return _report("thin", None, 0, 0, 0, None)
    if kind == "great":
        return _report("found", 872, 0, 0, 0, 5_000_000)
    if kind == "overdue_60":
        return _report("found", 545, 1_800_000, 60, 3, 800_000)
    if kind == "over_indebted":
        return _report("found", 585, 68_000_000, 0, 9, 900_000)
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
