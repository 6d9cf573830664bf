"""A person's archive over real leaves: watched, credited, published, taken away; and no change stays unseen."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.orm import Session

from elearn.credit_export.archive import archive_check
from elearn.credit_export.archive.bundle_form import PERSON, section_name
from elearn.credit_export.exam_system.package_files import MANIFEST, SIGNATURE, detached
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.ledger.models import LedgerCheckpoint, LedgerLeaf
from elearn.people.models import Membership
from elearn.training import assigning, settling
from elearn.training.archives import person
from elearn.training.models import Assignment, Occasion, Programme, State
from tests.builders_training import AT, HOUR_MS, Works, a_works
from tests.credit_export.archive.school import HOUSE, SIGNER
from tests.hours import credit_all

LATER = AT + timedelta(days=20)
HOURS = section_name("hours")
Change = Callable[[dict[str, Any], dict[str, Any]], None]


def taken(works: Works, member: Membership) -> bytes:
    archive = person.gathered(works.session, member, HOUSE, now=LATER)
    return person.make(archive, HOUSE).content


def hours_in(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        [one] = json.loads(package.read(HOURS))
    assert isinstance(one, dict)
    return one


def sealed_again(content: bytes, hours: dict[str, Any], signer: Signer | None) -> bytes:
    """With other hours; by somebody who has the signer's key, all is counted and signed again."""
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        files = {one.filename: package.read(one) for one in package.infolist()}
    files[HOURS] = json.dumps([hours], ensure_ascii=False).encode()
    if signer is not None:
        manifest = json.loads(files[MANIFEST])
        for one in manifest["files"]:
            one |= {"bytes": len(files[one["name"]]), "sha256": hashlib.sha256(files[one["name"]]).hexdigest()}
        manifest["counts"]["total_ms"] = sum(one["ms"] for one in hours["entries"])
        files[MANIFEST] = json.dumps(manifest).encode()
        files[SIGNATURE] = detached(signer.sign_bytes(files[MANIFEST], kind=PERSON.type)).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in files.items():
            package.writestr(name, data)
    return out.getvalue()


@pytest.fixture
def learned(session: Session) -> tuple[Works, Programme, Membership, Membership]:
    """Two people watched a programme of a rule, each so much; it is credited and stands in a published checkpoint."""
    works = a_works(session)
    programme = works.programme()
    works.rule(Occasion.HIRE, [programme])
    members = works.hire(), works.hire()
    assigning.catch_up(session, now=AT)
    for member, parts in zip(members, ((HOUR_MS // 2, HOUR_MS // 2), (HOUR_MS // 3,)), strict=True):
        learner = works.learner(member, programme)
        for ms in parts:
            learner.watch(ms=ms)
    credit_all(session, now=LATER)
    settling.settle(session, now=LATER)
    return works, programme, *members


def more_hours(hours: dict[str, Any], other: dict[str, Any]) -> None:
    """Entry and sum say more, the leaf does not."""
    hours["entries"][0]["ms"] += 60_000
    hours["sums"][0]["ms"] += 60_000


def more_in_the_leaf(hours: dict[str, Any], other: dict[str, Any]) -> None:
    entry = hours["entries"][0]
    before = entry["ms"]
    more_hours(hours, other)
    entry["leaf"] = entry["leaf"].replace(f'"ms":{before}', f'"ms":{entry["ms"]}')
    assert f'"ms":{before + 60_000}' in entry["leaf"]


def swapped_leaves(hours: dict[str, Any], other: dict[str, Any]) -> None:
    """Both are the person's own, and each names the other's hash."""
    first, second = hours["entries"]
    first["leaf"], second["leaf"] = second["leaf"], first["leaf"]


def one_leaf_twice(hours: dict[str, Any], other: dict[str, Any]) -> None:
    hours["entries"][1] = hours["entries"][0]


def leaf_of_another(hours: dict[str, Any], other: dict[str, Any]) -> None:
    """Whole, with its hash and what it is worth: it is in the log, and somebody else's."""
    [theirs] = other["entries"]
    hours["sums"][0]["ms"] += theirs["ms"] - hours["entries"][0]["ms"]
    hours["entries"][0] = theirs


FORGED: list[tuple[str, Change, Signer | None, str]] = [
    ("hours that nobody signed", more_hours, None, "is not the file that was signed"),
    ("more hours than the leaf", more_hours, SIGNER, "says something else than its leaf"),
    ("more in the leaf too", more_in_the_leaf, SIGNER, "is not the one that its hash names"),
    ("two leaves swapped", swapped_leaves, SIGNER, "is not the one that its hash names"),
    ("one leaf for two entries", one_leaf_twice, SIGNER, "is counted twice"),
    ("the leaf of somebody else", leaf_of_another, SIGNER, "says something else than its leaf"),
]


def test_what_was_watched_credited_and_published_is_verified_away_from_us_and_no_change_is(
    session: Session, learned: tuple[Works, Programme, Membership, Membership], tmp_path: Path
) -> None:
    works, programme, member, other = learned
    assigned = session.scalars(sa.select(Assignment).where(Assignment.membership_id == member.id)).one()
    assert (assigned.state, assigned.credited_ms, assigned.programme_id) == (State.DONE, HOUR_MS, programme.id)
    content = taken(works, member)
    hours, theirs = hours_in(content), hours_in(taken(works, other))
    # Each entry stands beside the leaf that a published checkpoint covers, byte for byte.
    size = session.scalars(sa.select(sa.func.max(LedgerCheckpoint.size))).one()
    leaves = {one.index: one for one in session.scalars(sa.select(LedgerLeaf))}
    assert len(hours["entries"]) == 2
    for entry in hours["entries"]:
        assert entry["leaf"] == leaves[entry["index"]].raw
        assert entry["index"] < size
    assert hours["subject"] not in (None, theirs["subject"])

    def told(archive: bytes) -> tuple[int, str]:
        file = tmp_path / "archive.zip"
        file.write_bytes(archive)
        said = CliRunner().invoke(archive_check.check, [str(file), "--key", SIGNER.kid])
        return said.exit_code, said.output

    status, text = told(content)
    assert (status, "2 entries, 3600000 ms, added up again" in text) == (0, True), text
    for name, change, signer, reason in FORGED:
        forged, from_other = hours_in(content), json.loads(json.dumps(theirs))
        change(forged, from_other)
        status, text = told(sealed_again(content, forged, signer))
        assert (status, reason in text) == (1, True), (name, text)
    assert told(sealed_again(content, hours, SIGNER))[0] == 0, "sealed again unchanged, it is whole"
