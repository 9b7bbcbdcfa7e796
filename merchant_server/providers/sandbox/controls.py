"""The faults that a visitor may turn on, kept in the sandbox's database so that a restart changes nothing."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from merchant_server.providers.sandbox.database import Transaction
from merchant_server.providers.sandbox.door import Refused
from merchant_server.providers.sandbox.settings import SandboxSettings

_SECONDS_MS_MAX = 86_400_000
_COUNT_MAX = 100


@dataclass(frozen=True, slots=True)
class Controls:
    """The fault dials. `drop_next` callbacks are never sent; `forge_next` are preceded by a forged one."""

    callback_delay_seconds: float
    late_seconds: float
    reversal_delay_seconds: float
    hold_callbacks: bool = False
    drop_next: int = 0
    forge_next: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the wire form: durations as whole milliseconds, for the wire has no floats."""
        wire: dict[str, Any] = {}
        for name, value in asdict(self).items():
            if name.endswith("_seconds"):
                wire[name.removesuffix("_seconds") + "_ms"] = round(value * 1000)
            else:
                wire[name] = value
        return wire


def read_controls(tx: Transaction, settings: SandboxSettings) -> Controls:
    """Return the dials as they stand: what was set, else what the sandbox was started with."""
    known = {field.name for field in fields(Controls)}
    stored = {row["name"]: json.loads(row["value"]) for row in tx.all("SELECT name, value FROM controls")}
    started = {
        "callback_delay_seconds": settings.callback_delay_seconds,
        "late_seconds": settings.late_seconds,
        "reversal_delay_seconds": settings.reversal_delay_seconds,
    }
    return Controls(**{**started, **{name: value for name, value in stored.items() if name in known}})


def change_controls(tx: Transaction, settings: SandboxSettings, change: dict[str, Any]) -> Controls:
    """Set some dials by their wire names and return all. Raises Refused (422), and then sets none."""
    for wire_name, value in change.items():
        name, stored = _checked(wire_name, value)
        _store(tx, name, stored)
    return read_controls(tx, settings)


def take_one(tx: Transaction, settings: SandboxSettings, name: str) -> bool:
    """Use up one of a counting dial; False when none is left."""
    left = int(getattr(read_controls(tx, settings), name))
    if left <= 0:
        return False
    _store(tx, name, left - 1)
    return True


def _store(tx: Transaction, name: str, value: Any) -> None:
    tx.run(
        "INSERT INTO controls VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=name,
        value=json.dumps(value),
    )


def _checked(wire_name: str, value: Any) -> tuple[str, Any]:
    if wire_name in ("callback_delay_ms", "late_ms", "reversal_delay_ms"):
        if type(value) is int and 0 <= value <= _SECONDS_MS_MAX:
            return wire_name.removesuffix("_ms") + "_seconds", value / 1000
        raise Refused(
            422, "control_invalid", f"use whole milliseconds from 0 to {_SECONDS_MS_MAX}", wire_name
        )
    if wire_name == "hold_callbacks":
        if type(value) is bool:
            return wire_name, value
        raise Refused(422, "control_invalid", "use true or false", wire_name)
    if wire_name in ("drop_next", "forge_next"):
        if type(value) is int and 0 <= value <= _COUNT_MAX:
            return wire_name, value
        raise Refused(422, "control_invalid", f"use a whole number from 0 to {_COUNT_MAX}", wire_name)
    raise Refused(422, "control_unknown", "there is no such control", None)
