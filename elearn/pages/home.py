"""The start page: the one next thing to do, the hours, what is still missing; whoever works here finds that work first.

`learning.py` has the list of all lessons. What comes next is decided by next_thing.py over what situations.py reads.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses import learning
from elearn.courses.learning import MyClass
from elearn.courses.models import TrainingClass
from elearn.credit_export import why_not
from elearn.credit_export.archive import listing
from elearn.credit_export.why_not import Outcome
from elearn.db import db
from elearn.locale import gettext as _
from elearn.pages import certificate_texts, frame, next_shown, situations, still_missing, watching
from elearn.pages.next_thing import next_thing
from elearn.people import registry
from elearn.people.callers import Caller, require_caller
from elearn.people.permissions import AUDITOR, ENTERPRISE, SIGNED_IN
from elearn.tracking import watched
from elearn.training.figures import dashboards
from elearn.training.figures.dashboards import Chosen
from elearn.training.plans import surveys

FUND_READERS = ENTERPRISE.roles | AUDITOR.roles


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/", "home", home)


@web.allow(SIGNED_IN)
def home() -> ResponseReturnValue:
    """The next thing to do, then the hours of each class."""
    session, caller, now = db.session(), require_caller(), utcnow()
    person_id, today = caller.person_id, registry.local_day(now)
    classes = learning.my_classes(session, person_id)
    unsigned = _unsigned(classes, person_id, today)
    situation = situations.gather(
        session,
        person_id,
        classes,
        watching.standings(session, person_id, classes),
        watched.standing(session, person_id),
        unsigned=unsigned,
        now=now,
    )
    hours = _hours_of_classes(classes, person_id)
    still = [text for one in hours.values() if not one.eligible for text in still_missing.sentences(one)]
    return render_template(
        "elearn/home.html",
        classes=classes,
        hours=hours,
        said=next_shown.say(next_thing(situation), in_a_class=bool(classes), still=still),
        missing=still_missing.sentences,
        work=_work(caller),
        posts=certificate_texts.own_posts(session, person_id, today),
        today=today,
        unsigned=unsigned,
        surveys=surveys.waiting_for(session, person_id, on=today),
        duties={one.class_id: one for one in situation.assignments},
    )


def _unsigned(classes: tuple[MyClass, ...], person_id: UUID, today: date) -> Collection[UUID]:
    """The classes that are over and wait for the learner's signature; nobody is asked while all go on."""
    over = any(one.ends_on is not None and one.ends_on <= today for one in classes)
    return listing.unsigned(db.session(), person_id, on=today) if over else ()


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


def _work(caller: Caller) -> list[dict[str, str]]:
    """Cards that lead staff to their work."""
    roles = caller.roles
    places = [
        (ENTERPRISE.roles, _("Training"), _("Who must learn what by when; who is late."), "training"),
        (ENTERPRISE.roles, _("Surveys of training needs"), _("What people say they need to learn."), "survey_list"),
        (FUND_READERS, _("Training fund"), _("Drawn, spent and left, by quarter and employment."), "training_funds"),
        (frame.MANAGES, _("Courses and lessons"), _("Send videos, enter questions, publish."), "teaching_courses"),
        (frame.MANAGES, _("Classes"), _("Open a class, record its filing, enrol people."), "teaching_classes"),
        (frame.KEEPS_PEOPLE, _("People"), _("Add people, give one-time passwords."), "people_list"),
        (ENTERPRISE.roles, _("Organisation"), _("Workshops and teams, roles, invitations."), "organisation"),
        (ENTERPRISE.roles, _("Figures"), _("How many are trained, how far, by unit and employment."), "figures"),
        (
            frame.KEEPS_RECORDS,
            _("Eligibility"),
            _("Who may sit the exam: submit, check, verify, suspend."),
            "eligibility_list",
        ),
        (
            frame.READS_SITTINGS,
            _("Sittings"),
            _("Every report, what was believed of it, and by which rule."),
            "audit_sittings",
        ),
        (frame.REVIEWS, _("Review"), _("Signals, appeals, and hours that two people take back."), "review_queue"),
        (frame.SEES_RECEIVERS, _("Exam systems"), _("Who receives hours, for which outlines."), "receivers_list"),
        (frame.SEES_RECORD_KEYS, _("Record store"), _("Which programs send and read xAPI statements."), "record_keys"),
    ]
    late = _late(caller)
    return [
        {
            "title": title,
            "text": text,
            "url": url_for(f"elearn.pages.{view}"),
            "late": late if view == "training" else "",
        }
        for held, title, text, view in places
        if roles & held
    ]


def _late(caller: Caller) -> str:
    """Who of the enterprise that the caller acts for must leave the post or is late; empty: nobody."""
    if not caller.roles & ENTERPRISE.roles:
        return ""
    node, _all = frame.own_organisations(*ENTERPRISE.roles)
    sums = dashboards.board(db.session(), node.id, Chosen()).whole
    said = (
        (sums.barred, _("Must leave the post: %(count)d", count=sums.barred)),
        (sums.overdue, _("Overdue: %(count)d", count=sums.overdue)),
    )
    return " · ".join(text for count, text in said if count)
