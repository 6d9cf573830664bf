"""An inspector's read-only view by a link, and where a principal or safety manager makes and withdraws such links.

The address is the key. It opens boards, lists and files of one node and of what lies below it, for one year or all, and
nothing else; every look is written down before it is answered. What nobody may see answers as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from elearn import web
from elearn.clock import utcnow
from elearn.credit_export.archive.making import House
from elearn.credit_export.paper import typeset
from elearn.credit_export.paper.standing import masked_name
from elearn.db import db
from elearn.errors import Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import figures, forms, frame, shown, switcher, training_archives
from elearn.pages.figures import Links
from elearn.pages.forms import Form
from elearn.people import tree
from elearn.people.callers import require_caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import ANYBODY, ENTERPRISE, SUBTREE, Holding, holds_in, require_in
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.training.archives import enterprise as enterprise_archive
from elearn.training.archives import inspecting
from elearn.training.archives.inspecting import DAYS, InspectorLink, Looked
from elearn.training.archives.models import EnterpriseArchive
from elearn.training.figures import board_tables

MAKERS = (Role.PRINCIPAL, Role.SAFETY_MANAGER)
INSPECTION_MAKER = Holding("maker of inspectors' links", frozenset(MAKERS))
HEADERS = {
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}
"""The address is the key: it goes no further than this browser, and no search engine keeps what it opens."""
BESIDE = {"whom": "whom", "days": "days", "year": "year"}


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/figures/<uuid:unit_id>/inspections", "inspections", inspections)
    bp.add_url_rule("/figures/<uuid:unit_id>/inspections", "make_inspection", make_inspection, methods=["POST"])
    bp.add_url_rule(
        "/inspections/<uuid:link_id>/withdraw", "withdraw_inspection", withdraw_inspection, methods=["POST"]
    )
    bp.add_url_rule("/inspection/<token>", "inspection", inspection)
    bp.add_url_rule("/inspection/<token>/<uuid:unit_id>", "inspection_unit", inspection)
    bp.add_url_rule("/inspection/<token>/<uuid:unit_id>/people", "inspection_people", inspection_people)
    bp.add_url_rule(
        "/inspection/<token>/<uuid:unit_id>/figures.<any(xlsx, pdf):form>", "inspection_file", inspection_file
    )
    bp.add_url_rule("/inspection/<token>/archives/<uuid:archive_id>.zip", "inspection_archive", inspection_archive)


# --- those who let somebody in ----------------------------------------------------------------------------------------


@web.allow(ENTERPRISE)
def inspections(unit_id: UUID) -> ResponseReturnValue:
    """The links of a node and who looked with them. A clerk sees them and makes none."""
    return _desk(_own(unit_id), Form())


@web.allow(INSPECTION_MAKER)
def make_inspection(unit_id: UUID) -> ResponseReturnValue:
    """A new link; it is shown in this answer and never again."""
    require_in(unit_id, *MAKERS)
    unit, form = _own(unit_id), Form.sent()
    frame.here(url_for("elearn.pages.inspections", unit_id=unit.id))
    if not forms.is_first():
        return redirect(url_for("elearn.pages.inspections", unit_id=unit.id), 303)
    try:
        made, token = inspecting.make(
            db.session(), unit.id, year=_whole(form["year"], "year"), days=_whole(form["days"], "days"),
            full_names=form["names"] == "full", whom=form["whom"], by=require_caller().person_id, at=utcnow(),
        )  # fmt: skip
    except Malformed as error:
        forms.undo_first()
        form.blame(error, BESIDE, "whom")
        return _desk(unit, form), 400
    db.session.commit()
    address = f"{runtime().settings.public_url}{url_for('elearn.pages.inspection', token=token)}"
    return _desk(unit, Form(), made=made, address=address)


@web.allow(INSPECTION_MAKER)
def withdraw_inspection(link_id: UUID) -> ResponseReturnValue:
    """Closed at once."""
    session = db.session()
    link = session.get(InspectorLink, link_id)
    if link is None:
        raise NotFound("There is no such link.")
    caller = require_in(link.unit_id, *MAKERS)
    inspecting.withdraw(session, link_id, by=caller.person_id, at=utcnow())
    session.commit()
    frame.say(_("The link is closed."))
    return redirect(url_for("elearn.pages.inspections", unit_id=link.unit_id), 303)


def _own(unit_id: UUID) -> Organisation:
    """Raises NotFound: it is none of the caller's."""
    require_in(unit_id, *SUBTREE)
    unit = db.session().get(Organisation, unit_id)
    if unit is None or unit.level is None:
        raise NotFound("There is no such organisation.")
    switcher.on_page(unit.id)
    return unit


def _desk(unit: Organisation, form: Form, *, made: InspectorLink | None = None, address: str = "") -> Response:
    session, now = db.session(), utcnow()
    this_year = local_day(now).year
    page = render_template(
        "elearn/inspections.html",
        unit=unit,
        form=form,
        may_make=holds_in(require_caller(), unit.id, *MAKERS),
        links=inspecting.links_of(session, unit.id),
        looks=inspecting.newest_looks(session, unit.id),
        looked=_looked(),
        years=[(str(one), str(one)) for one in range(this_year, this_year - 4, -1)] + [("0", _("All the time"))],
        days=[(str(one), _("%(days)s days", days=one)) for one in DAYS],
        now=now,
        made=made,
        address=address,
        qr=Markup(typeset.qr(address)) if address else None,
    )
    response = make_response(page)
    response.headers.update(HEADERS)
    return response


def _whole(text: str, code: str) -> int:
    number = forms.whole(text, 4)
    if number is None:
        raise Malformed("Please choose one of these.", code=code)
    return number


def _looked() -> dict[str, str]:
    return {
        Looked.BOARD.value: _("Figures"),
        Looked.PEOPLE.value: _("List of people"),
        Looked.FILE.value: _("File of figures"),
        Looked.ARCHIVE.value: _("Archive"),
    }


# --- the inspector ----------------------------------------------------------------------------------------------------


@web.allow(ANYBODY)
def inspection(token: str, unit_id: UUID | None = None) -> ResponseReturnValue:
    """The board of the link's node, or of one below it."""
    link, unit = _opened(token, unit_id, Looked.BOARD)
    nodes = tree.above(db.session(), unit.id)
    first = [one.id for one in nodes].index(link.unit_id)
    page = figures.board_page(
        unit, _links(token), above=nodes[first:], fixed=link.year or None, banner=_banner(link, token, unit)
    )
    return _answer(page)


@web.allow(ANYBODY)
def inspection_people(token: str, unit_id: UUID) -> ResponseReturnValue:
    """Lists of people, names masked unless the link says otherwise."""
    link, unit = _opened(token, unit_id, Looked.PEOPLE)
    name: Callable[[str], str] = str if link.full_names else masked_name
    return _answer(figures.people_page(unit, _links(token), name=name, archive=False, banner=_banner(link)))


@web.allow(ANYBODY)
def inspection_file(token: str, unit_id: UUID, form: str) -> ResponseReturnValue:
    """The figures as a file."""
    link, unit = _opened(token, unit_id, Looked.FILE)
    return _answer(figures.board_file(unit, form, fixed=link.year or None))


@web.allow(ANYBODY)
def inspection_archive(token: str, archive_id: UUID) -> ResponseReturnValue:
    """A signed archive that was made of the node or of one below it, for the link's time and with its names."""
    session = db.session()
    row = session.get(EnterpriseArchive, archive_id)
    link, _unit = _opened(token, row.unit_id if row else None, Looked.ARCHIVE)
    if row is None or not _may_take(link, row):
        raise NotFound("This link is not open.")
    taken = enterprise_archive.take(
        session, archive_id, House.here(), by=None, link_id=link.id, to=f"inspector's link {link.id}", now=utcnow()
    )
    session.commit()
    return _answer(training_archives.zip_of(taken.name, taken.content))


def _may_take(link: InspectorLink, archive: EnterpriseArchive) -> bool:
    return link.year in (0, archive.year) and (link.full_names or not archive.full_names)


def _opened(token: str, unit_id: UUID | None, what: Looked) -> tuple[InspectorLink, Organisation]:
    """The look is committed before anything is shown."""
    session = db.session()
    found = inspecting.opened(session, token, unit_id, what, address=request.remote_addr, at=utcnow())
    session.commit()
    return found


def _links(token: str) -> Links:
    return Links(
        lambda unit_id, **query: url_for("elearn.pages.inspection_unit", token=token, unit_id=unit_id, **query),
        lambda unit_id, **query: url_for("elearn.pages.inspection_people", token=token, unit_id=unit_id, **query),
        lambda unit_id, form, **query: url_for(
            "elearn.pages.inspection_file", token=token, unit_id=unit_id, form=form, **query
        ),
    )


def _banner(link: InspectorLink, token: str = "", unit: Organisation | None = None) -> Markup:
    """What the reader sees, and until when; on a board also the archives that were made of the node."""
    now = utcnow()
    made = enterprise_archive.of_unit(db.session(), unit.id) if unit else []
    archives = [
        (board_tables.period_text(one.year, _), one.asked_at,
         url_for("elearn.pages.inspection_archive", token=token, archive_id=one.id))
        for one in made
        if one.state == "ready" and one.expires_at is not None and one.expires_at > now and _may_take(link, one)
    ]  # fmt: skip
    return Markup(
        render_template(
            "elearn/_inspection_banner.html",
            link=link,
            until=shown.moment(link.expires_at),
            full=link.full_names,
            archives=archives,
        )
    )


def _answer(page: str | Response) -> Response:
    response = make_response(page)
    response.headers.update(HEADERS)
    return response
