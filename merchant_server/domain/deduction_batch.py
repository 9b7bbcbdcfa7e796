"""A run of deductions: what was requested of one merchant's loans on one of its days, and how far that is.

Counts are read from the deductions themselves; none is kept beside them.
"""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """One run with the deductions that it requested, by what became of them; a reversed one was settled once."""

    id: str
    merchant_id: str
    mode: str
    run_on: date
    started_at: datetime
    settled: int
    failed: int
    open: int

    @property
    def requested(self) -> int:
        """How many deductions were committed."""
        return self.settled + self.failed + self.open
