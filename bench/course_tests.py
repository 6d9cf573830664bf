"""Course tests: a class that hands in at once, and ten thousand questions from a sheet.

    python -m bench.course_tests [--learners 500] [--rows 10000]

Every learner sends a hundred answers with the hand-in, as a phone does that was without network until then; eight come
at a time, through the whole application and one process, to a database that is as durable as in production. Afterwards
it is counted whether every answer is there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from bench.figures import Figure, percentile_ms, say
from bench.watching import a_place
from elearn.courses import classes
from elearn.courses.papers import attempts
from elearn.courses.papers.blueprint import Section
from elearn.courses.papers.models import TestAnswer, TestAttempt
from elearn.courses.questions import exchange
from elearn.courses.questions.formats import xlsx
from elearn.courses.questions.kinds import from_json
from elearn.courses.questions.marking import right_answer
from elearn.courses.questions.models import BankVersion
from elearn.courses.questions.showing import shown_answer
from elearn.db import db
from elearn.people import accounts, callers
from elearn.people.models import Account
from tests.builders_people import KEYS, a_person, signed_in
from tests.builders_questions import AT, TestingSchool, a_test, a_testing_school, asked, one_of_each

LEARNERS, QUESTIONS, ROWS = 500, 100, 10_000
SUBMIT_S, IMPORT_S = 60.0, 30.0
AT_A_TIME = 8
BEGUN = AT + timedelta(days=1)


def learners(session: Session, school: TestingSchool, number: int) -> list[Account]:
    """Enrolled accounts; without passwords, whose making is measured elsewhere."""
    made = [
        accounts.open_account(session, a_person(session).id, name=f"bench-{place}", keys=KEYS, at=AT)
        for place in range(number)
    ]
    people = [one.person_id for one in made]
    classes.enrol(session, school.held.id, people, acting=school.acting, at=AT)
    return made


def handed_in_at_once(number: int) -> Iterator[Figure]:
    with a_place() as place:
        place.clock.now = BEGUN
        with place.app.app_context():
            session = db.session()
            school = a_testing_school(session)
            for _ in range(QUESTIONS // 5):
                for content in one_of_each():
                    asked(session, school, content)
            test, _blueprint = a_test(session, school, [Section(QUESTIONS, 1000)])
            waiting = []
            began_s = []
            for account in learners(session, school, number):
                begin = time.perf_counter()
                attempt = attempts.begin(session, test.id, account.person_id, at=BEGUN)
                session.commit()
                began_s.append(time.perf_counter() - begin)
                client = place.app.test_client()
                callers.forget_last_request()
                headers = signed_in(client, session, account)
                waiting.append((client, headers, attempt.id, _all_right(session, attempt)))
            session.commit()
        yield Figure("begin of an attempt, p95", percentile_ms(began_s, 95) / 1000, None, _ms(began_s))

        def submit(one: tuple[FlaskClient, dict[str, str], UUID, bytes]) -> float:
            client, headers, attempt_id, body = one
            begin = time.perf_counter()
            address = f"/tests/attempts/{attempt_id}/submit"
            answer = client.post(address, data=body, headers={**headers, "Content-Type": "application/json"})
            if answer.status_code != 200:
                raise RuntimeError(f"{answer.status}: {answer.text}")
            return time.perf_counter() - begin

        began = time.perf_counter()
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            took_s = list(pool.map(submit, waiting))
        all_s = time.perf_counter() - began
        with place.app.app_context():
            session = db.session()
            closed = session.scalars(sa.select(TestAttempt.score_milli)).all()
            kept = session.scalar(sa.select(sa.func.count()).select_from(TestAnswer))
        if list(closed) != [QUESTIONS * 1000] * number or kept != number * QUESTIONS:
            raise RuntimeError(f"lost: {kept} answers, {len(closed)} attempts")
        yield Figure(
            f"{number} learners hand in {QUESTIONS} answers each",
            all_s / SUBMIT_S,
            1.0,
            f"{all_s:.1f} of {SUBMIT_S:.0f} s, none lost; {_ms(took_s)}",
        )


def _all_right(session: Session, attempt: TestAttempt) -> bytes:
    """What the phone sends when everything is right."""
    given = []
    for place, version in enumerate(attempt.versions):
        content = from_json(session.get_one(BankVersion, version).content)
        answer = shown_answer(content, right_answer(content), attempt.seed, str(version))
        given.append({"place": place, "n": place + 1, "answer": answer})
    return json.dumps({"answers": given}).encode()


def _ms(took_s: list[float]) -> str:
    return f"{percentile_ms(took_s, 50):.0f} ms half of them, {percentile_ms(took_s, 95):.0f} ms 95 percent"


def taken_from_a_sheet(rows: int) -> Iterator[Figure]:
    """A sheet of that many rows of all kinds, whole; and once more with every hundredth row bad."""
    lines = [row for row in xlsx.EXAMPLES if not row.get("案例")]
    good = [lines[number % len(lines)] | {"题干": f"第{number}题 ____"} for number in range(rows)]
    bad = [row | ({"答案": ""} if number % 100 == 0 else {}) for number, row in enumerate(good)]
    with a_place() as place, place.app.app_context():
        session = db.session()
        school = a_testing_school(session)
        session.commit()
        for name, data in (("good", xlsx.sheet(good)), ("1 % bad", xlsx.sheet(bad))):
            began = time.perf_counter()
            try:
                exchange.take_file(
                    session,
                    institution_id=school.institution.id,
                    outline_id=school.outline.id,
                    default_item_id=school.item.id,
                    file_name="bench.xlsx",
                    data=data,
                    by=school.writer.person_id,
                    at=AT,
                )
                session.commit()
                said = "all taken"
            except exchange.BadFile as error:
                session.rollback()
                said = f"{len(error.problems)} rows named, none taken"
            took_s = time.perf_counter() - began
            stored = session.scalar(sa.select(sa.func.count()).select_from(BankVersion))
            if stored != rows:
                raise RuntimeError(f"{stored} questions")
            yield Figure(
                f"{rows} questions from a sheet, {name}",
                took_s / IMPORT_S,
                1.0,
                f"{took_s:.1f} of {IMPORT_S:.0f} s, {said}",
            )


def run(number: int = LEARNERS, rows: int = ROWS) -> Iterator[Figure]:
    yield from taken_from_a_sheet(rows)
    yield from handed_in_at_once(number)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Measure course tests.")
    options.add_argument("--learners", type=int, default=LEARNERS)
    options.add_argument("--rows", type=int, default=ROWS)
    asked_for = options.parse_args()
    raise SystemExit(say(run(asked_for.learners, asked_for.rows)))
