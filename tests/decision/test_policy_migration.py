"""Decisions from before policies were kept here come through the migration unchanged, on both databases."""

import shutil
from pathlib import Path

from merchant_server.storage.engine import Engine
from merchant_server.storage.migrations import SCHEMA_FOLDER

AT = "2026-11-21T08:00:00.000000Z"
ROWS = {
    "merchants": {
        "id": "mer_1", "name": "店", "legal_name": "店", "category": "travel", "currency": "CNY",
        "time_zone": "Asia/Shanghai", "fee_bps": 0, "created_at": AT,
    },
    "consumers": {"id": "con_1", "id_number_index": "i", "person_sealed": b"s", "created_at": AT},
    "checkouts": {
        "id": "chk_1", "merchant_id": "mer_1", "mode": "test", "status": "offered", "version": 3,
        "amount_minor": 1, "captured_minor": 0, "currency": "CNY", "reference": "r", "description": "d",
        "plan_ids": "[]", "capture_method": "automatic", "language": "zh-CN", "token": "t", "created_at": AT,
        "expires_at": AT, "metadata": "{}",
    },
    "decisions": {
        "id": "dec_1", "merchant_id": "mer_1", "mode": "test", "checkout_id": "chk_1", "consumer_id": "con_1",
        "outcome": "approve", "policy_version": "old@1", "record_sealed": b"r", "requested_at": AT, "decided_at": AT,
    },
    "credit_lines": {
        "consumer_id": "con_1", "currency": "CNY", "limit_minor": 5, "used_minor": 0, "grade": "A",
        "rate_discount": "0", "expires_at": AT, "version": 1,
    },
}  # fmt: skip


def test_an_old_decision_comes_through_and_a_new_one_needs_no_checkout(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    before = tmp_path / "schema"
    before.mkdir()
    for file in sorted(SCHEMA_FOLDER.glob("*.sql")):
        if file.name < "0003":
            shutil.copyfile(file, before / file.name)
    fresh_engine.migrate(before)
    with fresh_engine.transaction() as connection:
        for table, row in ROWS.items():
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({values})", row)

    assert "0003_policies" in fresh_engine.migrate()

    with fresh_engine.transaction() as connection:
        (old,) = connection.all("SELECT * FROM decisions")
        assert {name: old[name] for name in ROWS["decisions"]} | {"record_sealed": b"r"} == ROWS["decisions"]
        assert (old["purpose"], old["arm"]) == ("purchase", None)
        (line,) = connection.all("SELECT * FROM credit_lines")
        assert line["decision_id"] is None
        connection.execute(
            "INSERT INTO decisions (id, merchant_id, mode, consumer_id, purpose, requested_at)"
            " VALUES ('dec_2', 'mer_1', 'test', 'con_1', 'preapproval', :at)",
            {"at": AT},
        )
