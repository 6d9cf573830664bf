"""Packages for an exam system, and its receipt files: an operator makes and takes them, an auditor sees that it was."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.exam_system import packages, profiles, receipt_files, receivers
from elearn.credit_export.exam_system.answers import outlines_of
from elearn.credit_export.exam_system.desks import desk_for, signer
from elearn.credit_export.exam_system.packages import Scope
from elearn.credit_export.exam_system.receipt_files import LARGEST_FILE_BYTES, Verdict
from elearn.credit_export.models import Receiver
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members
from elearn.pages.forms import Form
from elearn.people.callers import require_caller
from elearn.people.models import Role
from elearn.people.permissions import AUDITOR, OPERATOR

LINES_SHOWN = 500


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/receivers/<client_id>/packages", "packages", packages_of, methods=["GET"])
    bp.add_url_rule("/receivers/<client_id>/packages", "make_package", make_package, methods=["POST"])
    bp.add_url_rule("/receivers/<client_id>/receipt-files", "take_receipt_file", take_receipt_file, methods=["POST"])


@web.allow(OPERATOR, AUDITOR)
def packages_of(client_id: str) -> ResponseReturnValue:
    """What was sent to an exam system as packages; make one, read a receipt file."""
    return _page(receivers.get_receiver(db.session(), client_id))


def _page(receiver: Receiver, *, form: Form | None = None, receipt: Form | None = None, **more: Any) -> str:
    session = db.session()
    frame.here(url_for("elearn.pages.packages", client_id=receiver.client_id))
    return render_template(
        "elearn/packages.html",
        receiver=receiver,
        outlines=sorted(outlines_of(session, receiver.id)),
        profile=profiles.profile_of(session, receiver.id),
        made=packages.made_packages(session, receiver.id),
        form=form or Form(),
        receipt=receipt or Form(),
        key_id=signer().kid,
        may_change=Role.OPERATOR in require_caller().roles,
        **more,
    )


@web.allow(OPERATOR)
def make_package(client_id: str) -> ResponseReturnValue:
    """Make a package and send it as the answer: it is kept nowhere, only that it was made."""
    session, form = db.session(), Form.sent()
    receiver = receivers.get_receiver(session, client_id)
    outlines = outlines_of(session, receiver.id)
    since, class_id = form.day("since"), None
    if form["class_no"].strip():
        try:
            class_id = packages.class_named(session, outlines, form["class_no"].strip())
        except NotFound as error:
            form.errors["class_no"] = forms.said(error)
    if form.errors:
        return _page(receiver, form=form), 422
    scope = Scope(since=since, class_id=class_id, everyone=form["everyone"] == "yes")
    desk = desk_for(session, receiver)
    out = io.BytesIO()
    made = packages.make(session, desk, scope, out, by=f"person {require_caller().person_id}")
    if made.rows == 0:
        session.rollback()
        form.errors["since"] = _("Nobody is in this package: nobody was admitted in that time or class.")
        return _page(receiver, form=form), 422
    session.commit()
    response = Response(out.getvalue(), content_type="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=f"package-{made.id}.zip")
    response.headers["Cache-Control"] = "no-store"
    return response


@web.takes_up_to(lambda: LARGEST_FILE_BYTES + 100_000)
@web.allow(OPERATOR)
def take_receipt_file(client_id: str) -> ResponseReturnValue:
    """Read a receipt file back and show what became of each row. The same file again changes nothing."""
    session, form, sent = db.session(), Form(), request.files.get("file")
    receiver = receivers.get_receiver(session, client_id)
    content = sent.read() if sent else b""
    if not content:
        form.errors["file"] = _("Choose a file.")
        return _page(receiver, receipt=form), 422
    profile = profiles.profile_of(session, receiver.id)
    try:
        report = receipt_files.take(session, receiver.id, content, profile, members.keys(), at=utcnow())
    except Malformed as error:
        session.rollback()
        form.errors["file"] = forms.said(error)
        return _page(receiver, receipt=form), 422
    session.commit()
    named = [line for line in report.lines if line.verdict not in receipt_files.GOOD]
    others = [line for line in report.lines if line.verdict in receipt_files.GOOD]
    return render_template(
        "elearn/receipt_report.html",
        receiver=receiver,
        file_name=(sent.filename or "") if sent else "",
        counts={verdict: report.counts[verdict] for verdict in Verdict if report.counts[verdict]},
        lines=[*named, *others][:LINES_SHOWN],
        left_out=max(0, len(report.lines) - LINES_SHOWN),
        whole=report.whole,
        texts=verdict_texts(),
        good=receipt_files.GOOD,
    )


def verdict_texts() -> dict[Verdict, tuple[str, str]]:
    """What a row became, and what to do about it."""
    return {
        Verdict.TAKEN: (_("taken"), ""),
        Verdict.SAME: (_("known already"), ""),
        Verdict.BLANK: (_("nothing filled in"), ""),
        Verdict.UNKNOWN: (_("unknown record"), _("No record of this exam system has this number.")),
        Verdict.EDITED: (_("edited"), _("What we wrote was changed. Ask for the row as it was.")),
        Verdict.NO_RESULT: (_("no result"), _("The word in the result's place is none that is agreed.")),
        Verdict.NO_DATE: (_("no date"), _("The date cannot be read.")),
        Verdict.TWICE: (_("in several rows"), _("The record stands in several rows that say different things.")),
        Verdict.REFUSED: (_("refused"), _("It cannot be so as the record stands.")),
    }
