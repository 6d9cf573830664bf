"""Reminders by text message of an employer: how many went out, which failed and why; send the failed ones again."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.locale import gettext as _
from elearn.pages import forms, frame, training_texts
from elearn.pages.certificates import KEEPS, READS, employer_of
from elearn.people import permissions, tree
from elearn.people.callers import require_caller
from elearn.people.models import Account, Membership, Organisation
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.training.telling import sending
from elearn.training.telling.sending import State

SINCE = timedelta(days=30)


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/training/reminders", "reminder_list", reminder_list)
    bp.add_url_rule("/training/reminders", "reminders_again", reminders_again, methods=["POST"])


@web.allow(ENTERPRISE)
def reminder_list() -> ResponseReturnValue:
    """The last 30 days: sent, waiting, failed; who has no number to be reminded by."""
    node, nodes = frame.own_organisations(*READS)
    session, letters = db.session(), _letters(node)
    return render_template(
        "elearn/reminders.html",
        node=node,
        nodes=nodes,
        sends=runtime().settings.remind_by_sms,
        counts=sending.counts(session, letters),
        failed=sending.failed(session, letters),
        silent=_without_phone(node),
        may_keep=permissions.holds_in(require_caller(), node.id, *KEEPS),
        state_text=state_text,
        why_text=why_text,
        State=State,
        texts=training_texts,
    )


@web.allow(ENTERPRISE_STAFF)
def reminders_again() -> ResponseReturnValue:
    """Try the failed ones again."""
    node, _nodes = frame.own_organisations(*KEEPS)
    back = redirect(url_for("elearn.pages.reminder_list", organisation=node.id), 303)
    if forms.is_first():
        count = sending.again(db.session(), _letters(node), at=utcnow())
        db.session.commit()
        frame.say(_("%(count)s go out again.", count=count))
    return back


def state_text(state: State) -> str:
    return {State.DONE: _("sent"), State.WAITING: _("waiting"), State.DEAD: _("failed")}[state]


def why_text(why: str) -> str:
    """Why a letter did not go out."""
    return {
        sending.REFUSED: _("The gateway takes no message for this number."),
        sending.AWAY: _("The gateway could not be reached."),
        sending.NO_ADDRESS: _("No number is on record any more."),
    }.get(why, why)


def _letters(node: Organisation) -> sa.ColumnElement[bool]:
    now = utcnow()
    return sending.letters_to(employer_of(node).id, node.id, on=local_day(now), since=now - SINCE)


def _without_phone(node: Organisation) -> int:
    """How many who stand there today have no telephone number on record."""
    placed = tree.placed_in(node.id, on=local_day(utcnow()))
    reached = sa.exists().where(
        Account.person_id == Membership.person_id, Account.phone_sealed.is_not(None), Account.closed_at.is_(None)
    )
    query = sa.select(sa.func.count(Membership.person_id.distinct())).where(Membership.id.in_(placed), ~reached)
    return db.session().scalar(query) or 0
