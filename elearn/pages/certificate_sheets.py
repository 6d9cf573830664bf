"""A spreadsheet of certificates into an employer's register, and the empty form."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Malformed
from elearn.locale import gettext as _
from elearn.pages import certificate_texts, forms, frame, members
from elearn.pages.certificates import KEEPS, employer_of
from elearn.pages.empty_sheets import empty_sheet
from elearn.pages.forms import Form
from elearn.people.callers import current_person_id
from elearn.people.permissions import ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.training.certificates import importing, sheets
from elearn.training.certificates.importing import BadRows


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/training/certificates/import", "certificate_import", import_sheet, methods=["GET", "POST"])
    bp.add_url_rule("/training/certificates/form.xlsx", "certificate_form", certificate_form)


@web.takes_up_to(lambda: sheets.LARGEST_BYTES + 100_000)
@web.allow(ENTERPRISE_STAFF)
def import_sheet() -> ResponseReturnValue:
    """Take a spreadsheet into the register, all of it or nothing."""
    node, _all = frame.own_organisations(*KEEPS)
    session, now = db.session(), utcnow()
    form = Form.sent() if request.method == "POST" else Form()
    bad: tuple[sheets.Bad, ...] = ()
    here = url_for("elearn.pages.certificate_import", organisation=node.id)
    back = url_for("elearn.pages.certificate_register", organisation=node.id)
    if request.method == "POST":
        sent = request.files.get("file")
        content = sent.read() if sent else b""
        if not content:
            form.errors["file"] = _("Choose a file.")
        elif not forms.is_first():
            return redirect(back, 303)
        else:
            employer = employer_of(node)
            known = importing.category_names(session, employer.region, local_day(now))
            try:
                taken = importing.take(
                    session, employer.id, node.id, content, known, keys=members.keys(), by=current_person_id(), at=now
                )
            except Malformed as error:
                session.rollback()
                forms.undo_first()
                bad = error.rows if isinstance(error, BadRows) else ()
                form.blame(error, {}, "file")
            else:
                session.commit()
                frame.say(_("%(new)s certificates are new, %(known)s were known.", new=taken.new, known=taken.known))
                if taken.sums:
                    rows = ", ".join(map(str, taken.sums))
                    frame.say(_("Left out as a row of totals: row %(rows)s.", rows=rows), "info")
                return redirect(back, 303)
    frame.here(here)
    page = render_template("elearn/certificate_import.html", node=node, form=form, bad=bad, texts=certificate_texts)
    return page, 422 if form.errors else 200


@web.allow(ENTERPRISE_STAFF)
def certificate_form() -> ResponseReturnValue:
    """An empty spreadsheet with the columns that are read."""
    columns = [(several[0], 20) for several in sheets.HEADERS.values()]
    return empty_sheet("证件台账", columns, "certificates.xlsx")
