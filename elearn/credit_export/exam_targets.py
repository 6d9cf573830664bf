"""What an outline is called at the exam, and for which kind of training: dated rows that are added, reviewed as YAML.

The words of the national interface (RULES 4(c)): 资格类型 ZGLX, 作业类别 ZYLB, 操作项目 CZXM with its code, 培训类型
PX_TYPE_CODE. They change with the official catalogue and not with our outlines, so a row names the catalogue's version;
the newest that has begun holds. An outline without a row has no such words here: null, never a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import yaml
from sqlalchemy.orm import Mapped, Session, mapped_column

from elearn.courses.models import Outline
from elearn.courses.requirements.rows import Training
from elearn.db import Base, Ledger
from elearn.errors import Malformed
from elearn.people.identity import is_region
from elearn.tracking.reviewed import read

EVERYWHERE = "CN"
MOST_ROWS = 5_000
MOST_LETTERS = 100


class TrainingKind(StrEnum):
    """PX_TYPE_CODE."""

    INITIAL = "initial"
    RETRAINING = "retraining"
    CERTIFICATE_CHANGE = "certificate_change"


PX_TYPE_CODE: Mapping[TrainingKind, int] = {
    TrainingKind.INITIAL: 1,
    TrainingKind.RETRAINING: 2,
    TrainingKind.CERTIFICATE_CHANGE: 3,
}
"""初领, 复训, 换证."""


class ExamTarget(Ledger, Base):
    """What an outline is called from a day on. Nothing is edited: of two from one day the one loaded last holds."""

    __tablename__ = "exam_target"
    __table_args__ = (
        sa.CheckConstraint("training_kind IN ('initial', 'retraining', 'certificate_change')", name="training_kind"),
        sa.Index(None, "outline_code", "region"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3: the order in which they were loaded."""
    outline_code: Mapped[str]
    region: Mapped[str]
    """Of the outline: GB/T 2260, or `CN`."""
    effective_from: Mapped[date]
    qualification: Mapped[str]
    """资格类型."""
    trade: Mapped[str]
    """作业类别."""
    item: Mapped[str]
    """操作项目."""
    item_code: Mapped[str]
    training_kind: Mapped[str]
    catalogue_version: Mapped[str]
    loaded_by: Mapped[str]
    loaded_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Target:
    """One row as it is reviewed."""

    outline_code: str
    region: str
    effective_from: date
    qualification: str
    trade: str
    item: str
    item_code: str
    training_kind: TrainingKind
    catalogue_version: str

    def as_data(self) -> dict[str, Any]:
        """As a record keeps it."""
        return {
            "qualification": self.qualification,
            "trade": self.trade,
            "item": self.item,
            "item_code": self.item_code,
            "training_kind": self.training_kind.value,
            "training_type_code": PX_TYPE_CODE[self.training_kind],
            "catalogue_version": self.catalogue_version,
        }


KIND_OF = {
    Training.INITIAL: TrainingKind.INITIAL,
    Training.REVIEW: TrainingKind.RETRAINING,
    Training.RENEWAL: TrainingKind.CERTIFICATE_CHANGE,
}
"""What an outline trains for, as the dated catalogue says it (`courses/requirements`); others have no such code."""


def words_of(target: Target | None, training: Training | None) -> dict[str, Any]:
    """What a record keeps. Without a row only the kind of training may be known, from the catalogue of requirements."""
    if target is not None:
        return target.as_data()
    kind = KIND_OF.get(training) if training is not None else None
    known = {} if kind is None else {"training_kind": kind.value, "training_type_code": PX_TYPE_CODE[kind]}
    return {**NO_WORDS, **known}


NO_WORDS: Mapping[str, None] = dict.fromkeys(
    ("qualification", "trade", "item", "item_code", "training_kind", "training_type_code", "catalogue_version")
)
"""The same of an outline that nobody has named yet."""

_TEXTS = ("outline", "qualification", "trade", "item", "item_code", "catalogue_version")
_NAMES = {*_TEXTS, "region", "from", "training"}


def read_targets(text: str) -> list[Target]:
    """Rows of a reviewed YAML file: a list under `targets`. Raises Malformed, naming the row (from 1) and the reason.

    `training` is 1, 2, 3 as PX_TYPE_CODE, or its word; `region` may be left out for the whole country.
    """
    try:
        given = read(text)
    except yaml.YAMLError as error:
        raise Malformed("The file is not YAML: %(why)s", why=str(error)) from error
    rows = given.get("targets") if isinstance(given, dict) and set(given) == {"targets"} else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise Malformed("The file holds a list of 1 to 5000 rows under the name targets, and nothing else.")
    return [_target(number, row) for number, row in enumerate(rows, start=1)]


def _target(number: int, row: Any) -> Target:
    def wrong(why: str) -> Malformed:
        return Malformed("Row %(number)s: %(why)s", number=number, why=why)

    if not isinstance(row, dict):
        raise wrong("not a row")
    if unknown := sorted(str(name) for name in row if name not in _NAMES):
        raise wrong(f"{', '.join(unknown)}: not known")
    for name in _TEXTS:
        value = row.get(name)
        if not isinstance(value, str) or not 1 <= len(value.strip()) <= MOST_LETTERS or not value.isprintable():
            raise wrong(f"{name}: text of 1 to {MOST_LETTERS} letters")
    region = row.get("region", EVERYWHERE)
    if region != EVERYWHERE and not (isinstance(region, str) and is_region(region)):
        raise wrong("region: six digits as text, or CN")
    begins = row.get("from")
    if type(begins) is not date:
        raise wrong("from: a day such as 2026-06-01")
    codes = {str(code): kind for kind, code in PX_TYPE_CODE.items()} | {kind.value: kind for kind in TrainingKind}
    training = row.get("training")
    if isinstance(training, bool) or str(training) not in codes:
        raise wrong("training: 1 (initial), 2 (retraining) or 3 (certificate_change)")
    texts = {name: row[name].strip() for name in _TEXTS}
    return Target(
        outline_code=texts.pop("outline"),
        region=region,
        effective_from=begins,
        training_kind=codes[str(training)],
        **texts,
    )


def load(session: Session, targets: Collection[Target], *, by: str, at: datetime) -> int:
    """Add the rows that are not what holds already; answers how many. All or none.

    Raises Malformed: an outline that nobody has entered.
    """
    session.execute(sa.text("LOCK TABLE elearn.exam_target IN SHARE ROW EXCLUSIVE MODE"))
    known = {(code, region) for code, region in session.execute(sa.select(Outline.code, Outline.region))}
    missing = sorted({f"{one.outline_code} ({one.region})" for one in targets} - {f"{c} ({r})" for c, r in known})
    if missing:
        raise Malformed("There is no such outline: %(codes)s", codes=", ".join(missing))
    rows = all_rows(session)
    last = rows[-1].number if rows else 0
    holding = {(row.outline_code, row.region, row.effective_from): as_target(row) for row in rows}
    added = 0
    for one in targets:
        place = (one.outline_code, one.region, one.effective_from)
        if holding.get(place) != one:
            added += 1
            session.add(ExamTarget(number=last + added, loaded_by=by, loaded_at=at, **_columns(one)))
            holding[place] = one
    session.flush()
    return added


def all_rows(session: Session) -> list[ExamTarget]:
    """Every row that was ever loaded, in the order of loading."""
    return list(session.scalars(sa.select(ExamTarget).order_by(ExamTarget.number)))


def of_outlines(session: Session, outline_ids: Collection[UUID], on: date) -> dict[UUID, Target]:
    """What these outlines are called on a day; one without words is left out. One query."""
    rows = session.execute(
        sa.select(Outline.id, ExamTarget)
        .join(ExamTarget, sa.and_(ExamTarget.outline_code == Outline.code, ExamTarget.region == Outline.region))
        .where(Outline.id.in_(list(outline_ids)), ExamTarget.effective_from <= on)
    )
    newest: dict[UUID, ExamTarget] = {}
    for outline_id, row in rows:
        newest[outline_id] = max(newest.get(outline_id, row), row, key=_order)
    return {outline_id: as_target(row) for outline_id, row in newest.items()}


def _order(row: ExamTarget) -> tuple[date, int]:
    return row.effective_from, row.number


def as_target(row: ExamTarget) -> Target:
    return Target(
        row.outline_code,
        row.region,
        row.effective_from,
        row.qualification,
        row.trade,
        row.item,
        row.item_code,
        TrainingKind(row.training_kind),
        row.catalogue_version,
    )


def _columns(one: Target) -> dict[str, Any]:
    names = ("outline_code", "region", "effective_from", "qualification", "trade", "item", "item_code")
    return {name: getattr(one, name) for name in names} | {
        "training_kind": one.training_kind.value,
        "catalogue_version": one.catalogue_version,
    }
