"""A person's own page: who they are here, for whom they work, where they are signed in, how pages are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from elearn import web
from elearn.clock import from_ms, utcnow
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import display, frame, members, people
from elearn.people import browser_sessions, devices, persons
from elearn.people.callers import current_person_id, require_caller
from elearn.people.dated import holds_on
from elearn.people.models import Device, Membership, Organisation, Placement
from elearn.people.permissions import LEARNER, SIGNED_IN
from elearn.people.registry import local_day
from elearn.tracking.models import Sitting
from elearn.tracking.signals.models import SittingClient


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/me", "me", me)
    bp.add_url_rule("/me/sign-ins/<uuid:sign_in_id>/end", "end_sign_in", end_sign_in, methods=["POST"])
    bp.add_url_rule("/me/sign-ins/end-others", "end_other_sign_ins", end_other_sign_ins, methods=["POST"])
    bp.add_url_rule("/me/devices/<thumbprint>/revoke", "revoke_device", revoke_device, methods=["POST"])


@dataclass(frozen=True, slots=True)
class Employment:
    """A live membership as its person sees it."""

    organisation: str
    kind: str
    post: str
    since: date


@dataclass(frozen=True, slots=True)
class StudyDevice:
    """A browser that studied: the key that signs its reports."""

    thumbprint: str
    name: str
    """What its browser said of itself at the last lesson; that is forgotten after a while."""
    added_at: datetime
    studied_at: datetime | None


@web.allow(SIGNED_IN)
def me() -> ResponseReturnValue:
    """Everything about the person who is signed in, and the way to what has a page of its own."""
    session, caller, now = db.session(), require_caller(), utcnow()
    return render_template(
        "elearn/me.html",
        person=persons.person_facts(session, caller.person_id, members.keys()),
        employments=_employments(session, caller.person_id, local_day(now)),
        sign_ins=browser_sessions.live(session, caller.id, at=now) if caller.browser_session_id else (),
        this_sign_in=caller.browser_session_id,
        devices=_devices(session, caller.person_id),
        text_sizes=_text_sizes(),
        themes={"auto": _("As the device"), "sun": _("Sunlight")},
        data_modes={"normal": _("Normal"), "low": _("Save data")},
        learns=frame.is_pure_learner(caller),
    )


def _text_sizes() -> dict[str, str]:
    return dict(zip(display.TEXT_SIZES, (_("Normal"), _("Large"), _("Very large")), strict=True))


def _employments(session: Session, person_id: UUID, on: date) -> list[Employment]:
    """For whom the person works or studies on this day, with the post that is held then. One query."""
    rows = session.execute(
        sa.select(Organisation.name, Membership.kind, Membership.from_on, Placement.post)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .outerjoin(
            Placement,
            (Placement.membership_id == Membership.id) & holds_on(Placement, on),
        )
        .where(Membership.person_id == person_id, holds_on(Membership, on))
        .order_by(Membership.from_on, Membership.id)
    )
    kinds = people.employment_kinds()
    return [
        Employment(row.name, kinds.get(row.kind.value, row.kind.value), row.post or "", row.from_on) for row in rows
    ]


def _devices(session: Session, person_id: UUID) -> Sequence[StudyDevice]:
    """Live keys, the last used first. One query."""
    last = (
        sa.select(sa.func.max(Sitting.opened_ms))
        .where(Sitting.learner_id == person_id, Sitting.device == Device.thumbprint)
        .correlate(Device)
        .scalar_subquery()
    )
    said = (
        sa.select(SittingClient.user_agent)
        .where(SittingClient.learner_id == person_id, SittingClient.device == Device.thumbprint)
        .order_by(SittingClient.opened_ms.desc())
        .limit(1)
        .correlate(Device)
        .scalar_subquery()
    )
    rows = session.execute(
        sa.select(Device.thumbprint, Device.enrolled_at, last.label("opened_ms"), said.label("said"))
        .where(Device.person_id == person_id, Device.revoked_at.is_(None))
        .order_by(sa.desc("opened_ms").nulls_last(), Device.enrolled_at.desc())
    )
    return [
        StudyDevice(
            row.thumbprint,
            device_name(row.said or ""),
            row.enrolled_at,
            None if row.opened_ms is None else from_ms(row.opened_ms),
        )
        for row in rows
    ]


SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("OpenHarmony", "HarmonyOS"), ("HarmonyOS", "HarmonyOS"),
           ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "Mac"), ("Linux", "Linux"))  # fmt: skip
APPS = (("MicroMessenger", "WeChat"), ("DingTalk", "DingTalk"), ("MQQBrowser", "QQ"), ("UCBrowser", "UC"),
        ("HuaweiBrowser", "Huawei"), ("MiuiBrowser", "Xiaomi"), ("Edg", "Edge"), ("Firefox", "Firefox"),
        ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip


def device_name(user_agent: str) -> str:
    """`Android, WeChat`: enough to know one's own phone again. Empty when nothing is known of it."""
    found = (next((name for mark, name in marks if mark in user_agent), "") for marks in (SYSTEMS, APPS))
    return ", ".join(filter(None, found))


@web.allow(SIGNED_IN)
def end_sign_in(sign_in_id: UUID) -> ResponseReturnValue:
    """Sign another browser out. This one is signed out by its own button, which also clears it."""
    caller = require_caller()
    if sign_in_id == caller.browser_session_id:
        raise NotFound("There is no such sign-in.")
    browser_sessions.end(db.session(), caller.id, sign_in_id, at=utcnow())
    db.session.commit()
    frame.say(_("That browser is signed out."))
    return _back()


@web.allow(SIGNED_IN)
def end_other_sign_ins() -> ResponseReturnValue:
    """Sign out everywhere else."""
    caller = require_caller()
    if caller.browser_session_id is None:
        raise NotFound("There is no such sign-in.")  # the host application signs people in
    browser_sessions.end_others(db.session(), caller.id, caller.browser_session_id, at=utcnow())
    db.session.commit()
    frame.say(_("All other browsers are signed out."))
    return _back()


@web.allow(LEARNER)
def revoke_device(thumbprint: str) -> ResponseReturnValue:
    """A lost phone's key signs nothing any more, and what it downloaded is renewed no more."""
    devices.revoke(db.session(), current_person_id(), thumbprint, at=utcnow())
    db.session.commit()
    frame.say(_("That device can send no study time any more."))
    return _back()


def _back() -> ResponseReturnValue:
    return redirect(url_for("elearn.pages.me", _anchor="devices"), 303)
