"""Rosters of an employer: sent, read by a job, looked at, taken in; what was refused comes back as a spreadsheet.

Whoever keeps the enterprise's people does this, for the employer as a whole. What a draft says of people is forgotten
when it is taken in, withdrawn, or a week old.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from elearn import locale, web
from elearn.clock import utcnow
from elearn.courses.requirements import service as requirements
from elearn.courses.requirements.rows import Category
from elearn.db import db
from elearn.errors import Conflict, Malformed, NotFound
from elearn.locale import gettext as _
from elearn.pages import forms, frame, members, people, phone_sign_in, roster_texts
from elearn.pages.forms import Form
from elearn.pages.switcher import on_page
from elearn.people import tree
from elearn.people.callers import require_caller
from elearn.people.models import EMPLOYERS, Organisation
from elearn.people.permissions import ENTERPRISE, ENTERPRISE_STAFF, holds_in
from elearn.people.registry import local_day
from elearn.people.roster import drafts, exporting, files, looking, taking, units, writing
from elearn.people.roster.deciding import Change, Verdict
from elearn.people.roster.models import DraftState, RosterDraft
from elearn.people.roster.rows import category_names
from elearn.people.roster.taking import Wishes
from elearn.runtime import runtime
from elearn.training.telling import inviting
from elearn.training.telling.inviting import Progress

STAFF = tuple(ENTERPRISE_STAFF.roles)
MISSING = "missing"
SHOWN = (
    Verdict.REFUSED,
    Verdict.NEW,
    Verdict.CHANGED,
    Verdict.LEAVES,
    Verdict.DUPLICATE,
    Verdict.GONE,
    Verdict.UNCHANGED,
)


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/people/import", "roster_import", roster_import, methods=["GET", "POST"])
    bp.add_url_rule("/people/import/form.xlsx", "roster_form", roster_form)
    bp.add_url_rule("/people/import/<uuid:draft_id>", "roster", roster)
    bp.add_url_rule("/people/import/<uuid:draft_id>/take", "take_roster", take_roster, methods=["POST"])
    bp.add_url_rule("/people/import/<uuid:draft_id>/withdraw", "withdraw_roster", withdraw_roster, methods=["POST"])
    bp.add_url_rule("/people/import/<uuid:draft_id>/refused.xlsx", "refused_rows", refused_rows)
    bp.add_url_rule("/people/import/<uuid:draft_id>/invite", "invite_roster", invite_roster, methods=["POST"])
    bp.add_url_rule("/people/roster.xlsx", "take_roster_out", take_roster_out)


@web.takes_up_to(lambda: files.LARGEST_BYTES + 100_000)
@web.allow(ENTERPRISE_STAFF)
def roster_import() -> ResponseReturnValue:
    """Send a roster; those of before."""
    employer, all_own = _employer()
    form = Form.sent() if request.method == "POST" else Form()
    if request.method == "POST":
        sent = request.files.get("file")
        content = sent.read() if sent else b""
        if not content:
            form.errors["file"] = _("Choose a file.")
        elif not forms.is_first():
            return redirect(url_for("elearn.pages.roster_import", organisation=employer.id), 303)
        else:
            try:
                draft = drafts.ask(
                    db.session(),
                    employer,
                    name=(sent.filename if sent else "") or "",
                    content=content,
                    categories=category_names(_categories(employer).items()),
                    by=require_caller().person_id,
                    keys=members.keys(),
                    at=utcnow(),
                )
            except Malformed as error:
                forms.undo_first()
                form.blame(error, {}, "file")
            else:
                db.session.commit()
                return redirect(url_for("elearn.pages.roster", draft_id=draft.id), 303)
    frame.here(url_for("elearn.pages.roster_import", organisation=employer.id))
    page = render_template(
        "elearn/roster_import.html",
        form=form,
        organisation=employer,
        organisations=all_own,
        drafts=drafts.newest(db.session(), employer.id),
        texts=roster_texts,
        of_group=len(units.companies_named(db.session(), employer.id)) > 1,
        most=files.MOST_ROWS,
        largest_mb=files.LARGEST_BYTES // 1_000_000,
    )
    return page, 422 if form.errors else 200


def _employer() -> tuple[Organisation, list[Organisation]]:
    """The employer that the page is about. A unit's people are taken in by whoever keeps those of its employer.

    Raises NotFound.
    """
    about, all_own = frame.own_organisations(*STAFF)
    if about.level not in EMPLOYERS:
        above = tree.employer_of(db.session(), about.id)
        if above is None or not holds_in(require_caller(), above.id, *STAFF):
            raise NotFound("A roster is taken in for the whole employer, by whoever keeps its people.")
        about = above
        on_page(about.id)
    return about, [one for one in all_own if one.level in EMPLOYERS]


def _categories(employer: Organisation) -> dict[str, str]:
    """Name -> id of the categories in force where the employer is, and what their works are called."""
    found = requirements.catalogue(db.session()).on("categories", employer.region, local_day(utcnow()))
    return {one.row.name: one.row.id for one in found if isinstance(one.row, Category)}


def _own(draft_id: UUID) -> tuple[RosterDraft, Organisation]:
    """Raises NotFound, also for another employer's."""
    draft = drafts.own_draft(db.session(), draft_id)
    if not holds_in(require_caller(), draft.organisation_id, *STAFF):
        raise NotFound("There is no such roster.")
    on_page(draft.organisation_id)
    return draft, db.session().get_one(Organisation, draft.organisation_id)


@web.allow(ENTERPRISE_STAFF)
def roster(draft_id: UUID) -> ResponseReturnValue:
    """How far it is, what it would do line by line, or what it did."""
    draft, employer = _own(draft_id)
    return _roster_page(draft, employer, Form())


def _roster_page(draft: RosterDraft, employer: Organisation, form: Form) -> ResponseReturnValue:
    session, page = db.session(), frame.page_number()
    counts = draft.result if draft.state == DraftState.DONE else draft.counts
    shown = [verdict for verdict in SHOWN if counts.get(verdict)]
    if draft.state == DraftState.READY and draft.missing:
        shown_words = [*(verdict.value for verdict in shown), MISSING]
    elif draft.state == DraftState.READY:
        shown_words = [verdict.value for verdict in shown]
    else:
        # What was taken in is not kept beside it.
        shown_words = [Verdict.REFUSED.value] if counts.get(Verdict.REFUSED) and draft.data_key else []
    show = request.args.get("show", "")
    show = show if show in shown_words else (shown_words[0] if shown_words else "")
    lines: list[looking.Shown] = []
    missing: list[looking.Missing] = []
    total = 0
    parts = drafts.parts_of(draft)
    only = next((one for one in parts if str(one) == request.args.get("employer")), None)
    if show == MISSING:
        everybody = looking.missing(session, draft, keys=members.keys(), today=local_day(utcnow()))
        everybody = [one for one in everybody if only in (None, one.employer_id)]
        total, missing = len(everybody), everybody[(page - 1) * drafts.PAGE : page * drafts.PAGE]
    elif show:
        lines, total = looking.lines_of(session, draft, Verdict(show), keys=members.keys(), page=page, employer_id=only)
    problem = None
    if draft.problem is not None:
        detail, facts = draft.problem["detail"], draft.problem["facts"]
        problem = locale.gettext(detail, **facts)
    return render_template(
        "elearn/roster.html",
        form=form,
        draft=draft,
        organisation=employer,
        counts=counts,
        changes=[(change, counts.get(f"change:{change}", 0)) for change in Change if counts.get(f"change:{change}")],
        verdicts=SHOWN,
        show=show,
        shown_words=shown_words,
        lines=lines,
        missing=missing,
        kinds=people.employment_kinds(),
        problem=problem,
        many=taking.are_many(draft),
        runs=draft.state in (DraftState.READING, DraftState.TAKING),
        told=_invitation(draft),
        parts=parts,
        only=only,
        texts=roster_texts,
        page=page,
        pages=-(-total // drafts.PAGE),
        page_url=lambda number: url_for(
            "elearn.pages.roster", draft_id=draft.id, show=show, employer=only, page=number
        ),
    ), 422 if form.errors else 200


@web.allow(ENTERPRISE_STAFF)
def take_roster(draft_id: UUID) -> ResponseReturnValue:
    """Confirm: a job takes it in."""
    draft, employer = _own(draft_id)
    form = Form.sent()
    wishes = Wishes(
        whole=form["rows"] == "whole",
        make_units=form["make_units"] == "1",
        missing_left=form["missing_left"] == "1",
        agreed=form["agreed"] == "1",
    )
    try:
        taking.confirm(db.session(), draft.id, wishes, by=require_caller().person_id, at=utcnow())
    except Conflict as error:
        db.session.rollback()
        form.blame(error, {"roster_whole": "rows", "roster_missing": "agreed", "roster_units": "make_units"}, "rows")
        frame.here(url_for("elearn.pages.roster", draft_id=draft.id))
        return _roster_page(drafts.own_draft(db.session(), draft_id), employer, form)
    db.session.commit()
    return redirect(url_for("elearn.pages.roster", draft_id=draft.id), 303)


@web.allow(ENTERPRISE_STAFF)
def withdraw_roster(draft_id: UUID) -> ResponseReturnValue:
    """Forget it; what was taken in stays taken in."""
    draft, employer = _own(draft_id)
    drafts.withdraw(db.session(), draft.id)
    db.session.commit()
    frame.say(_("What the file said is deleted."))
    return redirect(url_for("elearn.pages.roster_import", organisation=employer.id), 303)


def _invitation(draft: RosterDraft) -> Progress | None:
    """How many of its employers' people can be told by text message how to sign in, and were; None: nobody can."""
    if draft.state != DraftState.DONE or not phone_sign_in.offered():
        return None
    return inviting.progress(db.session(), drafts.employers_of(draft), at=utcnow())


@web.allow(ENTERPRISE_STAFF)
def invite_roster(draft_id: UUID) -> ResponseReturnValue:
    """Tell everybody who has not signed in yet; with `again`, those whose message failed."""
    draft, _employer = _own(draft_id)
    if draft.state != DraftState.DONE or not phone_sign_in.offered():
        raise NotFound("There is nothing at this address.")
    employers = drafts.employers_of(draft)
    if forms.is_first():
        if request.form.get("again"):
            count = inviting.again(db.session(), employers, at=utcnow())
            frame.say(_("%(count)s go out again.", count=count))
        else:
            address = runtime().settings.public_url + url_for("elearn.pages.phone_code")
            inviting.ask(db.session(), employers, address)
            frame.say(_("The messages go out between 08:00 and 21:00, each person's once."))
        db.session.commit()
    return redirect(url_for("elearn.pages.roster", draft_id=draft.id), 303)


@web.allow(ENTERPRISE_STAFF)
def refused_rows(draft_id: UUID) -> ResponseReturnValue:
    """The refused rows as they were sent, each with its reasons: put right, they are sent again."""
    draft, _employer = _own(draft_id)
    keys = members.keys()
    lines, total = looking.lines_of(db.session(), draft, Verdict.REFUSED, keys=keys, page=None)
    if not total:
        raise NotFound("There is nothing at this address.")
    content = writing.refused_book(
        drafts.header_of(draft, keys=keys),
        (
            (one.line, one.kept.cells, " ".join(roster_texts.problem_text(each) for each in one.kept.problems))
            for one in lines
        ),
        line=_("Line of the file"),
        reason=_("Reason"),
    )
    return _spreadsheet(content, "refused-rows.xlsx")


@web.allow(ENTERPRISE_STAFF)
def roster_form() -> ResponseReturnValue:
    """The empty form with a sheet that says what its columns may hold."""
    notes = roster_texts.notes(of_group="group" in request.args)
    return _spreadsheet(writing.form_book(notes), "roster-form.xlsx")


@web.allow(ENTERPRISE)
def take_roster_out() -> ResponseReturnValue:
    """Everybody of the unit and below it; document numbers masked. That it leaves is written down."""
    about, _all = frame.own_organisations(*ENTERPRISE.roles)
    session, now, caller = db.session(), utcnow(), require_caller()
    names = {id_: name for name, id_ in _categories(about).items()}
    rows, them = exporting.rows(session, about.id, categories=names, keys=members.keys(), on=local_day(now))
    receiver = f"person {caller.person_id} ({', '.join(sorted(caller.roles & ENTERPRISE.roles))})"
    exporting.write_down(session, them, receiver=receiver, reason=f"roster of {about.id}", at=now)
    session.commit()
    return _spreadsheet(writing.roster_book(rows, employer=roster_texts.EMPLOYER), "roster.xlsx")


def _spreadsheet(content: bytes, name: str) -> Response:
    response = Response(content, content_type=writing.MEDIA_TYPE)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "private, no-store"
    return response
