"""A bank as bad as banks get: it is late, silent, tells twice or never, takes back, loses answers, and is imitated.

What it did is what its daily file says; everything else about it is chance, drawn from one seed.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fenqi.finance.money import Money

from merchant_server.domain.reconciliation import COMES_IN
from merchant_server.ports import BankDeduction, BankPayout, BankTransfer, ProviderUnavailable
from merchant_server.providers.bank_callbacks import public_key_id
from merchant_server.providers.sandbox.callbacks import signed_headers
from tests.fakes.providers import FakeBank

UNANSWERED, ANSWER_LOST = 0.03, 0.03
LATE, NEVER_TOLD, TOLD_THRICE, FORGED_FIRST = 0.10, 0.08, 0.10, 0.06
REVERSED, REVERSAL_NEVER_TOLD = 0.06, 0.3
TRANSFER_FAILS = 0.04


@dataclass
class Move:
    """One request that the bank took on."""

    kind: str
    reference: str
    channel: str
    amount: Money
    outcome: str
    code: str
    settles_at: datetime
    reverses_at: datetime | None = None


@dataclass(order=True)
class Telling:
    """One callback that is to be sent."""

    due_at: datetime
    event_id: str
    reference: str
    status: str
    forged: bool = False


class FaultyBank(FakeBank):
    """Decides by chance; `now` is its clock. `calm` ends all faults, so that what is left can be settled."""

    def __init__(self, now: Callable[[], datetime], seed: int) -> None:
        super().__init__()
        self.now, self.calm = now, False
        self.moves: dict[str, Move] = {}
        self.faults: dict[str, int] = {}
        self._tellings: list[Telling] = []
        self._chance = random.Random(seed)
        self._forger = Ed25519PrivateKey.generate()
        self._moods: dict[str, float] = {}

    def deduct(self, *, reference: str, mandate_reference: str, amount: Money) -> BankDeduction:
        """Take on a deduction and decide it, unless nobody answers."""
        self._may_not_answer()
        if reference not in self.moves:
            self._chargeable(mandate_reference, amount)
            outcome, code = self._of_account(mandate_reference)
            self._take_on(Move("deduction", reference, mandate_reference, amount, outcome, code, self.now()))
        self._may_lose_answer()
        return BankDeduction(reference=reference, status="pending", amount=amount)

    def find_deduction(self, *, reference: str) -> BankDeduction:
        """Say what became of it, once it has settled."""
        self._may_not_answer()
        status, code = self._state(reference)
        return BankDeduction(reference=reference, status=status, code=code)

    def return_money(self, *, reference: str, came_by: str, amount: Money) -> BankTransfer:
        """Send money back, sooner or later."""
        return self._transfer("return", reference, came_by, amount)

    def draw(self, *, reference: str, account: str, amount: Money) -> BankTransfer:
        """Draw money, sooner or later."""
        return self._transfer("drawing", reference, account, amount)

    def pay_out(self, *, reference: str, account: str, amount: Money) -> BankPayout:
        """Pay, sooner or later."""
        self._transfer("payout", reference, account, amount)
        return BankPayout(reference=reference, status="pending", amount=amount)

    def find_payout(self, *, reference: str) -> BankPayout:
        """Say what became of a payout, once it has settled."""
        self._may_not_answer()
        status, code = self._state(reference)
        return BankPayout(reference, "paid" if status == "succeeded" else status, code)

    def tell(self) -> Iterator[tuple[bytes, dict[str, str]]]:
        """Yield the callbacks that are due now, signed now, in the order they leave."""
        self._tellings.sort()
        while self._tellings and self._tellings[0].due_at <= self.now():
            each = self._tellings.pop(0)
            move = self.moves[each.reference]
            mandate = move.channel if move.kind in ("deduction", "return") else ""
            told = {
                "gateway_account": self.gateway_account, "mode": "test", "kind": f"{move.kind}.{each.status}",
                "reference": move.reference, "mandate_reference": mandate, "status": each.status,
                "code": "reversed" if each.status == "reversed" else move.code,
                "amount": move.amount.to_dict(), "occurred_at": self.now().isoformat(),
            }  # fmt: skip
            body, headers = self.signed(told, each.event_id, self.now())
            if each.forged:
                key_id = public_key_id(self._key.public_key())
                headers = signed_headers(self._forger, each.event_id, body, self.now(), key_id=key_id)
            yield body, headers

    def file(self, day: date) -> bytes:
        """Return the settlement file of a day: what moved on it, up to now."""
        first = datetime.combine(day, time.min, UTC)
        rows = []
        for move in self.moves.values():
            if move.outcome == "succeeded":
                rows.append((move.settles_at, move.kind, move))
            if move.reverses_at is not None:
                rows.append((move.reverses_at, "reversal", move))
        lines, came_in, went_out = [], 0, 0
        for at, kind, move in sorted(rows, key=lambda row: (row[0], row[2].reference, row[1])):
            if first <= at < first + timedelta(days=1) and at <= self.now():
                came_in += move.amount.minor if kind in COMES_IN else 0
                went_out += move.amount.minor if kind not in COMES_IN else 0
                amount = f"{move.amount.minor},{move.amount.currency}"
                lines.append(f"D,{kind},{move.reference},{amount},{at.isoformat()}\n")
        head = f"H,1,{self.gateway_account},{day.isoformat()}\n"
        return f"{head}{''.join(lines)}T,{len(lines)},{came_in},{went_out}\n".encode()

    @property
    def cash_minor(self) -> int:
        """What the bank says that our account has gained."""
        now, total = self.now(), 0
        for move in self.moves.values():
            if move.outcome == "succeeded" and move.settles_at <= now:
                total += move.amount.minor if move.kind in COMES_IN else -move.amount.minor
            if move.reverses_at is not None and move.reverses_at <= now:
                total -= move.amount.minor
        return total

    def _transfer(self, kind: str, reference: str, channel: str, amount: Money) -> BankTransfer:
        self._may_not_answer()
        if reference not in self.moves:
            fails = self._happens(TRANSFER_FAILS, "transfer failed")
            outcome, code = ("failed", "bank_busy") if fails else ("succeeded", "")
            self._take_on(Move(kind, reference, channel, amount, outcome, code, self.now()))
        self._may_lose_answer()
        return BankTransfer(reference, *self._state(reference))

    def _state(self, reference: str) -> tuple[str, str]:
        move = self.moves.get(reference)
        if move is None:
            return "unknown", ""
        if move.settles_at > self.now():
            return "pending", ""
        taken_back = move.reverses_at is not None and move.reverses_at <= self.now()
        return move.outcome, "reversed" if taken_back else move.code

    def _take_on(self, move: Move) -> None:
        late = self._happens(LATE, "late")
        move.settles_at += timedelta(days=self._chance.randint(1, 4) if late else 0)
        self.moves[move.reference] = move
        if move.kind == "deduction" and move.outcome == "succeeded" and self._happens(REVERSED, "reversed"):
            move.reverses_at = move.settles_at + timedelta(days=self._chance.randint(1, 6))
            if not self._happens(REVERSAL_NEVER_TOLD, "reversal never told"):
                self._announce(move, move.reverses_at, "reversed")
        if self._happens(FORGED_FIRST, "forged"):
            other = {"succeeded": "failed", "failed": "succeeded"}[move.outcome]
            self._announce(move, self.now(), other, forged=True)
        if self._happens(NEVER_TOLD, "never told"):
            return
        for _ in range(3 if self._happens(TOLD_THRICE, "told thrice") else 1):
            self._announce(move, move.settles_at, move.outcome)

    def _announce(self, move: Move, at: datetime, status: str, *, forged: bool = False) -> None:
        event_id = f"bev_{move.reference[-20:]}_{status[:4]}{'_x' if forged else ''}"
        self._tellings.append(Telling(at, event_id, move.reference, status, forged))

    def _of_account(self, mandate: str) -> tuple[str, str]:
        """Return what a deduction comes to: most people pay, some often have no money, few close their account."""
        if mandate not in self._moods:
            drawn = self._chance.random()
            self._moods[mandate] = 0.02 if drawn < 0.85 else 0.5 if drawn < 0.96 else 1.0
        mood = self._moods[mandate]
        if mood == 1.0 and self._happens(0.3, "account closed"):
            self._mandates[mandate].behaviour = "closed"
        if self._mandates[mandate].behaviour == "closed":
            return "failed", "account_closed"
        if mood < 1.0 and self._happens(mood, "no money"):
            return "failed", self._chance.choice(("insufficient_funds", "bank_busy", "daily_limit"))
        return "succeeded", ""

    def _may_not_answer(self) -> None:
        if self._happens(UNANSWERED, "unanswered"):
            raise ProviderUnavailable("bank", "timeout")

    def _may_lose_answer(self) -> None:
        if self._happens(ANSWER_LOST, "answer lost"):
            raise ProviderUnavailable("bank", "timeout after it acted")

    def _happens(self, chance: float, fault: str) -> bool:
        if self.calm or self._chance.random() >= chance:
            return False
        self.faults[fault] = self.faults.get(fault, 0) + 1
        return True
