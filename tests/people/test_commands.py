"""`elearn user`, `elearn role`, `elearn org`: what they print and what then stands in the database."""

from __future__ import annotations

import re

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.orm import Session

from elearn.errors import Conflict, NotFound
from elearn.people import accounts, organisations, registry
from elearn.people.callers import caller_of
from elearn.people.commands import orgs, roles, users
from elearn.people.models import Account, Organisation, PasswordReset, Role
from tests.builders_people import KEYS, PASSWORD, a_phone, a_resident_id


def run(group: click.Group, *words: str, typed: str = "") -> str:
    done = CliRunner().invoke(group, list(words), input=typed)
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_an_operator_is_made_from_the_command_line(session: Session) -> None:
    phone = a_phone()
    said = run(users, "add", "chief", "--person-name", "王主任", "--phone", phone)
    assert re.search(r"one-time password: \w{4}-\w{4}-\w{4}", said)
    run(roles, "grant", phone, "operator")
    account = accounts.find_account(session, "chief", keys=KEYS)
    assert account is not None
    caller = caller_of(session, account.id)
    assert caller is not None
    assert caller.roles == {Role.LEARNER, Role.OPERATOR}
    assert f"{account.id}  chief  王主任  learner,operator" in run(users, "list")
    run(roles, "revoke", "chief", "operator")
    assert run(roles, "list", "chief") == f"{account.id}  learner\n"


def test_a_worker_is_registered_with_number_and_password_that_are_not_echoed(session: Session) -> None:
    number = a_resident_id()
    said = run(
        users,
        *("add", "worker", "--person-name", "张三", "--document", "resident_id", "--ask-password"),
        typed=f"{number}\n{PASSWORD}\n{PASSWORD}\n",
    )
    assert number not in said
    assert PASSWORD not in said
    assert "one-time" not in said
    assert session.scalars(sa.select(Account.password_hash)).one()


def test_a_forgotten_password_is_replaced(session: Session) -> None:
    run(users, "add", "chief", "--person-name", "王主任")
    assert "one-time password" in run(users, "reset-password", "chief")
    assert session.scalar(sa.select(sa.func.count()).select_from(PasswordReset)) == 2
    with pytest.raises(NotFound):
        run(users, "reset-password", "nobody")


def test_an_organisation_is_registered_and_joined(session: Session) -> None:
    made = run(orgs, "add", "institution", "滇池安全培训中心", "--region", "530100").strip()
    assert run(orgs, "list") == f"{made}  institution  滇池安全培训中心\n"
    run(users, "add", "teacher", "--person-name", "李老师")
    run(roles, "grant", "teacher", "teacher", "--organisation", made)
    run(orgs, "join", "teacher", made, "--kind", "employee", "--from", "2026-01-01")
    organisation = session.scalars(sa.select(Organisation)).one()
    assert [
        one.name
        for one in organisations.members(session, organisation.id, on=registry.local_day(organisation.created_at))
    ] == ["李老师"]
    with pytest.raises(Conflict):
        run(orgs, "join", "teacher", made)
