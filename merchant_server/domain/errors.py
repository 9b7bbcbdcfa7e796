"""What can go wrong by the rules: not allowed, refused by a rule, or somebody else moved first."""

from typing import Any


class DomainError(Exception):
    """Base of every refusal; never raised itself.

    Attributes: code (stable, snake_case), message, field (JSON path or None), hint (what to do), facts.
    """

    code = "refused"

    def __init__(
        self, message: str, *, code: str | None = None, field: str | None = None, hint: str = "", **facts: Any
    ) -> None:
        self.code = code or self.code
        self.message, self.field, self.hint, self.facts = message, field, hint, facts
        super().__init__(message)


class NotFound(DomainError):
    """There is no such thing for this caller; another merchant's things are not found either."""

    code = "not_found"


class TransitionNotAllowed(DomainError):
    """The thing is in a state that this step does not leave from. Facts: current, wanted."""

    code = "transition_not_allowed"


class RuleRefused(DomainError):
    """A rule said no; the code names the rule."""

    code = "rule_refused"


class TransitionConflict(DomainError):
    """Somebody else moved the thing first; read it again and decide anew."""

    code = "conflict"


class RaceLost(TransitionConflict):
    """The database chose another transaction over this one; the same request, run again whole, may well succeed."""

    code = "race_lost"


class Expired(DomainError):
    """The thing's time is over; make a new one."""

    code = "checkout_expired"


class Erased(DomainError):
    """The person whose data this was had it erased; it cannot be read any more, by anybody."""

    code = "person_erased"


class Forbidden(DomainError):
    """The caller is known, and may not do this."""

    code = "scope_missing"


class Unauthenticated(DomainError):
    """The caller is not known."""

    code = "authentication_required"


class RateLimited(DomainError):
    """The caller asked too often; nothing was done. Facts: retry_after_seconds."""

    code = "rate_limited"


class Unavailable(DomainError):
    """Something outside did not answer; nothing was changed, and trying again is safe. Facts: retry_after_seconds."""

    code = "unavailable"
