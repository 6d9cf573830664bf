"""Words of organisations: levels, roles, what was done, what became of a link."""

from __future__ import annotations

from elearn.locale import gettext as _
from elearn.people.models import OrganisationKind, OrganisationLevel, Role
from elearn.people.offices.granting import Event
from elearn.people.offices.invitations import State
from elearn.people.offices.models import Change


def level_names() -> dict[str, str]:
    """By the level's word; an institution has the empty one."""
    return {
        OrganisationLevel.GROUP.value: _("Group"),
        OrganisationLevel.ENTERPRISE.value: _("Enterprise"),
        OrganisationLevel.WORKSHOP.value: _("Workshop"),
        OrganisationLevel.TEAM.value: _("Team"),
        "": _("Training institution"),
    }


def top_kinds() -> list[tuple[str, str]]:
    """What an operator opens."""
    names = level_names()
    return [
        (OrganisationLevel.ENTERPRISE.value, names[OrganisationLevel.ENTERPRISE.value]),
        (OrganisationLevel.GROUP.value, names[OrganisationLevel.GROUP.value]),
        (OrganisationKind.INSTITUTION.value, names[""]),
    ]


def role_names() -> dict[str, str]:
    return {
        Role.ENTERPRISE_CLERK.value: _("Enterprise clerk"),
        Role.SAFETY_MANAGER.value: _("Safety manager"),
        Role.PRINCIPAL.value: _("Principal"),
        Role.INSTITUTION_CLERK.value: _("Institution's clerk"),
        Role.TEACHER.value: _("Teacher"),
        Role.INSTITUTION_MANAGER.value: _("Institution's manager"),
    }


def role_hints() -> dict[str, str]:
    """What each of them may do, in a line."""
    return {
        Role.ENTERPRISE_CLERK.value: _("keeps people and training; lets in clerks of units below"),
        Role.SAFETY_MANAGER.value: _("keeps people and training"),
        Role.PRINCIPAL.value: _("reads everything, approves plans, gives roles"),
        Role.INSTITUTION_CLERK.value: _("classes, people and records"),
        Role.TEACHER.value: _("teaches, writes questions, checks in on site"),
        Role.INSTITUTION_MANAGER.value: _("everything of the institution, gives roles"),
    }


def event_text(event: Event) -> str:
    """What was done, as a sentence without its subject."""
    if event.did == "given":
        return _("%(who)s was given the role %(role)s", who=event.who or "—", role=role_names()[event.what])
    if event.did == "taken":
        return _("%(who)s no longer holds the role %(role)s", who=event.who or "—", role=role_names()[event.what])
    facts = {"before": event.before or "—", "after": event.after or "—"}
    return {
        Change.OPENED: _("Opened as %(after)s", **facts),
        Change.RENAMED: _("Name: %(before)s → %(after)s", **facts),
        Change.CREDIT_CODE: _("Credit code: %(before)s → %(after)s", **facts),
        Change.REGION: _("Region: %(before)s → %(after)s", **facts),
        Change.MOVED: _("Moved: %(before)s → %(after)s", **facts),
        Change.CLOSED: _("Closed"),
    }[Change(event.did)]


def state_names() -> dict[str, tuple[str, str]]:
    """Of a link: tone and word."""
    return {
        State.OPEN.value: ("good", _("open")),
        State.USED.value: ("", _("used")),
        State.EXPIRED.value: ("warn", _("run out")),
        State.WITHDRAWN.value: ("", _("withdrawn")),
    }
