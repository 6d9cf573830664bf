"""A learner's pages: all classes with their courses, one course, the lesson, and what became of the hours."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from elearn import locale, web
from elearn.clock import from_ms, utcnow
from elearn.courses import catalogue, learning, subtitles
from elearn.courses.delivery import media_url
from elearn.courses.models import Lesson, Outline, Unit, UnitKind
from elearn.credit_export import record_reading, why_not
from elearn.credit_export.class_lengths import lengths_of
from elearn.credit_export.hours import MINUTE_MS
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import (
    attendance_texts,
    display,
    eligibility_texts,
    next_shown,
    offline,
    practice,
    situations,
    still_missing,
    watching,
)
from elearn.pages.player_texts import player_texts
from elearn.people import csrf, persons, registry
from elearn.people.callers import current_person_id
from elearn.people.permissions import SIGNED_IN
from elearn.runtime import runtime
from elearn.tracking import policies, watched
from elearn.tracking.attendance import reading as attendance
from elearn.tracking.verifier import RefusalClass


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/learn", "my_learning", my_learning)
    bp.add_url_rule("/courses/<uuid:course_id>", "my_course", my_course)
    bp.add_url_rule("/learn/<uuid:unit_id>", "lesson", lesson)
    bp.add_url_rule("/hours", "my_hours", my_hours)


@web.allow(SIGNED_IN)
def my_learning() -> ResponseReturnValue:
    """Everything there is to learn: classes with their courses, and when to be on site."""
    session, person_id = db.session(), current_person_id()
    classes = learning.my_classes(session, person_id)
    return render_template(
        "elearn/learning.html",
        classes=classes,
        courses=watching.standings(session, person_id, classes),
        meetings=situations.meetings(session, person_id, now=utcnow()) if classes else (),
        when_and_where=next_shown.when_and_where,
    )


@web.allow(SIGNED_IN)
def my_course(course_id: UUID) -> ResponseReturnValue:
    """One course with its lessons in order."""
    classes = learning.my_classes(db.session(), current_person_id())
    for one in classes:
        for course in one.courses:
            if course.id == course_id:
                progress = watched.progress(
                    db.session(), current_person_id(), [each.unit_id for each in course.lessons]
                )
                standing = watching.course_standing(course, progress)
                return render_template("elearn/course.html", held=one, standing=standing)
    raise NotFound("There is no such course.")


@web.allow(SIGNED_IN)
def lesson(unit_id: UUID) -> ResponseReturnValue:
    """The lesson page: the player is a script (frontend/src/player.ts; of pages pageunit.ts) that reads this config."""
    session, person_id = db.session(), current_person_id()
    admission = catalogue.may_study(session, person_id, unit_id, on=registry.local_day(utcnow()))
    if admission is None:
        raise NotFound("There is no such lesson.")
    facts = catalogue.unit_facts(session, unit_id)
    if not facts.kind.earns_online:
        return practice.shown(session, facts)
    reads = facts.kind.paged
    policy = policies.in_force(admission.class_id)
    order = session.scalars(_offered_in_course(facts.course_id)).all()
    place = order.index(unit_id) if unit_id in order else 0
    following = order[place + 1] if place + 1 < len(order) else None
    found = watched.progress(session, person_id, [unit_id])[unit_id]
    course_url = url_for("elearn.pages.my_course", course_id=facts.course_id)
    config = {
        "unit": str(unit_id),
        "learner": persons.pseudonym(session, person_id),
        "language": locale.language(),
        "csrf": csrf.token(),
        "texts": player_texts(locale.language()),
        "offline": None if reads else offline.download_of(facts, policy),
        "saves_data": display.saves_data(),
        "unsigned_allowed": policy.unsigned,
        "urls": {
            "devices": url_for("elearn.people.enrol_device"),
            "sittings": url_for("elearn.tracking.open_sitting"),
            "course": course_url,
            "next": url_for("elearn.pages.lesson", unit_id=following) if following else None,
            "signin": None
            if runtime().identify
            else url_for("elearn.pages.sign_in_again", next=url_for("elearn.pages.lesson", unit_id=unit_id)),
        },
        "progress": {
            "frontier_ms": found.frontier_ms,
            "spans": watching.spans_of(session, person_id, unit_id),
            "pending_ms": found.pending_ms,
            "final_ms": found.final_ms,
            "complete": found.complete,
            "duration_ms": found.duration_ms,
        },
    }
    shown = {
        "title": facts.title,
        "course_title": facts.course_title,
        "course_url": course_url,
        "position": place + 1,
        "count": len(order),
        "poster": None if reads or display.saves_data() else media_url(facts.content_hash, "poster.jpg"),
        "captions": captions(session, unit_id),
        "case": facts.kind is UnitKind.CASE,
    }
    if reads:
        return render_template("elearn/page_lesson.html", lesson=shown, config=config, script="pageunit.js")
    return render_template("elearn/lesson.html", lesson=shown, config=config)


def captions(session: Session, unit_id: UUID) -> list[dict[str, str]]:
    """The subtitles of a unit for the player, those of the page's language first."""
    return [
        {
            "src": url_for("elearn.courses.subtitle_file", subtitle_id=one.id),
            "lang": one.language,
            "label": one.label,
        }
        for one in subtitles.shown(session, unit_id, first=locale.language())
    ]


def _offered_in_course(course_id: UUID) -> sa.Select[UUID]:
    """Offered units of a course in the order of its lessons."""
    return (
        sa.select(Unit.id)
        .join(Lesson, Lesson.id == Unit.lesson_id)
        .where(Lesson.course_id == course_id, Unit.published_at.is_not(None), Unit.retired_at.is_(None))
        .order_by(Lesson.position)
    )


@web.allow(SIGNED_IN)
def my_hours() -> ResponseReturnValue:
    """What is final, what waits, what an exam system would be told, and what was not counted."""
    session, person_id, now = db.session(), current_person_id(), utcnow()
    standing, on_site = watched.standing(session, person_id), attendance.own(session, person_id)
    hours = why_not.today(session, person_id, now=now)
    outlines = {
        outline.id: outline for outline in session.scalars(sa.select(Outline).where(Outline.id.in_(list(hours))))
    }
    titles = dict(
        session.execute(
            sa.select(Unit.id, Unit.title).where(Unit.id.in_([one.unit_id for one in standing.waiting]))
        ).all()
    )
    return render_template(
        "elearn/hours.html",
        final_ms=sum(watched.final_ms_by_item(session, person_id).values()),
        standing=standing,
        waiting=[(one, titles.get(one.unit_id, ""), from_ms(one.lapses_ms)) for one in standing.waiting],
        hours=[(outlines[outline_id], one) for outline_id, one in hours.items()],
        on_site=on_site,
        on_site_lengths=lengths_of(session, {one.class_id for one in on_site}, on=registry.local_day(now)),
        attendance_texts=attendance_texts,
        missing=still_missing.sentences,
        own=record_reading.own_records(session, person_id),
        record_texts=eligibility_texts,
        refusals=watching.recent_refusals(session, person_id, now=now),
        refusal_text=refusal_text,
        minute_ms=MINUTE_MS,
    )


def refusal_text(kind: RefusalClass) -> tuple[str, str]:
    """What happened, and what to do next time."""
    return {
        RefusalClass.JUMPED_AHEAD: (
            _("Jumped ahead"),
            _("Parts count only when watched in order. Go back to where you stopped."),
        ),
        RefusalClass.TOO_FAST: (_("Too fast"), _("Only normal speed counts.")),
        RefusalClass.PLAYING_ELSEWHERE: (
            _("Playing on another device"),
            _("One device at a time counts: the newest one."),
        ),
        RefusalClass.HIDDEN: (
            _("Page not in front"),
            _("Keep the lesson in front while it plays. Pages count until you had not touched them for five minutes."),
        ),
        RefusalClass.CHECK_MISSED: (
            _("Check missed"),
            _("What was watched since the last passed check must be watched again."),
        ),
        RefusalClass.LIMIT_REACHED: (
            _("Limit reached"),
            _("A day counts up to its limit, and time without network only for a while. Go on tomorrow, online."),
        ),
        RefusalClass.DEVICE_PROBLEM: (
            _("Device or connection"),
            _("Reports came damaged or out of order. Load the lesson again; if it goes on, use another browser."),
        ),
    }[kind]
