"""What each kind of row of the catalogue holds. Pure; a row is a value, and its name says exactly which one it was.

The sections and their fields follow RULES 4(a); every row but a source is in force from one day to another, in a
region (GB/T 2260, `CN` for the whole country).
"""

from __future__ import annotations

import hashlib
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from elearn.people.identity import is_region

EVERYWHERE = "CN"
BEGINNING = date(1949, 10, 1)
"""Of what has no first day of its own: a source, before a date of it is known."""

Hours = Annotated[int, Meta(ge=0, le=10_000)]
Text = Annotated[str, Meta(min_length=1, max_length=400)]
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}\Z")]
Months = Annotated[int, Meta(ge=1, le=1200)]


class Group(StrEnum):
    """Whom a category is about."""

    PRINCIPAL = "principal"
    MANAGER = "manager"
    EMPLOYEE = "employee"
    SPECIAL_OPERATION = "special_operation"
    TEACHER = "teacher"
    CADRE = "cadre"
    OUT_OF_SCOPE = "out_of_scope"
    """Of other ministries: carried so that nobody is exported by mistake."""


class Training(StrEnum):
    """What somebody is trained for (PX_TYPE_CODE 1, 2, 3 of the national interface, and what has none)."""

    INITIAL = "initial"
    """初次取证"""
    REVIEW = "review"
    """复审"""
    RENEWAL = "renewal"
    """换证"""
    YEARLY = "yearly"
    """每年再培训"""
    TRANSFER = "transfer"
    """转岗、离岗后重新上岗"""


class Mode(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"
    ANY = "any"


class HoursKind(StrEnum):
    THEORY = "theory"
    PRACTICE = "practice"


class Education(StrEnum):
    """In ascending order."""

    PRIMARY = "primary"
    JUNIOR_HIGH = "junior_high"
    SENIOR_HIGH = "senior_high"
    COLLEGE = "college"
    BACHELOR = "bachelor"

    @property
    def rank(self) -> int:
        return list(Education).index(self)


class Asked(StrEnum):
    """What becomes of somebody of whom nothing is known."""

    ASKED = "asked"
    """Not known is no."""
    IF_KNOWN = "if_known"
    """Only a known no is a no."""


class ClassReview(StrEnum):
    """Who accepts a class before its first lesson."""

    RECEIPT = "receipt"
    """A regulator elsewhere, whose receipt the institution records."""
    INSTITUTION = "institution"
    """A second person of the institution."""
    REGULATOR = "regulator"
    """The region's officer, on this platform."""


class LateReport(StrEnum):
    """What becomes of a class that is reported after its first lesson began."""

    FLAGGED = "flagged"
    """It is marked; what was learned before counts for nothing, as everywhere."""
    REFUSED = "refused"


class RosterChanges(StrEnum):
    """How somebody joins or leaves a class that was accepted."""

    NOTICE = "notice"
    """At once, with a reason, and the regulator is told."""
    TWO_PEOPLE = "two_people"


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every row says of itself."""

    id: Id
    effective_from: date
    effective_to: date | None = None
    """The last day; open when None."""
    region: str = EVERYWHERE
    confirmed: bool
    """Read in the sources it names; False is known from one weak page or none, and production does not load it."""
    source: tuple[Id, ...] = ()
    clause: str = ""
    note: str = ""


class Source(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where rows come from: a law, a standard, a page."""

    effective_from: date = BEGINNING
    confirmed: bool = True
    title: Text
    number: str = ""
    kind: str = ""
    url: str = ""
    read_in: tuple[str, ...] = ()


class Region(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a region's code is called; `id` is the code."""

    name: Text
    name_en: str = ""


class ClassHours(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long one 学时 is, at least."""

    modality: Mode
    minutes: Annotated[int, Meta(ge=1, le=240)]
    groups: tuple[Group, ...] = ()
    """Whom it is about; everybody when empty."""
    applies_to: str = ""


class ModalityLimit(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much of the outline's hours of one kind may be online."""

    kind: HoursKind
    online_max_percent: Annotated[int, Meta(ge=0, le=100)]
    groups: tuple[Group, ...] = ()


class CreditRules(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A set of credit rules: what each does not name is left as the set of the wider place has it."""

    daily_cap_hours: Annotated[int, Meta(ge=1, le=24)] | None = None
    """At most so many 学时 of one person on one day in China, of all employers together."""
    course_tests: Asked | None = None
    teachers: Asked | None = None
    class_review: ClassReview | None = None
    late_report: LateReport | None = None
    roster_changes: RosterChanges | None = None


CREDIT_RULES = ("daily_cap_hours", "course_tests", "teachers", "class_review", "late_report", "roster_changes")
"""What a set of credit rules may say."""


class AskedHours(Struct, frozen=True, forbid_unknown_fields=True):
    """学时; the split is None where nobody has seen it."""

    total: Hours
    theory: Hours | None = None
    practice: Hours | None = None


class Category(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A category of people and the hours they need by kind of training."""

    code: str = ""
    """The number in the national catalogue of operations."""
    name: Text
    name_en: str = ""
    group: Group
    work: str = ""
    """作业类别"""
    hours: dict[Training, AskedHours] = {}
    yearly_every_months: Months | None = None
    exam_required: bool | None = None
    assess_within_months: Months | None = None
    levels: tuple[str, ...] = ()
    duration_months: Months | None = None
    away_months: Months | None = None
    """Who was away from the post for so long or longer is trained again before taking it up (令3 第十七条)."""
    exports: bool = True
    """False: hours of it never reach an exam system of ours."""
    unverified_from: date | None = None
    """From this day on nobody has seen whether it still holds."""


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """An item of an outline."""

    code: Text
    name: Text
    kind: HoursKind
    hours: Hours


class OutlineRow(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A training outline; loading makes one that classes can be opened under."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    category: Id
    training: Training = Training.INITIAL
    version: Annotated[str, Meta(min_length=1, max_length=100)]
    items: Annotated[tuple[Item, ...], Meta(min_length=1)]


class Cycle(Struct, frozen=True, forbid_unknown_fields=True):
    """How often, and what is trained; hours are None where nobody has seen them."""

    every_months: Months
    hours: Hours | None = None
    theory_only: bool = False
    apply_within_days: Hours | None = None


class Exam(Struct, frozen=True, forbid_unknown_fields=True):
    """What the exam authority does; shown, never decided by us."""

    parts: tuple[HoursKind, ...]
    full_marks: Hours
    pass_mark: Hours
    retakes: Hours | None = None
    practice_attempts: Hours | None = None


class Certificate(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A certificate's regime: how long it holds, what keeps it, what becomes of somebody who fails."""

    certificate: Text
    groups: tuple[Group, ...]
    validity_months: Months | None = None
    review: Cycle | None = None
    """复审; None: there is none."""
    renewal: Cycle | None = None
    """换证; None: there is none."""
    exam: Exam | None = None
    retraining_after_failure: bool
    number_format: str = ""


class Exemption(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who need not be trained."""

    basis: Annotated[str, Meta(pattern=r"^skill_certificate\Z")]
    groups: tuple[Group, ...] = ()
    categories: tuple[Id, ...] = ()
    training: tuple[Training, ...] = (Training.INITIAL,)


class Prerequisite(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What somebody must be or have beside training."""

    groups: tuple[Group, ...] = ()
    categories: tuple[Id, ...] = ()
    minimum_age: Annotated[int, Meta(ge=1, le=120)] | None = None
    maximum_age: Annotated[int, Meta(ge=1, le=120)] | None = None
    education: Education | None = None
    health_certificate: bool = False


class Retention(Row, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long something is kept, at least."""

    what: Text
    years: Annotated[int, Meta(ge=1, le=100)] | None = None
    months: Months | None = None
    groups: tuple[Group, ...] = ()


SECTIONS: dict[str, type[Row]] = {
    "sources": Source,
    "regions": Region,
    "class_hours": ClassHours,
    "modality_limits": ModalityLimit,
    "credit_rules": CreditRules,
    "categories": Category,
    "outlines": OutlineRow,
    "certificates": Certificate,
    "exemptions": Exemption,
    "prerequisites": Prerequisite,
    "retention": Retention,
}
"""In the order in which they are read and shown."""

ASIDE = frozenset(
    {"confirmed", "source", "clause", "note", "name_en", "applies_to", "number_format", "unverified_from"}
)
"""Fields that decide nothing: a better clause or comment is a new version of a row, not another rule."""

LATER = frozenset({"away_months"})
"""Fields that rows of before do not have: while one is empty, a row keeps the name that judgements know it by."""

Slot = tuple[str, str, str, date]
"""Section, id, region, first day: of the rows of one slot the one that was loaded last holds."""


def slot_of(section: str, row: Row) -> Slot:
    return section, row.id, row.region, row.effective_from


def as_data(row: Row) -> dict[str, Any]:
    """The row as JSON values, whole."""
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return data


def from_data(section: str, data: dict[str, Any]) -> Row:
    """The other way round. Raises msgspec.ValidationError: it was never written by `as_data`."""
    return msgspec.convert(data, SECTIONS[section])


def digest(data: dict[str, Any]) -> str:
    """SHA-256 over the row, in hexadecimal; equal for equal rows."""
    return hashlib.sha256(msgspec.json.encode(data, order="deterministic")).hexdigest()


def rule_name(section: str, row: Row) -> str:
    """The row as a rule version: `class_hours/online_aq8011@CN@2024-07-01#1f2e3d4c`, over what it decides."""
    deciding = {
        name: value for name, value in as_data(row).items() if name not in ASIDE and (value or name not in LATER)
    }
    return f"{section}/{row.id}@{row.region}@{row.effective_from}#{digest(deciding)[:8]}"


def is_place(region: str) -> bool:
    """The whole country, or six digits of GB/T 2260."""
    return region == EVERYWHERE or is_region(region)


def problems_of(section: str, row: Row) -> list[str]:
    """What is wrong with a row whose fields are each right."""
    found = []
    if not is_place(row.region):
        found.append("region: six digits of GB/T 2260, or CN")
    if row.effective_to is not None and row.effective_to < row.effective_from:
        found.append("effective_to: before effective_from")
    match row:
        case Region() if not is_region(row.id):
            found.append("id: six digits of GB/T 2260")
        case ModalityLimit() if row.kind is HoursKind.PRACTICE and row.online_max_percent:
            found.append("online_max_percent: practice counts on site only, so it is 0")
        case Category():
            found += [
                f"hours.{training.value}: theory and practice do not make the total"
                for training, asked in row.hours.items()
                if asked.theory is not None and asked.practice is not None
                and asked.theory + asked.practice != asked.total
            ] + [
                f"hours.{training.value}: theory and practice are both known, or neither is"
                for training, asked in row.hours.items()
                if (asked.theory is None) != (asked.practice is None)
            ]  # fmt: skip
        case OutlineRow() if len({item.code for item in row.items}) < len(row.items):
            found.append("items: two have one code")
        case Certificate() if not row.groups:
            found.append("groups: at least one")
        case Prerequisite():
            if not (row.minimum_age or row.maximum_age or row.education or row.health_certificate):
                found.append("asks for nothing: name an age, an education or a health certificate")
            if row.minimum_age and row.maximum_age and row.maximum_age < row.minimum_age:
                found.append("maximum_age: below minimum_age")
        case CreditRules() if all(getattr(row, name) is None for name in CREDIT_RULES):
            found.append(f"says nothing: name one of {', '.join(CREDIT_RULES)}")
        case Retention() if (row.years is None) == (row.months is None):
            found.append("name years or months, one of them")
        case _:
            pass
    return found
