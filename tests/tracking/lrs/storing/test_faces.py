"""A statement is found by what it refers to, in whatever order they arrive (Communication 2.1.3, StatementRefs)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.tracking.lrs.access.scopes import Reads
from elearn.tracking.lrs.rules.check import VOIDED, Checked, check_statement
from elearn.tracking.lrs.rules.keys import actor_key, key_of
from elearn.tracking.lrs.statements import faces, store
from elearn.tracking.lrs.statements.search import EVERYTHING, Filters, search
from tests.builders_lrs import a_checked, an_agent

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
TEACHER = an_agent("teacher")


def referring(target: UUID, **more: Any) -> Checked:
    what = {"verb": {"id": "a:rated"}, "actor": an_agent("rater"), **more}
    return a_checked(object={"objectType": "StatementRef", "id": str(target)}, **what)


def chain(length: int) -> list[Checked]:
    """The last is about something; each other one refers to the next."""
    made = [a_checked(verb={"id": "a:watched"}, context={"instructor": TEACHER})]
    while len(made) < length:
        made.insert(0, referring(made[0].id))
    return made


def by_verb(verb: str, reads: Reads = EVERYTHING) -> Filters:
    return Filters(verb_key=UUID(key_of(verb)), limit=100, reads=reads)


def by_teacher(*, related: bool) -> Filters:
    return Filters(agent_key=UUID(actor_key(TEACHER) or ""), related_agents=related, limit=100)


def found(session: Session, filters: Filters) -> set[UUID]:
    rows = [kept.id for kept in search(session, filters)]
    assert len(rows) == len(set(rows))
    return set(rows)


def keep(session: Session, *arrived: Checked, turn: int = 0, authority: UUID | None = None) -> None:
    store.insert(session, arrived, stored_at=AT + timedelta(seconds=turn), authority=authority)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_chain_of_three_is_found_by_its_end_whoever_comes_first(session: Session, order: tuple[int, ...]) -> None:
    made = chain(3)
    for turn, place in enumerate(order):
        keep(session, made[place], turn=turn)
    everyone = {one.id for one in made}
    assert found(session, by_verb("a:watched")) == everyone
    assert found(session, by_teacher(related=True)) == everyone
    assert found(session, by_teacher(related=False)) == set()
    assert found(session, by_verb("a:rated")) == {made[0].id, made[1].id}


def test_a_chain_in_one_batch_is_found_too(session: Session) -> None:
    made = chain(4)
    keep(session, *made[::-1])
    assert found(session, by_verb("a:watched")) == {one.id for one in made}


def test_all_filters_must_be_met_by_one_statement_of_the_chain(session: Session) -> None:
    made = chain(2)
    keep(session, *made)
    rater = UUID(actor_key(an_agent("rater")) or "")
    watched, rated = UUID(key_of("a:watched")), UUID(key_of("a:rated"))
    assert found(session, Filters(agent_key=rater, verb_key=watched, limit=9)) == set()
    assert found(session, Filters(agent_key=rater, verb_key=rated, limit=9)) == {made[0].id}


def test_since_and_until_are_about_the_statement_that_refers(session: Session) -> None:
    first, last = chain(2)
    keep(session, last)
    keep(session, first, turn=60)
    filters = by_verb("a:watched")
    later = Filters(verb_key=filters.verb_key, since=AT + timedelta(seconds=30), limit=9)
    earlier = Filters(verb_key=filters.verb_key, until=AT + timedelta(seconds=30), limit=9)
    assert found(session, later) == {first.id}
    assert found(session, earlier) == {last.id}


def test_what_refers_to_a_voided_statement_is_still_found_by_it(session: Session) -> None:
    rating, target = chain(2)
    voiding = referring(target.id, verb={"id": VOIDED})
    keep(session, target, authority=uuid4())
    keep(session, voiding, rating, turn=1)
    assert found(session, by_verb("a:watched")) == {voiding.id, rating.id}


def test_a_key_does_not_learn_of_others_statements_by_referring_to_them(session: Session) -> None:
    mine, other = uuid4(), uuid4()
    rating, target = chain(2)
    keep(session, target, authority=other)
    keep(session, rating, authority=mine, turn=1)
    assert found(session, by_verb("a:watched", Reads(all=False, credentials=(mine,)))) == set()
    assert found(session, by_verb("a:watched", Reads(all=False, credentials=(mine, other)))) == {rating.id, target.id}
    assert found(session, by_verb("a:rated", Reads(all=False, credentials=(mine,)))) == {rating.id}


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_circle_ends(session: Session, length: int) -> None:
    ids = [uuid4() for _ in range(length)]
    for place, id_ in enumerate(ids):
        statement = referring(ids[(place + 1) % length]).statement | {"id": str(id_)}
        keep(session, check_statement(json.dumps(statement)), turn=place)
    assert found(session, by_verb("a:rated")) == set(ids)
    written = session.execute(sa.text("SELECT count(*) FROM elearn.statement_face")).scalar()
    assert written == length * (length - 1)


def test_a_chain_is_followed_as_far_as_it_is_said(session: Session) -> None:
    made = chain(faces.MAX_STEPS + 2)
    keep(session, *made)
    assert found(session, by_verb("a:watched")) == {one.id for one in made[1:]}


def test_a_crowd_is_found_through_a_reference_as_far_as_it_is_said(session: Session) -> None:
    crowd = [an_agent(f"w-{number}") for number in range(faces.MAX_RELATIONS)]
    target = a_checked(context={"team": {"objectType": "Group", "member": crowd}})
    rating = referring(target.id)
    keep(session, target, rating)
    written = session.execute(
        sa.text("SELECT count(*) FROM elearn.statement_relation WHERE face_id = :id"), {"id": target.id}
    ).scalar()
    assert written == faces.MAX_RELATIONS


def test_a_repetition_brings_no_second_face(session: Session) -> None:
    made = chain(3)
    for _ in range(2):
        keep(session, *made)
    assert session.execute(sa.text("SELECT count(*) FROM elearn.statement_face")).scalar() == 3
    assert faces.mend(session, AT - timedelta(hours=1)) == 0


def test_with_related_agents_a_credential_is_found_as_the_authority_of_what_came_by_it(session: Session) -> None:
    credential = uuid4()
    agent = UUID(actor_key(an_agent(str(credential))) or "")
    rating, target = chain(2)
    other = a_checked()
    keep(session, target, authority=credential)
    keep(session, rating, other, authority=uuid4())
    by_agent = Filters(agent_key=agent, authority_id=credential, limit=9)
    assert found(session, by_agent) == set()
    assert found(session, replace(by_agent, related_agents=True)) == {target.id, rating.id}
