"""Who may do what: each role, in its own organisation and in another's."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask import Flask, g
from sqlalchemy.orm import Session

from elearn.errors import Forbidden, NotFound, NotSignedIn
from elearn.people import permissions
from elearn.people.callers import Caller, Grant
from elearn.people.models import Role
from elearn.people.permissions import Holding, Reach

OWN, OTHER = UUID(int=1), UUID(int=2)


def a_caller(*grants: Grant, must_change: bool = False) -> Caller:
    return Caller(UUID(int=7), UUID(int=8), "wang", must_change, grants, UUID(int=9))


def holding(role: Role) -> Caller:
    reach = permissions.REACH[role]
    return a_caller(
        Grant(role, OWN if reach is Reach.ORGANISATION else None, "530100" if reach is Reach.REGION else None)
    )


OPENS: dict[str, set[Role]] = {
    "signed in": set(Role),
    "learner": {Role.LEARNER},
    "clerk": {Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER, Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER},
    "reader of people": {
        Role.ENTERPRISE_CLERK,
        Role.SAFETY_MANAGER,
        Role.PRINCIPAL,
        Role.INSTITUTION_CLERK,
        Role.INSTITUTION_MANAGER,
    },
    "institution's staff": {Role.INSTITUTION_CLERK, Role.INSTITUTION_MANAGER},
    "teacher": {Role.TEACHER, Role.INSTITUTION_MANAGER},
    "manager": {Role.INSTITUTION_MANAGER},
    "enterprise": {Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER, Role.PRINCIPAL},
    "enterprise's staff": {Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER},
    "principal": {Role.PRINCIPAL},
    "organisation's staff": {
        Role.ENTERPRISE_CLERK,
        Role.SAFETY_MANAGER,
        Role.PRINCIPAL,
        Role.INSTITUTION_CLERK,
        Role.TEACHER,
        Role.INSTITUTION_MANAGER,
    },
    "reader of organisations": set(Role) - {Role.LEARNER, Role.TEACHER, Role.REGULATOR_OFFICER},
    "keeper of organisations": {
        Role.ENTERPRISE_CLERK,
        Role.SAFETY_MANAGER,
        Role.PRINCIPAL,
        Role.INSTITUTION_MANAGER,
        Role.OPERATOR,
    },
    "keeper of attendance": {Role.INSTITUTION_MANAGER, Role.ENTERPRISE_CLERK, Role.SAFETY_MANAGER},
    "second person of attendance": {
        Role.INSTITUTION_MANAGER,
        Role.ENTERPRISE_CLERK,
        Role.SAFETY_MANAGER,
        Role.PRINCIPAL,
    },
    "regulator": {Role.REGULATOR_OFFICER},
    "operator": {Role.OPERATOR},
    "auditor": {Role.AUDITOR},
}
WHO = [one for one in vars(permissions).values() if isinstance(one, Holding)]


def test_every_door_is_in_the_table() -> None:
    assert {who.name for who in WHO if not who.even_before_change} == set(OPENS)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("name", list(OPENS))
def test_which_role_opens_which_door(app: Flask, name: str, role: Role) -> None:
    who = next(one for one in WHO if one.name == name)
    with app.test_request_context():
        g._login_user = holding(role)
        if role in OPENS[name]:
            who.check({})
        else:
            with pytest.raises(Forbidden, match="may not"):
                who.check({})


@pytest.mark.parametrize("who", WHO, ids=lambda who: who.name)
def test_nobody_opens_no_door_but_anybodys(app: Flask, who: Holding) -> None:
    with app.test_request_context():
        with pytest.raises(NotSignedIn):
            who.check({})
        permissions.ANYBODY.check({})


@pytest.mark.parametrize("who", WHO, ids=lambda who: who.name)
def test_a_one_time_password_opens_only_the_way_to_a_new_one(app: Flask, who: Holding) -> None:
    everything = a_caller(*(Grant(role, OWN, "530000") for role in Role), must_change=True)
    with app.test_request_context():
        g._login_user = everything
        if who is permissions.SESSION_HOLDER:
            who.check({})
        else:
            with pytest.raises(Forbidden, match="password"):
                who.check({})


@pytest.mark.parametrize(("method", "opens"), [("GET", True), ("HEAD", True), ("POST", False), ("DELETE", False)])
def test_an_auditor_reads_and_changes_nothing(app: Flask, method: str, opens: bool) -> None:
    with app.test_request_context(method=method):
        g._login_user = holding(Role.AUDITOR)
        if opens:
            permissions.AUDITOR.check({})
        else:
            with pytest.raises(Forbidden):
                permissions.AUDITOR.check({})


@pytest.mark.parametrize("role", [role for role in Role if permissions.REACH[role] is Reach.ORGANISATION])
def test_a_role_reaches_its_own_organisation_only(session: Session, role: Role) -> None:
    caller = holding(role)
    assert permissions.scope_of(caller, role) == {OWN}
    assert permissions.require_in(OWN, role, caller=caller) is caller
    with pytest.raises(NotFound):
        permissions.require_in(OTHER, role, caller=caller)
    for another in set(Role) - {role}:
        with pytest.raises(NotFound):
            permissions.require_in(OWN, another, caller=caller)


def test_roles_in_two_organisations_do_not_mix() -> None:
    caller = a_caller(Grant(Role.TEACHER, OWN, None), Grant(Role.INSTITUTION_MANAGER, OTHER, None))
    assert permissions.scope_of(caller, Role.INSTITUTION_MANAGER) == {OTHER}
    assert permissions.scope_of(caller, Role.TEACHER, Role.INSTITUTION_MANAGER) == {OWN, OTHER}
    with pytest.raises(NotFound):
        permissions.require_in(OWN, Role.INSTITUTION_MANAGER, caller=caller)


@pytest.mark.parametrize(
    ("own", "region", "sees"),
    [
        pytest.param("530000", "530100", True, id="a province sees its cities"),
        pytest.param("530000", "530102", True, id="and their districts"),
        pytest.param("530100", "530102", True, id="a city sees its districts"),
        pytest.param("530100", "530300", False, id="a city does not see another"),
        pytest.param("530100", "530000", False, id="nor the province"),
        pytest.param("530102", "530102", True, id="a district sees itself"),
        pytest.param("530102", "530103", False, id="a district does not see another"),
        pytest.param("530000", "520100", False, id="a province does not see another"),
        pytest.param("530000", None, False, id="what has no region is nobody's"),
    ],
)
def test_which_regions_an_officer_sees(own: str, region: str | None, sees: bool) -> None:
    officer = a_caller(Grant(Role.REGULATOR_OFFICER, None, own))
    assert permissions.may_see_region(officer, region) is sees


def test_a_region_on_another_role_gives_no_sight(session: Session) -> None:
    assert not permissions.may_see_region(a_caller(Grant(Role.OPERATOR, None, "530000")), "530100")
