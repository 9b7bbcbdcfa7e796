"""Worked examples of settlement entries for docs/reference/ledger.md, and tables of magic values."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

from fenqi import Money

from merchant_server.domain import settlement_postings as made
from merchant_server.domain.ledger import Posting
from merchant_server.domain.transfer import Transfer, TransferKind, TransferStatus
from merchant_server.providers.sandbox import magic
from scripts.reference_tables import table

MERCHANT, LENDER = "mer_…", "lender:lnd_…"


def settlement() -> str:
    """Return one table of postings for each event of the settlement."""
    price, part, interest = Money(399_900, "CNY"), Money(31_532, "CNY"), Money(3_999, "CNY")
    net, kept = Money(357_511, "CNY"), Money(39_990, "CNY")
    shares = {"merchant": Money(8_000, "CNY"), "brand": Money(5_000, "CNY"), "lender": Money(2_000, "CNY")}
    none = dict.fromkeys(shares, Money(0, "CNY"))
    half = {party: Money(part.minor // 2, "CNY") for party, part in shares.items()}
    sections = (
        ("A subsidy of the plan: merchant 80.00, brand 50.00, lender 20.00", "subsidy",
         made.subsidy_postings(MERCHANT, shares, MERCHANT)),
        ("A cash-back of a repaid loan: merchant 80.00, brand 50.00, the house as lender 20.00", "cash_back",
         made.cash_back_postings(MERCHANT, "con_…", "house", none, shares)),
        ("Half of it is taken back while it waits, after a refund", "cash_back_taken",
         made.cash_back_postings(MERCHANT, "con_…", "house", shares, half)),
        ("A capture that a lender funds", "funding", made.funding_postings(LENDER, MERCHANT, price)),
        ("A capture that the merchant funds", "funding", made.funding_postings("merchant", MERCHANT, price)),
        ("A tenth of a capture is kept back", "reserve", made.reserve_postings(MERCHANT, kept)),
        ("The reserve is released", "reserve_release", made.release_postings(MERCHANT, kept)),
        ("The lender's part of a repayment, with 80 % of the interest", "share",
         made.share_postings(LENDER, MERCHANT, part, interest, 8_000)),
        ("The merchant's part of a repayment, of its own money", "share",
         made.share_postings("merchant", MERCHANT, part, interest, 10_000)),
        ("A payout begins", "payout", made.payout_postings(MERCHANT, net)),
        ("The bank paid it", "payout_paid", made.paid_postings(MERCHANT, net)),
        ("The bank did not pay it", "payout_failed", made.failed_postings(MERCHANT, net)),
        *_transfers(price, part + interest),
    )  # fmt: skip
    return "\n\n".join(
        f"### {title}\n\nEntry kind `{kind}`.\n\n{_postings(moved)}" for title, kind, moved in sections
    )


def _transfers(price: Money, back: Money) -> Iterator[tuple[str, str, tuple[Posting, ...]]]:
    told = {
        TransferKind.LENDER_DRAWING: ("A drawing on a lender", "lnd_…", price),
        TransferKind.LENDER_PAYOUT: ("A payout to a lender", "lnd_…", back),
        TransferKind.MONEY_RETURN: ("Money that paid nothing goes back", "con_…", back),
    }
    ends = {"pending": "begins", "succeeded": "the bank moved it", "failed": "the bank did not move it"}
    for kind, (title, owner, amount) in told.items():
        for status in TransferStatus:
            transfer = Transfer(
                "trf_…", MERCHANT, "test", kind, status, 1, owner, None, amount, "", "", date(2026, 11, 24),
                datetime(2026, 11, 24, tzinfo=UTC),
            )  # fmt: skip
            entry = kind.value if status == TransferStatus.PENDING else f"{kind}_{status}"
            yield f"{title}: {ends[status]}", entry, made.transfer_postings(transfer)


def _postings(moved: tuple[Posting, ...]) -> str:
    rows = [f"| `{each.source}` | `{each.target}` | {each.amount.decimal_text} |" for each in moved]
    return "\n".join(["| from | to | CNY |", "|---|---|---:|", *rows])


def magic_people() -> str:
    """Id numbers with a meaning."""
    rows = (
        (f"`{p.id_number}`", p.meaning, p.meaning_zh, p.identity, p.bureau, p.bank, p.accounts)
        for p in magic.PEOPLE
    )
    return table(("id number", "meaning", "含义", "identity", "bureau", "bank", "accounts"), rows)


def magic_accounts() -> str:
    """Bank accounts with a meaning."""
    rows = (
        (f"`{a.last_four}`", a.meaning, a.meaning_zh, a.group, _outcomes(a), a.answer.replace("_", " "))
        for a in sorted(magic.ACCOUNTS, key=lambda each: each.last_four)
    )
    return table(
        ("account ends in", "deductions", "扣款", "accounts", "outcomes in order", "request answered"), rows
    )


def _outcomes(account: magic.MagicAccount) -> str:
    told = [code or status for status, code in account.outcomes]
    return ", ".join(f"`{each}`" for each in told) + (" …" if told[-1] != "succeeded" else "")


def magic_phones() -> str:
    """Phone numbers with a meaning."""
    rows = ((f"`{number}`", does.replace("_", " ")) for number, does in magic.PHONES.items())
    return table(("number", "the SMS gateway"), rows)


def magic_amounts() -> str:
    """Amounts of one deduction with a meaning."""
    meaning = {each.last_four: each.meaning for each in magic.ACCOUNTS}
    rows = (
        (f"`{minor}`", Money(minor, "CNY").decimal_text, f"`{like}`", meaning[like])
        for minor, like in magic.AMOUNTS.items()
    )
    return table(("minor units", "CNY", "as account", "what happens"), rows)


def magic_payouts() -> str:
    """Accounts that merchants are paid to."""
    rows = ((f"`{a.account}`", a.meaning, a.meaning_zh) for a in magic.PAYOUT_ACCOUNTS)
    return table(("payout account", "payouts", "打款"), rows)
