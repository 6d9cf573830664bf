"""In whose name somebody acts who has several organisations: the one chosen last, kept in the cookie.

Every organisation in which a role was granted can be chosen, and every unit below such a one, found by its name: a
group of thousands of units is never listed. `?organisation=` says it for one page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from flask import g, request, session

from elearn.db import db
from elearn.errors import NotFound
from elearn.people import tree
from elearn.people.callers import Caller, require_caller
from elearn.people.models import Organisation, Role
from elearn.people.permissions import ORGANISATION_STAFF, SUBTREE, granted_in, holds_in

CHOSEN = "elearn_organisation"
"""Cookie key: the organisation that was chosen last."""
ON_PAGE = "elearn_organisation_on_page"
"""Of this request: the organisation that the page is about."""
STAFF = tuple(ORGANISATION_STAFF.roles)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the header says of it."""

    name: str
    above: list[str]
    """Names from the top of the tree to what lies above it."""
    others: bool
    """Is there anything else to choose?"""
    back: str
    """The query of the page that chooses: where to go afterwards."""


def own_organisations(*roles: Role) -> tuple[Organisation, list[Organisation]]:
    """The organisation this page is about (`?organisation=`, else the chosen one, else the first by name), and those
    in which one of `roles` was granted to the caller, it among them.

    Raises NotFound: another organisation's things are not even confirmed to exist.
    """
    caller = require_caller()
    wanted = request.values.get("organisation")
    chosen = _kept() if wanted is None else _id(wanted)
    if chosen is None or not holds_in(caller, chosen, *roles):
        if wanted is not None:
            raise NotFound("There is no such organisation.")
        chosen = None
    ids = granted_in(caller, *roles) | ({chosen} if chosen else set())
    found = list(
        db.session.scalars(
            sa.select(Organisation)
            .where(Organisation.id.in_(ids))
            .order_by(Organisation.closed_at.is_not(None), Organisation.name, Organisation.id)
        )
    )
    if not found:
        raise NotFound("There is no such organisation.")
    about = next((one for one in found if one.id == chosen), found[0])
    on_page(about.id)
    return about, found


def acts(caller: Caller) -> bool:
    """Whether the caller acts for any organisation."""
    return bool(granted_in(caller, *STAFF))


def on_page(organisation_id: UUID) -> None:
    """The page is about this organisation; the header says so."""
    setattr(g, ON_PAGE, organisation_id)


def choose(organisation_id: UUID) -> None:
    """From now on the caller acts for this one. Raises NotFound."""
    if not holds_in(require_caller(), organisation_id, *STAFF):
        raise NotFound("There is no such organisation.")
    session[CHOSEN] = str(organisation_id)


def shown(caller: Caller | None) -> Shown | None:
    """For whom the page acts, with one query; None for somebody who acts for no organisation."""
    tops = granted_in(caller, *STAFF) if caller and not caller.must_change else frozenset()
    if caller is None or not tops:
        return None
    about = g.get(ON_PAGE) or _kept()
    paths = tree.paths(db.session(), tops | ({about} if about else set()))
    if about not in paths or not (tops & {one for one, _name in paths[about]} or about == g.get(ON_PAGE)):
        about = min(tops & set(paths), key=lambda one: (paths[one][-1][1], one), default=None)
    if about is None:
        return None
    *above, (_id, name) = paths[about]
    others = len(tops) > 1 or bool(granted_in(caller, *SUBTREE))
    return Shown(name, [one for _id, one in above], others, _back())


def _back() -> str:
    """This page without what it is about, when it is a page of a whole organisation; else the start page."""
    if request.method != "GET" or request.url_rule is None or request.url_rule.arguments:
        return ""
    rest: Iterable[tuple[str, str]] = ((key, one) for key, one in request.args.items(multi=True) if key in ("show",))
    query = urlencode(list(rest))
    return urlencode({"next": request.script_root + request.path + (f"?{query}" if query else "")})


def _kept() -> UUID | None:
    return _id(session.get(CHOSEN))


def _id(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
