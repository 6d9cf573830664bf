"""Somebody who is registered twice, on the pages of a clerk and of an operator."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from elearn.people import organisations, persons
from elearn.people.merging import PersonMerge
from elearn.people.models import EmploymentKind, Person
from tests import builders_people as people
from tests.pages.conftest import Browser, World, text_of


def takes_on(session: Session, person: Person, employer_id: UUID) -> None:
    organisations.join(session, person.id, employer_id, EmploymentKind.FLEXIBLE, date(2026, 1, 5), at=people.AT)


def test_a_clerk_proposes_and_an_operator_sees_what_hinders(world: World, session: Session, app: Flask) -> None:
    twin = people.a_person(session, name="李明")
    takes_on(session, twin, world.enterprise.id)
    stranger = people.a_person(session, name="李明")
    takes_on(session, stranger, world.other_enterprise.id)
    session.commit()
    clerk, path = Browser(app, session, world.clerk), f"/people/{twin.id}/merge"
    assert path in clerk.get(f"/people/{twin.id}").text
    assert str(world.worker.person_id) in clerk.get(path).text
    assert str(stranger.id) not in clerk.get(path).text
    for form, status in (
        ({}, 422), ({"kept": str(twin.id)}, 422), ({"kept": str(stranger.id)}, 404), ({"kept": "x"}, 400),
    ):  # fmt: skip
        assert clerk.post(path, {**form}).status_code == status, form
    assert clerk.post(f"/people/{stranger.id}/merge", {"kept": str(twin.id)}).status_code == 404
    # Proposed the wrong way round: the one who learns in a class at an institution would be forgotten.
    for gone, kept in ((world.worker.person_id, twin.id), (twin.id, world.worker.person_id)):
        assert clerk.post(f"/people/{gone}/merge", {"kept": str(kept)}).status_code == 303
    assert "was in a class" not in clerk.page("/people/merges"), "a clerk is not told what is known elsewhere"
    wrong, right = session.scalars(sa.select(PersonMerge.id).order_by(PersonMerge.id)).all()
    assert clerk.post(f"/people/merges/{right}", {"answer": "confirm"}).status_code == 403
    other = Browser(app, session, world.other_clerk)
    assert other.post(f"/people/merges/{right}", {"answer": "refuse"}).status_code == 404
    operator = Browser(app, session, world.operator)
    assert "was in a class" not in operator.page("/people/merges")
    assert "was in a class" in operator.page(f"/people/merges?about={wrong}")
    assert 'value="confirm"' in operator.get(f"/people/merges?about={right}").text
    assert 'value="confirm"' not in operator.get(f"/people/merges?about={wrong}").text
    assert operator.post(f"/people/merges/{right}", {"answer": "?"}).status_code == 400
    operator.post(f"/people/merges/{wrong}", {"answer": "confirm"})
    assert "cannot be merged" in operator.page("/people/merges")
    answer = operator.post(f"/people/merges/{right}", {"answer": "confirm"})
    assert answer.status_code == 303, text_of(answer)
    assert "Merged: one person is left." in operator.page("/people/merges")
    assert clerk.post(f"/people/merges/{wrong}", {"answer": "refuse"}).status_code == 303
    assert "taken back" in clerk.page("/people/merges")
    assert persons.get_person(session, twin.id).erased_at is not None
