"""What people are told: once for each cause, read by nobody else, in both languages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn import locale
from elearn.errors import NotFound
from elearn.training.telling import messages, wording
from elearn.training.telling.messages import FACTS, Kind, Telling
from tests import builders_people as people
from tests.conftest import statements

ASSIGNED: dict[str, Any] = {"programme": "厂级教育", "left_ms": 8_100_000, "due_on": "2026-10-31", "bars_post": True}
LINE = {"programme": "安全再培训", "left_ms": 8_100_000, "due_on": "2026-10-31", "overdue": False, "bars_post": False}


def some_facts(kind: Kind) -> dict[str, Any]:
    """Facts of every shape that a kind asks for."""
    shapes: dict[str, Any] = {"lines": [LINE], "bars_post": False, "left_ms": 60_000}
    return {
        name: shapes[name] if name in shapes else "2026-10-31" if name.endswith("_on") else "7" for name in FACTS[kind]
    }


def test_the_same_thing_is_told_once(session: Session) -> None:
    person = people.a_person(session)
    one = Telling(person.id, Kind.ASSIGNED, "assignment 1", ASSIGNED)
    assert messages.tell(session, [one, one], at=people.AT) == 1
    assert messages.tell(session, [one], at=people.AT + timedelta(days=1)) == 0
    assert messages.tell(session, [Telling(person.id, Kind.ASSIGNED, "assignment 2", ASSIGNED)], at=people.AT) == 1
    assert messages.unread(session, person.id) == 2


def test_a_message_with_other_facts_than_its_kind_has_is_a_fault_of_ours(session: Session) -> None:
    with pytest.raises(ValueError, match="left_ms"):
        messages.tell(session, [Telling(people.a_person(session).id, Kind.ASSIGNED, "1", {})], at=people.AT)


def test_thousands_are_told_in_one_statement(session: Session) -> None:
    person = people.a_person(session)
    with statements(session) as sent:
        told = messages.tell(
            session,
            [Telling(person.id, Kind.DONE, str(n), {"programme": "安全再培训"}) for n in range(3000)],
            at=people.AT,
        )
    assert (told, len(sent)) == (3000, 1)
    assert messages.unread(session, person.id) == messages.MOST_COUNTED, "nobody counts further"


def test_reading_is_the_readers_own(session: Session) -> None:
    mine, other = people.a_person(session), people.a_person(session)
    for number in range(3):
        at = people.AT + timedelta(minutes=number)
        messages.tell(
            session,
            [Telling(one.id, Kind.DONE, str(number), {"programme": f"课 {number}"}) for one in (mine, other)],
            at=at,
        )
    first, older = messages.newest(session, mine.id, size=2)
    assert [one.facts["programme"] for one in first] == ["课 2", "课 1"]
    assert older
    assert [one.facts["programme"] for one in messages.newest(session, mine.id, page=2, size=2)[0]] == ["课 0"]
    with pytest.raises(NotFound):
        messages.read(session, other.id, first[0].id, at=people.AT)
    with pytest.raises(NotFound):
        messages.read(session, mine.id, uuid4(), at=people.AT)
    read = messages.read(session, mine.id, first[0].id, at=people.AT)
    messages.read(session, mine.id, first[0].id, at=people.AT + timedelta(days=1))
    assert read.read_at == people.AT, "the first time stays"
    messages.read_all(session, mine.id, at=people.AT)
    assert (messages.unread(session, mine.id), messages.unread(session, other.id)) == (0, 3)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words_in_both_languages(app: Flask, kind: Kind) -> None:
    said = {}
    for language in ("zh", "en"):
        with app.test_request_context(headers={"Accept-Language": language}):
            assert locale.language() == language
            said[language] = wording.said(kind, some_facts(kind))
        assert said[language].title
        assert "%(" not in "".join((said[language].title, *said[language].lines))
    assert said["zh"].title != said["en"].title


@pytest.mark.parametrize(
    ("case", "line", "expected"),
    [
        ("time is left", {}, "安全再培训：还差 2 小时 15 分钟，2026年10月31日前完成。"),
        ("only the test is left", {"left_ms": 0}, "安全再培训：只差测试，2026年10月31日前完成。"),
        ("late", {"overdue": True}, "安全再培训：还差 2 小时 15 分钟，2026年10月31日已到期。"),
        (
            "late, and the post must be left",
            {"overdue": True, "bars_post": True},
            "安全再培训：2026年10月31日已到期。先离岗，完成后再上岗；还差 2 小时 15 分钟。",
        ),
    ],
)
def test_a_reminder_says_what_and_how_long(app: Flask, case: str, line: dict[str, Any], expected: str) -> None:
    with app.test_request_context(headers={"Accept-Language": "zh"}):
        assert wording.said(Kind.DUE, {"lines": [LINE | line], "more": 0}).lines == (expected,)
