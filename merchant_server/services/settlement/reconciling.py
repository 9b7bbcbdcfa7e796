"""The bank's settlement file against our requests and the books; what is missing here is settled the normal way."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from merchant_server.domain.deduction import DeductionStatus
from merchant_server.domain.errors import RuleRefused
from merchant_server.domain.reconciliation import BankFile, BankLine, Difference, compare, read_bank_file
from merchant_server.services.collection.ordering import settle_order
from merchant_server.services.collection.settling import settle
from merchant_server.services.deps import Deps
from merchant_server.services.settlement.transfer_callbacks import settle_by_reference

_OUTCOMES = {"deduction": DeductionStatus.SUCCEEDED, "reversal": DeductionStatus.REVERSED}


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came of one file. `applied` counts the lines settled now; `read_before`: these very bytes again."""

    file: BankFile
    digest: str
    read_before: bool
    matched: int
    differences: tuple[Difference, ...]
    applied: int

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences that nothing accounts for."""
        return tuple(each for each in self.differences if not each.explained)


def reconcile(
    deps: Deps, raw: bytes, *, apply: bool = False, progress: Callable[[int, int], None] | None = None
) -> Reconciliation:
    """Compare a bank file with our requests and the books, and store each of its lines once.

    With `apply`, money that the bank moved and we do not have is settled as its callback would have done. Raises
    RuleRefused for a file that has no header or is of another gateway account.
    """
    file = read_bank_file(raw)
    if file.gateway_account != deps.bank.gateway_account:
        raise RuleRefused(
            f"the file is of gateway account {file.gateway_account}",
            code="bank_file_invalid",
            hint=f"this installation collects through {deps.bank.gateway_account}",
        )
    digest = hashlib.sha256(raw).hexdigest()
    differences = _differences(deps, file, digest)
    applied = 0
    if apply:
        lines = {line.number: line for line in file.lines}
        to_settle = [lines[each.line] for each in differences if each.applicable and each.line]
        for done, line in enumerate(to_settle, 1):
            applied += _settle(deps, line)
            if progress is not None:
                progress(done, len(to_settle))
        differences = _differences(deps, file, digest)
    read_before = _keep(deps, file, digest)
    named = {each.line for each in differences if each.line is not None}
    matched = sum(line.number not in named for line in file.lines)
    return Reconciliation(file, digest, read_before, matched, tuple(differences), applied)


def _differences(deps: Deps, file: BankFile, digest: str) -> list[Difference]:
    first = datetime(file.covers_on.year, file.covers_on.month, file.covers_on.day, tzinfo=UTC)
    with deps.storage.reading() as uow:
        ours = uow.bank_files.ours(file.gateway_account, [line.reference for line in file.lines])
        settled = uow.bank_files.settled(file.gateway_account, first, first + timedelta(days=1))
        told = uow.bank_files.told(file.gateway_account, digest, file.lines)
        told |= uow.bank_files.told_of(file.gateway_account, [row.reference for row in settled]) - {
            (line.kind, line.reference) for line in file.lines
        }
    return compare(file, ours, settled, told)


def _settle(deps: Deps, line: BankLine) -> bool:
    with deps.storage.unit_of_work() as uow:
        if line.kind == "payment":
            order = uow.payment_orders.get(line.reference)
            assert order is not None
            return settle_order(uow, deps, order)
        if line.kind not in _OUTCOMES:
            return settle_by_reference(uow, deps, line.reference)
        deduction = uow.deductions.get(line.reference)
        assert deduction is not None
        return settle(uow, deps, deduction, _OUTCOMES[line.kind])


def _keep(deps: Deps, file: BankFile, digest: str) -> bool:
    """Store the file and its lines; say whether these very bytes were stored before."""
    with deps.storage.unit_of_work() as uow:
        if uow.bank_files.known(digest):
            return True
        uow.bank_files.add(
            digest,
            file.gateway_account,
            file.covers_on,
            deps.clock.now(),
            len(file.lines),
            len(file.bad_lines),
        )
        for line in file.lines:
            uow.bank_files.add_line(file.gateway_account, digest, line)
        uow.audit.add(
            deps.ids.new("aud"),
            at=deps.clock.now(),
            actor="operator",
            action="bank_file.read",
            subject=digest,
            detail={"covers_on": file.covers_on.isoformat(), "lines": len(file.lines)},
        )
    return False
