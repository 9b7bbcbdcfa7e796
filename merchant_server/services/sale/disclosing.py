"""What the law of a merchant's place asks to show: which pack it is, and its sheet for one offer. Prices nothing."""

from fenqi.disclosure import Disclosure, Pack, UnknownPlace, WrongPack, disclose, require_pack
from fenqi.finance.plan import Plan
from fenqi.offers import Offer

from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.merchant import Merchant


def required_pack(merchant: Merchant, plan: Plan) -> Pack:
    """Return the pack by which a plan must disclose where its merchant sells. Raises RuleRefused for another one."""
    try:
        return require_pack(merchant.place, plan)
    except WrongPack as wrong:
        raise RuleRefused(
            f"plan {wrong.plan_id!r} discloses by {wrong.pack}, but the law of {wrong.place} asks for {wrong.needed}",
            code="disclosure_pack_wrong",
            field="disclosure",
            hint=f"sell under a plan with disclosure {wrong.needed}",
        ) from wrong
    except UnknownPlace as unknown:
        raise RuleRefused(
            f"no disclosure pack covers {unknown.place!r}, where this merchant sells",
            code="disclosure_place_unknown",
            field="disclosure",
            hint=f"packs cover {unknown.allowed}",
        ) from unknown


def sheet_of(offer: Offer, merchant: Merchant, lender_name: str, language: str) -> Disclosure:
    """Return the sheet of an offer as its merchant's place asks; the lender takes every item. Raises RuleRefused."""
    pack = required_pack(merchant, offer.plan)
    return disclose(
        offer, creditor=lender_name, merchant=merchant.legal_name, pack=pack.id, language=language
    )
