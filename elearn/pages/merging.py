"""Somebody who is registered twice: a clerk proposes on the member's page, an operator looks at both and decides."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.models import Enrolment, TrainingClass
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members
from elearn.pages.forms import Form, said
from elearn.people import employments, merging, persons
from elearn.people.callers import require_caller
from elearn.people.merging import Hindrance, PersonMerge
from elearn.people.models import Organisation, OrganisationKind, Person, Role
from elearn.people.permissions import CLERK, OPERATOR, granted_in
from elearn.people.persons import PersonFacts
from elearn.people.registry import local_day

MOST = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A proposal as its reader may see it."""

    merge: PersonMerge
    kept: PersonFacts
    gone: PersonFacts
    by: str
    hindrances: list[str]
    """Only an operator is told, of one proposal at a time: every table is asked."""
    own: bool
    looked_at: bool


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/people/<uuid:person_id>/merge", "propose_merge", propose_merge, methods=["GET", "POST"])
    bp.add_url_rule("/people/merges", "merges", merges)
    bp.add_url_rule("/people/merges/<uuid:merge_id>", "answer_merge", answer_merge, methods=["POST"])


@web.allow(CLERK)
def propose_merge(person_id: UUID) -> ResponseReturnValue:
    """This one is the duplicate: of whom? Both have to stand in the caller's subtree."""
    session, now, caller = db.session(), utcnow(), require_caller()
    if not _reached(person_id):
        raise NotFound("There is no such person.")
    form = Form.sent() if request.method == "POST" else Form.asked()
    if request.method == "POST":
        kept_id = form.id("kept")
        if kept_id is None:
            form.errors["kept"] = _("Please choose who stays.")
        elif not _reached(kept_id):
            raise NotFound("There is no such person.")
        elif not forms.is_first():
            return redirect(url_for("elearn.pages.merges"), 303)
        else:
            try:
                merging.propose(session, kept_id=kept_id, gone_id=person_id, by=caller.person_id, at=now)
            except (Malformed, Conflict, Forbidden) as error:
                forms.undo_first()
                form.errors["kept"] = said(error)
            else:
                session.commit()
                frame.say(_("Proposed. An operator of the platform looks at both and decides."))
                return redirect(url_for("elearn.pages.merges"), 303)
    organisation, _all = frame.own_organisations(*CLERK.roles)
    person = persons.person_facts(session, person_id, members.keys())
    search = form["search"].strip()[:100] or person.name
    found, _total = members.members_of(session, organisation.id, caller, on=local_day(now), search=search)
    page = render_template(
        "elearn/merge_new.html",
        form=form,
        person=person,
        search=search,
        found=[one for one in found if one.facts.id != person_id],
    )
    return page, 422 if form.errors else 200


@web.allow(CLERK, OPERATOR)
def merges() -> ResponseReturnValue:
    """A clerk's own proposals; to an operator, everybody's, and of `?about=` what hinders."""
    session, caller = db.session(), require_caller()
    about = request.args.get("about")
    decides = Role.OPERATOR in caller.roles
    found = merging.proposed_by(session, None if decides else [caller.person_id], most=MOST)
    ids = {one for merge in found for one in (merge.kept_id, merge.gone_id, merge.proposed_by)}
    people = {one.id: one for one in session.scalars(sa.select(Person).where(Person.id.in_(ids)))}
    return render_template(
        "elearn/merges.html",
        decides=decides,
        me=caller.person_id,
        lines=[
            Line(
                merge=one,
                kept=persons.person_facts(session, one.kept_id, members.keys()),  # read already
                gone=persons.person_facts(session, one.gone_id, members.keys()),
                by=people[one.proposed_by].name,
                hindrances=_hindering(one) if decides and one.state == "open" and about == str(one.id) else [],
                own=one.proposed_by == caller.person_id,
                looked_at=about == str(one.id),
            )
            for one in found
        ],
    )


@web.allow(CLERK, OPERATOR)
def answer_merge(merge_id: UUID) -> ResponseReturnValue:
    """An operator confirms or refuses; who proposed it takes it back."""
    session, now, caller = db.session(), utcnow(), require_caller()
    merge = session.get(PersonMerge, merge_id)
    decides = Role.OPERATOR in caller.roles
    if merge is None or not (decides or merge.proposed_by == caller.person_id):
        raise NotFound("There is no such thing.")
    answer = request.form.get("answer")
    if answer not in ("confirm", "refuse"):
        raise Malformed("This page is out of date. Load it again and repeat.")
    if answer == "confirm" and not decides:
        raise Forbidden("You may not do this.")
    try:
        with session.begin_nested():
            if answer == "confirm":
                merging.confirm(
                    session,
                    merge_id,
                    enrolled=_enrolled(merge.gone_id),
                    keys=members.keys(),
                    by=caller.person_id,
                    at=now,
                )
            else:
                merging.refuse(session, merge_id, by=caller.person_id, at=now)
    except (Conflict, Forbidden) as error:
        frame.say(said(error), "warn")
    else:
        session.commit()
        frame.say(_("Merged: one person is left.") if answer == "confirm" else _("They stay two people."))
    return redirect(url_for("elearn.pages.merges"), 303)


def _reached(person_id: UUID) -> bool:
    tops = granted_in(require_caller(), *CLERK.roles)
    return bool(employments.reached(db.session(), person_id, tops, on=local_day(utcnow())))


def _enrolled(person_id: UUID) -> bool:
    """In a class at an institution; an enterprise's own training ends with the employment."""
    found = (
        sa.select(sa.literal(True))
        .join(TrainingClass, TrainingClass.id == Enrolment.class_id)
        .join(Organisation, Organisation.id == TrainingClass.institution_id)
        .where(Enrolment.person_id == person_id, Organisation.kind == OrganisationKind.INSTITUTION)
    )
    return bool(db.session.scalar(found.select_from(Enrolment).limit(1)))


def _hindering(merge: PersonMerge) -> list[str]:
    facts = merging.facts_of(db.session(), merge, enrolled=_enrolled(merge.gone_id))
    return [hindrance_text(one) for one in merging.hindrances(facts)]


def hindrance_text(hindrance: Hindrance) -> str:
    return {
        Hindrance.SAME: _("These are not two people."),
        Hindrance.GONE: _("One of the two was forgotten."),
        Hindrance.STAFF: _("The duplicate holds a role. It has to be withdrawn first."),
        Hindrance.LEARNED: _("The duplicate has learned, or is on record: hours stay under the name that earned them."),
        Hindrance.ENROLLED: _("The duplicate is or was in a class at an institution."),
    }[hindrance]
