"""A learner's pages: the one next thing, courses, the lesson, and what became of the hours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from elearn import locale, web
from elearn.clock import from_ms, utcnow
from elearn.courses import catalogue, learning, subtitles
from elearn.courses.delivery import media_url
from elearn.courses.learning import MyClass
from elearn.courses.models import Lesson, Outline, TrainingClass, Unit, UnitKind
from elearn.credit_export import record_reading, why_not
from elearn.credit_export.archive import listing
from elearn.credit_export.class_lengths import lengths_of
from elearn.credit_export.eligibility import Reason
from elearn.credit_export.hours import MINUTE_MS
from elearn.credit_export.why_not import Outcome
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import attendance_texts, eligibility_texts, frame, offline, practice, watching
from elearn.pages.player_texts import player_texts
from elearn.people import csrf, persons, registry
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import Role
from elearn.people.permissions import SIGNED_IN
from elearn.runtime import runtime
from elearn.tracking import policies, watched
from elearn.tracking.attendance import reading as attendance
from elearn.tracking.verifier import RefusalClass


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/", "home", home)
    bp.add_url_rule("/courses/<uuid:course_id>", "my_course", my_course)
    bp.add_url_rule("/learn/<uuid:unit_id>", "lesson", lesson)
    bp.add_url_rule("/hours", "my_hours", my_hours)


@web.allow(SIGNED_IN)
def home() -> ResponseReturnValue:
    """The next thing to do, then classes with their courses; whoever works here finds that work first."""
    caller = require_caller()
    classes = learning.my_classes(db.session(), caller.person_id)
    progress = _progress(classes)
    courses = _standings(classes, progress)
    standing = watched.standing(db.session(), caller.person_id)
    today = registry.local_day(utcnow())
    return render_template(
        "elearn/home.html",
        classes=classes,
        courses=courses,
        hours=_hours_of_classes(classes, caller.person_id),
        upcoming=_next_thing(courses, standing),
        is_staff=bool(caller.roles - {Role.LEARNER}),
        work=_work(caller.roles),
        today=today,
        unsigned=_unsigned(classes, caller.person_id, today),
    )


def _unsigned(classes: tuple[MyClass, ...], person_id: UUID, today: date) -> Collection[UUID]:
    """The classes that are over and wait for the learner's signature; nobody is asked while all go on."""
    over = any(one.ends_on is not None and one.ends_on <= today for one in classes)
    return listing.unsigned(db.session(), person_id, on=today) if over else ()


def _progress(classes: tuple[MyClass, ...]) -> dict[UUID, watched.Progress]:
    wanted = watching.unit_ids(classes)
    return watched.progress(db.session(), current_person_id(), wanted) if wanted else {}


def _standings(
    classes: tuple[MyClass, ...], progress: Mapping[UUID, watched.Progress]
) -> dict[UUID, watching.CourseStanding]:
    """Course id -> standing; two classes may share a course."""
    return {course.id: watching.course_standing(course, progress) for one in classes for course in one.courses}


def _hours_of_classes(classes: tuple[MyClass, ...], person_id: UUID) -> dict[UUID, Outcome]:
    """Class id -> the hours under its outline."""
    if not classes:
        return {}
    hours = why_not.today(db.session(), person_id, now=utcnow())
    outlines = db.session.execute(
        sa.select(TrainingClass.id, TrainingClass.outline_id).where(
            TrainingClass.id.in_([one.class_id for one in classes])
        )
    )
    return {class_id: hours[outline_id] for class_id, outline_id in outlines if outline_id in hours}


def _next_thing(
    courses: Mapping[UUID, watching.CourseStanding],
    standing: watched.Standing,
) -> dict[str, Any] | None:
    """What to do now: confirm what waits, else go on, else begin; None when all is done or nothing is offered."""
    lessons = [(course, one) for course in courses.values() for one in course.lessons]
    for waiting in standing.waiting:
        for course, one in lessons:
            if one.lesson.unit_id == waiting.unit_id:
                return {
                    "kind": "held" if standing.held else "confirm",
                    "course": course,
                    "one": one,
                    "pending_ms": sum(each.pending_ms for each in standing.waiting),
                    "lapses_at": from_ms(waiting.lapses_ms),
                }
    begun = [pair for pair in lessons if pair[1].state in ("begun", "waiting")]
    fresh = [(course, first) for course in courses.values() if (first := course.next) is not None]
    for course, coming in begun or fresh:
        return {"kind": "go_on" if coming.state != "new" else "begin", "course": course, "one": coming}
    return None


def _work(roles: frozenset[Role]) -> list[dict[str, str]]:
    """Cards that lead staff to their work."""
    cards = []
    if roles & frame.MANAGES:
        cards += [
            {
                "title": _("Courses and lessons"),
                "text": _("Send videos, enter questions, publish."),
                "url": url_for("elearn.pages.teaching_courses"),
            },
            {
                "title": _("Classes"),
                "text": _("Open a class, record its filing, enrol people."),
                "url": url_for("elearn.pages.teaching_classes"),
            },
        ]
    if roles & frame.KEEPS_PEOPLE:
        cards.append(
            {
                "title": _("People"),
                "text": _("Add people, give one-time passwords."),
                "url": url_for("elearn.pages.people_list"),
            }
        )
    if roles & frame.KEEPS_RECORDS:
        cards.append(
            {
                "title": _("Eligibility"),
                "text": _("Who may sit the exam: submit, check, verify, suspend."),
                "url": url_for("elearn.pages.eligibility_list"),
            }
        )
    if roles & frame.READS_SITTINGS:
        cards.append(
            {
                "title": _("Sittings"),
                "text": _("Every report, what was believed of it, and by which rule."),
                "url": url_for("elearn.pages.audit_sittings"),
            }
        )
    if roles & frame.REVIEWS:
        cards.append(
            {
                "title": _("Review"),
                "text": _("Signals, appeals, and hours that two people take back."),
                "url": url_for("elearn.pages.review_queue"),
            }
        )
    if roles & frame.SEES_RECEIVERS:
        cards.append(
            {
                "title": _("Exam systems"),
                "text": _("Who receives hours, for which outlines."),
                "url": url_for("elearn.pages.receivers_list"),
            }
        )
    if roles & frame.SEES_RECORD_KEYS:
        cards.append(
            {
                "title": _("Record store"),
                "text": _("Which programs send and read xAPI statements."),
                "url": url_for("elearn.pages.record_keys"),
            }
        )
    return cards


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
        "poster": None if reads else media_url(facts.content_hash, "poster.jpg"),
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
        reason_text=reason_text,
        own=record_reading.own_records(session, person_id),
        record_texts=eligibility_texts,
        refusals=watching.recent_refusals(session, person_id, now=now),
        refusal_text=refusal_text,
        minute_ms=MINUTE_MS,
    )


def reason_text(reason: Reason) -> str:
    """Why the exam system would be told "not yet", and what to do about it."""
    return {
        Reason.HOURS_THEORY_SHORT: _("Hours of theory are still missing."),
        Reason.HOURS_PRACTICE_SHORT: _("Hours of practice are still missing; they are done on site."),
        Reason.OFFLINE_SHARE_LOW: _(
            "Enough hours, but too many of them online: the rest of theory must be done on site."
        ),
        Reason.CLASS_NOT_FILED: _("Your class is not filed with the regulator yet. Ask your training institution."),
        Reason.IDENTITY_UNVERIFIED: _("Your identity document is not on record. Ask your training institution."),
        Reason.OUTLINE_NOT_IN_FORCE: _("This outline is not in force today."),
        Reason.NO_RECORD: _("You are not enrolled in a class of this outline."),
        Reason.TEACHER_INVALID: _("A teacher of your class had no valid certificate. Ask your training institution."),
        Reason.COURSE_TEST_MISSING: _("A test of a course is not passed yet."),
        Reason.PREREQ_AGE: _("Your age for this work is not shown. Ask your training institution."),
        Reason.PREREQ_EDUCATION: _("Your education for this work is not shown. Ask your training institution."),
        Reason.PREREQ_HEALTH: _("A valid health certificate is not shown. Ask your training institution."),
        Reason.PREREQ_RETRAINING: _("By the rules of this day you have to be trained again before another exam."),
        Reason.INSTITUTION_SUSPENDED: _("Your training institution is suspended for now."),
        Reason.UNDER_REVIEW: _("Your hours are under review."),
        Reason.BLACKLISTED: _("You are on a blacklist. Ask the regulator of your region."),
    }[reason]


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
