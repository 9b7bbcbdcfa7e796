"""The laws about decisions can fail: a row written by hand past every guard is named by the checker."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from merchant_server.services.decisioning import publishing, reviewing
from merchant_server.storage.opening import open_engine
from tests.decision.people import id_number
from tests.installation import build
from tests.storage.test_laws import broken_laws, by_hand

BUREAU_DOWN = "110101199003079251"
BREAKS = [
    ("4 every decision's policy is kept", "DELETE FROM policy_versions WHERE origin = 'shipped'"),
    ("4 every decision's policy is kept", "UPDATE decisions SET policy_version = 'x@0'"),
    ("4 every decision's policy is kept", "UPDATE decisions SET decided_at = NULL WHERE arm IS NOT NULL"),
    ("4 no policy was published", "UPDATE policy_publications SET published_by = proposed_by"),
    ("4 no policy was published", "UPDATE policy_publications SET published_by = 'ALICE'"),
    ("4 no policy was published", "UPDATE policy_publications SET share_bps = 1"),
    ("4 no policy was published", "UPDATE policy_proposals SET proposed_by = 'bob'"),
    ("4 a verdict of a person", "DELETE FROM audit WHERE action = 'review.approved'"),
    ("4 a verdict of a person", "UPDATE reviews SET status = 'declined'"),
    (
        "4 a verdict of a person",
        "UPDATE reviewers SET id_number_index = (SELECT id_number_index FROM consumers LIMIT 1)",
    ),
]


@pytest.fixture(scope="module")
def decided(
    migrated_sqlite: Path, authority_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A house with a referral that a person approved, and a policy that two people published."""
    path = tmp_path_factory.mktemp("decided") / "fenqi.sqlite"
    shutil.copyfile(migrated_sqlite, path)
    engine = open_engine(f"sqlite:///{path}")
    house = build(engine, authority_folder, real_documents=False)
    reviewing.add_reviewer(house.deps, "Li Wei", id_number(1, "19800101"))
    house.apply(house.checkout(expires_in_seconds=3_600), id_number=BUREAU_DOWN)
    (review,) = reviewing.queue(house.deps)
    reviewing.approve(house.deps, review.id, reviewer="Li Wei", reason="Payslips of three months seen.")
    document = json.loads(house.deps.policy.document)
    document["nodes"][0]["name"] = "Features"
    for name in ("alice", "bob"):
        publishing.publish(house.deps, json.dumps(document).encode(), "candidate", by=name)
    assert house.breaches() == []
    engine.close()
    yield path


@pytest.mark.parametrize(("law", "statement"), BREAKS)
def test_a_law_names_what_breaks_it(decided: Path, tmp_path: Path, law: str, statement: str) -> None:
    path = tmp_path / "broken.sqlite"
    shutil.copyfile(decided, path)

    assert by_hand(path, statement) > 0, "the statement changed nothing"
    assert any(broken.startswith(law) for broken in broken_laws(path))
