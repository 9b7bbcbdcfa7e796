"""The log on both engines: every act has its place, and whatever is done to it behind our back is found."""

import json
import random
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fenqi.evidence.merkle import is_consistent

from merchant_server.domain.audit import (
    NO_PREVIOUS,
    AuditRow,
    TreeHead,
    counter_message,
    mark_message,
    root,
)
from merchant_server.domain.errors import RuleRefused
from merchant_server.providers.system import SystemIds
from merchant_server.services.operation.audit import (
    export_log,
    place_acts,
    read_head,
    sign_head,
    tend_log,
    verify_log,
)
from merchant_server.services.operation.doctor import check
from merchant_server.storage.engine import Engine, RuleBroken
from merchant_server.storage.key_ring import KeyRing
from merchant_server.storage.migrations import SCHEMA_FOLDER
from merchant_server.storage.opening import open_engine
from merchant_server.storage.unit_of_work import SqlStorage
from tests.installation import Installation, build

SEED = 20261121
RING = KeyRing(None, b"i" * 32)  # type: ignore[arg-type]


def act(house: Installation, count: int = 1, subject: str = "thing") -> None:
    with house.deps.storage.unit_of_work() as uow:
        for number in range(count):
            uow.audit.add(
                house.deps.ids.new("aud"), at=house.clock.now(), actor="operator", action="tested",
                subject=subject, detail={"number": number, "说明": "值"},
            )  # fmt: skip


def disarm(engine: Engine) -> None:
    """Drop every trigger that guards, as somebody with the database's password can."""
    with engine.transaction() as connection:
        if engine.dialect == "sqlite":
            for row in connection.all(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name <> 'audit_arrives'"
            ):
                connection.execute(f"DROP TRIGGER {row['name']}")
        else:
            for row in connection.all(
                "SELECT tgname AS name, tgrelid::regclass::text AS of FROM pg_trigger"
                " WHERE NOT tgisinternal AND tgname <> 'audit_arrives'"
            ):
                connection.execute(f"DROP TRIGGER {row['name']} ON {row['of']}")


def run(engine: Engine, *statements: str) -> None:
    with engine.transaction() as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_sale_is_in_the_log_without_gaps(installation: Installation) -> None:
    installation.sell()
    place_acts(installation.deps)
    acts = installation.rows("SELECT id FROM audit ORDER BY id")
    leaves = installation.rows("SELECT * FROM audit_leaves ORDER BY sequence")
    assert [leaf["sequence"] for leaf in leaves] == list(range(1, len(acts) + 1))
    assert {leaf["audit_id"] for leaf in leaves} == {row["id"] for row in acts}
    assert [leaf["previous_hash"] for leaf in leaves] == [
        NO_PREVIOUS,
        *(leaf["leaf_hash"] for leaf in leaves),
    ][:-1]
    verified = verify_log(installation.deps)
    assert verified.intact and verified.size == len(acts) >= 6


def test_a_transaction_that_fails_leaves_no_gap(installation: Installation) -> None:
    act(installation)
    with pytest.raises(RuntimeError), installation.deps.storage.unit_of_work() as uow:
        uow.audit.add("aud_x", at=installation.clock.now(), actor="a", action="b", subject="c")
        raise RuntimeError
    act(installation)
    place_acts(installation.deps)
    assert verify_log(installation.deps).intact
    assert not installation.rows("SELECT 1 FROM audit WHERE id = 'aud_x'")


def test_every_act_of_many_threads_gets_one_place_whoever_gives_it(installation: Installation) -> None:
    """Six threads write while two give places; what waits at the end is placed by the last."""
    place_acts(installation.deps)
    with installation.deps.storage.reading() as uow:
        before = uow.audit.size()
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(act, installation, 1 + number % 3) for number in range(90)]
        done += [pool.submit(place_acts, installation.deps) for _ in range(20)]
        for each in done:
            each.result()
    place_acts(installation.deps)
    verified = verify_log(installation.deps)
    assert (verified.findings, verified.waiting) == ((), 0)
    assert verified.size == before + sum(1 + number % 3 for number in range(90))


def test_who_saw_an_act_has_a_later_place(installation: Installation) -> None:
    """Also in one batch, and whatever the clocks and ids of two servers say."""
    place_acts(installation.deps)
    for audit_id in ("aud_z", "aud_m", "aud_a"):
        with installation.deps.storage.unit_of_work() as uow:
            uow.audit.add(audit_id, at=installation.clock.now(), actor="a", action="b", subject="order")
        installation.clock.pass_(seconds=-1)
    place_acts(installation.deps)
    placed = installation.rows("SELECT audit_id FROM audit_leaves ORDER BY sequence DESC LIMIT 3")
    assert [row["audit_id"] for row in placed] == ["aud_a", "aud_m", "aud_z"]


def test_a_run_of_places_that_fails_is_done_anew(installation: Installation) -> None:
    act(installation, 5)
    with pytest.raises(RuntimeError), installation.deps.storage.unit_of_work() as uow:
        assert uow.audit.place(3) == 3
        raise RuntimeError
    assert place_acts(installation.deps) > 0
    assert place_acts(installation.deps) == 0
    assert verify_log(installation.deps).intact


def test_an_act_that_waits_is_read_too(installation: Installation) -> None:
    """Whoever alters the database between a commit and the next batch is found out, but for a whole act taken away."""
    place_acts(installation.deps)
    act(installation, 4)
    assert (verify_log(installation.deps).intact, verify_log(installation.deps).waiting) == (True, 4)
    ids = [
        row["audit_id"] for row in installation.rows("SELECT audit_id FROM audit_arrivals ORDER BY arrival")
    ]
    disarm(installation.engine)
    run(
        installation.engine,
        f"UPDATE audit SET actor = 'nobody' WHERE id = '{ids[0]}'",
        f"UPDATE audit SET mark = NULL WHERE id = '{ids[1]}'",
        f"DELETE FROM audit_arrivals WHERE audit_id = '{ids[2]}'",
    )
    found = verify_log(installation.deps)
    assert sorted((f.kind, next(each for each in ids if each in f.detail)) for f in found.findings) == sorted(
        [("forged", ids[0]), ("forged", ids[1]), ("unlogged", ids[2])]
    )
    assert any("waits for it" in breach for breach in installation.breaches())
    place_acts(installation.deps)
    assert {f.kind for f in verify_log(installation.deps).findings} == {"forged", "unlogged"}
    with pytest.raises(RuleRefused, match="was altered"):
        sign_head(installation.deps)
    run(installation.engine, f"INSERT INTO audit_arrivals (audit_id) VALUES ('{ids[2]}')")


def test_a_row_put_in_by_hand_is_found(installation: Installation) -> None:
    place_acts(installation.deps)
    run(
        installation.engine,
        "INSERT INTO audit (id, at, actor, action, subject, detail)"
        " VALUES ('aud_hand', '2026-11-21T08:00:00.000000Z', 'operator', 'tested', 'thing', '{}')",
    )
    assert [f.kind for f in verify_log(installation.deps).findings] == ["forged"]
    place_acts(installation.deps)
    assert [f.kind for f in verify_log(installation.deps).findings] == ["forged"]


def test_the_log_does_not_go_on_over_a_cut(installation: Installation) -> None:
    """The newest acts are taken away, the counter is put back, and no head ever covered them."""
    act(installation, 3)
    place_acts(installation.deps)
    act(installation, 3)
    place_acts(installation.deps)
    keep = installation.rows("SELECT * FROM audit_leaves ORDER BY sequence DESC LIMIT 1 OFFSET 2")[0]
    disarm(installation.engine)
    run(
        installation.engine,
        f"DELETE FROM audit_leaves WHERE sequence > {keep['sequence']}",
        "DELETE FROM audit WHERE id NOT IN (SELECT audit_id FROM audit_leaves)",
        f"UPDATE audit_tree SET size = {keep['sequence']}, last_hash = '{keep['leaf_hash']}'",
    )
    assert [f.kind for f in verify_log(installation.deps).findings] == ["counter"]
    act(installation)
    with pytest.raises(RuleRefused, match="its counter is not as it was left"):
        place_acts(installation.deps)
    # The act itself was committed: whoever alters the log does not stop the business.
    assert verify_log(installation.deps).waiting == 1


def test_an_altered_log_is_told_once_and_looked_at_once_a_day(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    act(installation, 3)
    place_acts(installation.deps)
    disarm(installation.engine)
    run(installation.engine, "UPDATE audit SET actor = 'nobody' WHERE action = 'tested'")
    for _ in range(5):
        tend_log(installation.deps)
        installation.clock.pass_(hours=1)
        act(installation)
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    checkup = check(installation.deps)
    assert not checkup.healthy and checkup.audit_alarm is not None and "altered" in checkup.audit_alarm.detail
    assert installation.rows("SELECT COUNT(*) AS waiting FROM audit_arrivals") == [{"waiting": 1}]
    assert not installation.rows("SELECT * FROM audit_heads")
    run(installation.engine, "UPDATE audit SET actor = 'operator' WHERE action = 'tested'")
    installation.clock.pass_(days=1)
    tend_log(installation.deps)
    assert check(installation.deps).healthy
    assert len(caplog.records) == 1 and verify_log(installation.deps).heads == 1


def test_the_doctor_says_how_far_the_log_is_behind(installation: Installation) -> None:
    place_acts(installation.deps)
    act(installation, 2)
    installation.clock.pass_(seconds=61)
    checkup = check(installation.deps)
    assert (checkup.audit_waiting, checkup.audit_behind_seconds, checkup.healthy) == (2, 61, False)
    tend_log(installation.deps)
    assert check(installation.deps).healthy


def test_the_database_itself_refuses_changes(installation: Installation) -> None:
    act(installation)
    sign_head(installation.deps)
    act(installation)
    for statement in (
        "UPDATE audit SET actor = 'x'", "DELETE FROM audit", "UPDATE audit_leaves SET salt = 'x'",
        "DELETE FROM audit_leaves", "UPDATE audit_heads SET at = 'x'", "DELETE FROM audit_heads",
        "UPDATE audit_tree SET size = 0", "DELETE FROM audit_tree",
        "UPDATE audit_arrivals SET audit_id = 'x'", "DELETE FROM audit_arrivals",
    ):  # fmt: skip
        with pytest.raises(RuleBroken), installation.engine.transaction() as connection:
            connection.execute(statement)


def test_acts_older_than_marks_keep_their_places_and_those_older_than_the_log_come_next(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    """An upgrade: one act has a place, one has none, neither has a mark; later ones without a mark are forged."""
    older = tmp_path / "schema"
    shutil.copytree(SCHEMA_FOLDER, older)
    for file in older.glob("*.sql"):
        if file.name >= "0005":
            file.unlink()
    fresh_engine.migrate(older)
    row = "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES ('{}', '{}', 'a', 'b', 'c', '{{}}')"
    for audit_id in ("aud_2", "aud_1"):
        run(fresh_engine, row.format(audit_id, "2026-11-21T08:00:00.000000Z"))
    placed = AuditRow(
        1, "aud_2", NO_PREVIOUS, "2026-11-21T08:00:00.000000Z", "a", "b", "c", None, "{}", "salt"
    )
    run(
        fresh_engine,
        "INSERT INTO audit_leaves (sequence, audit_id, salt, previous_hash, leaf_hash)"
        f" VALUES (1, 'aud_2', 'salt', '{NO_PREVIOUS}', '{placed.leaf_hash()}')",
        f"UPDATE audit_tree SET size = 1, last_hash = '{placed.leaf_hash()}'",
    )
    fresh_engine.migrate()
    ring = KeyRing.open(tmp_path / "keys.json", b"i" * 32)
    storage = SqlStorage(fresh_engine, ring, SystemIds().new)
    deps: Any = SimpleNamespace(storage=storage)
    assert verify_log(deps).findings == ()
    with storage.unit_of_work() as uow:
        uow.audit.add("aud_0", at=datetime(2026, 11, 22, tzinfo=UTC), actor="a", action="b", subject="c")
    place_acts(deps)
    assert verify_log(deps).findings == ()
    with fresh_engine.reading() as connection:
        placed_ids = connection.all("SELECT audit_id FROM audit_leaves ORDER BY sequence")
    assert [each["audit_id"] for each in placed_ids] == ["aud_2", "aud_1", "aud_0"]
    run(fresh_engine, row.format("aud_3", "2026-11-22T08:00:00.000000Z"))
    place_acts(deps)
    assert [finding.kind for finding in verify_log(deps).findings] == ["forged"]


def heads_signed(house: Installation) -> int:
    before = len(house.rows("SELECT size FROM audit_heads"))
    tend_log(house.deps)
    return len(house.rows("SELECT size FROM audit_heads")) - before


def test_heads_are_signed_once_a_day_and_only_over_something_new(installation: Installation) -> None:
    act(installation)
    assert [heads_signed(installation) for _ in range(2)] == [1, 0]
    installation.clock.pass_(days=2)
    assert heads_signed(installation) == 0
    act(installation)
    assert [heads_signed(installation) for _ in range(2)] == [1, 0]
    assert verify_log(installation.deps).heads == 2


def test_proofs_from_stored_tiles_are_those_of_the_whole_log(installation: Installation) -> None:
    act(installation, 1_100)
    place_acts(installation.deps)
    with installation.deps.storage.reading() as uow:
        bare = root(uow.audit.size(), uow.audit.subtree)
    head = sign_head(installation.deps)
    assert head is not None
    assert len(installation.rows("SELECT * FROM audit_tiles")) == head.size // 256
    with installation.deps.storage.reading() as uow:
        assert root(head.size, uow.audit.subtree) == bare
    assert head.root_hash == bare.hex() == verify_log(installation.deps).root_hash


def test_no_head_is_signed_over_altered_acts(installation: Installation) -> None:
    act(installation, 3)
    disarm(installation.engine)
    run(installation.engine, "UPDATE audit SET actor = 'nobody' WHERE action = 'tested'")
    with pytest.raises(RuleRefused) as refused:
        sign_head(installation.deps)
    assert refused.value.code == "audit_altered"


def test_an_export_begins_with_a_head_that_continues_the_last_one(installation: Installation) -> None:
    act(installation, 9)
    list(export_log(installation.deps))
    act(installation, 20)
    first, *acts = export_log(installation.deps)
    told = json.loads(first)
    old, new = told["consistent_with"]["head"], told["head"]
    assert len(acts) == new["size"]
    assert is_consistent(
        old_size=old["size"], old_root=bytes.fromhex(old["root_hash"]), size=new["size"],
        root=bytes.fromhex(new["root_hash"]), path=[bytes.fromhex(s) for s in told["consistent_with"]["path"]],
    )  # fmt: skip
    assert verify_log(installation.deps, [read_head(first.encode())]).intact


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"[]", b'"x"', b'{"head":1}', b'{"size":"1","root_hash":"","at":"","signature":""}']
)
def test_what_is_no_head_is_refused(line: bytes) -> None:
    with pytest.raises(RuleRefused) as refused:
        read_head(line)
    assert refused.value.code == "head_malformed"


def test_a_head_of_another_installation_is_found(installation: Installation, tmp_path: Path) -> None:
    act(installation)
    from merchant_server.domain.audit import head_message
    from merchant_server.providers.agreement import AuditHeadKey, Authority

    place_acts(installation.deps)
    stranger = AuditHeadKey.open(tmp_path, Authority.open(tmp_path))
    verified = verify_log(installation.deps)
    at = installation.clock.now()
    signature = stranger.sign(head_message(verified.size, verified.root_hash, at)).hex()
    head = TreeHead(verified.size, verified.root_hash, at, signature, stranger.certificate_pem)
    assert [f.kind for f in verify_log(installation.deps, [head]).findings] == ["forged head"]


# Tampering: 1,000 random changes, each on a copy of one log with its triggers dropped.

TEXTS = ("actor", "action", "subject", "at", "detail", "mark", "id")


def edit(chance: random.Random, rows: list[dict[str, Any]]) -> list[str]:
    """Change one letter of one column of one act or leaf."""
    row = chance.choice(rows)
    column = chance.choice((*TEXTS, "merchant_id", "salt", "leaf_hash", "previous_hash", "sequence"))
    if column == "sequence":
        return [f"UPDATE audit_leaves SET sequence = sequence + 100000 WHERE audit_id = '{row['id']}'"]
    if column == "merchant_id":
        new = "NULL" if row["merchant_id"] else "'mer_other'"
        return [f"UPDATE audit SET merchant_id = {new} WHERE id = '{row['id']}'"]
    place = chance.randrange(len(row[column]))
    changed = row[column][:place] + chance.choice("0123456789abcdef ") + row[column][place + 1 :]
    if changed == row[column]:
        changed += " "
    table, key = ("audit", "id") if column in TEXTS else ("audit_leaves", "audit_id")
    quoted = changed.replace("'", "''")
    statements = [f"UPDATE {table} SET {column} = '{quoted}' WHERE {key} = '{row['id']}'"]
    if column == "id":
        statements.append(f"UPDATE audit_leaves SET audit_id = '{quoted}' WHERE audit_id = '{row['id']}'")
    return statements


def delete(chance: random.Random, rows: list[dict[str, Any]]) -> list[str]:
    """Delete an act, its leaf, or both; close the gap sometimes."""
    row = chance.choice(rows)
    statements = chance.choice(
        [
            [f"DELETE FROM audit WHERE id = '{row['id']}'"],
            [f"DELETE FROM audit_leaves WHERE audit_id = '{row['id']}'"],
            [
                f"DELETE FROM audit WHERE id = '{row['id']}'",
                f"DELETE FROM audit_leaves WHERE audit_id = '{row['id']}'",
            ],
        ]
    )
    if chance.random() < 0.5 and len(statements) == 2:
        statements += [
            f"UPDATE audit_leaves SET sequence = -sequence WHERE sequence > {row['sequence']}",
            "UPDATE audit_leaves SET sequence = -sequence - 1 WHERE sequence < 0",
            "UPDATE audit_tree SET size = size - 1",
        ]
    return statements


def swap(chance: random.Random, rows: list[dict[str, Any]]) -> list[str]:
    """Let two acts change places, or their contents."""
    first, second = chance.sample(rows, 2)
    if chance.random() < 0.5:
        column = chance.choice(("audit_id", "leaf_hash", "salt", "sequence"))
        a, b = (each["id" if column == "audit_id" else column] for each in (first, second))
        spare = "-1" if column == "sequence" else "'spare'"
        a, b = (str(value) if column == "sequence" else f"'{value}'" for value in (a, b))
        return [
            f"UPDATE audit_leaves SET {column} = {spare} WHERE sequence = {first['sequence']}",
            f"UPDATE audit_leaves SET {column} = {a} WHERE sequence = {second['sequence']}",
            f"UPDATE audit_leaves SET {column} = {b} WHERE {column} = {spare}",
        ]
    return [
        "UPDATE audit SET id = 'spare' WHERE id = '{}'".format(first["id"]),
        "UPDATE audit SET id = '{}' WHERE id = '{}'".format(first["id"], second["id"]),
        "UPDATE audit SET id = '{}' WHERE id = 'spare'".format(second["id"]),
    ]


def truncate(chance: random.Random, rows: list[dict[str, Any]]) -> list[str]:
    """Cut the log's end off, counter and heads included: only the exported head knows."""
    keep = chance.choice(rows[:-1])
    return [
        f"DELETE FROM audit WHERE id IN (SELECT audit_id FROM audit_leaves WHERE sequence > {keep['sequence']})",
        f"DELETE FROM audit_leaves WHERE sequence > {keep['sequence']}",
        f"DELETE FROM audit_heads WHERE size > {keep['sequence']}",
        f"UPDATE audit_tree SET size = {keep['sequence']}, last_hash = '{keep['leaf_hash']}'",
    ]


Tampering = Callable[[random.Random, list[dict[str, Any]]], list[str]]


@pytest.fixture(scope="module")
def logged(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory, authority_folder: Path) -> Any:
    """A log of some sixty acts without foreign keys and triggers, and the head that was exported from it."""
    path = tmp_path_factory.mktemp("log") / "fenqi.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}")
    house = build(engine, authority_folder)
    house.sell()
    act(house, 50)
    head = sign_head(house.deps)
    disarm(engine)
    rows = house.rows(
        "SELECT l.sequence, l.salt, l.leaf_hash, l.previous_hash, a.* FROM audit_leaves l"
        " JOIN audit a ON a.id = l.audit_id ORDER BY l.sequence"
    )
    yield house, rows, head
    engine.close()


@pytest.mark.parametrize("tampering", [edit, delete, swap, truncate])
def test_a_thousand_tamperings_are_all_found(logged: Any, tampering: Tampering) -> None:
    house, rows, head = logged
    chance = random.Random(f"{SEED}{tampering.__name__}")
    assert verify_log(house.deps, [head]).intact

    class Undo(Exception):
        pass

    for number in range(250):
        statements = tampering(chance, rows)
        with pytest.raises(Undo), house.engine.transaction() as connection:
            connection.execute("PRAGMA defer_foreign_keys = ON")
            connection.execute("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                connection.execute(statement)
            found = verify_log(_within(house, connection), [head])
            assert not found.intact, f"{number}: {statements}"
            raise Undo


def _within(house: Installation, connection: Any) -> Any:
    """Return Deps whose reading is this transaction, so that each tampering can be taken back."""
    import contextlib
    from dataclasses import replace

    from merchant_server.storage.repositories.audit import Audit

    class View:
        audit = Audit(connection, RING.mark)

    class Storage:
        @staticmethod
        @contextlib.contextmanager
        def reading() -> Any:
            yield View()

    return replace(house.deps, storage=Storage())


def test_a_log_that_was_rewritten_whole_is_found_by_its_heads(logged: Any) -> None:
    """Whoever edits an act and computes every hash behind it anew still cannot sign a head."""
    house, rows, head = logged
    from merchant_server.storage.repositories.audit import Audit

    class Undo(Exception):
        pass

    with pytest.raises(Undo), house.engine.transaction() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("UPDATE audit SET actor = 'nobody' WHERE id = :id", {"id": rows[3]["id"]})
        connection.execute("DELETE FROM audit_leaves")
        connection.execute(
            f"UPDATE audit_tree SET size = 0, last_hash = '{NO_PREVIOUS}', mark = :mark",
            {"mark": RING.mark(counter_message(0, NO_PREVIOUS, 0))},
        )
        for each in rows:
            connection.execute("INSERT INTO audit_arrivals (audit_id) VALUES (:id)", {"id": each["id"]})
        # The worst case: whoever did it has the key of marks too.
        Audit(connection, RING.mark).place(1_000)
        connection.execute(
            "UPDATE audit SET mark = :mark WHERE id = :id", _marked_anew(connection, rows[3]["id"])
        )
        assert [f.kind for f in verify_log(_within(house, connection)).findings] == ["head"]
        connection.execute("DELETE FROM audit_heads")
        assert verify_log(_within(house, connection)).intact
        assert [f.kind for f in verify_log(_within(house, connection), [head]).findings] == ["head"]
        # Without that key, the act and the counter give it away even where no head is left.
        connection.execute("UPDATE audit_tree SET mark = 'x'")
        connection.execute("UPDATE audit SET mark = 'x' WHERE id = :id", {"id": rows[3]["id"]})
        assert {f.kind for f in verify_log(_within(house, connection)).findings} == {"forged", "counter"}
        raise Undo


def _marked_anew(connection: Any, audit_id: str) -> dict[str, str]:
    row = connection.one("SELECT * FROM audit WHERE id = :id", {"id": audit_id})
    return {"id": audit_id, "mark": RING.mark(mark_message(row))}


def test_tampering_on_postgresql_is_found_too(installation: Installation) -> None:
    act(installation, 20)
    head = sign_head(installation.deps)
    assert head is not None
    disarm(installation.engine)
    run(installation.engine, "UPDATE audit SET detail = '{}' WHERE subject = 'thing'")
    found = verify_log(installation.deps, [head])
    assert {finding.kind for finding in found.findings} == {"edited"} and len(found.findings) == 20
    assert all(re.search(r"aud_\w+", finding.detail) for finding in found.findings)


def test_a_clock_that_jumps_back_leaves_the_log_whole(installation: Installation) -> None:
    act(installation)
    sign_head(installation.deps)
    installation.clock.pass_(seconds=-timedelta(days=400).total_seconds())
    act(installation)
    head = sign_head(installation.deps)
    assert (
        verify_log(installation.deps).intact
        and head is not None
        and head.size == verify_log(installation.deps).size
    )
