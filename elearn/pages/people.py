"""A clerk's pages: the people of the clerk's own organisations, and one-time passwords for them.

A one-time password is shown in the answer that made it and kept nowhere in words; the page can be printed.
"""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members
from elearn.pages.forms import Form
from elearn.pages.members import PAGE
from elearn.people import accounts, organisations, persons, placements, registry, signin, tree
from elearn.people.callers import require_caller
from elearn.people.identity import DocumentKind
from elearn.people.models import Account, EmploymentKind, Organisation, OrganisationKind
from elearn.people.permissions import CLERK, PEOPLE_READER
from elearn.runtime import runtime

BESIDE = {
    "document_form": "document_number",
    "document_check": "document_number",
    "document_birth": "document_number",
    "name_differs": "document_number",
    "already_registered": "document_number",
    "already_member": "document_number",
    "phone_form": "phone",
    "account_taken": "account",
    "dates": "from_on",
    "post": "post",
}
"""Code of an error -> the field it is about."""


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/people", "people_list", people_list)
    bp.add_url_rule("/people/new", "new_person", new_person, methods=["GET", "POST"])
    bp.add_url_rule("/people/<uuid:person_id>/reset", "reset_password", reset_password, methods=["GET", "POST"])


def document_kinds() -> list[tuple[str, str]]:
    return [
        (DocumentKind.RESIDENT_ID.value, _("Resident identity card")),
        (DocumentKind.HK_MACAO_PERMIT.value, _("Mainland permit for Hong Kong and Macao residents")),
        (DocumentKind.TAIWAN_PERMIT.value, _("Mainland permit for Taiwan residents")),
        (DocumentKind.FOREIGNER_ID.value, _("Foreign permanent resident card")),
        (DocumentKind.PASSPORT.value, _("Passport")),
    ]


def employment_kinds() -> dict[str, str]:
    return {
        EmploymentKind.EMPLOYEE.value: _("Employee"),
        EmploymentKind.DISPATCHED.value: _("Dispatched"),
        EmploymentKind.FLEXIBLE.value: _("Flexible"),
        EmploymentKind.CONTRACTOR.value: _("Contractor"),
        EmploymentKind.INTERN.value: _("Intern"),
        EmploymentKind.APPRENTICE.value: _("Apprentice"),
        EmploymentKind.TRAINEE.value: _("Trainee"),
    }


@web.allow(PEOPLE_READER)
def people_list() -> ResponseReturnValue:
    """Who stands in an organisation or below it today, found by name and kind of employment."""
    organisation, _all = frame.own_organisations(*frame.READS_PEOPLE)
    asked, page = Form.asked(), frame.page_number()
    kind = asked.word("kind", EmploymentKind)
    found, total = members.members_of(
        db.session(),
        organisation.id,
        require_caller(),
        on=registry.local_day(utcnow()),
        page=page,
        search=asked["search"],
        kind=kind,
    )
    return render_template(
        "elearn/people.html",
        organisation=organisation,
        keeps=frame.acts_in(organisation.id, *frame.KEEPS_PEOPLE),
        units=organisation.level is not None,
        people=found,
        total=total,
        most=members.most_counted(asked["search"].strip()),
        search=asked["search"],
        kind=kind.value if kind else "",
        kinds=employment_kinds(),
        page=page,
        pages=-(-total // PAGE),
        page_url=lambda number: url_for(
            "elearn.pages.people_list",
            organisation=organisation.id,
            search=asked["search"] or None,
            kind=kind.value if kind else None,
            page=number,
        ),
    )


@web.allow(CLERK)
def new_person() -> ResponseReturnValue:
    """Take somebody in: a new person, or one whom another organisation brought already."""
    organisation, _all = frame.own_organisations(*frame.KEEPS_PEOPLE)
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "POST":
        form.need("name", "document_number")
        if not form["phone"].strip() and not form["account"].strip():
            form.errors["phone"] = _("A phone number or an account name is needed to sign in.")
        if not form.errors:
            if not forms.is_first():
                return _done_before(organisation)
            try:
                with db.session.begin_nested():
                    slip = _take_in(form, organisation)
            except (Malformed, Conflict) as error:
                forms.undo_first()
                form.blame(error, BESIDE, "name" if error.error_code != "name_form" else _name_field(error))
            else:
                db.session.commit()
                if slip is not None:
                    return _slip_page(organisation, *slip)
                frame.say(_("%(name)s had an account already and belongs to you now.", name=form["name"].strip()))
                return redirect(url_for("elearn.pages.people_list", organisation=organisation.id), 303)
    page = render_template(
        "elearn/person_new.html",
        form=form,
        organisation=organisation,
        employer=_employer(organisation),
        document_kinds=document_kinds(),
        kinds=employment_kinds(),
        usual_kind=_usual_kind(organisation).value,
        today=registry.local_day(utcnow()).isoformat(),
    )
    return page, 422 if form.errors else 200


def _employer(organisation: Organisation) -> Organisation:
    """Who employs the people of a unit; an institution has its own."""
    return tree.employer_of(db.session(), organisation.id) or organisation


def _usual_kind(organisation: Organisation) -> EmploymentKind:
    """Who comes to an institution learns there."""
    return EmploymentKind.TRAINEE if organisation.kind is OrganisationKind.INSTITUTION else EmploymentKind.EMPLOYEE


def _name_field(error: Malformed | Conflict) -> str:
    """Two fields are names; the account's sentence speaks of an account."""
    return "account" if error.detail.startswith("An account") else "name"


def _take_in(form: Form, organisation: Organisation) -> tuple[str, str, str] | None:
    """Person, membership and account; answers (name, sign-in name, one-time password) of a new account."""
    now, session, keys = utcnow(), db.session(), members.keys()
    kind, document = form["kind"], form["document_kind"]
    if kind not in list(EmploymentKind) or document not in list(DocumentKind):
        raise Malformed("This page is out of date. Load it again and repeat.")
    from_on = form.day("from_on") or registry.local_day(now)
    person = persons.take_in(
        session,
        name=form["name"],
        document_kind=DocumentKind(document),
        document_number=form["document_number"],
        keys=keys,
        at=now,
    )
    organisations.join(
        session,
        person.id,
        _employer(organisation).id,
        EmploymentKind(kind),
        from_on,
        at=now,
        unit_id=organisation.id,
        post=placements.checked_post(form["post"]),
    )
    if session.scalar(sa.select(Account.id).where(Account.person_id == person.id)) is not None:
        return None
    account = accounts.open_account(
        session,
        person.id,
        name=form["account"].strip() or None,
        phone=form["phone"].strip() or None,
        keys=keys,
        at=now,
    )
    one_time = signin.issue_reset(session, require_caller(), account.id, at=now)
    return person.name, form["account"].strip() or form["phone"].strip(), one_time


@web.allow(CLERK)
def reset_password(person_id: UUID) -> ResponseReturnValue:
    """Ask, then make a one-time password and show it once."""
    organisation, _all = frame.own_organisations(*frame.KEEPS_PEOPLE)
    caller, now = require_caller(), utcnow()
    found = members.member(db.session(), organisation.id, person_id, caller, on=registry.local_day(now))
    if found is None or found.account_id is None or not found.may_reset:
        raise NotFound("There is no such account.")
    if request.method == "GET":
        return render_template("elearn/reset.html", organisation=organisation, one=found)
    if not forms.is_first():
        return _done_before(organisation)
    one_time = signin.issue_reset(db.session(), caller, found.account_id, at=now)
    name = found.account_name or accounts.phone_masked(db.session(), found.account_id, members.keys())
    db.session.commit()
    return _slip_page(organisation, found.facts.name, name, one_time)


def _slip_page(organisation: Organisation, name: str, sign_in_name: str, one_time: str) -> ResponseReturnValue:
    frame.here(url_for("elearn.pages.people_list", organisation=organisation.id))
    page = render_template(
        "elearn/slip.html",
        organisation=organisation,
        name=name,
        sign_in_name=sign_in_name,
        one_time=one_time,
        address=runtime().settings.public_url + url_for("elearn.pages.sign_in"),
        until=utcnow() + signin.RESET_LIFE,
    )
    return page, 200, {"Cache-Control": "no-store"}


def _done_before(organisation: Organisation) -> ResponseReturnValue:
    """The form came twice: the first one did it, and its one-time password is shown no second time."""
    frame.say(_("That was done already. A one-time password is shown once; if it is lost, issue another."), "info")
    return redirect(url_for("elearn.pages.people_list", organisation=organisation.id), 303)
