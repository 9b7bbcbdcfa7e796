"""The postings between the house, merchants, lenders and brands, after the sale.

Accounts beside those of domain/ledger.py:
    merchant:<id>:payout            on its way to the merchant's bank (negative: owed by us)
    merchant:<id>:reserve           kept back of what a new merchant sold (negative: owed by us)
    merchant:<id>:funded            the merchant's own money in loans (negative: owed as consumers repay)
    lender:<id>:funded              a lender's money in loans (negative: owed as consumers repay)
    lender:<id>:payable             collected for a lender, to be remitted (negative: owed by us)
    lender:<id>:payout              on its way to the lender's bank (negative: owed by us)
    lender:<id>:receivable          the lender's part of sales, to be drawn from it
    lender:<id>:drawing             on its way from the lender's bank
    consumer:<id>:returning         kept for a consumer, on its way back (negative: owed by us)
    brand:<id>:receivable           subsidy and cash-back that a brand owes us
    income:subsidy                  interest that others bear for consumers
    loss:cash_back                  the lender's part of cash-backs, where the house is the lender
"""

from fenqi.finance.money import Money

from merchant_server.domain.ledger import CASH, INTEREST_EARNED, Posting, moves, payable, refundable
from merchant_server.domain.payout import HOUSE, LENDER, WHOLE_BPS
from merchant_server.domain.transfer import Transfer, TransferKind, TransferStatus

SUBSIDY_INCOME = "income:subsidy"
CASH_BACK_COST = "loss:cash_back"


def on_its_way(merchant_id: str) -> str:
    """Name the account of money that left for a merchant's bank."""
    return f"merchant:{merchant_id}:payout"


def reserve(merchant_id: str) -> str:
    """Name the account of what is kept back of a merchant's sales."""
    return f"merchant:{merchant_id}:reserve"


def receivable(brand_id: str) -> str:
    """Name the account of what a brand owes for subsidies."""
    return f"brand:{brand_id}:receivable"


def funded(funder: str, merchant_id: str) -> str:
    """Name the account of a funder's money in loans. `funder` is merchant or lender:<id>."""
    return f"{funder}:funded" if funder.startswith(LENDER) else f"merchant:{merchant_id}:funded"


def owed_to(funder: str, merchant_id: str) -> str:
    """Name the account of what was collected for a funder. `funder` is merchant or lender:<id>."""
    return f"{funder}:payable" if funder.startswith(LENDER) else payable(merchant_id)


def payout_postings(merchant_id: str, amount: Money) -> tuple[Posting, ...]:
    """A payout begins: what was payable is on its way."""
    return moves((on_its_way(merchant_id), payable(merchant_id), amount))


def paid_postings(merchant_id: str, amount: Money) -> tuple[Posting, ...]:
    """The bank paid: the money left."""
    return moves((CASH, on_its_way(merchant_id), amount))


def failed_postings(merchant_id: str, amount: Money) -> tuple[Posting, ...]:
    """The bank did not pay: the money is payable again."""
    return moves((payable(merchant_id), on_its_way(merchant_id), amount))


def reserve_postings(merchant_id: str, amount: Money) -> tuple[Posting, ...]:
    """A part of a capture is kept back."""
    return moves((reserve(merchant_id), payable(merchant_id), amount))


def release_postings(merchant_id: str, amount: Money) -> tuple[Posting, ...]:
    """What was kept back is payable."""
    return moves((payable(merchant_id), reserve(merchant_id), amount))


def subsidy_postings(merchant_id: str, shares: dict[str, Money], brand_id: str) -> tuple[Posting, ...]:
    """What the plan spares the consumer: the merchant's part off its payable, the brand's part owed by the brand.

    The lender's part is income that never comes, so it is no posting.
    """
    targets = {"merchant": payable(merchant_id), "brand": receivable(brand_id)}
    return moves(
        *((SUBSIDY_INCOME, targets[party], share) for party, share in shares.items() if party in targets)
    )


def cash_back_postings(
    merchant_id: str, consumer_id: str, funder: str, before: dict[str, Money], after: dict[str, Money]
) -> tuple[Posting, ...]:
    """A cash-back changes from what each party bore to what it bears; the consumer's account takes the difference.

    The brand is that of the merchant's goods; the lender's part is the funder's, or the house's own cost.
    """
    bearers = {
        "merchant": payable(merchant_id),
        "brand": receivable(merchant_id),
        "lender": CASH_BACK_COST if funder == HOUSE else owed_to(funder, merchant_id),
    }
    differences = ((bearers[party], part - before[party]) for party, part in after.items())
    return moves(
        *(
            (refundable(consumer_id), bearer, more)
            if more.minor > 0
            else (bearer, refundable(consumer_id), -more)
            for bearer, more in differences
        )
    )


def funding_postings(funder: str, merchant_id: str, amount: Money) -> tuple[Posting, ...]:
    """A capture is funded: a lender owes its money; a merchant who funds waits for consumers to repay."""
    target = f"{funder}:receivable" if funder.startswith(LENDER) else payable(merchant_id)
    return moves((funded(funder, merchant_id), target, amount))


def transfer_accounts(kind: TransferKind, owner_id: str) -> tuple[str, str]:
    """Return the account that a transfer settles, and the one that holds it while it is on its way."""
    return {
        TransferKind.MONEY_RETURN: (refundable(owner_id), f"consumer:{owner_id}:returning"),
        TransferKind.LENDER_PAYOUT: (f"{LENDER}{owner_id}:payable", f"{LENDER}{owner_id}:payout"),
        TransferKind.LENDER_DRAWING: (f"{LENDER}{owner_id}:receivable", f"{LENDER}{owner_id}:drawing"),
    }[kind]


def transfer_postings(transfer: Transfer) -> tuple[Posting, ...]:
    """What a transfer's state books: begun, money at the bank, or as if it had not been ordered."""
    account, on_way = transfer_accounts(transfer.kind, transfer.owner_id)
    ways = {
        TransferStatus.PENDING: (on_way, account),
        TransferStatus.SUCCEEDED: (CASH, on_way),
        TransferStatus.FAILED: (account, on_way),
    }
    source, target = ways[transfer.status]
    if transfer.kind.comes_in:
        source, target = target, source
    return moves((source, target, transfer.amount))


def share_postings(
    funder: str, merchant_id: str, principal: Money, interest: Money, interest_bps: int
) -> tuple[Posting, ...]:
    """A funder's part of what a consumer repaid: principal back, and its share of the interest.

    Negative amounts are of money that was taken back, and move the other way.
    """
    share = Money(abs(interest.minor) * interest_bps // WHOLE_BPS, interest.currency)
    parts = (
        (owed_to(funder, merchant_id), funded(funder, merchant_id), abs(principal), principal.minor < 0),
        (owed_to(funder, merchant_id), INTEREST_EARNED, share, interest.minor < 0),
    )
    return moves(
        *((target, source, part) if back else (source, target, part) for source, target, part, back in parts)
    )
