"""A clerk's codes by which people join: make one, print its poster, see who came, confirm or refuse, withdraw."""

from __future__ import annotations

import io
from datetime import timedelta
from uuid import UUID

import segno
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import employment_tellings, employment_texts, forms, frame, members, people
from elearn.pages.forms import Form, said
from elearn.people import persons, verifying
from elearn.people.callers import require_caller
from elearn.people.joining import coming, links
from elearn.people.joining.models import Joining, JoiningLink
from elearn.people.models import EmploymentKind, Organisation
from elearn.people.organisations import get_organisation
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF, holds_in, require_in
from elearn.people.registry import local_day
from elearn.runtime import runtime

PAGE = 50
USUAL = timedelta(days=29)
BESIDE = {"dates": "until_on", "uses": "most_uses", "kind": "kind", "post": "post", "firm": "firm", "not_found": "unit"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/people/joining", "joining_links", joining_links)
    bp.add_url_rule("/people/joining/new", "new_joining_link", new_joining_link, methods=["GET", "POST"])
    bp.add_url_rule("/people/joining/<uuid:link_id>", "joining_link", joining_link)
    bp.add_url_rule("/people/joining/<uuid:link_id>/poster", "joining_poster", joining_poster)
    bp.add_url_rule(
        "/people/joining/<uuid:link_id>/withdraw", "withdraw_joining_link", withdraw_joining_link, methods=["POST"]
    )
    bp.add_url_rule(
        "/people/joining/<uuid:link_id>/came/<uuid:joining_id>", "decide_joining", decide_joining, methods=["POST"]
    )


@web.allow(ENTERPRISE)
def joining_links() -> ResponseReturnValue:
    """The codes into an organisation and what lies below it."""
    organisation, all_own = frame.own_organisations(*ENTERPRISE.roles)
    page = frame.page_number()
    lines, total = links.in_subtree(db.session(), organisation.id, on=local_day(utcnow()), page=page, size=PAGE)
    return render_template(
        "elearn/joining_links.html",
        organisation=organisation,
        organisations=all_own,
        keeps=_keeps(organisation.id),
        lines=lines,
        total=total,
        kinds=people.employment_kinds(),
        texts=employment_texts,
        page=page,
        pages=-(-total // PAGE),
        page_url=lambda number: url_for("elearn.pages.joining_links", organisation=organisation.id, page=number),
    )


@web.allow(ENTERPRISE_STAFF)
def new_joining_link() -> ResponseReturnValue:
    """Where, as what, until when, for how many."""
    organisation, _all = frame.own_organisations(*ENTERPRISE_STAFF.roles)
    form = Form.sent() if request.method == "POST" else Form({"kind": EmploymentKind.FLEXIBLE.value})
    if request.method == "POST":
        if not forms.is_first():
            return redirect(url_for("elearn.pages.joining_links", organisation=organisation.id), 303)
        made = _made(form, organisation)
        if made is not None:
            db.session.commit()
            return redirect(url_for("elearn.pages.joining_poster", link_id=made.id), 303)
        forms.undo_first()
        db.session.rollback()
    session, today = db.session(), local_day(utcnow())
    page = render_template(
        "elearn/joining_new.html",
        form=form,
        organisation=organisation,
        units=employment_texts.units(session, organisation.id, [organisation.id]),
        kinds=[(one.value, people.employment_kinds()[one.value]) for one in links.KINDS],
        categories=employment_texts.categories(session, organisation.region, today),
        today=today.isoformat(),
        until=(today + USUAL).isoformat(),
    )
    return page, 422 if form.errors else 200


def _made(form: Form, organisation: Organisation) -> JoiningLink | None:
    """The link that the form asks for; None: what is wrong is noted."""
    session, now, caller = db.session(), utcnow(), require_caller()
    form.need("unit", "from_on", "until_on", "most_uses")
    from_on, until_on, unit_id = form.day("from_on"), form.day("until_on"), form.id("unit")
    kind = form.word("kind", EmploymentKind)
    uses = forms.whole(form["most_uses"].strip(), 8)
    if "most_uses" not in form.errors and uses is None:
        form.errors["most_uses"] = _("Please write a whole number.")
    category = form["category"] or None
    if category is not None and category not in dict(
        employment_texts.categories(session, organisation.region, local_day(now))
    ):
        raise Malformed("This page is out of date. Load it again and repeat.")
    if kind is None:
        raise Malformed("This page is out of date. Load it again and repeat.")
    if form.errors or unit_id is None or from_on is None or until_on is None or uses is None:
        return None
    require_in(unit_id, *ENTERPRISE_STAFF.roles)
    try:
        return links.make(
            session,
            unit_id,
            kind=kind,
            post=form["post"],
            category=category,
            firm=form["firm"],
            from_on=from_on,
            until_on=until_on,
            most_uses=uses,
            confirms=form["confirms"] != "link",
            secret=runtime().settings.secret_key,
            by=caller.person_id,
            at=now,
        )
    except (Malformed, NotFound) as error:
        form.blame(error, BESIDE, "unit")
        return None


@web.allow(ENTERPRISE)
def joining_link(link_id: UUID) -> ResponseReturnValue:
    """One code, and who came by it."""
    session, today, page = db.session(), local_day(utcnow()), frame.page_number()
    link = _own(link_id, reading=True)
    came, total = coming.of_link(session, link.id, page=page, size=PAGE)
    employer = get_organisation(session, link.organisation_id)
    known = employment_texts.categories(session, employer.region, today)
    facts = [persons.person_facts(session, one.person.id, members.keys()) for one in came]  # read already
    checked = verifying.newest(session, [one.id for one in facts])
    return render_template(
        "elearn/joining_link.html",
        link=link,
        employer=employer,
        unit=employment_texts.way(session, link.unit_id, link.organisation_id),
        kind=people.employment_kinds()[link.kind.value],
        category=employment_texts.category_text(known, link.category),
        now=links.how_it_stands(session, link, on=today),
        keeps=_keeps(link.unit_id),
        came=[
            (one, each.document_masked, employment_texts.identity_text(checked.get(each.id)))
            for one, each in zip(came, facts, strict=True)
        ],
        total=total,
        poster=links.poster_token(link, runtime().settings.secret_key) is not None,
        texts=employment_texts,
        page=page,
        pages=-(-total // PAGE),
        page_url=lambda number: url_for("elearn.pages.joining_link", link_id=link.id, page=number),
    )


@web.allow(ENTERPRISE_STAFF)
def joining_poster(link_id: UUID) -> ResponseReturnValue:
    """To print and hang up; it shows the code, so nobody else's browser may keep it."""
    session = db.session()
    link = _own(link_id)
    token = links.poster_token(link, runtime().settings.secret_key)
    if token is None or link.withdrawn_at is not None:
        raise NotFound("There is no such link.")
    address = runtime().settings.public_url + url_for("elearn.pages.join", token=token)
    page = render_template(
        "elearn/joining_poster.html",
        link=link,
        employer=get_organisation(session, link.organisation_id),
        unit=employment_texts.way(session, link.unit_id, link.organisation_id),
        qr=_qr(address),
        address=address,
    )
    return page, 200, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@web.allow(ENTERPRISE_STAFF)
def withdraw_joining_link(link_id: UUID) -> ResponseReturnValue:
    """It opens nothing any more."""
    link = _own(link_id)
    links.withdraw(db.session(), link.id, by=require_caller().person_id, at=utcnow())
    db.session.commit()
    frame.say(_("Withdrawn. Whoever came already stays."), "info")
    return redirect(url_for("elearn.pages.joining_link", link_id=link_id), 303)


@web.allow(ENTERPRISE_STAFF)
def decide_joining(link_id: UUID, joining_id: UUID) -> ResponseReturnValue:
    """Confirm or refuse one who waits."""
    session, now = db.session(), utcnow()
    link = _own(link_id)
    came = session.get(Joining, joining_id)
    if came is None or came.link_id != link.id:
        raise NotFound("There is no such thing.")
    answer = request.form.get("answer")
    if answer not in ("accept", "refuse"):
        raise Malformed("This page is out of date. Load it again and repeat.")
    back = redirect(url_for("elearn.pages.joining_link", link_id=link_id), 303)
    try:
        with session.begin_nested():
            coming.decide(session, joining_id, accept=answer == "accept", by=require_caller().person_id, at=now)
    except Conflict as error:
        frame.say(said(error), "warn")
        return back
    employment_tellings.decided(session, came, get_organisation(session, link.organisation_id), at=now)
    session.commit()
    frame.say(_("Confirmed.") if answer == "accept" else _("Refused."))
    return back


def _own(link_id: UUID, *, reading: bool = False) -> JoiningLink:
    """Raises NotFound: another employer's link is not even confirmed to exist."""
    link = links.get(db.session(), link_id)
    require_in(link.unit_id, *(ENTERPRISE if reading else ENTERPRISE_STAFF).roles)
    return link


def _keeps(unit_id: UUID) -> bool:
    """Whether the caller may do more than read here."""
    return holds_in(require_caller(), unit_id, *ENTERPRISE_STAFF.roles)


def _qr(address: str) -> str:
    """As an SVG element of the page; of the middle level, because posters get dirty."""
    out = io.BytesIO()
    made = segno.make_qr(address, error="m")
    made.save(out, kind="svg", border=4, light="white", xmldecl=False, svgns=False, omitsize=True, svgclass="code")
    return out.getvalue().decode()
