"""Certificates: a worker's own; an employer's register of them, one certificate, a spreadsheet of many, who lacks one.

Clerk and safety manager keep the register of whoever stands in their subtree, the principal reads it. Numbers are
masked everywhere: who looks one up has the paper in hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import utcnow
from elearn.courses.requirements import service
from elearn.db import db
from elearn.errors import Conflict, DomainError, Forbidden, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import certificate_texts, employment_texts, forms, frame, members
from elearn.pages.forms import Form
from elearn.pages.people import BESIDE
from elearn.people import permissions, personal, persons, tree
from elearn.people.callers import current_person_id, require_caller
from elearn.people.identity import DocumentKind, Erased
from elearn.people.models import Membership, Organisation, Person, Placement, Role
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF, SIGNED_IN
from elearn.people.registry import local_day
from elearn.training.certificates import listed, qualified, reading, register
from elearn.training.certificates.models import WorkerCertificate
from elearn.training.certificates.reading import Show
from elearn.training.certificates.rules import CertificateKind, Paper, masked

FIELDS = BESIDE | {"dates": "to_on", "known": "number"}
"""Code of an error -> the field it is about."""
LARGEST_SCAN_BYTES = 20_000_000
KEEPS = tuple(ENTERPRISE_STAFF.roles)
READS = tuple(ENTERPRISE.roles)


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/certificates", "own_certificates", own_certificates)
    bp.add_url_rule("/training/certificates", "certificate_register", certificate_register)
    bp.add_url_rule("/training/certificates/missing", "certificates_missing", certificates_missing)
    bp.add_url_rule("/training/certificates/new", "certificate_new", certificate_new, methods=["GET", "POST"])
    one = "/training/certificates/<uuid:certificate_id>"
    bp.add_url_rule(one, "worker_certificate", worker_certificate)
    bp.add_url_rule(f"{one}/check", "worker_certificate_check", worker_certificate_check, methods=["POST"])
    bp.add_url_rule(f"{one}/review", "worker_certificate_review", worker_certificate_review, methods=["POST"])
    bp.add_url_rule(f"{one}/end", "worker_certificate_end", worker_certificate_end, methods=["POST"])


@web.allow(SIGNED_IN)
def own_certificates() -> ResponseReturnValue:
    """The reader's own, of every employer's register."""
    session, person_id = db.session(), current_person_id()
    found = reading.of_person(session, person_id, on=local_day(utcnow()))
    numbers = personal.open_sealed(
        session, person_id, members.keys(), register.PURPOSE, *(row.number_sealed for row, _name, _how in found)
    )
    lines = [(*one, masked(number)) for one, number in zip(found, numbers, strict=True)]
    posts = certificate_texts.own_posts(session, person_id, local_day(utcnow()))
    return render_template("elearn/certificates.html", lines=lines, posts=posts, texts=certificate_texts)


@web.allow(ENTERPRISE)
def certificate_register() -> ResponseReturnValue:
    """Certificates of whoever stands in the unit or below it, those that run out first in front."""
    node, all_nodes = frame.own_organisations(*READS)
    session, on, asked = db.session(), local_day(utcnow()), Form.asked()
    show, after = asked.word("show", Show) or Show.ALL, _after()
    found = listed.register(session, node.id, on=on, show=show, name=asked["name"], after=after, size=listed.PAGE)

    def page_url(key: listed.Key | None) -> str:
        begin = None if key is None else f"{key[0] or ''}.{key[1]}"
        name = asked["name"] or None
        view = "elearn.pages.certificate_register"
        return url_for(view, organisation=node.id, show=show.value, name=name, after=begin)

    return render_template(
        "elearn/certificate_register.html",
        node=node,
        nodes=all_nodes,
        lines=found.lines,
        total=found.total,
        most=listed.MOST_COUNTED,
        show=show,
        shows=list(Show),
        form=asked,
        missing=qualified.counted(session, node.id, on=on),
        holding=qualified.holding(session, node.id, on=on),
        may_keep=permissions.holds_in(require_caller(), node.id, *KEEPS),
        first_url=page_url(None) if after else None,
        more_url=page_url(found.next) if found.next else None,
        texts=certificate_texts,
    )


def _after() -> listed.Key | None:
    """Where the page begins. Raises NotFound."""
    text = request.args.get("after")
    if not text:
        return None
    try:
        last, certificate_id = text.split(".")
        return date.fromisoformat(last) if last else None, UUID(certificate_id)
    except ValueError:
        raise NotFound("There is nothing at this address.") from None


@web.allow(ENTERPRISE)
def certificates_missing() -> ResponseReturnValue:
    """Who stands at a post without the certificate it asks for: they may not work there, or have a day."""
    node, all_nodes = frame.own_organisations(*READS)
    session, on, page = db.session(), local_day(utcnow()), frame.page_number()
    lines = qualified.missing(session, node.id, on=on, page=page)
    counted = qualified.counted(session, node.id, on=on)
    chosen = employment_texts.categories(session, node.region, on)
    return render_template(
        "elearn/certificates_missing.html",
        node=node,
        nodes=all_nodes,
        lines=lines,
        counted=counted,
        on=on,
        category=lambda one: employment_texts.category_text(chosen, one),
        page=page,
        pages=-(-counted.all // qualified.PAGE),
        page_url=lambda number: url_for("elearn.pages.certificates_missing", organisation=node.id, page=number),
    )


@web.takes_up_to(lambda: LARGEST_SCAN_BYTES + 100_000)
@web.allow(ENTERPRISE_STAFF)
def certificate_new() -> ResponseReturnValue:
    """Enter one. Of a scan only the fingerprint is kept."""
    node, _all = frame.own_organisations(*KEEPS)
    session, now = db.session(), utcnow()
    employer = employer_of(node)
    chosen = employment_texts.categories(session, employer.region, local_day(now))
    form = Form.sent() if request.method == "POST" else Form.asked()

    def page() -> str:
        return render_template(
            "elearn/certificate_new.html",
            node=node,
            form=form,
            kinds=[(one.value, certificate_texts.kind_text(one)) for one in CertificateKind],
            categories=chosen,
        )

    if request.method == "GET":
        return page()
    form.need("name", "document_number", "number", "issuer", "from_on")
    kind = form.word("kind", CertificateKind)
    category = form["category"] or None
    if kind is None or (category is not None and category not in dict(chosen)):
        raise Malformed("This page is out of date. Load it again and repeat.")
    if category is None and kind in register.GROUPS:
        form.errors["category"] = _("Choose what the certificate is for.")
    from_on, to_on, reviewed_on = form.day("from_on"), form.day("to_on"), form.day("reviewed_on")
    back = url_for("elearn.pages.certificate_register", organisation=node.id)
    if form.errors or from_on is None:
        frame.here(url_for("elearn.pages.certificate_new", organisation=node.id))
        return page(), 422
    scan = request.files.get("scan")
    content = scan.read() if scan else b""
    found = service.catalogue(session).category(category, employer.region, local_day(now)) if category else None
    title = form["title"].strip() or (found[0].name if found else "")  # as papers say it, in Chinese
    paper = Paper(
        kind, category, title, form["number"], form["issuer"], from_on, to_on, reviewed_on,
        hashlib.sha256(content).hexdigest() if content else None,
    )  # fmt: skip

    def take() -> str:
        made = register.add(
            session, employer.id, _placed_person(node.id, form), paper, keys=members.keys(), by=current_person_id(),
            at=now,
        )  # fmt: skip
        return url_for("elearn.pages.worker_certificate", certificate_id=made.id)

    return done_once(take, form, page, back, _("It is in the register."))


@web.allow(ENTERPRISE)
def worker_certificate(certificate_id: UUID) -> ResponseReturnValue:
    """One certificate: until when it holds and by which rule, who looked it up."""
    return _page(_visible(certificate_id, *READS), Form())


@web.allow(ENTERPRISE_STAFF)
def worker_certificate_check(certificate_id: UUID) -> ResponseReturnValue:
    """Somebody looked it up with its issuer, by hand."""
    form = Form.sent()
    if form["answer"] not in ("agrees", "differs"):
        raise Malformed("This page is out of date. Load it again and repeat.")

    def take() -> None:
        register.check(
            db.session(), certificate_id, agrees=form["answer"] == "agrees", note=form["note"], by=current_person_id(),
            at=utcnow(),
        )  # fmt: skip

    return _act(certificate_id, form, take)


@web.allow(ENTERPRISE_STAFF)
def worker_certificate_review(certificate_id: UUID) -> ResponseReturnValue:
    """A review was passed."""
    form = Form.sent()
    form.need("reviewed_on")
    on = form.day("reviewed_on")

    def take() -> None:
        assert on is not None, "it was asked for"
        register.review(db.session(), certificate_id, on, at=utcnow())

    return _act(certificate_id, form, take)


@web.allow(ENTERPRISE_STAFF)
def worker_certificate_end(certificate_id: UUID) -> ResponseReturnValue:
    """It no longer holds."""
    form = Form.sent()
    on = form.day("ended_on") or local_day(utcnow())

    def take() -> None:
        register.end(db.session(), certificate_id, on=on, why=form["why"], at=utcnow())

    return _act(certificate_id, form, take, {"note": "why"})


def _act(
    certificate_id: UUID, form: Form, take: Callable[[], None], fields: dict[str, str] | None = None
) -> ResponseReturnValue:
    """Do something to a certificate of the own register; what is wrong stands on its page."""
    row = _visible(certificate_id, *KEEPS)
    here = url_for("elearn.pages.worker_certificate", certificate_id=row.id)
    if form.errors:
        frame.here(here)
        return _page(row, form), 422

    def act() -> str:
        take()
        return here

    return done_once(act, form, lambda: _page(row, form), here, _("Written down."), FIELDS | (fields or {}))


def done_once(
    take: Callable[[], str],
    form: Form,
    again: Callable[[], str],
    back: str,
    done: str,
    fields: dict[str, str] | None = None,
) -> ResponseReturnValue:
    """Do it once, commit, go where `take` says; what is wrong stands beside its field on the page `again`."""
    session = db.session()
    if not forms.is_first():
        return redirect(back, 303)
    try:
        leads = take()
    except (Malformed, Conflict, Forbidden, Erased) as error:
        session.rollback()
        forms.undo_first()
        form.blame(error, FIELDS if fields is None else fields, "note")
        frame.say_now(forms.said(error))
        frame.here(back)
        return again(), web.status_of(error) if not isinstance(error, Malformed) else 422
    except DomainError:
        session.rollback()
        forms.undo_first()
        raise
    session.commit()
    frame.say(done)
    return redirect(leads, 303)


def _page(row: WorkerCertificate, form: Form) -> str:
    session, on = db.session(), local_day(utcnow())
    [number] = personal.open_many(session, members.keys(), register.PURPOSE, [(row.person_id, row.number_sealed)])
    return render_template(
        "elearn/worker_certificate.html",
        row=row,
        person=persons.get_person(session, row.person_id),
        employer=session.get_one(Organisation, row.organisation_id),
        number="—" if number is None else masked(number),
        standing=reading.standing_of(row, on),
        checks=reading.checks(session, row.id),
        form=form,
        on=on,
        may_keep=permissions.holds_in(require_caller(), _unit_of(row), *KEEPS),
        own=row.person_id == current_person_id(),
        texts=certificate_texts,
    )


def _visible(certificate_id: UUID, *roles: Role) -> WorkerCertificate:
    """Raises NotFound: there is none, or its holder never stood where the reader has a say."""
    row = db.session().get(WorkerCertificate, certificate_id)
    if row is None:
        raise NotFound("There is no such certificate.")
    permissions.require_in(_unit_of(row), *roles)
    return row


def _unit_of(row: WorkerCertificate) -> UUID:
    """Where its holder stands at this employer, or stood last."""
    unit = db.session().scalar(
        sa.select(Placement.unit_id)
        .join(Membership, Membership.id == Placement.membership_id)
        .where(Membership.person_id == row.person_id, Membership.organisation_id == row.organisation_id)
        .order_by(Placement.from_on.desc())
        .limit(1)
    )
    return unit or row.organisation_id


def employer_of(node: Organisation) -> Organisation:
    """Whose register it is. Raises NotFound."""
    found = tree.employer_of(db.session(), node.id)
    if found is None:
        raise NotFound("There is no such organisation.")
    return found


def _placed_person(node_id: UUID, form: Form) -> UUID:
    """Who is named, when they stand in the node or below it today. Raises Malformed beside the document's number."""
    session = db.session()
    person = persons.find_person(session, DocumentKind.RESIDENT_ID, form["document_number"], members.keys())
    here = person is not None and session.scalar(
        sa.select(Person.id)
        .join(Membership, Membership.person_id == Person.id)
        .where(Person.id == person.id, Membership.id.in_(tree.placed_in(node_id, on=local_day(utcnow()))))
        .limit(1)
    )
    if person is None or not here or person.name != " ".join(form["name"].split()):
        raise Malformed("Nobody of this name and document works here.", code="document_check")
    return person.id
