"""An archive is the ledger's hours and no others, the same twice, and whoever changes a byte of it is found out."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.classes import lesson_plans, plan
from elearn.courses.classes.models import LessonPlan, PlanLine
from elearn.courses.classes.rules import Modality
from elearn.credit_export.archive import making, verifying
from elearn.credit_export.archive.form import LESSON_PLANS, TYPE
from elearn.credit_export.archive.models import ArchiveTaken, PreparedArchive
from elearn.credit_export.exam_system.package_files import MANIFEST, SIGNATURE, detached
from elearn.credit_export.exam_system.package_verifying import PackageRefused
from elearn.credit_export.exam_system.signing import Signer
from elearn.credit_export.ledger.models import LedgerLeaf
from elearn.errors import NotFound
from elearn.people import persons
from elearn.people.models import Disclosure
from tests import builders_courses as courses
from tests import builders_people as people
from tests.conftest import ManualClock, statements
from tests.credit_export.archive.school import (
    HOUSE,
    NOW,
    ON_SITE_MS,
    ONLINE_MS,
    SIGNER,
    Archived,
)
from tests.hours import credit_all


def files_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


def section(content: bytes, name: str) -> Any:
    return json.loads(files_of(content)[f"data/{name}.json"])


def test_the_hours_of_an_archive_are_the_leaves_of_the_ledger(session: Session, archived: Archived) -> None:
    voided = archived.watching[0].watch(ms=30_000, heard_at=NOW)
    credit_all(session, now=NOW)
    archived.watching[0].void(voided)
    credit_all(session, now=NOW)
    content = archived.made()
    hours = section(content, "hours")
    sums = {one["person_id"]: sum(line["ms"] for line in one["sums"]) for one in hours}
    assert sums == {str(person): ms for person, ms in archived.ledger().items()}
    assert set(sums.values()) == {ONLINE_MS + ON_SITE_MS}
    leaves = session.scalars(
        sa.select(LedgerLeaf).where(LedgerLeaf.kind.in_(("credit", "attend", "void"))).order_by(LedgerLeaf.index)
    ).all()
    told = sorted((entry["index"], entry["leaf"], entry["ms"]) for one in hours for entry in one["entries"])
    assert told == [(leaf.index, leaf.raw, leaf.ms) for leaf in leaves]
    found = archived.verified(content)
    assert (found.entries, found.without_leaf, found.total_ms) == (6, 0, 2 * (ONLINE_MS + ON_SITE_MS))


def a_lesson_plan(
    session: Session, archived: Archived, content: bytes = b"%PDF-1.7 plan", *, line: PlanLine | None = None
) -> LessonPlan:
    return lesson_plans.attach(
        session, archived.held.id, line_id=line.id if line else None, name="教案.pdf", content=content,
        by=archived.school.manager.person_id, acting=[archived.held.institution_id], at=NOW,
    )  # fmt: skip


def two_lines(session: Session, archived: Archived) -> list[PlanLine]:
    """The class as if it had had a plan when it was filed."""
    session.execute(sa.text("ALTER TABLE elearn.class_plan_line DISABLE TRIGGER plan_stands"))
    item = plan.items_of(session, archived.held.outline_id)[0]
    lines = [
        PlanLine(
            class_id=archived.held.id, taught_on=archived.held.starts_on, outline_item_id=item.id,
            modality=Modality.ONLINE, hours=1, place="",
        )
        for _number in range(2)
    ]  # fmt: skip
    session.add_all(lines)
    session.flush()
    session.execute(sa.text("ALTER TABLE elearn.class_plan_line ENABLE TRIGGER plan_stands"))
    return lines


def test_it_holds_every_lesson_plan_that_was_sent_and_says_which_lessons_have_none(
    session: Session, archived: Archived
) -> None:
    first, _second = two_lines(session, archived)
    old, new = b"%PDF-1.7 old", b"%PDF-1.7 new"
    for content in (old, new, new):
        a_lesson_plan(session, archived, content, line=first)
    content = archived.made()
    archived.verified(content)
    rows = section(content, "class")["lesson_plans"]
    assert [(one["number"], one["current"], one["line_id"]) for one in rows] == [
        (1, False, str(first.id)), (2, True, str(first.id)),
    ]  # fmt: skip
    found = files_of(content)
    assert [found[one["file"]] for one in rows] == [old, new]
    named = {one["name"]: one["sha256"] for one in json.loads(found[MANIFEST])["files"]}
    for one, sent in zip(rows, (old, new), strict=True):
        assert named[one["file"]] == one["sha256"] == hashlib.sha256(sent).hexdigest()
    book = openpyxl.load_workbook(io.BytesIO(found["archive.xlsx"]))
    assert [row[5].value for row in book["教案文件"].iter_rows(min_row=2)] == ["否", "是"]
    missing = {one["what"]: one["count"] for one in section(content, "class")["missing"]}
    assert missing["without_lesson_plan"] == 1
    assert archived.made() == content
    a_lesson_plan(session, archived, old)
    whole = archived.made()
    archived.verified(whole)
    assert len([name for name in files_of(whole) if name.startswith(LESSON_PLANS)]) == 2, (
        "the same bytes lie there once"
    )
    assert "without_lesson_plan" not in {one["what"] for one in section(whole, "class")["missing"]}


def test_the_same_state_gives_the_same_bytes_whoever_asks_when(archived: Archived) -> None:
    archived.sign(0)
    assert archived.made() == archived.made(now=NOW.replace(hour=9))


def test_it_holds_all_that_a_class_was(archived: Archived) -> None:
    archived.sign(0)
    content = archived.made()
    roster = section(content, "roster")
    assert [one["signed"] for one in roster["people"]] == ["signed", "not_signed"]
    assert all("********" in one["document_masked"] for one in roster["people"]), "numbers never leave whole"
    attendance = section(content, "attendance")
    assert [line["counts"] for line in attendance["lines"]] == [True, True]
    assert attendance["lists"][0]["confirmed"] is True
    assert [one["doc"] for one in attendance["lists"]] == [
        json.loads(entry["leaf"])["doc"]
        for entry in section(content, "hours")[0]["entries"] if entry["modality"] == "offline"
    ]  # fmt: skip
    [photo] = section(content, "recordings")
    assert photo["media_type"] == "image/png"
    [unit] = section(content, "units")
    assert len(unit["content_hash"]) == 64
    evidence = section(content, "evidence")
    roots = {json.loads(one["raw"])["root"] for one in evidence["leaves"]}
    named = {
        json.loads(entry["leaf"]).get("ev")
        for one in section(content, "hours") for entry in one["entries"] if entry["modality"] == "online"
    }  # fmt: skip
    assert named <= roots
    assert evidence["checkpoints"][0]["size"] > max(
        entry["index"] for one in section(content, "hours") for entry in one["entries"]
    )
    kept = section(content, "class")["retention"]
    assert (kept["years"], kept["ended_on"], kept["keep_until"]) == (6, "2026-07-10", "2032-07-10")
    missing = [(one["what"], one["count"]) for one in section(content, "class")["missing"]]
    assert missing == [("no_plan", 1), ("teachers", 1), ("not_signed", 1), ("not_completed", 1)]
    assert [one["act"] for one in section(content, "class")["steps"]] == ["receipt"]


def test_the_workbook_says_the_same_and_nothing_in_it_is_a_formula(session: Session, archived: Archived) -> None:
    person = persons.get_person(session, archived.learners[0])
    person.name = "=1+1"
    book = openpyxl.load_workbook(io.BytesIO(files_of(archived.made())["archive.xlsx"]))
    assert book.sheetnames[:5] == ["教学计划", "教案文件", "办理过程", "学员", "名册变动"]
    names = {row[0].value for row in book["学员"].iter_rows(min_row=2)}
    assert names == {"=1+1", "王芳"}
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    minutes = [row[4].value for row in book["学时"].iter_rows(min_row=2)]
    assert sum(float(str(one)) for one in minutes) * 60_000 == 2 * (ONLINE_MS + ON_SITE_MS)


def resealed(content: bytes, change: Callable[[dict[str, bytes]], None], *, signer: Signer | None = None) -> io.BytesIO:
    """The archive with files changed; with a signer, manifest and signature follow, as a forger with a key does."""
    files = files_of(content)
    change(files)
    if signer is not None:
        manifest = json.loads(files[MANIFEST])
        for one in manifest["files"]:
            one |= {"bytes": len(files[one["name"]]), "sha256": hashlib.sha256(files[one["name"]]).hexdigest()}
        with suppress(ValueError):
            entries = [entry for one in json.loads(files["data/hours.json"]) for entry in one["entries"]]
            manifest["counts"] |= {"entries": len(entries), "total_ms": sum(entry["ms"] for entry in entries)}
        files[MANIFEST] = json.dumps(manifest).encode()
        files[SIGNATURE] = detached(signer.sign_bytes(files[MANIFEST], kind=TYPE)).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in files.items():
            package.writestr(name, data)
    return out


def in_hours(change: Callable[[list[dict[str, Any]]], None]) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        hours = json.loads(files["data/hours.json"])
        change(hours)
        files["data/hours.json"] = json.dumps(hours).encode()

    return apply


def more_in_a_sum(hours: list[dict[str, Any]]) -> None:
    hours[0]["sums"][0]["ms"] += 60_000


def more_in_an_entry(hours: list[dict[str, Any]]) -> None:
    more_in_a_sum(hours)
    hours[0]["entries"][0]["ms"] += 60_000


def more_in_a_leaf(hours: list[dict[str, Any]]) -> None:
    more_in_an_entry(hours)
    entry = hours[0]["entries"][0]
    entry["leaf"] = entry["leaf"].replace(f'"ms":{entry["ms"] - 60_000}', f'"ms":{entry["ms"]}')


def an_entry_twice(hours: list[dict[str, Any]]) -> None:
    hours[0]["entries"].append(hours[0]["entries"][0])
    line = hours[0]["sums"][0]
    line["entries"] += 1
    line["ms"] += hours[0]["entries"][0]["ms"]


def another_persons_entry(hours: list[dict[str, Any]]) -> None:
    for part in ("entries", "sums"):
        hours[0][part], hours[1][part] = hours[1][part], hours[0][part]


def another_digest(files: dict[str, bytes]) -> None:
    """A forger exchanges a lesson plan and says so in its row, but not in its name."""
    training = json.loads(files["data/class.json"])
    [row] = training["lesson_plans"]
    files[row["file"]] = b"%PDF-forged"
    row |= {"sha256": hashlib.sha256(b"%PDF-forged").hexdigest(), "size": 11}
    files["data/class.json"] = json.dumps(training).encode()


def no_lesson_plans(files: dict[str, bytes]) -> None:
    training = json.loads(files["data/class.json"])
    del training["lesson_plans"]
    files["data/class.json"] = json.dumps(training).encode()


def in_signoffs(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    """Of the first signature."""

    def apply(files: dict[str, bytes]) -> None:
        signoffs = json.loads(files["data/signoffs.json"])
        change(signoffs[0])
        files["data/signoffs.json"] = json.dumps(signoffs).encode()

    return apply


def other_bytes(signoff: dict[str, Any]) -> None:
    signoff["said"] += " "


def other_hours(signoff: dict[str, Any]) -> None:
    signoff["said"] = signoff["said"].replace(f'"ms":{ONLINE_MS}', f'"ms":{ONLINE_MS + 1}')
    signoff["digest"] = hashlib.sha256(signoff["said"].encode()).hexdigest()


def another_person(signoff: dict[str, Any]) -> None:
    said = json.loads(signoff["said"]) | {"person": "somebody"}
    signoff["said"] = json.dumps(said)
    signoff["digest"] = hashlib.sha256(signoff["said"].encode()).hexdigest()


def no_proof(signoff: dict[str, Any]) -> None:
    signoff["proof"] = None


def more_in_the_manifest(files: dict[str, bytes]) -> None:
    manifest = json.loads(files[MANIFEST])
    manifest["counts"]["total_ms"] += 1
    files[MANIFEST] = json.dumps(manifest).encode()
    files[SIGNATURE] = detached(SIGNER.sign_bytes(files[MANIFEST], kind=TYPE)).encode()


SIGNED, DRAWN = "is not of what it says", "belong to no signature"
FORGED: dict[str, tuple[Callable[[dict[str, bytes]], None], Signer | None, str]] = {
    "a changed file": (lambda files: files.update({"index.pdf": b"%PDF"}), None, "is not the file that was signed"),
    "a changed manifest": (
        lambda files: files.update({MANIFEST: files[MANIFEST] + b" "}), None, "does not belong to the manifest",
    ),
    "a file more": (lambda files: files.update({"more.txt": b"x"}), None, "names other files"),
    "a file less": (lambda files: files.__delitem__("archive.xlsx"), None, "names other files"),
    "another signer": (lambda files: None, Signer.from_seed(b"f" * 32), "signed by another key"),
    "a total that is more": (more_in_the_manifest, None, "what the manifest says"),
    "a sum that is more": (in_hours(more_in_a_sum), SIGNER, "do not add up."),
    "an entry that is more than its leaf": (in_hours(more_in_an_entry), SIGNER, "something else than its leaf"),
    "a leaf that its hash does not name": (in_hours(more_in_a_leaf), SIGNER, "that its hash names"),
    "an entry twice": (in_hours(an_entry_twice), SIGNER, "is counted twice"),
    "hours of somebody else": (in_hours(another_persons_entry), SIGNER, "something else than its leaf"),
    "nobody's hours": (in_hours(lambda hours: hours.clear()), SIGNER, "other people than the roster"),
    "no JSON": (lambda files: files.update({"data/roster.json": b"{"}), SIGNER, "cannot be read"),
    "what was signed in other bytes": (in_signoffs(other_bytes), SIGNER, SIGNED),
    "a signature of other hours": (in_signoffs(other_hours), SIGNER, SIGNED),
    "a signature of another person": (in_signoffs(another_person), SIGNER, SIGNED),
    "a drawing of no signature": (in_signoffs(no_proof), SIGNER, DRAWN),
    "another lesson plan": (
        lambda files: files.update({name: b"%PDF-" for name in files if name.startswith(LESSON_PLANS)}), None,
        "is not the file that was signed",
    ),
    "another lesson plan, sealed again": (
        lambda files: files.update({name: b"%PDF-" for name in files if name.startswith(LESSON_PLANS)}), SIGNER,
        "is not the file that was sent",
    ),
    "another lesson plan under the old name": (another_digest, SIGNER, "is not the file that was sent"),
    "a lesson plan of no lesson": (no_lesson_plans, SIGNER, "no lesson of the class names"),
    "another drawing": (
        lambda files: files.update({name: b"\x89PNG other" for name in files if name.startswith("signatures/")}),
        SIGNER, SIGNED,
    ),
}  # fmt: skip


def test_whoever_changes_something_is_found_out(session: Session, archived: Archived) -> None:
    archived.sign(0)
    a_lesson_plan(session, archived)
    content = archived.made()
    assert archived.verified(content).holding == 1
    for name, (change, signer, told) in FORGED.items():
        with pytest.raises(PackageRefused) as refused:
            verifying.verify(resealed(content, change, signer=signer), thumbprint=SIGNER.kid)
        assert told in str(refused.value), name
    with pytest.raises(PackageRefused, match="cannot be read"):
        verifying.verify(io.BytesIO(b"no zip"))


def test_without_a_key_named_the_signer_is_not_known(archived: Archived) -> None:
    assert not verifying.verify(io.BytesIO(archived.made())).known


def test_whoever_takes_an_archive_is_written_down_for_everybody_in_it(session: Session, archived: Archived) -> None:
    by = archived.school.manager.person_id
    taken = making.take(session, archived.held.id, HOUSE, by=by, to="manager", now=NOW)
    told = session.scalars(sa.select(Disclosure).where(Disclosure.receiver == "manager")).all()
    assert {one.person_id for one in told} == set(archived.learners)
    [row] = session.scalars(sa.select(ArchiveTaken)).all()
    assert (row.by_id, row.people) == (by, 2)
    assert row.manifest == hashlib.sha256(files_of(taken.content)[MANIFEST]).hexdigest()


def test_erasing_somebody_leaves_their_sums_and_nothing_that_names_them(session: Session, archived: Archived) -> None:
    archived.sign(0)
    erased = archived.learners[0]
    persons.erase_person(session, erased, at=NOW)
    session.expire_all()
    content = archived.made()
    assert archived.verified(content).total_ms == 2 * (ONLINE_MS + ON_SITE_MS)
    found = files_of(content)
    assert not any(name.startswith("signatures/") for name in found)
    assert not any("李明".encode() in data for name, data in found.items() if name.endswith(".json"))
    mine = next(one for one in section(content, "hours") if one["person_id"] == str(erased))
    assert mine["subject"] is None, "whose leaves these are nobody can say any more"


def test_a_large_class_is_made_by_a_job_and_its_copy_lies_sealed_for_a_day(
    session: Session, archived: Archived, clock: ManualClock
) -> None:
    by = archived.school.manager.person_id
    asked = making.ask_for(session, archived.held.id, by=by, now=NOW)
    assert making.ask_for(session, archived.held.id, by=by, now=NOW).id == asked.id, "asked for once"
    with pytest.raises(NotFound):
        making.take_prepared(session, archived.held.id, HOUSE, by=by, to="manager", now=NOW)
    making.make_prepared(archive_id=str(asked.id))
    making.make_prepared(archive_id=str(asked.id))
    taken = making.take_prepared(session, archived.held.id, HOUSE, by=by, to="manager", now=NOW)
    assert archived.verified(taken.content).entries == 4
    assert b"PK" not in (asked.content_sealed or b"")[:40]
    clock.now = NOW + making.LIES
    making.daily()
    session.expire_all()
    assert (asked.state, asked.content_sealed) == ("gone", None)


def test_a_copy_goes_with_whoever_is_erased(session: Session, archived: Archived) -> None:
    asked = making.ask_for(session, archived.held.id, by=archived.school.manager.person_id, now=NOW)
    making.make_prepared(archive_id=str(asked.id))
    persons.erase_person(session, archived.learners[1], at=NOW)
    session.expire_all()
    assert (session.get_one(PreparedArchive, asked.id).state, asked.content_sealed) == ("gone", None)


def test_making_one_takes_as_many_queries_however_many_are_in_it(session: Session, archived: Archived) -> None:
    def asked() -> int:
        session.commit()
        session.expire_all()
        with statements(session) as sent:
            making.make(session, archived.held.id, HOUSE, now=NOW)
        return len(sent)

    archived.sign(0)
    one = asked()
    archived.sign(1)
    courses.enrolled(session, archived.held, people.a_person(session).id)
    assert asked() == one
