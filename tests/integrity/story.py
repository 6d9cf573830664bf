"""One case from its first event to what the database holds in the end."""

from __future__ import annotations

import sqlalchemy as sa

from elearn.db import db
from elearn.tracking import policies
from tests.conftest import ManualClock
from tests.integrity.corpus import Case, Got
from tests.integrity.real_server import RealServer
from tests.integrity.school import School
from tests.tracking.pure.script import Script

FINAL = """
SELECT "on", sum(end_ms - start_ms)::bigint FROM elearn.watched_span
WHERE kind = 'final' AND learner_id = ANY(:learners) GROUP BY 1 ORDER BY 1
"""
BELIEVED = """
SELECT coalesce(sum(upper(media) - lower(media)), 0)::bigint FROM elearn.believed_span
WHERE state = 'final' AND learner_id = ANY(:learners)
"""
REASONS = """
SELECT reason, count(*) FROM (
    SELECT r.refused_as AS reason FROM elearn.report r JOIN elearn.sitting s ON s.id = r.sitting_id
    WHERE s.learner_id = ANY(:learners) AND r.refused_as IS NOT NULL
    UNION ALL
    SELECT part ->> 2 FROM elearn.report r JOIN elearn.sitting s ON s.id = r.sitting_id,
        jsonb_array_elements(r.refused) part WHERE s.learner_id = ANY(:learners)
    UNION ALL
    SELECT reason FROM elearn.watched_span WHERE kind = 'reversal' AND learner_id = ANY(:learners)
) AS every GROUP BY 1
"""


def tell(case: Case, school: School) -> Got:
    """Play the case against the school's application, on its clock, by the case's rules.

    Raises LookupError for a story that cannot be told.
    """
    clock = school.app.extensions["elearn"].clock
    assert isinstance(clock, ManualClock)
    policies.give(school.app, case.policy)
    try:
        server = RealServer(school, clock, case.units_ms)
        script = Script(
            server,
            case.policy,
            check="auto" if case.auto else "manual",
            start_ms=case.start_ms,
            until_ms=case.until_ms,
        )
        script.run(case.events)
        return _outcome(case, school, server)
    finally:
        policies.give(school.app, None)


def _outcome(case: Case, school: School, server: RealServer) -> Got:
    people = server.person_ids()
    counted = [name for name in people if case.learner in (None, name)]
    everybody, mine = {"learners": list(people.values())}, {"learners": [people[name] for name in counted]}
    looks = [s.player.look() for (learner, _), s in server.newest_of_each_unit().items() if learner in counted]
    with school.app.app_context():
        session = db.session()
        by_day = {on: int(media_ms) for on, media_ms in session.execute(sa.text(FINAL), mine)}
        believed_ms = int(session.execute(sa.text(BELIEVED), mine).scalar_one())
        reasons = {str(reason): int(times) for reason, times in session.execute(sa.text(REASONS), everybody)}
    for reason, times in server.reasons.items():
        reasons[str(reason)] = reasons.get(str(reason), 0) + times
    final_ms = sum(by_day.values())
    differences = () if believed_ms == final_ms else (f"believed {believed_ms} ms, ledger {final_ms} ms",)
    return Got(
        final_ms=final_ms,
        by_day_ms=tuple(by_day[day] for day in sorted(by_day)),
        complete=bool(looks) and all(look["complete"] for look in looks),
        reasons=reasons,
        differences=differences,
    )
