"""Words of employment: acts and their reasons, how a joining link stands, categories of posts, units to choose from."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements import service
from elearn.courses.requirements.rows import Category
from elearn.locale import gettext as _
from elearn.pages import rule_texts, shown
from elearn.people import tree
from elearn.people.acts import REASONS, Act, Reason
from elearn.people.joining.models import State
from elearn.people.joining.rules import Stands
from elearn.people.models import Organisation, OrganisationTree
from elearn.people.verifying import IdentityCheck, Result

MOST_UNITS = 300


def act_text(act: str) -> str:
    return {
        Act.MOVED.value: _("Another post"),
        Act.AWAY.value: _("Away from the post"),
        Act.BACK.value: _("Back at the post"),
        Act.ENDED.value: _("Employment ended"),
        Act.LEFT.value: _("Left of their own accord"),
        Act.FIRM.value: _("Another firm noted"),
    }[act]


def reason_text(reason: str) -> str:
    return {
        Reason.WORK.value: _("The work asks for it"),
        Reason.REQUEST.value: _("Asked for by the person"),
        Reason.TRIAL.value: _("On trial"),
        Reason.LEAVE.value: _("On leave"),
        Reason.POSTED.value: _("Posted elsewhere"),
        Reason.STOPPAGE.value: _("Work stands still"),
        Reason.CONTRACT_OVER.value: _("The contract is over"),
        Reason.RESIGNED.value: _("Resigned"),
        Reason.DISMISSED.value: _("Dismissed"),
        Reason.RETIRED.value: _("Retired"),
        Reason.OTHER.value: _("Another reason"),
    }[reason]


def reasons(act: Act) -> list[tuple[str, str]]:
    """To choose from."""
    return [(one.value, reason_text(one.value)) for one in REASONS[act]]


def stands_text(stands: Stands) -> str:
    """In the clerk's list."""
    return {
        Stands.OPEN: _("open"),
        Stands.NOT_YET: _("not yet open"),
        Stands.OVER: _("its time is over"),
        Stands.USED_UP: _("used up"),
        Stands.WITHDRAWN: _("withdrawn"),
        Stands.UNIT_CLOSED: _("the unit is closed"),
    }[stands]


def stands_tone(stands: Stands) -> str:
    return {Stands.OPEN: "good", Stands.NOT_YET: "warn", Stands.USED_UP: "warn"}.get(stands, "")


def shut_text(stands: Stands | None) -> str:
    """To who opened it. None: it is no link of ours."""
    if stands is None:
        return _("This is no link of ours. Scan the code again, or type the whole address.")
    return {
        Stands.OPEN: "",
        Stands.NOT_YET: _("This link opens later. Ask your employer from which day on."),
        Stands.OVER: _("The time of this link is over."),
        Stands.USED_UP: _("As many people as this link is for have come by it."),
        Stands.WITHDRAWN: _("Your employer has withdrawn this link."),
        Stands.UNIT_CLOSED: _("The place that this link leads to is closed."),
    }[stands]


def state_text(state: str) -> str:
    return {
        State.WAITING.value: _("waits for you"),
        State.JOINED.value: _("belongs to you"),
        State.REFUSED.value: _("not taken in"),
        State.TAKEN_BACK.value: _("taken back"),
    }[state]


def categories(session: Session, region: str | None, on: date) -> list[tuple[str, str]]:
    """What the rules know of posts, to choose from: (id, name)."""
    found = [one.row for one in service.catalogue(session).on("categories", region, on)]
    return [(row.id, rule_texts.name_of(row)) for row in found if isinstance(row, Category)]


def category_text(chosen: list[tuple[str, str]], category: str | None) -> str:
    """Its name; one that is no longer in force is called by its id."""
    return "" if category is None else dict(chosen).get(category, category)


def units(session: Session, inside: UUID, tops: Collection[UUID]) -> list[tuple[str, str]]:
    """Open units at or below a node that lie in one of these subtrees too: (id, way down to it), at most 300."""
    reached = sa.select(OrganisationTree.below_id).where(OrganisationTree.above_id.in_(list(tops)))
    found = session.scalars(
        sa.select(Organisation.id)
        .join(OrganisationTree, OrganisationTree.below_id == Organisation.id)
        .where(
            OrganisationTree.above_id == inside,
            Organisation.closed_at.is_(None),
            Organisation.id.in_(reached),
        )
        .order_by(OrganisationTree.depth, Organisation.name)
        .limit(MOST_UNITS)
    ).all()
    ways = tree.paths(session, found)
    texts = [(str(one), " / ".join(name for node_id, name in _from(ways[one], inside))) for one in found]
    return sorted(texts, key=lambda pair: pair[1])


def way(session: Session, unit_id: UUID, employer_id: UUID) -> str:
    """From the employer down to one of its units."""
    return " / ".join(name for _id, name in _from(tree.paths(session, [unit_id])[unit_id], employer_id))


def _from(path: list[tuple[UUID, str]], node_id: UUID) -> list[tuple[UUID, str]]:
    places = [number for number, (one, _name) in enumerate(path) if one == node_id]
    return path[places[0] :] if places else path


def ways(session: Session, unit_ids: Collection[UUID], employers: Collection[UUID]) -> dict[UUID, str]:
    """For each unit the way down to it from its employer: one query."""
    found = {}
    for unit_id, path in tree.paths(session, unit_ids).items():
        tops = [number for number, (one, _name) in enumerate(path) if one in employers]
        found[unit_id] = " / ".join(name for _id, name in path[tops[-1] if tops else 0 :])
    return found


def identity_text(check: IdentityCheck | None) -> str:
    """What a clerk reads beside the card; nothing follows from it by itself."""
    if check is None:
        return _("not asked about")
    said = {
        Result.MATCHES.value: _("name and document match"),
        Result.DIFFERS.value: _("name and document differ"),
        Result.UNKNOWN.value: _("the register does not know it"),
        Result.UNAVAILABLE.value: _("the register did not answer"),
    }[check.result]
    return f"{said} · {shown.day(check.asked_at)}"
