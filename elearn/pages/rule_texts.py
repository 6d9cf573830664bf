"""Rows of the catalogue of requirements in plain words."""

from __future__ import annotations

from elearn.courses.requirements.rows import (
    Asked,
    AskedHours,
    Category,
    Certificate,
    ClassHours,
    ClassReview,
    CreditRules,
    Cycle,
    Education,
    Exam,
    Exemption,
    Group,
    HoursKind,
    LateReport,
    ModalityLimit,
    Mode,
    OutlineRow,
    Prerequisite,
    Region,
    Retention,
    RosterChanges,
    Row,
    Source,
    Training,
)
from elearn.locale import gettext as _
from elearn.locale import language


def section_text(section: str) -> str:
    return {
        "sources": _("Sources"),
        "regions": _("Regions"),
        "class_hours": _("How long an hour is"),
        "modality_limits": _("What may be online"),
        "credit_rules": _("Credit rules"),
        "categories": _("Categories of people"),
        "outlines": _("Outlines"),
        "certificates": _("Certificates"),
        "exemptions": _("Who need not be trained"),
        "prerequisites": _("What is asked beside training"),
        "retention": _("How long records are kept"),
    }[section]


def group_text(group: Group) -> str:
    return {
        Group.PRINCIPAL: _("Principals"),
        Group.MANAGER: _("Safety managers"),
        Group.EMPLOYEE: _("Other employees"),
        Group.SPECIAL_OPERATION: _("Special operations"),
        Group.TEACHER: _("Teachers"),
        Group.CADRE: _("Officials"),
        Group.OUT_OF_SCOPE: _("Other ministries"),
    }[group]


def training_text(training: Training) -> str:
    return {
        Training.INITIAL: _("first training"),
        Training.REVIEW: _("review (复审)"),
        Training.RENEWAL: _("renewal (换证)"),
        Training.YEARLY: _("each year"),
        Training.TRANSFER: _("change of post"),
    }[training]


def education_text(education: Education) -> str:
    return {
        Education.PRIMARY: _("primary school"),
        Education.JUNIOR_HIGH: _("junior high school"),
        Education.SENIOR_HIGH: _("senior high school"),
        Education.COLLEGE: _("college"),
        Education.BACHELOR: _("bachelor"),
    }[education]


def name_of(row: Row) -> str:
    """What a row is called."""
    match row:
        case Category():
            return row.name if language() == "zh" or not row.name_en else f"{row.name_en} ({row.name})"
        case Region():
            return row.name if language() == "zh" or not row.name_en else row.name_en
        case Source():
            return f"{row.title} {row.number}".strip()
        case OutlineRow():
            return f"{row.name} · {row.version}"
        case Certificate():
            return row.certificate
        case Retention():
            return row.what
        case ClassHours():
            return {Mode.ONLINE: _("Online"), Mode.OFFLINE: _("On site"), Mode.ANY: _("Online or on site")}[
                row.modality
            ]
        case ModalityLimit():
            return _kind(row.kind)
        case Exemption():
            return _("Skill certificate (职业技能等级证书)")
        case _:
            return row.id


def says(row: Row) -> list[str]:
    """What a row asks, in sentences."""
    match row:
        case ClassHours():
            return [_("One hour (学时) is at least %(minutes)s minutes.", minutes=row.minutes), *_whom(row.groups)]
        case ModalityLimit():
            return [_share(row), *_whom(row.groups)]
        case CreditRules():
            return _credit(row)
        case Category():
            return _category(row)
        case OutlineRow():
            return [
                _("For %(what)s.", what=training_text(row.training)),
                *(f"{item.name}: {_hours(item.hours)} ({_kind(item.kind)})" for item in row.items),
            ]
        case Certificate():
            return _certificate(row)
        case Exemption():
            who = _(", ").join(training_text(one) for one in row.training)
            return [_("Whoever holds it skips: %(what)s.", what=who), *_whom(row.groups, row.categories)]
        case Prerequisite():
            return [*prerequisite_texts(row), *_whom(row.groups, row.categories)]
        case Retention():
            if row.years is not None:
                return [_("At least %(count)s years.", count=row.years)]
            return [_("At least %(count)s months.", count=row.months)]
        case Source():
            return [one for one in (row.kind, row.url) if one]
        case _:
            return []


def _kind(kind: HoursKind) -> str:
    return _("Theory") if kind is HoursKind.THEORY else _("Practice")


def _hours(count: int) -> str:
    return _("%(count)s hours", count=count)


def _whom(groups: tuple[Group, ...], categories: tuple[str, ...] = ()) -> list[str]:
    named = list(categories) or [group_text(one) for one in groups]
    return [_("About: %(who)s.", who=_(", ").join(named))] if named else []


def _share(row: ModalityLimit) -> str:
    if row.online_max_percent == 0:
        return _("On site only: nothing of it counts online.")
    return _("At most %(percent)s%% of the outline's hours may be online.", percent=row.online_max_percent)


def _credit(row: CreditRules) -> list[str]:
    found = []
    if row.daily_cap_hours is not None:
        found.append(_("At most %(count)s hours of one person count on one day, of all employers together.",
                       count=row.daily_cap_hours))  # fmt: skip
    if row.course_tests is Asked.ASKED:
        found.append(_("Course tests are asked for: without one there are no hours."))
    elif row.course_tests is Asked.IF_KNOWN:
        found.append(_("Course tests have to be passed where a course has one."))
    if row.teachers is Asked.ASKED:
        found.append(_("Every teacher has to be shown to hold a valid certificate."))
    elif row.teachers is Asked.IF_KNOWN:
        found.append(_("A teacher who is known to hold no valid certificate does not count."))
    return found + _classes(row)


def _classes(row: CreditRules) -> list[str]:
    said = {
        ClassReview.RECEIPT: _("Classes are filed with the regulator elsewhere; the receipt is recorded here."),
        ClassReview.INSTITUTION: _("A class is accepted by a second person of the institution."),
        ClassReview.REGULATOR: _("A class is accepted by the region's officer on this platform."),
        LateReport.FLAGGED: _("A class that is reported after its first lesson began is marked as late."),
        LateReport.REFUSED: _("A class that is reported after its first lesson began is refused."),
        RosterChanges.NOTICE: _("Joining or leaving an accepted class takes a reason, and the regulator is told."),
        RosterChanges.TWO_PEOPLE: _("Joining or leaving an accepted class takes a reason and two people."),
    }  # fmt: skip
    return [said[one] for one in (row.class_review, row.late_report, row.roster_changes) if one is not None]


def asked_text(asked: AskedHours) -> str:
    """`148 hours: theory 88, practice 60`."""
    if asked.theory is None or asked.practice is None:
        return _hours(asked.total)
    if not asked.practice:
        return _("%(count)s hours of theory", count=asked.theory)
    return _("%(count)s hours: theory %(theory)s, practice %(practice)s", count=asked.total, theory=asked.theory,
             practice=asked.practice)  # fmt: skip


def _category(row: Category) -> list[str]:
    found = [f"{training_text(one)}: {asked_text(row.hours[one])}" for one in Training if one in row.hours]
    if not row.hours:
        found.append(_("No number of hours is known."))
    if row.levels:
        found.append(_("Levels: %(levels)s.", levels=_(", ").join(row.levels)))
    if row.duration_months is not None:
        found.append(_("Lasts %(count)s months.", count=row.duration_months))
    if row.away_months is not None:
        found.append(
            _("Away for %(count)s months or longer: trained again before taking up the post.", count=row.away_months)
        )
    if row.assess_within_months is not None:
        found.append(_("Assessed within %(count)s months of the appointment.", count=row.assess_within_months))
    if not row.exports:
        found.append(_("Of another ministry: no exam system of ours is told."))
    return found


def _certificate(row: Certificate) -> list[str]:
    found = []
    if row.validity_months is not None:
        found.append(_("Valid for %(count)s months.", count=row.validity_months))
    if row.review is not None:
        found.append(_("Review: %(what)s.", what=_cycle(row.review)))
    elif Group.SPECIAL_OPERATION in row.groups:
        found.append(_("There is no review."))
    if row.renewal is not None:
        found.append(_("Renewal: %(what)s.", what=_cycle(row.renewal)))
    if row.exam is not None:
        found.append(_exam(row.exam))
    found.append(
        _("Whoever fails has to be trained again after the retakes.")
        if row.retraining_after_failure
        else _("Whoever fails is not trained again: the hours stay.")
    )
    return [*found, *_whom(row.groups)]


def _cycle(cycle: Cycle) -> str:
    found = [_("every %(count)s months", count=cycle.every_months)]
    if cycle.hours is not None:
        found.append(_hours(cycle.hours))
    if cycle.theory_only:
        found.append(_("theory only"))
    if cycle.apply_within_days is not None:
        found.append(_("applied for within the last %(count)s days", count=cycle.apply_within_days))
    return _(", ").join(found)


def _exam(exam: Exam) -> str:
    text = _("Exam: %(parts)s, passed with %(mark)s of %(full)s.", parts=" + ".join(_kind(one) for one in exam.parts),
             mark=exam.pass_mark, full=exam.full_marks)  # fmt: skip
    if exam.retakes is not None:
        text += " " + _("Retakes: %(count)s.", count=exam.retakes)
    if exam.practice_attempts is not None:
        text += " " + _("Theory without limit, practice %(count)s times.", count=exam.practice_attempts)
    return text


def prerequisite_texts(row: Prerequisite, *, age: bool = False) -> list[str]:
    """What a prerequisite asks; with `age`, of the age only."""
    found = []
    if row.minimum_age is not None:
        found.append(_("At least %(count)s years of age.", count=row.minimum_age))
    if row.maximum_age is not None:
        found.append(_("At most %(count)s years of age.", count=row.maximum_age))
    if row.education is not None and not age:
        found.append(_("Education: %(what)s or more.", what=education_text(row.education)))
    if row.health_certificate and not age:
        found.append(_("A valid health certificate."))
    return found
