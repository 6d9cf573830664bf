"""An operator's view of one exam system: what it was sent, what it did not take, whether it holds what it should.

Dead letters are sent again here. An auditor looks and changes nothing. No names or numbers of people stand here: a
record is named by its id.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.exam_system import deliveries, push_targets, reconciling, rerouting, standing
from elearn.credit_export.exam_system.models import PushTarget
from elearn.credit_export.exam_system.push_rules import Takes
from elearn.credit_export.exam_system.receivers import all_receivers
from elearn.credit_export.lifecycle import State
from elearn.credit_export.models import Receiver
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import eligibility_texts, forms, frame
from elearn.pages.forms import Form
from elearn.people.callers import require_caller
from elearn.people.models import Role
from elearn.people.permissions import AUDITOR, OPERATOR
from elearn.runtime import runtime

LONGEST_LIST_BYTES = 20_000_000
SHOWN = 100
"""Lines of a list on a page; the command prints all."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/receivers/<client_id>", "receiver", receiver_page)
    bp.add_url_rule("/receivers/<client_id>/push", "set_push", set_push, methods=["POST"])
    bp.add_url_rule("/receivers/<client_id>/push/state", "change_push", change_push, methods=["POST"])
    bp.add_url_rule("/receivers/<client_id>/push/again", "push_again", push_again, methods=["POST"])
    bp.add_url_rule("/receivers/<client_id>/reconcile", "reconcile_receiver", reconcile, methods=["POST"])
    bp.add_url_rule(
        "/receivers/<client_id>/records/<uuid:record_id>", "receiver_record", record_page, methods=["GET", "POST"]
    )


def state_texts() -> dict[str, str]:
    """The states of a delivery in words."""
    return {
        "queued": _("Waits to be sent"),
        "sent": _("Sent"),
        "failed": _("Failed, is tried again"),
        "dead": _("Given up"),
        "acknowledged": _("Arrived"),
        "accepted": _("Accepted"),
        "rejected": _("Rejected"),
        "withdrawal_queued": _("Withdrawal waits"),
        "withdrawal_sent": _("Withdrawal sent"),
        "withdrawal_failed": _("Withdrawal failed, is tried again"),
        "withdrawal_dead": _("Withdrawal given up"),
        "withdrawn": _("Withdrawn"),
        "rerouted": _("Given to another"),
    }


def finding_texts() -> dict[str, str]:
    return {
        "missing_there": _("The exam system does not have it."),
        "unknown_here": _("We do not know this record."),
        "other_version": _("The versions differ."),
        "still_held": _("It no longer holds here; the exam system still relies on it."),
        "not_held": _("It is granted here; the exam system takes it for ended."),
        "receipt_missing": _("It was decided there; no receipt came."),
        "receipt_differs": _("The decision there is another than in the receipt."),
        "receipt_unknown_there": _("We have a receipt; the exam system says it has not decided."),
    }


def in_words(told: str) -> str:
    """What a side of a difference says: states, with commas between."""
    texts = state_texts() | {state.value: eligibility_texts.state_text(state) for state in State}
    texts |= {"not told": _("not told")}
    return ", ".join(texts.get(part, part) for part in told.split(", "))


def way_texts() -> dict[str, str]:
    return {
        "push": _("Push"),
        "pull": _("Pull"),
        "package": _("Package"),
        "paper": _("Paper"),
        "operator": _("By hand"),
    }


def _may_change() -> bool:
    return Role.OPERATOR in require_caller().roles


def _receiver(client_id: str) -> Receiver:
    """Also one that was revoked: what it was sent stays on record. Raises NotFound."""
    for one in all_receivers(db.session()):
        if one.client_id == client_id:
            return one
    raise NotFound("There is no such receiver.")


def _page(receiver: Receiver, form: Form, *, report: reconciling.Report | None = None) -> str:
    session = db.session()
    target = session.get(PushTarget, receiver.id)
    return render_template(
        "elearn/receiver.html",
        receiver=receiver,
        target=target,
        standing=push_targets.standings(session).get(receiver.id),
        dead=push_targets.messages(session, receiver.id, "dead", limit=SHOWN),
        counts=sorted(deliveries.counts(session, receiver.id).items()),
        states=state_texts(),
        findings=finding_texts(),
        in_words=in_words,
        takes=[(Takes.GRANTED.value, _("Admissions and what changes them")), (Takes.EVERYTHING.value, _("Every step"))],
        form=form,
        report=report,
        most=SHOWN,
        may_change=_may_change() and receiver.revoked_at is None,
    )


@web.allow(OPERATOR, AUDITOR)
def receiver_page(client_id: str) -> ResponseReturnValue:
    """How all that went to one exam system stands."""
    return _page(_receiver(client_id), Form())


@web.allow(OPERATOR)
def set_push(client_id: str) -> ResponseReturnValue:
    """Say where it is pushed to; a new secret is shown once."""
    receiver, form = _receiver(client_id), Form.sent()
    form.need("url")
    if form["takes"] not in {one.value for one in Takes}:
        form.errors["takes"] = _("Please choose")
    secret = None
    if not form.errors:
        if not forms.is_first():
            return redirect(url_for("elearn.pages.receiver", client_id=client_id), 303)
        try:
            secret = push_targets.set_target(
                db.session(),
                client_id,
                url=form["url"].strip(),
                sealing_key=runtime().settings.sealing_key,
                at=utcnow(),
                takes=Takes(form["takes"]),
                private=bool(form["private"]),
            )
        except Malformed as error:
            forms.undo_first()
            form.errors["url"] = forms.said(error)
    if form.errors:
        return _page(receiver, form), 422
    db.session.commit()
    if secret is None:
        frame.say(_("Saved. It is tried at once."))
        return redirect(url_for("elearn.pages.receiver", client_id=client_id), 303)
    frame.here(url_for("elearn.pages.receiver", client_id=client_id))
    page = render_template("elearn/receiver_push_secret.html", receiver=receiver, secret=secret)
    return page, 200, {"Cache-Control": "no-store"}


@web.allow(OPERATOR)
def change_push(client_id: str) -> ResponseReturnValue:
    """Pause or resume."""
    target = push_targets.named(db.session(), client_id)
    if Form.sent()["state"] == "paused":
        push_targets.pause(target)
        frame.say(_("Nothing is sent until it is resumed. Nothing is lost meanwhile."))
    else:
        push_targets.resume(target, at=utcnow())
        frame.say(_("It is sent to again, from where it stood."))
    db.session.commit()
    forms.is_first()
    return redirect(url_for("elearn.pages.receiver", client_id=client_id), 303)


@web.allow(OPERATOR)
def push_again(client_id: str) -> ResponseReturnValue:
    """Send dead letters, or one, again."""
    target = push_targets.named(db.session(), client_id)
    if forms.is_first():
        count = push_targets.resend(db.session(), target.receiver_id, Form.sent().id("message"), at=utcnow())
        db.session.commit()
        frame.say(_("To be sent again: %(count)s", count=count))
    return redirect(url_for("elearn.pages.receiver", client_id=client_id), 303)


@web.takes_up_to(lambda: LONGEST_LIST_BYTES)
@web.allow(OPERATOR)
def reconcile(client_id: str) -> ResponseReturnValue:
    """Compare the exam system's own list with ours; nothing is kept of it."""
    receiver, form = _receiver(client_id), Form()
    sent = request.files.get("list")
    try:
        text = sent.read().decode("utf-8-sig") if sent else ""
        theirs = reconciling.read_list(text)
    except (reconciling.ListRefused, UnicodeDecodeError):
        form.errors["list"] = _("Choose the file that the exam system has made: JSON, records by their id.")
        return _page(receiver, form), 422
    ours = standing.of_receiver(db.session(), receiver.id)
    return _page(receiver, form, report=reconciling.Report(len(ours), len(theirs), reconciling.compare(ours, theirs)))


@web.allow(OPERATOR, AUDITOR)
def record_page(client_id: str, record_id: UUID) -> ResponseReturnValue:
    """All that happened to one record on its way to one exam system; from here an operator gives it to another one.

    An auditor only reads (`people.permissions`).
    """
    session, receiver, form = db.session(), _receiver(client_id), Form.sent()
    if request.method == "POST":
        if not forms.is_first():
            return redirect(request.path, 303)
        try:
            rerouting.reroute(session, record_id, away_from=client_id, to=form["to"], at=utcnow())
        except (NotFound, Conflict) as error:
            session.rollback()
            forms.undo_first()
            form.errors["to"] = forms.said(error)
        else:
            session.commit()
            frame.say(_("It goes to the other exam system; this one is sent a notice if it may have it."))
            return redirect(request.path, 303)
    events = deliveries.history(session, receiver.id, record_id)
    if not events and not form.errors:
        raise NotFound("There is no such record.")
    page = render_template(
        "elearn/receiver_record.html",
        receiver=receiver,
        record_id=record_id,
        events=events,
        states=state_texts(),
        ways=way_texts(),
        others=[
            (one.client_id, one.name)
            for one in all_receivers(session)
            if one.revoked_at is None and one.id != receiver.id
        ],
        form=form,
        may_change=_may_change() and receiver.revoked_at is None,
    )
    return page, 422 if form.errors else 200
