"""A worker's own employers: who they are, what each may see, consent given and taken back, leaving by oneself."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import employment_tellings, employment_texts, frame, people
from elearn.pages.coming import consent_words
from elearn.people import consents, employments
from elearn.people.callers import current_person_id
from elearn.people.consents import What
from elearn.people.employments import Employment
from elearn.people.joining import coming
from elearn.people.models import EmploymentKind, OrganisationKind
from elearn.people.permissions import SIGNED_IN
from elearn.people.registry import local_day


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/me/employers", "employments", own_employments)
    bp.add_url_rule("/me/employers/<uuid:membership_id>/hours", "hours_elsewhere", hours_elsewhere, methods=["POST"])
    bp.add_url_rule(
        "/me/employers/<uuid:membership_id>/leave", "leave_employer", leave_employer, methods=["GET", "POST"]
    )
    bp.add_url_rule("/me/joining/<uuid:joining_id>/take-back", "take_back_joining", take_back_joining, methods=["POST"])


@web.allow(SIGNED_IN)
def own_employments() -> ResponseReturnValue:
    """Now and before; nobody but the worker ever sees this page."""
    session, person_id, today = db.session(), current_person_id(), local_day(utcnow())
    found = employments.own(session, person_id, on=today)
    present = [one for one in found if one.holds_on(today)]
    return render_template(
        "elearn/employments.html",
        present=present,
        before=[one for one in found if not one.holds_on(today)],
        waiting=coming.waiting_of(session, person_id),
        kinds=people.employment_kinds(),
        ways={
            one.membership.id: employment_texts.way(session, one.placement.unit_id, one.employer.id)
            for one in present
            if one.placement is not None
        },
        agreed=consents.who_sees_elsewhere(session, person_id, on=today),
        asks={one.employer.id: consent_words(one.employer) for one in present if _is_employer(one)},
        may_leave={one.membership.id for one in present if one.membership.kind is EmploymentKind.FLEXIBLE},
        today=today,
    )


@web.allow(SIGNED_IN)
def hours_elsewhere(membership_id: UUID) -> ResponseReturnValue:
    """Allow it, or take it back: in force with the employer's next look."""
    session, now = db.session(), utcnow()
    one = _own(membership_id)
    given = request.form.get("given")
    if given not in ("yes", "no") or not _is_employer(one):
        raise Malformed("This page is out of date. Load it again and repeat.")
    consents.say(
        session,
        one.membership.person_id,
        one.employer.id,
        What.HOURS_ELSEWHERE,
        given=given == "yes",
        words=consent_words(one.employer),
        at=now,
    )
    session.commit()
    if given == "yes":
        frame.say(_("%(employer)s may see hours from elsewhere now.", employer=one.employer.name))
    else:
        frame.say(_("%(employer)s does not see hours from elsewhere any more.", employer=one.employer.name))
    return redirect(url_for("elearn.pages.employments"), 303)


@web.allow(SIGNED_IN)
def leave_employer(membership_id: UUID) -> ResponseReturnValue:
    """A flexible employment ends today; asked once more, because the employer is told."""
    session, now = db.session(), utcnow()
    one = _own(membership_id)
    if one.membership.kind is not EmploymentKind.FLEXIBLE:
        raise NotFound("There is no such employment.")
    if request.method == "GET":
        return render_template("elearn/employment_leave.html", one=one)
    membership = employments.leave(session, membership_id, current_person_id(), at=now)
    employment_tellings.left(session, membership, one.employer, local_day(now), at=now)
    session.commit()
    frame.say(_("Today is your last day with %(employer)s. Your hours stay yours.", employer=one.employer.name))
    return redirect(url_for("elearn.pages.employments"), 303)


@web.allow(SIGNED_IN)
def take_back_joining(joining_id: UUID) -> ResponseReturnValue:
    """Not to wait for a clerk any longer."""
    coming.take_back(db.session(), joining_id, current_person_id(), at=utcnow())
    db.session.commit()
    frame.say(_("Taken back."), "info")
    return redirect(url_for("elearn.pages.employments"), 303)


def _own(membership_id: UUID) -> Employment:
    """An employment of the caller's that holds today. Raises NotFound."""
    today = local_day(utcnow())
    found = employments.own(db.session(), current_person_id(), on=today)
    one = next((one for one in found if one.membership.id == membership_id and one.holds_on(today)), None)
    if one is None:
        raise NotFound("There is no such employment.")
    return one


def _is_employer(one: Employment) -> bool:
    return one.employer.kind is OrganisationKind.ENTERPRISE
