"""One member as the clerk of the employer sees them: this employer's employments, where they stood, what was done.

Nothing of other employers is here, and nobody outside the caller's subtree is found at all.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import employment_texts, frame, members, people
from elearn.pages.forms import Form, said
from elearn.people import acts, employments, persons, verifying
from elearn.people.acts import REASONS, Act, Reason
from elearn.people.callers import require_caller
from elearn.people.employments import Employment
from elearn.people.permissions import CLERK, PEOPLE_READER, granted_in, holds_in, require_in
from elearn.people.registry import local_day

DONE_BY_CLERKS = (Act.MOVED, Act.AWAY, Act.BACK, Act.ENDED, Act.FIRM)
FIELDS = {"dates": "on", "post": "post", "unit": "unit", "firm": "firm"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/people/<uuid:person_id>", "member", member)
    bp.add_url_rule(
        "/people/<uuid:person_id>/employments/<uuid:membership_id>/<act>",
        "change_employment",
        change_employment,
        methods=["POST"],
    )


@web.allow(PEOPLE_READER)
def member(person_id: UUID) -> ResponseReturnValue:
    """A person of the caller's subtree."""
    return _page(person_id, Form(), None, None)


@web.allow(CLERK)
def change_employment(person_id: UUID, membership_id: UUID, act: str) -> ResponseReturnValue:
    """Another post, away, back, or the end: each with its day and a reason of the list."""
    wanted = next((one for one in DONE_BY_CLERKS if one.value == act), None)
    if wanted is None:
        raise NotFound("There is nothing at this address.")
    today = local_day(utcnow())
    found = employments.reached(db.session(), person_id, granted_in(require_caller(), *CLERK.roles), on=today)
    one = next((one for one in found if one.membership.id == membership_id), None)
    if one is None:
        raise NotFound("There is no such employment.")
    form = Form.sent()
    if wanted is not Act.FIRM:
        form.need("on")
        form.day("on")
    reason = form.word("reason", Reason) or Reason.OTHER
    if reason not in REASONS[wanted]:
        raise Malformed("This page is out of date. Load it again and repeat.")
    if not form.errors:
        try:
            with db.session.begin_nested():
                _do(one, wanted, form, reason)
        except Malformed as error:
            form.blame(error, FIELDS, "firm" if wanted is Act.FIRM else "on")
        except (Conflict, NotFound) as error:
            form.errors["form"] = said(error)
            frame.say_now(form.errors["form"])
        else:
            db.session.commit()
            frame.say(_("Recorded."))
            return redirect(_after(person_id), 303)
    return _page(person_id, form, membership_id, wanted)


def _do(one: Employment, act: Act, form: Form, reason: Reason) -> None:
    session, now, by = db.session(), utcnow(), require_caller().person_id
    membership_id = one.membership.id
    if act is Act.FIRM:
        employments.note_firm(session, membership_id, form["firm"], by=by, at=now)
        return
    on = form.day("on")
    assert on is not None  # asked for before
    match act:
        case Act.MOVED:
            unit_id = form.id("unit")
            if unit_id is None:
                raise Malformed("Please choose a unit.", code="unit")
            require_in(unit_id, *CLERK.roles)
            category = form["category"] or None
            if category is not None and category not in dict(_categories(one)):
                raise Malformed("This page is out of date. Load it again and repeat.")
            employments.move(
                session,
                membership_id,
                unit_id=unit_id,
                post=form["post"],
                category=category,
                from_on=on,
                reason=reason,
                by=by,
                at=now,
            )
        case Act.AWAY:
            employments.go_away(session, membership_id, on, reason=reason, by=by, at=now)
        case Act.BACK:
            employments.come_back(session, membership_id, on, by=by, at=now)
        case _:
            employments.end(session, membership_id, on, reason=reason, by=by, at=now)


def _after(person_id: UUID) -> str:
    """Back to the person, unless they stand now where the caller does not reach."""
    tops = granted_in(require_caller(), *PEOPLE_READER.roles)
    if employments.reached(db.session(), person_id, tops, on=local_day(utcnow())):
        return url_for("elearn.pages.member", person_id=person_id)
    return url_for("elearn.pages.people_list")


def _page(person_id: UUID, form: Form, failed: UUID | None, act: Act | None) -> ResponseReturnValue:
    """`form` belongs to one act on one of the employments; the others are empty."""
    session, caller, today = db.session(), require_caller(), local_day(utcnow())
    frame.here(url_for("elearn.pages.member", person_id=person_id))
    found = employments.reached(session, person_id, granted_in(caller, *PEOPLE_READER.roles), on=today)
    if not found:
        raise NotFound("There is no such person.")
    ids = [one.membership.id for one in found]
    stood, away = employments.history(session, ids)
    done: dict[UUID, list[acts.EmploymentAct]] = {one: [] for one in ids}
    for each in acts.of(session, ids):
        done[each.membership_id].append(each)
    kept = {one.membership.id for one in employments.reached(session, person_id, _keeping(), on=today)}
    known = _categories(found[0])
    place = _within_reach(found[0])
    places = {place.unit_id for several in stood.values() for place in several}
    employers = {one.membership.id: one.employer.id for one in found}
    page = render_template(
        "elearn/member.html",
        person=persons.person_facts(session, person_id, members.keys()),
        employments=found,
        organisation_id=place,
        identity=employment_texts.identity_text(verifying.newest(session, [person_id]).get(person_id)),
        stood=stood,
        away=away,
        done=done,
        keeps=[one for one in ids if one in kept],
        present=[one.membership.id for one in found if one.holds_on(today)],
        line=members.member(session, place, person_id, caller, on=today),
        ways=employment_texts.ways(session, places, set(employers.values())),
        units={
            one.membership.id: employment_texts.units(session, one.employer.id, _keeping())
            for one in found
            if one.membership.id in kept and one.holds_on(today)
        },
        categories=known,
        form=form,
        empty=Form(),
        failed=failed,
        act=act.value if act else None,
        kinds=people.employment_kinds(),
        texts=employment_texts,
        reasons={one.value: employment_texts.reasons(one) for one in DONE_BY_CLERKS},
        today=today.isoformat(),
    )
    return page, 422 if form.errors else 200


def _within_reach(one: Employment) -> UUID:
    """The employer, or for a clerk of a part of it the unit where the member stands."""
    if holds_in(require_caller(), one.employer.id, *PEOPLE_READER.roles) or one.placement is None:
        return one.employer.id
    return one.placement.unit_id


def _keeping() -> frozenset[UUID]:
    return granted_in(require_caller(), *CLERK.roles)


def _categories(one: Employment) -> list[tuple[str, str]]:
    return employment_texts.categories(db.session(), one.employer.region, local_day(utcnow()))
