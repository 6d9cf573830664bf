"""Settling: assignments follow the hours ledger, the tests and the signatures. Each minute, by what is new.

What an assignment is credited with is always added up anew from the ledger, for those whose people have new entries,
so it never drifts: `differences` adds up all of them and compares. An assignment is done when its time is credited, the
tests of its courses are passed and, of one of the three levels, two people signed; then the next of its chain opens.
Time that is taken back takes it back: what was done opens again, and what had followed waits again.

Where entries are looked for: from the leaf up to which a log was settled to that up to which its hours are entered
(`credit.py`), so nothing is missed that was committed late, and nothing is read twice.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import utcnow
from elearn.db import db
from elearn.people import consents
from elearn.people.registry import local_day
from elearn.training.telling import messages
from elearn.training.telling.messages import Kind, Telling

logger = logging.getLogger(__name__)

AT_ONCE = 5_000
"""Leaves, or assignments, in one transaction."""
LOOK_BACK = timedelta(minutes=10)
"""Longer than any transaction of ours stays open: passed tests are asked for by their time, and looked at twice."""
MOST_IN_CHAIN = 12

WINDOW = sa.text("""
SELECT m.origin, coalesce(s.settled_to, 0) AS begin, least(m.entered_to, coalesce(s.settled_to, 0) + :most) AS size
FROM elearn.ledger_mark m LEFT JOIN elearn.training_settle_mark s ON s.origin = m.origin
WHERE m.entered_to > coalesce(s.settled_to, 0) ORDER BY m.origin LIMIT 1
""")
MARK = sa.text("""
INSERT INTO elearn.training_settle_mark (origin, settled_to) VALUES (:origin, :size)
ON CONFLICT (origin) DO UPDATE SET settled_to = greatest(training_settle_mark.settled_to, excluded.settled_to)
""")
EARNED = sa.text("""
SELECT a.id FROM elearn.assignment a
WHERE a.state <> 'withdrawn' AND a.person_id IN (
    SELECT person_id FROM elearn.hours_entry
    WHERE leaf_origin = :origin AND leaf_index >= :begin AND leaf_index < :size
)
""")
TESTED = sa.text("""
SELECT a.id FROM elearn.assignment a
WHERE a.state = 'open' AND a.person_id IN (
    SELECT person_id FROM elearn.test_attempt WHERE passed IS TRUE AND closed_at >= :since
    UNION SELECT person_id FROM elearn.consent WHERE at >= :since
)
UNION
SELECT a.id FROM elearn.assignment a
JOIN elearn.training_programme p ON p.id = a.programme_id
WHERE a.state = 'open' AND p.class_id IN (
    SELECT c.class_id FROM elearn.class_course c JOIN elearn.course_test t ON t.course_id = c.course_id
    WHERE t.retired_at >= :since
)
""")

CREDITED = """
SELECT w.id, coalesce((
    SELECT sum(greatest(0, x.ms)) FROM (
        -- Of each lesson at most its length: who watches a corrected version again has not learned twice.
        SELECT least(sum(e.amount_ms), max(u.duration_ms)) AS ms
        FROM elearn.hours_entry e
        LEFT JOIN elearn.watched_span s ON s.id = e.watched_span_id
        LEFT JOIN elearn.unit u ON u.id = s.unit_id
        LEFT JOIN elearn.lesson l ON l.id = u.lesson_id
        WHERE e.person_id = w.person_id AND (w.counts_from IS NULL OR e.learned_at >= w.counts_from)
          AND (e.class_id = p.class_id OR w.id = ANY (:elsewhere) AND EXISTS (
              SELECT FROM elearn.class_course c WHERE c.class_id = p.class_id AND c.course_id = l.course_id))
        GROUP BY u.lesson_id
    ) x
), 0)::bigint AS credited_ms
FROM elearn.assignment w JOIN elearn.training_programme p ON p.id = w.programme_id
WHERE w.id = ANY (:ids)
"""

RECKON = sa.text(f"""
WITH credited AS MATERIALIZED ({CREDITED}),
passed AS MATERIALIZED (
    SELECT w.id, NOT EXISTS (
        SELECT FROM elearn.training_programme p
        JOIN elearn.class_course c ON c.class_id = p.class_id
        JOIN elearn.course_test t ON t.course_id = c.course_id AND t.purpose = 'course' AND t.retired_at IS NULL
        WHERE p.id = w.programme_id
          AND EXISTS (SELECT FROM elearn.test_blueprint b
                      WHERE b.test_id = t.id AND b.published_at IS NOT NULL AND b.retired_at IS NULL)
          AND NOT EXISTS (SELECT FROM elearn.test_attempt r
                          WHERE r.person_id = w.person_id AND r.test_id = t.id AND r.passed IS TRUE)
    ) AS tests
    FROM elearn.assignment w WHERE w.id = ANY (:ids)
)
UPDATE elearn.assignment a
SET credited_ms = c.credited_ms,
    -- Passed is passed: a test that is offered later takes nothing away from what was done.
    tests_passed = t.tests OR a.state = 'done'
FROM credited c JOIN passed t ON t.id = c.id
WHERE a.id = c.id AND (a.credited_ms <> c.credited_ms OR a.tests_passed <> (t.tests OR a.state = 'done'))
""")

SATISFIED = """
a.credited_ms >= a.required_ms AND a.tests_passed AND (
    p.purpose NOT IN ('three_level_factory', 'three_level_workshop', 'three_level_team')
    OR 2 = (SELECT count(*) FROM elearn.level_signoff g WHERE g.assignment_id = a.id AND g.round = a.round)
)
"""
FINISH = sa.text(f"""
UPDATE elearn.assignment a SET state = 'done', done_at = :now
FROM elearn.training_programme p
WHERE a.id = ANY (:ids) AND p.id = a.programme_id AND a.state = 'open' AND {SATISFIED}
RETURNING a.id, a.person_id, a.membership_id, a.organisation_id, p.title, p.class_id
""")
REOPEN = sa.text("""
UPDATE elearn.assignment a SET state = 'open', done_at = NULL, round = round + 1
WHERE a.id = ANY (:ids) AND a.state = 'done' AND a.credited_ms < a.required_ms
RETURNING a.id
""")
FOLLOWING = sa.text("""
SELECT id FROM elearn.assignment WHERE after_id = ANY (:ids) AND state IN ('waiting', 'open') ORDER BY id FOR UPDATE
""")
WAIT_OR_OPEN = sa.text("""
UPDATE elearn.assignment a SET state = CASE WHEN b.state IN ('done', 'withdrawn') THEN 'open' ELSE 'waiting' END
FROM elearn.assignment b
WHERE a.id = ANY (:ids) AND b.id = a.after_id AND a.state IN ('waiting', 'open')
  AND (a.state = 'open') <> (b.state IN ('done', 'withdrawn'))
RETURNING a.id, a.state
""")
ENROL = sa.text("""
INSERT INTO elearn.enrolment (id, class_id, person_id, enrolled_at)
SELECT gen_random_uuid(), n.class_id, n.person_id, :now
FROM (SELECT DISTINCT p.class_id, a.person_id FROM elearn.assignment a
      JOIN elearn.training_programme p ON p.id = a.programme_id
      WHERE a.id = ANY (:ids) AND a.state = 'open') n
ORDER BY n.class_id, n.person_id
ON CONFLICT DO NOTHING
""")
END_ENROLMENT = sa.text("""
UPDATE elearn.enrolment e SET withdrawn_at = greatest(:now, e.enrolled_at)
FROM elearn.assignment a JOIN elearn.training_programme p ON p.id = a.programme_id
WHERE a.id = ANY (:ids) AND e.class_id = p.class_id AND e.person_id = a.person_id AND e.withdrawn_at IS NULL
  AND NOT EXISTS (SELECT FROM elearn.assignment o WHERE o.person_id = a.person_id AND o.state = 'open'
                  AND o.programme_id = a.programme_id AND o.id <> ALL (:ids))
""")
ENROL_LAST = sa.text("""
INSERT INTO elearn.enrolment (id, class_id, person_id, enrolled_at)
SELECT gen_random_uuid(), n.class_id, n.person_id, :now
FROM unnest(CAST(:classes AS uuid[]), CAST(:persons AS uuid[])) AS n (class_id, person_id)
ORDER BY 2, 3 ON CONFLICT DO NOTHING
""")
KNOWN = sa.text("""
SELECT a.id FROM elearn.assignment a
WHERE a.id = ANY (:ids) AND a.state = 'open'
  AND (a.required_ms = 0 OR NOT a.tests_passed
       OR EXISTS (SELECT FROM elearn.hours_entry e WHERE e.person_id = a.person_id))
""")
"""What may be done, or have something, from the start: who never learned anything has nothing."""
ASSIGNED = sa.text("""
SELECT a.id, a.person_id, a.organisation_id, a.due_on, a.bars_post, p.title,
       greatest(0, a.required_ms - a.credited_ms) AS left_ms
FROM elearn.assignment a JOIN elearn.training_programme p ON p.id = a.programme_id
WHERE a.id = ANY (:ids) AND a.state = 'open'
""")
ASK_AGAIN = sa.text("""
INSERT INTO elearn.assign_due (membership_id, due_on)
SELECT DISTINCT u.id, DATE '1970-01-01' FROM unnest(CAST(:memberships AS uuid[])) AS u (id) ORDER BY 1
ON CONFLICT DO NOTHING
""")
WITHDRAW = sa.text("""
UPDATE elearn.assignment SET state = 'withdrawn', done_at = NULL
WHERE id = ANY (:ids) AND state IN ('waiting', 'open') RETURNING id
""")
OVER = sa.text("""
SELECT a.id FROM elearn.assignment a
JOIN elearn.membership m ON m.id = a.membership_id
JOIN elearn.person p ON p.id = a.person_id
WHERE a.membership_id = ANY (:memberships) AND a.state IN ('waiting', 'open')
  AND (m.to_on < :today OR p.erased_at IS NOT NULL)
ORDER BY a.id
""")
LOCK = sa.text("SELECT id FROM elearn.assignment WHERE id = ANY (:ids) ORDER BY id FOR UPDATE")
OF_EMPLOYERS = sa.text("""
SELECT organisation_id, array_agg(id) AS ids, array_agg(person_id) AS people
FROM elearn.assignment WHERE id = ANY (:ids) GROUP BY organisation_id
""")


@dataclass(frozen=True, slots=True)
class Difference:
    """An assignment that does not say what the ledger says."""

    assignment_id: UUID
    credited_ms: int
    ledger_ms: int


@jobs.task("training.settle", every="* * * * *")
def settle_minute() -> None:
    session, now = db.session(), utcnow()
    found = settle(session, now=now)
    if found:
        logger.info("settled", extra={"assignments": found})


def settle(session: Session, *, now: datetime) -> int:
    """Bring assignments up to what is entered, tested and agreed to by now; how many were looked at. Commits."""
    looked_at = 0
    while (window := session.execute(WINDOW, {"most": AT_ONCE}).one_or_none()) is not None:
        where: dict[str, Any] = {"origin": window.origin, "begin": window.begin, "size": window.size}
        looked_at += refresh(session, list(session.scalars(EARNED, where)), now=now)
        session.execute(MARK, where)
        session.commit()
    looked_at += refresh(session, list(session.scalars(TESTED, {"since": now - LOOK_BACK})), now=now)
    session.commit()
    return looked_at


def refresh(session: Session, ids: Collection[UUID], *, now: datetime) -> int:
    """Add these up anew, and let each step follow from it: done, open again, the next one of a chain."""
    coming = sorted(ids)
    for _step in range(MOST_IN_CHAIN):
        if not coming:
            break
        session.execute(LOCK, {"ids": coming})
        session.execute(RECKON, {"ids": coming, "elsewhere": _seen_elsewhere(session, coming, local_day(now))})
        reopened = session.scalars(REOPEN, {"ids": coming}).all()
        done = session.execute(FINISH, {"ids": coming, "now": now}).all()
        if done:
            _let_go(session, done, now=now)
        if not (reopened or done):
            break
        coming = _follow(session, [*reopened, *(one.id for one in done)], now=now)
    return len(ids)


def begin(session: Session, ids: Collection[UUID], *, now: datetime) -> None:
    """New assignments: whoever may begin is in the class from now on, and has what was learned already.

    They are told by `reminders`, which looks for whoever was not.
    """
    if not ids:
        return
    session.execute(ENROL, {"ids": list(ids), "now": now})
    refresh(session, session.scalars(KNOWN, {"ids": list(ids)}).all(), now=now)


def withdraw(session: Session, ids: Collection[UUID], *, now: datetime) -> int:
    """Take back what is not done; what followed one of them opens. How many."""
    session.execute(LOCK, {"ids": sorted(ids)})
    gone = list(session.scalars(WITHDRAW, {"ids": list(ids)}))
    if gone:
        session.execute(END_ENROLMENT, {"ids": gone, "now": now})
        refresh(session, _follow(session, gone, now=now), now=now)
    return len(gone)


def end_with_membership(session: Session, membership_ids: Collection[UUID], *, now: datetime) -> int:
    """Who has left, or was erased, has nothing to do here any more."""
    over = session.scalars(OVER, {"memberships": list(membership_ids), "today": local_day(now)}).all()
    return withdraw(session, over, now=now) if over else 0


def differences(session: Session, *, on: date) -> Iterator[Difference]:
    """Every assignment that is not withdrawn, added up from the ledger; those that say otherwise."""
    last: UUID | None = None
    while True:
        page = list(
            session.scalars(
                sa.text(
                    "SELECT id FROM elearn.assignment WHERE state <> 'withdrawn'"
                    " AND (CAST(:last AS uuid) IS NULL OR id > :last) ORDER BY id LIMIT :most"
                ),
                {"last": last, "most": AT_ONCE},
            )
        )
        if not page:
            return
        last = page[-1]
        where = {"ids": page, "elsewhere": _seen_elsewhere(session, page, on)}
        sums: dict[UUID, int] = {row.id: row.credited_ms for row in session.execute(sa.text(CREDITED), where)}
        said = session.execute(
            sa.text("SELECT id, credited_ms FROM elearn.assignment WHERE id = ANY (:ids)"), {"ids": page}
        )
        for row in said:
            if row.credited_ms != sums[row.id]:
                yield Difference(row.id, row.credited_ms, sums[row.id])


def _seen_elsewhere(session: Session, ids: Collection[UUID], on: date) -> list[UUID]:
    """Those whose person lets this employer see hours that were earned elsewhere."""
    found: list[UUID] = []
    for row in session.execute(OF_EMPLOYERS, {"ids": list(ids)}):
        agreed = consents.may_see_elsewhere(session, row.organisation_id, set(row.people), on=on)
        found += [one for one, person in zip(row.ids, row.people, strict=True) if person in agreed]
    return found


def _follow(session: Session, ids: Collection[UUID], *, now: datetime) -> list[UUID]:
    """What comes after these waits or opens, as they stand now; those that opened."""
    after = list(session.scalars(FOLLOWING, {"ids": list(ids)}))
    if not after:
        return []
    changed = session.execute(WAIT_OR_OPEN, {"ids": after}).all()
    opened = [one.id for one in changed if one.state == "open"]
    if waits := [one.id for one in changed if one.state == "waiting"]:
        session.execute(END_ENROLMENT, {"ids": waits, "now": now})
    _open(session, opened, now=now)
    return sorted(opened)


def _open(session: Session, ids: Collection[UUID], *, now: datetime) -> None:
    if not ids:
        return
    session.execute(ENROL, {"ids": list(ids), "now": now})
    messages.tell(
        session,
        [
            Telling(
                row.person_id,
                Kind.ASSIGNED,
                str(row.id),
                {
                    "programme": row.title,
                    "left_ms": row.left_ms,
                    "due_on": row.due_on.isoformat(),
                    "bars_post": row.bars_post,
                },
                row.organisation_id,
            )
            for row in session.execute(ASSIGNED, {"ids": list(ids)})
        ],
        at=now,
    )


def _let_go(session: Session, done: Collection[Any], *, now: datetime) -> None:
    """Who is done may look at it again, but comes last: what two employers offer counts for who still waits for it."""
    where = {"ids": [one.id for one in done], "now": now}
    session.execute(END_ENROLMENT, where)
    people = {"classes": [one.class_id for one in done], "persons": [one.person_id for one in done], "now": now}
    session.execute(ENROL_LAST, people)
    session.execute(ASK_AGAIN, {"memberships": [one.membership_id for one in done]})
    messages.tell(
        session,
        [Telling(one.person_id, Kind.DONE, f"{one.id}", {"programme": one.title}, one.organisation_id) for one in done],
        at=now,
    )
