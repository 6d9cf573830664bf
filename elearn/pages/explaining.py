"""Why watching counted or did not: a learner's account of one lesson; for auditors, people's sittings and each report.

A learner reads the seven classes and what to do; exact codes are on the auditor's pages only. A regulator's officer
reads what an auditor reads, of institutions in the officer's region.
"""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import MILLISECOND, from_ms, utcnow
from elearn.courses import catalogue
from elearn.courses.models import Unit
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import frame, members, shown
from elearn.pages.learning import refusal_text
from elearn.people import persons, registry
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import Role
from elearn.people.permissions import AUDITOR, REGULATOR, SIGNED_IN, may_see_region, regions_of
from elearn.tracking import counted, explain, policies
from elearn.tracking.counted import LostLine, Story
from elearn.tracking.evidence import RULES, SittingHead
from elearn.tracking.spans import Span, total_ms
from elearn.tracking.verifier import Refusal, RefusalClass

STRETCHES = 4
"""So many stretches of media are named in a line; the rest is told as a number."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/learn/<uuid:unit_id>/counted", "lesson_counted", lesson_counted)
    bp.add_url_rule("/audit/sittings", "audit_sittings", audit_sittings)
    bp.add_url_rule("/audit/sittings/<uuid:sitting_id>", "audit_sitting", audit_sitting)
    bp.add_url_rule("/audit/people/<uuid:person_id>", "audit_person", audit_person)


# --- the learner's account --------------------------------------------------------------------------------------------


@web.allow(SIGNED_IN)
def lesson_counted(unit_id: UUID) -> ResponseReturnValue:
    """What of a lesson counts, what waits, what does not and why; for whoever watched it or may."""
    session, person_id = db.session(), current_person_id()
    admission = catalogue.may_study(session, person_id, unit_id, on=registry.local_day(utcnow()))
    opened = counted.has_watched(session, person_id, unit_id)
    if admission is None and not opened:
        raise NotFound("There is no such lesson.")
    page = frame.page_number()
    account = counted.lesson(session, person_id, unit_id, zone=shown.ZONE.key, page=page)
    facts = catalogue.unit_facts(session, unit_id)
    policy = policies.in_force(admission.class_id if admission else None)
    lapses_at = (
        None
        if account.oldest_pending_ms is None
        else from_ms(account.oldest_pending_ms) + policy.pend_age_ms * MILLISECOND
    )
    return render_template(
        "elearn/explain_lesson.html",
        account=account,
        course_title=facts.course_title,
        may_study=admission is not None,
        may_object=opened,
        course_url=url_for("elearn.pages.my_course", course_id=facts.course_id) if admission else None,
        bars=bars(account),
        sums={kind: total_ms(spans) for kind, spans in stretches_of(account).items()},
        stretches=stretches_of(account),
        lapses_at=lapses_at,
        told=told,
        media=media,
        when=when,
        page=page,
        older_url=url_for("elearn.pages.lesson_counted", unit_id=unit_id, page=page + 1),
        newer_url=url_for("elearn.pages.lesson_counted", unit_id=unit_id, page=page - 1),
    )


def stretches_of(account: counted.Lesson) -> dict[str, tuple[Span, ...]]:
    """The lesson's four kinds of media, in the order of the legend."""
    return {
        "final": account.final,
        "pending": account.pending,
        "lost": account.not_counted,
        "unseen": account.not_seen,
    }


def bars(account: counted.Lesson) -> list[tuple[str, float, float]]:
    """The timeline: kind, place and width in thousandths of the lesson; the smallest stretch can still be seen."""
    found = []
    for kind in ("lost", "pending", "final"):
        for span in stretches_of(account)[kind]:
            place = 1000 * span.start_ms / account.duration_ms
            width = max(3.0, 1000 * span.length_ms / account.duration_ms)
            found.append((kind, round(min(place, 997.0), 2), round(width, 2)))
    return found


def told(line: LostLine) -> tuple[str, str]:
    """What happened, and what to do."""
    match line.story:
        case Story.WRONG:
            return (
                _("Check not passed"),
                _("What waited for it was taken back. Watch these parts again and answer the next check."),
            )
        case Story.UNANSWERED:
            return (
                _("Check not answered in time"),
                _("What waited for it was taken back. Watch these parts again, and stay with the lesson."),
            )
        case Story.LAPSED:
            return (
                _("Waited too long for a check"),
                _("Watched time waits only for a few days. Watch these parts again, and confirm before you leave."),
            )
        case Story.VOIDED:
            return (
                _("Taken back after a review"),
                _("Two people looked into it and decided so. If that is wrong, object to it."),
            )
    assert line.kind is not None
    if line.kind is RefusalClass.CHECK_MISSED:
        return (
            _("Played on before a check"),
            _("Nothing new counts while a check is owed. Answer it, then watch these parts again."),
        )
    return refusal_text(line.kind)


def media(spans: tuple[Span, ...]) -> str:
    """Stretches of the lesson: `0:30–0:45, 1:00–1:20 and 3 more`."""
    named = ", ".join(
        f"{shown.clock_text(span.start_ms)}–{shown.clock_text(span.end_ms)}" for span in spans[:STRETCHES]
    )
    more = len(spans) - STRETCHES
    return _("%(stretches)s and %(count)s more", stretches=named, count=more) if more > 0 else named


def when(line: LostLine) -> str:
    """The time of day, or from when to when."""
    first, last = (from_ms(at).astimezone(shown.ZONE).strftime("%H:%M") for at in (line.from_ms, line.until_ms))
    return first if first == last else f"{first}–{last}"


# --- the auditor's accounts -------------------------------------------------------------------------------------------


def _regions() -> frozenset[str] | None:
    """Whose sittings the caller reads: None for everybody's, else what the regions' codes begin with."""
    caller = require_caller()
    return None if Role.AUDITOR in caller.roles else regions_of(caller)


@web.allow(AUDITOR, REGULATOR)
def audit_sittings() -> ResponseReturnValue:
    """The newest sittings, or who has a name; an id leads to its sitting."""
    session, regions = db.session(), _regions()
    search, page = request.args.get("search", "").strip()[:200], frame.page_number()
    try:
        wanted = UUID(search)
    except ValueError:
        wanted = None
    if wanted is not None:
        _visible(wanted)
        return redirect(url_for("elearn.pages.audit_sitting", sitting_id=wanted), 303)
    found, more = ((), False) if search else explain.sittings(session, regions=regions, page=page)
    return render_template(
        "elearn/explain_sittings.html",
        search=search,
        people=explain.learners(session, search, regions=regions) if search else (),
        most=explain.MOST_LEARNERS,
        sittings=found,
        ended=ended_text,
        moment=moment,
        page=page,
        more=more,
        page_url=lambda number: url_for("elearn.pages.audit_sittings", page=number),
    )


@web.allow(AUDITOR, REGULATOR)
def audit_person(person_id: UUID) -> ResponseReturnValue:
    """One person's sittings, newest first."""
    session, regions, page = db.session(), _regions(), frame.page_number()
    found, more = explain.sittings(session, learner_id=person_id, regions=regions, page=page)
    if regions is not None and not explain.sittings(session, learner_id=person_id, regions=regions, size=1)[0]:
        raise NotFound("There is no such person.")
    return render_template(
        "elearn/explain_person.html",
        person=persons.person_facts(session, person_id, members.keys()),
        sittings=found,
        ended=ended_text,
        moment=moment,
        page=page,
        more=more,
        page_url=lambda number: url_for("elearn.pages.audit_person", person_id=person_id, page=number),
    )


def _visible(sitting_id: UUID) -> SittingHead:
    """The sitting, when the caller may read it. Raises NotFound: others are not even confirmed to exist."""
    head = explain.head(db.session(), sitting_id)
    if _regions() is not None and not may_see_region(require_caller(), head.region):
        raise NotFound("There is no such sitting.")
    return head


@web.allow(AUDITOR, REGULATOR)
def audit_sitting(sitting_id: UUID) -> ResponseReturnValue:
    """Every report of a sitting, a page at a time, each judged again; keys, checks and the rules' values."""
    session, page, odd = db.session(), frame.page_number(), request.args.get("odd") == "1"
    head = _visible(sitting_id)
    reports = explain.reports(session, sitting_id, page=page, odd=odd)
    checks = explain.checks_put(session, sitting_id)
    number = head.odd if odd else head.decided + head.undecided

    def url(number: int, odd: bool = odd) -> str:
        return url_for("elearn.pages.audit_sitting", sitting_id=sitting_id, page=number, odd="1" if odd else None)

    return render_template(
        "elearn/explain_sitting.html",
        head=head,
        person=persons.person_facts(session, head.learner_id, members.keys()),
        reports=reports,
        ledger=explain.ledger_differences(session, sitting_id),
        disagree=[one for one in reports if one.differences],
        keys=explain.keys_given(session, sitting_id),
        licences=explain.licences_given(session, sitting_id),
        checks=checks,
        titles=dict(
            session.execute(sa.select(Unit.id, Unit.title).where(Unit.id.in_({one.unit_id for one in checks}))).all()
        ),
        rule_text=rule_text,
        ended=ended_text,
        moment=moment,
        exact=exact,
        odd=odd,
        page=page,
        pages=max(1, -(-number // explain.PAGE)),
        page_url=url,
    )


def rule_text(code: str) -> str:
    """What the rule found, in a sentence; empty for a reason that is no rule of the verifier."""
    return _(RULES[Refusal(code)]) if code in list(Refusal) else ""


def ended_text(reason: str | None) -> str:
    return {
        None: _("still open"),
        "playing_elsewhere": _("playing elsewhere"),
        "closed": _("left"),
        "expired": _("ran out"),
    }[reason]


def moment(epoch_ms: int) -> str:
    """Day, hour, minute and second in China."""
    at = from_ms(epoch_ms)
    return f"{shown.moment(at)}:{at.astimezone(shown.ZONE):%S}"


def exact(ms: int) -> str:
    """Media or a length to the millisecond: `1:02.345`; a wild claim keeps its sign."""
    seconds, rest = divmod(abs(ms), 1000)
    sign = "-" if ms < 0 else ""
    return f"{sign}{seconds // 60}:{seconds % 60:02}.{rest:03}"
