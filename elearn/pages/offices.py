"""Who holds which role in an organisation, given and taken on a page; links that let in new staff; the history."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, switcher
from elearn.pages.forms import Form
from elearn.pages.organisation_texts import event_text, role_hints, role_names, state_names
from elearn.pages.organisations import readable, sees
from elearn.people import registry
from elearn.people.callers import caller_of, require_caller
from elearn.people.models import Organisation, Role
from elearn.people.offices import granting, invitations, rules
from elearn.people.permissions import ORGANISATION_READER, Holding
from elearn.runtime import runtime

GIVERS = Holding("giver of roles", frozenset(rules.GIVES))
"""Who may give any role at all; `rules.py` says which and where."""
PAGE = 50


def install(bp: Blueprint) -> None:
    one = "/organisations/<uuid:organisation_id>"
    bp.add_url_rule(f"{one}/roles", "organisation_roles", organisation_roles)
    bp.add_url_rule(f"{one}/roles/give", "give_role", give_role, methods=["POST"])
    bp.add_url_rule(f"{one}/roles/<uuid:grant_id>/take", "take_role", take_role, methods=["POST"])
    bp.add_url_rule(f"{one}/invite", "invite", invite, methods=["GET", "POST"])
    bp.add_url_rule(
        f"{one}/invitations/<uuid:invitation_id>/withdraw", "withdraw_invitation", withdraw, methods=["POST"]
    )
    bp.add_url_rule(f"{one}/history", "organisation_history", history)


@web.allow(ORGANISATION_READER)
def organisation_roles(organisation_id: UUID) -> ResponseReturnValue:
    """Who holds which role there and below, and the links that are open."""
    about, caller, session, now = readable(organisation_id), require_caller(), db.session(), utcnow()
    switcher.on_page(about.id)
    search = request.args.get("search", "").replace("\0", "")[:100].strip()
    held = granting.holders(session, about.id)
    places = {one: granting.place_of(session, one) for one in {line.organisation_id for line in held} | {about.id}}
    may_give = rules.givable(caller.grants, places[about.id])
    return render_template(
        "elearn/organisation_roles.html",
        organisation=about,
        holders=[
            (one, rules.why_not_take(caller.grants, one.role, places[one.organisation_id], others=1) is None)
            for one in held
        ],
        most=granting.MOST_HOLDERS,
        me=caller.id,
        roles=role_names(),
        hints=role_hints(),
        may_give=[(role.value, role_names()[role.value]) for role in may_give],
        search=search,
        candidates=granting.candidates(session, caller, about.id, search, on=registry.local_day(now)),
        invitations=[
            (one, one.state is invitations.State.OPEN and one.role in may_give)
            for one in (invitations.listed(session, about.id, at=now) if may_give else [])
        ],
        states=state_names(),
    )  # fmt: skip


@web.allow(GIVERS)
def give_role(organisation_id: UUID) -> ResponseReturnValue:
    """To somebody whom the caller sees there."""
    about, now = readable(organisation_id), utcnow()
    form = Form.sent()
    role, account_id = form.word("role", Role), form.id("account")
    if role is None or account_id is None:
        raise Malformed("This page is out of date. Load it again and repeat.")
    try:
        with db.session.begin_nested():
            granting.give(
                db.session(), require_caller(), account_id, role, about.id, on=registry.local_day(now), at=now
            )
    except Conflict as error:
        frame.say(forms.said(error), "bad")
    else:
        db.session.commit()
        frame.say(_("The role holds from now on."))
    return _to_roles(about)


@web.allow(GIVERS)
def take_role(organisation_id: UUID, grant_id: UUID) -> ResponseReturnValue:
    """From somebody who holds it there or below."""
    about = readable(organisation_id)
    try:
        with db.session.begin_nested():
            granting.take(db.session(), require_caller(), grant_id, about.id, at=utcnow())
    except (Conflict, Forbidden) as error:
        frame.say(forms.said(error), "bad")
    else:
        db.session.commit()
        frame.say(_("The role is withdrawn."))
    # Whoever gave up their own last role here sees nothing of it any more; this request's caller was read before.
    present = caller_of(db.session(), require_caller().id)
    if present is None or not sees(present, about.id):
        return redirect(url_for("elearn.pages.home"), 303)
    return _to_roles(about)


@web.allow(GIVERS)
def invite(organisation_id: UUID) -> ResponseReturnValue:
    """Make a link; it is shown in this answer and never again."""
    about, caller, session, now = readable(organisation_id), require_caller(), db.session(), utcnow()
    may_give = rules.givable(caller.grants, granting.place_of(session, about.id))
    if not may_give:
        raise NotFound("There is nothing at this address.")
    switcher.on_page(about.id)
    form = Form.sent() if request.method == "POST" else Form({"days": str(invitations.USUAL_DAYS)})
    if request.method == "POST":
        form.need("for_whom")
        role, days = form.word("role", Role), form["days"]
        if role is None or days not in {str(one) for one in invitations.DAYS}:
            raise Malformed("This page is out of date. Load it again and repeat.")
        if not form.errors:
            if not forms.is_first():
                frame.say(_("That was done already. A link is shown once; if it is lost, make another."), "info")
                return _to_roles(about)
            try:
                with session.begin_nested():
                    made, token = invitations.invite(
                        session, caller, about.id, role, for_whom=form["for_whom"], days=int(days), at=now
                    )
            except (Malformed, Conflict) as error:
                forms.undo_first()
                form.blame(error, {}, "for_whom")
            else:
                session.commit()
                frame.here(url_for("elearn.pages.organisation_roles", organisation_id=about.id))
                page = render_template(
                    "elearn/invitation_link.html",
                    organisation=about,
                    invitation=made,
                    role=role_names()[made.role.value],
                    address=runtime().settings.public_url + url_for("elearn.pages.invited", token=token),
                )
                return page, 200, {"Cache-Control": "no-store"}
    names, hints = role_names(), role_hints()
    page = render_template(
        "elearn/organisation_invite.html",
        form=form,
        organisation=about,
        roles=[(one.value, names[one.value], hints[one.value]) for one in may_give],
        days=[(str(one), _("%(days)s days", days=one) if one > 1 else _("1 day")) for one in invitations.DAYS],
        most=invitations.MOST_WORDS,
    )
    return page, 422 if form.errors else 200


@web.allow(GIVERS)
def withdraw(organisation_id: UUID, invitation_id: UUID) -> ResponseReturnValue:
    """The link opens nothing any more."""
    about = readable(organisation_id)
    try:
        with db.session.begin_nested():
            invitations.withdraw(db.session(), require_caller(), invitation_id, about.id, at=utcnow())
    except (Conflict, Forbidden) as error:
        frame.say(forms.said(error), "bad")
    else:
        db.session.commit()
        frame.say(_("The invitation is withdrawn."))
    return _to_roles(about)


@web.allow(ORGANISATION_READER)
def history(organisation_id: UUID) -> ResponseReturnValue:
    """Who did what here and below, newest first."""
    about, page = readable(organisation_id), frame.page_number()
    switcher.on_page(about.id)
    found = granting.history(db.session(), about.id, most=PAGE + 1, offset=(page - 1) * PAGE)
    return render_template(
        "elearn/organisation_history.html",
        organisation=about,
        events=[(one, event_text(one)) for one in found[:PAGE]],
        page=page,
        pages=page + (len(found) > PAGE),
        page_url=lambda number: url_for("elearn.pages.organisation_history", organisation_id=about.id, page=number),
    )


def _to_roles(about: Organisation) -> ResponseReturnValue:
    return redirect(url_for("elearn.pages.organisation_roles", organisation_id=about.id), 303)
