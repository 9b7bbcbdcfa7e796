"""What services need for evidence: the audit log with its tree, consent events, and a key that signs heads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from merchant_server.domain.audit import Alarm, AuditRow, TreeHead, WaitingAct
from merchant_server.domain.consent import ConsentEvent


@dataclass(frozen=True, slots=True)
class StoredLeaf:
    """One place of the log as stored; `row` is None when its act is gone, `mark_holds` says it is as written."""

    sequence: int
    audit_id: str
    previous_hash: str
    leaf_hash: str
    row: AuditRow | None
    mark_holds: bool


class HeadSigner(Protocol):
    """Signs heads of the audit log with a key that the installation's root certifies (Ed25519)."""

    @property
    def certificate_pem(self) -> str:
        """The certificate of the key that signs now."""
        ...

    def root_of(self, certificate_pem: str) -> str:
        """Return the SHA-256 fingerprint, in hex, of the root that certified a head's key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a head's message."""
        ...

    def holds(self, message: bytes, signature: bytes, certificate_pem: str, at: datetime) -> bool:
        """Say whether a signature of this installation holds, made by the certificate's key while it was valid."""
        ...


class Audit(Protocol):
    """Who did what to what; rows are only ever added, hold no personal data, and enter the tree soon afterwards."""

    def add(
        self,
        audit_id: str,
        *,
        at: datetime,
        actor: str,
        action: str,
        subject: str,
        merchant_id: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Store one act. Its detail is JSON without fractions."""
        ...

    def place(self, limit: int) -> int:
        """Give up to `limit` acts that wait their places, in the order of their arrival; return how many that was.

        Raises RuleRefused (audit_altered) when the counter is not as it was left.
        """
        ...

    def waiting(self, limit: int) -> list[WaitingAct]:
        """Return acts that wait for their place, the longest first."""
        ...

    def backlog(self) -> tuple[int, datetime | None]:
        """Return how many acts wait for their place, and when the one that waits longest was done."""
        ...

    def counter_holds(self) -> bool:
        """Say whether the counter is as this installation left it."""
        ...

    def alarm(self) -> Alarm | None:
        """Return what is known of the log being altered, or None."""
        ...

    def raise_alarm(self, detail: str, at: datetime) -> bool:
        """Keep that the log is altered, and when that was looked at; say whether it is news."""
        ...

    def end_alarm(self) -> None:
        """Forget the alarm: the log was found whole."""
        ...

    def of(self, subject: str) -> list[dict[str, Any]]:
        """Return the acts on a subject, oldest first."""
        ...

    def latest(self, action_prefix: str, limit: int) -> list[dict[str, Any]]:
        """Return the newest acts whose name begins so, looking back over a bounded number of acts."""
        ...

    def size(self) -> int:
        """Return how many places the log has given out."""
        ...

    def last_hash(self) -> str:
        """Return the newest leaf hash as the counter row knows it."""
        ...

    def leaves(self, after: int, limit: int) -> list[StoredLeaf]:
        """Return up to `limit` places behind `after`, in order; a missing place is simply not there."""
        ...

    def unchained(self, limit: int) -> list[str]:
        """Return acts that have no place in the log and do not wait for one."""
        ...

    def subtree(self, level: int, index: int) -> bytes:
        """Return the hash over the 2**level leaves from index * 2**level on, all of which exist."""
        ...

    def keep_tiles(self, size: int) -> None:
        """Store the hashes over each full 256 leaves up to `size`, as far as they are not stored."""
        ...

    def add_head(self, head: TreeHead) -> None:
        """Store a signed head; one of this size stays as it is."""
        ...

    def heads(self) -> list[TreeHead]:
        """Return every signed head, smallest first."""
        ...

    def newest_head(self) -> TreeHead | None:
        """Return the head with the largest size, or None."""
        ...

    def head_covering(self, sequence: int) -> TreeHead | None:
        """Return the smallest head that covers a place, or None."""
        ...


class ConsentEvents(Protocol):
    """What consumers were shown and did; facts are in the audit row, the person's part is sealed."""

    def add(
        self,
        audit_id: str,
        *,
        checkout_id: str,
        merchant_id: str,
        kind: str,
        at: datetime,
        salt: str,
        personal: dict[str, Any],
    ) -> None:
        """Store an event beside its audit row, in the same transaction."""
        ...

    def last_at(self, checkout_id: str) -> datetime | None:
        """Return when the newest event of a checkout happened, or None."""
        ...

    def of_checkout(self, checkout_id: str) -> list[ConsentEvent]:
        """Return the events of a checkout in the log's order; those that wait for their place are not there yet."""
        ...
