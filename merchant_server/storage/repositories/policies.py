"""Policy versions, kept for ever; who proposed and who published them."""

from datetime import datetime
from typing import Any

from merchant_server.domain.published_policy import (
    CHALLENGER,
    CHAMPION,
    Lineup,
    PolicyVersion,
    Proposal,
    Publication,
    lineup,
)
from merchant_server.storage.engine import Connection, Row
from merchant_server.storage.repositories.rows import insert, moment, stamp


class Policies:
    """The policies of the installation."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def keep(self, version: PolicyVersion) -> None:
        """Store a version, unless it is known: a version names its own content."""
        self._db.execute(
            "INSERT INTO policy_versions (version, name, document, origin, added_by, added_at)"
            " VALUES (:version, :name, :document, :origin, :added_by, :added_at)"
            " ON CONFLICT (version) DO NOTHING",
            {
                "version": version.version,
                "name": version.name,
                "document": version.document,
                "origin": version.origin,
                "added_by": version.added_by,
                "added_at": stamp(version.added_at),
            },
        )

    def knows(self, version: str) -> bool:
        """Say whether a version is kept."""
        found = self._db.one("SELECT 1 AS found FROM policy_versions WHERE version = :v", {"v": version})
        return found is not None

    def get(self, version: str) -> PolicyVersion | None:
        """Return a version with its document, or None."""
        row = self._db.one("SELECT * FROM policy_versions WHERE version = :v", {"v": version})
        return None if row is None else _version(row)

    def versions(self) -> list[PolicyVersion]:
        """Return every version, oldest first."""
        rows = self._db.all("SELECT * FROM policy_versions ORDER BY added_at, version")
        return [_version(row) for row in rows]

    def propose(self, proposal: Proposal) -> None:
        """Store a proposal."""
        row = {
            name: getattr(proposal, name)
            for name in ("id", "version", "arm", "share_bps", "proposed_by", "note")
        }
        insert(self._db, "policy_proposals", {**row, "proposed_at": stamp(proposal.proposed_at)})

    def open_proposal(self, version: str, arm: str, share_bps: int) -> Proposal | None:
        """Return the newest proposal of exactly this that nobody published yet, or None."""
        row = self._db.one(
            "SELECT p.* FROM policy_proposals p LEFT JOIN policy_publications q ON q.proposal_id = p.id"
            " WHERE p.version = :version AND p.arm = :arm AND p.share_bps = :share AND q.id IS NULL"
            " ORDER BY p.id DESC LIMIT 1",
            {"version": version, "arm": arm, "share": share_bps},
        )
        if row is None:
            return None
        return Proposal(
            row["id"], row["version"], row["arm"], row["share_bps"], row["proposed_by"],
            moment(row["proposed_at"]), row["note"],
        )  # fmt: skip

    def publish(self, publication: Publication) -> None:
        """Store a publication, once; Conflict when the proposal was published before."""
        row = {name: getattr(publication, name) for name in Publication.__slots__}
        insert(self._db, "policy_publications", {**row, "published_at": stamp(publication.published_at)})

    def publications(self) -> list[Publication]:
        """Return every publication, oldest first."""
        rows = self._db.all("SELECT * FROM policy_publications ORDER BY published_at, id")
        return [_publication(row) for row in rows]

    def lineup(self) -> Lineup:
        """Return the live champion and challenger."""
        newest: list[Publication] = []
        for arm in (CHAMPION, CHALLENGER):
            row = self._db.one(
                "SELECT * FROM policy_publications WHERE arm = :arm ORDER BY published_at DESC, id DESC LIMIT 1",
                {"arm": arm},
            )
            newest += [] if row is None else [_publication(row)]
        return lineup(sorted(newest, key=lambda each: (each.published_at, each.id)))


def _version(row: Row) -> PolicyVersion:
    return PolicyVersion(
        row["version"], row["name"], row["document"], row["origin"], row["added_by"], moment(row["added_at"])
    )


def _publication(row: Row) -> Publication:
    values: dict[str, Any] = {name: row[name] for name in Publication.__slots__}
    at: datetime = moment(row["published_at"])
    return Publication(**{**values, "published_at": at})
