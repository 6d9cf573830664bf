"""Files of questions into the bank and out of it: all of a file or nothing of it.

file -> formats.read -> problems? -> items, pictures, doubles -> problems? -> drafts, for a second person to review
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.models import Outline, OutlineItem
from elearn.courses.questions import bank, formats
from elearn.courses.questions.formats import Format
from elearn.courses.questions.formats.draft import FOR_CERTIFICATE, Draft, Outgoing, Problem, Reading, Written
from elearn.courses.questions.kinds import digest, from_json, images_of, with_images
from elearn.courses.questions.models import BankImport, BankQuestion, BankVersion
from elearn.db import new_id
from elearn.errors import Malformed, NotFound

MOST_EXPORTED = 20_000


class BadFile(Malformed):
    """Rows of a file cannot be taken, and so none was; `problems` names each of them."""

    code = "bad_rows"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("No question was taken: %(count)s rows are not right.", count=str(len(problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Imported:
    taken: int
    known: int
    left_out: int


def take_file(
    session: Session,
    *,
    institution_id: UUID,
    outline_id: UUID,
    default_item_id: UUID | None,
    file_name: str,
    data: bytes,
    by: UUID,
    at: datetime,
    leave_out_other_kinds: bool = False,
    for_certificate: bool = False,
) -> Imported:
    """All questions of a file as drafts. What the bank has already is counted and not doubled.

    Raises BadFile naming every row, and what `formats.read` raises; pictures were added by then, so roll back. With
    `for_certificate` nothing is read: the importer said that these are questions of the certificate exam (教考分离).
    """
    if for_certificate:
        raise BadFile((Problem(1, FOR_CERTIFICATE),))
    codes = {
        code: item_id
        for item_id, code in session.execute(
            sa.select(OutlineItem.id, OutlineItem.code).where(OutlineItem.outline_id == outline_id)
        )
    }
    if session.get(Outline, outline_id) is None or (default_item_id and default_item_id not in codes.values()):
        raise NotFound("There is no such item in an outline.")
    found, reading = formats.read(file_name, data)
    problems = [one for one in reading.problems if not (one.other_kind and leave_out_other_kinds)]
    left_out = len(reading.problems) - len(problems)
    drafts = _with_kept_images(session, institution_id, reading, problems, at)
    items = [_item_of(draft, codes, default_item_id, problems) for draft in drafts]
    _require_no_doubles(drafts, problems)
    if problems:
        raise BadFile(tuple(sorted(problems, key=lambda one: (one.where, one.line))))
    if not drafts:
        raise Malformed("There is no question in this file.", code="no_rows")
    known = bank.known_digests(session, institution_id, [digest(draft.content) for draft in drafts])
    fresh = [
        (draft, item)
        for draft, item in zip(drafts, items, strict=True)
        if item is not None and digest(draft.content) not in known
    ]
    _insert(session, institution_id, fresh, by, at)
    done = Imported(len(fresh), len(drafts) - len(fresh), left_out)
    session.add(
        BankImport(
            institution_id=institution_id,
            outline_id=outline_id,
            file_name=file_name[-200:],
            format=found,
            sha256=hashlib.sha256(data).hexdigest(),
            taken=done.taken,
            known=done.known,
            left_out=done.left_out,
            imported_by=by,
            imported_at=at,
        )
    )
    session.flush()
    return done


def _insert(session: Session, institution_id: UUID, fresh: list[tuple[Draft, UUID]], by: UUID, at: datetime) -> None:
    if not fresh:
        return
    ids = [new_id() for _ in fresh]
    session.execute(
        sa.insert(BankQuestion),
        [
            {"id": id_, "institution_id": institution_id, "outline_item_id": item, "created_at": at}
            for id_, (_, item) in zip(ids, fresh, strict=True)
        ],
    )
    session.execute(
        sa.insert(BankVersion),
        [
            {"question_id": id_, "version": 1, **bank.row_of(draft.content, draft.difficulty, by, at)}
            for id_, (draft, _) in zip(ids, fresh, strict=True)
        ],
    )


def _with_kept_images(
    session: Session, institution_id: UUID, reading: Reading, problems: list[Problem], at: datetime
) -> list[Draft]:
    """The drafts with the hashes of the pictures as we keep them; a picture that is none is a problem of its rows."""
    kept: dict[str, str] = {}
    broken: dict[str, Malformed] = {}
    wanted = {name for draft in reading.drafts for name in images_of(draft.content)}
    # In one order: two imports of the same pictures wait for each other, and never in a ring.
    for name in sorted(wanted & reading.images.keys()):
        try:
            kept[name] = bank.keep_image(session, institution_id, reading.images[name], at=at)
        except Malformed as error:
            broken[name] = error
    known = bank.known_images(session, institution_id, wanted - reading.images.keys())
    for draft in reading.drafts:
        for name in dict.fromkeys(images_of(draft.content)):
            if name in broken:
                problems.append(Problem(draft.line, broken[name].detail, where=draft.where))
            elif name not in reading.images and name not in known:
                problems.append(Problem(draft.line, "The bank does not have this picture.", where=draft.where))
    return [replace(draft, content=with_images(draft.content, kept)) for draft in reading.drafts]


def _item_of(draft: Draft, codes: dict[str, UUID], default: UUID | None, problems: list[Problem]) -> UUID | None:
    if not draft.item_code:
        if default is None:
            sentence = "It names no item of the outline, and none was chosen for all."
            problems.append(Problem(draft.line, sentence, where=draft.where))
        return default
    found = codes.get(draft.item_code)
    if found is None:
        sentence = "The outline has no item %(name)s."
        problems.append(Problem(draft.line, sentence, {"name": draft.item_code[:40]}, draft.where))
    return found


def _require_no_doubles(drafts: list[Draft], problems: list[Problem]) -> None:
    seen: dict[str, Draft] = {}
    for draft in drafts:
        first = seen.setdefault(digest(draft.content), draft)
        if first is not draft:
            where = f"{first.where} {first.line}".strip()
            problems.append(
                Problem(draft.line, "The same question stands in line %(line)s already.", {"line": where}, draft.where)
            )


def make_file(
    session: Session,
    format_: Format,
    *,
    institution_id: UUID,
    acting: Collection[UUID],
    outline_item_id: UUID | None = None,
) -> Written:
    """The questions that are asked now, of one item or of all, in the order in which they came in."""
    if institution_id not in acting:
        raise NotFound("There is no such organisation.")
    query = (
        sa.select(BankVersion, OutlineItem.code)
        .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
        .join(OutlineItem, OutlineItem.id == BankQuestion.outline_item_id)
        .where(BankQuestion.institution_id == institution_id)
        .where(BankVersion.reviewed_at.is_not(None), BankVersion.retired_at.is_(None))
        .order_by(BankQuestion.id)
        .limit(MOST_EXPORTED)
    )
    if outline_item_id is not None:
        query = query.where(BankQuestion.outline_item_id == outline_item_id)
    questions = [
        Outgoing(str(version.question_id), from_json(version.content), code, version.difficulty)
        for version, code in session.execute(query)
    ]
    names = {name for one in questions for name in images_of(one.content)}
    return formats.write(format_, questions, bank.images(session, institution_id, names))
