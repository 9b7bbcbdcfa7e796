"""What disclosure refuses, as types. Each names the field and what is allowed, as every arithmetic error does."""

from fenqi.finance.errors import FinanceError


class DisclosureError(FinanceError):
    """A disclosure cannot be made from what was given."""

    code = "disclosure_invalid"


class UnknownPlace(DisclosureError):
    """No disclosure pack covers the place, so nothing may be signed there."""

    code = "disclosure_place_unknown"

    def __init__(self, place: str, allowed: str) -> None:
        super().__init__(f"no disclosure pack covers {place!r}", field="place", allowed=allowed)
        self.place = place


class WrongPack(DisclosureError):
    """A plan's disclosure pack is not the one that the law of the place asks for; it must not be signed."""

    code = "disclosure_pack_wrong"

    def __init__(self, place: str, pack: str, needed: str, plan_id: str) -> None:
        super().__init__(
            f"plan {plan_id!r} discloses by {pack}, but {place} asks for {needed}; "
            f"sell it under plan.changed(disclosure={needed!r})",
            field="disclosure",
            allowed=needed,
        )
        self.place, self.pack, self.needed, self.plan_id = place, pack, needed, plan_id
