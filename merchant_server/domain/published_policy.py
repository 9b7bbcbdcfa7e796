"""Which policy decides about whom: versions, proposals, publications by a second person, champion and challenger."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from merchant_server.domain.errors import Forbidden, RuleRefused

CHAMPION, CHALLENGER = "champion", "challenger"
WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A policy as it was, kept for ever. `document` is its JSON text; origin: shipped | proposed."""

    version: str
    name: str
    document: str
    origin: str
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Proposal:
    """The wish of one operator to put a version to work. `share_bps` is a challenger's share of the people."""

    id: str
    version: str
    arm: str
    share_bps: int
    proposed_by: str
    proposed_at: datetime
    note: str = ""

    def __post_init__(self) -> None:
        whole = self.share_bps == WHOLE_BPS
        if (self.arm == CHAMPION) != whole or not 0 <= self.share_bps <= WHOLE_BPS:
            raise RuleRefused(
                "a champion decides about everybody, and a challenger about less",
                code="policy_share_invalid",
                field="share",
                hint="give a challenger a share from 0 (which ends it) to below 1",
            )


@dataclass(frozen=True, slots=True)
class Publication:
    """A proposal that a second person put to work."""

    id: str
    proposal_id: str
    version: str
    arm: str
    share_bps: int
    proposed_by: str
    published_by: str
    published_at: datetime


def publication(publication_id: str, proposal: Proposal, by: str, at: datetime) -> Publication:
    """Return the publication of a proposal, or raise Forbidden (four_eyes) for the person who proposed it."""
    if _same_person(by, proposal.proposed_by):
        raise Forbidden(
            f"{by} proposed this policy; a second person publishes it",
            code="four_eyes",
            hint="let another operator look at the difference and publish it",
        )
    return Publication(
        publication_id,
        proposal.id,
        proposal.version,
        proposal.arm,
        proposal.share_bps,
        proposal.proposed_by,
        by,
        at,
    )


def _same_person(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


@dataclass(frozen=True, slots=True)
class Lineup:
    """The live policies. Without a champion the shipped policy decides."""

    champion: Publication | None
    challenger: Publication | None

    def arm_of(self, consumer_id: str) -> str:
        """Return which policy decides about a person: the same one every time while the experiment lasts."""
        if self.challenger is None:
            return CHAMPION
        return CHALLENGER if _lot(consumer_id, self.challenger.id) < self.challenger.share_bps else CHAMPION


def lineup(publications: Iterable[Publication]) -> Lineup:
    """Return who is live, of publications in the order they were made: a new champion ends the experiment."""
    champion: Publication | None = None
    challenger: Publication | None = None
    for each in publications:
        if each.arm == CHAMPION:
            champion, challenger = each, None
        else:
            challenger = each if each.share_bps else None
    return Lineup(champion, challenger)


def _lot(consumer_id: str, experiment: str) -> int:
    digest = hashlib.sha256(f"{experiment}|{consumer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % WHOLE_BPS
