"""The public notice of an enterprise: opened, printed and closed by its staff, read by anybody who has the link."""

from __future__ import annotations

import io

import segno
from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.paper.standing import masked_name
from elearn.db import db
from elearn.errors import NotFound
from elearn.locale import gettext as _
from elearn.pages import certificate_texts, frame
from elearn.pages.certificates import KEEPS, READS, done_once, employer_of
from elearn.pages.forms import Form
from elearn.people import permissions
from elearn.people.callers import current_person_id, require_caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import ANYBODY, ENTERPRISE, ENTERPRISE_STAFF
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.training.certificates import notices
from elearn.training.certificates.notices import HowToReport

FIELDS = {"report": "report_how", "report_phone": "report_phone"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/notice/<token>", "public_notice", public_notice)
    bp.add_url_rule("/training/notice", "notice_desk", notice_desk)
    bp.add_url_rule("/training/notice", "notice_publish", notice_publish, methods=["POST"])
    bp.add_url_rule("/training/notice/close", "notice_close", notice_close, methods=["POST"])


@web.allow(ANYBODY)
def public_notice(token: str) -> ResponseReturnValue:
    """Who holds which valid certificate, with masked names; how to report. Search engines keep away."""
    session = db.session()
    found = notices.by_token(session, token)
    if found is None:
        raise NotFound("There is no such notice, or it was closed.")
    notice, enterprise = found
    page = frame.page_number()
    lines, more = notices.lines(session, notice.organisation_id, on=local_day(utcnow()), page=page)
    shown = render_template(
        "elearn/public_notice.html",
        notice=notice,
        enterprise=enterprise,
        lines=lines,
        masked_name=masked_name,
        on=local_day(utcnow()),
        qr=_qr(_address(notice.token)),
        address=_address(notice.token),
        page=page,
        more=more,
        texts=certificate_texts,
    )
    headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow", "Referrer-Policy": "no-referrer"}
    return shown, 200, headers


@web.allow(ENTERPRISE)
def notice_desk() -> ResponseReturnValue:
    """The notice as its enterprise sees it."""
    return _desk(_enterprise(*READS), Form())


@web.allow(ENTERPRISE_STAFF)
def notice_publish() -> ResponseReturnValue:
    """Open it, or say anew how to report."""
    enterprise, form = _enterprise(*KEEPS), Form.sent()
    back = url_for("elearn.pages.notice_desk", organisation=enterprise.id)

    def take() -> str:
        report = HowToReport(form["report_how"], form["report_phone"], form["report_reward"])
        notices.publish(db.session(), enterprise.id, report, by=current_person_id(), at=utcnow())
        return back

    return done_once(take, form, lambda: _desk(enterprise, form), back, _("The notice is open."), FIELDS)


@web.allow(ENTERPRISE_STAFF)
def notice_close() -> ResponseReturnValue:
    """Its link and its code lead nowhere from now on."""
    enterprise = _enterprise(*KEEPS)
    notices.close(db.session(), enterprise.id, at=utcnow())
    db.session.commit()
    frame.say(_("The notice is closed. Its link leads nowhere now."))
    return redirect(url_for("elearn.pages.notice_desk", organisation=enterprise.id), 303)


def _enterprise(*roles: Role) -> Organisation:
    """The legal entity whose notice it is. Raises NotFound: the reader has a say in a part of it alone."""
    node, _all = frame.own_organisations(*roles)
    enterprise = employer_of(node)
    permissions.require_in(enterprise.id, *roles)
    return enterprise


def _desk(enterprise: Organisation, form: Form) -> str:
    session = db.session()
    notice = notices.open_notice(session, enterprise.id)
    if notice is not None and not form.values:
        form = Form(
            {
                "report_how": notice.report_how,
                "report_phone": notice.report_phone,
                "report_reward": notice.report_reward,
            }
        )
    return render_template(
        "elearn/notice_desk.html",
        enterprise=enterprise,
        notice=notice,
        form=form,
        address=_address(notice.token) if notice else None,
        qr=_qr(_address(notice.token)) if notice else None,
        may_keep=permissions.holds_in(require_caller(), enterprise.id, *KEEPS),
    )


def _address(token: str) -> str:
    return f"{runtime().settings.public_url}{url_for('elearn.pages.public_notice', token=token)}"


def _qr(address: str) -> str:
    """As an SVG element of the page; of the middle level, because what hangs on walls gets dirty."""
    out = io.BytesIO()
    made = segno.make_qr(address, error="m")
    made.save(out, kind="svg", border=4, light="white", xmldecl=False, svgns=False, omitsize=True, svgclass="code")
    return out.getvalue().decode()
