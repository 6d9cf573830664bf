"""Slips for the first sign-in of a unit's people: one-time passwords, a page at a time, to be cut and handed over.

Twenty thousand of them made when a roster is taken in would cost half an hour, and most would have run out before
anybody got theirs; so they are made when they are printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members
from elearn.people import signin, tree
from elearn.people.callers import Caller, require_caller
from elearn.people.dated import holds_on
from elearn.people.identity import Sealer, mask_phone
from elearn.people.models import Account, Membership, Organisation, PasswordReset, Person, Placement, Role, RoleGrant
from elearn.people.permissions import ENTERPRISE_STAFF, organisation_to_reset_in
from elearn.people.registry import local_day
from elearn.people.roster.models import StaffNumber
from elearn.runtime import runtime

AT_ONCE = 40
"""Slips of one answer: each password is hashed at a price, and a sheet of paper holds ten."""


@dataclass(frozen=True, slots=True)
class Slip:
    name: str
    sign_in_name: str
    """An account name, or the end of a phone number: its holder knows the rest."""
    unit: str
    staff_number: str
    one_time: str


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/people/slips", "first_sign_in", first_sign_in, methods=["GET", "POST"])


@web.allow(ENTERPRISE_STAFF)
def first_sign_in() -> ResponseReturnValue:
    """How many of a unit have never signed in; print slips for the next of them."""
    unit, all_own = frame.own_organisations(*ENTERPRISE_STAFF.roles)
    session, caller, now = db.session(), require_caller(), utcnow()
    slips: list[Slip] = []
    if request.method == "POST":
        if not forms.is_first():
            done = _("That was done already. A one-time password is shown once; if it is lost, issue another.")
            frame.say(done, "info")
            return redirect(url_for("elearn.pages.first_sign_in", organisation=unit.id), 303)
        slips = _issue(session, unit, caller, now)
        session.commit()
        frame.here(url_for("elearn.pages.first_sign_in", organisation=unit.id))
    waiting = session.scalars(sa.select(sa.func.count()).select_from(_waiting(unit, caller, now).subquery())).one()
    page = render_template(
        "elearn/first_sign_in.html",
        organisation=unit,
        organisations=all_own,
        slips=slips,
        waiting=waiting,
        at_once=AT_ONCE,
        address=runtime().settings.public_url + url_for("elearn.pages.sign_in"),
        until=now + signin.RESET_LIFE,
    )
    return page, 200, {"Cache-Control": "no-store"}


def _waiting(
    unit: Organisation, caller: Caller, now: datetime
) -> sa.Select[UUID, str, bytes | None, Account, str, str]:
    """Of whom `signin.issue_reset` lets the caller: learners of the unit whom their employer brought and who have
    neither a password nor a one-time password that still holds.
    """
    above = frozenset(one.id for one in tree.above(db.session(), unit.id))
    may = organisation_to_reset_in(caller, frozenset({Role.LEARNER}), above) is not None
    live = sa.exists().where(
        PasswordReset.account_id == Account.id,
        PasswordReset.used_at.is_(None),
        PasswordReset.withdrawn_at.is_(None),
        PasswordReset.expires_at > now,
    )
    more = sa.exists().where(
        RoleGrant.account_id == Account.id, RoleGrant.revoked_at.is_(None), RoleGrant.role != Role.LEARNER
    )
    return (
        sa.select(Person.id, Person.name, Person.data_key, Account, Organisation.name, StaffNumber.number)
        .join(Account, Account.person_id == Person.id)
        .join(Membership, Membership.person_id == Person.id)
        .join(Placement, Placement.membership_id == Membership.id)
        .join(Organisation, Organisation.id == Placement.unit_id)
        .outerjoin(
            StaffNumber,
            (StaffNumber.person_id == Person.id) & (StaffNumber.organisation_id == Membership.organisation_id),
        )
        .where(
            sa.literal(may),
            Membership.id.in_(tree.placed_in(unit.id, on=local_day(now))),
            Membership.created_at <= Account.created_at,
            holds_on(Placement, local_day(now)),
            Person.data_key.is_not(None),
            Account.password_hash.is_(None),
            Account.closed_at.is_(None),
            ~live,
            ~more,
        )
        .order_by(Organisation.name, Person.name, Person.id)
    )


def _issue(session: Session, unit: Organisation, caller: Caller, now: datetime) -> list[Slip]:
    sealer, slips = Sealer(members.keys().sealing), []
    for person_id, name, data_key, account, of_unit, number in session.execute(
        _waiting(unit, caller, now).limit(AT_ONCE)
    ).all():
        sign_in_name = account.name
        if sign_in_name is None:
            assert account.phone_sealed is not None  # an account has a name or a number
            sign_in_name = mask_phone(sealer.open(data_key, person_id, "phone", account.phone_sealed))
        one_time = signin.issue_reset(session, caller, account.id, at=now)
        slips.append(Slip(name, sign_in_name, of_unit, number or "", one_time))
    return slips
