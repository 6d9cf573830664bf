"""The facts that rules look at, read for whoever was active: one query of each kind for all of them.

Nothing here is read one learner at a time, and no window is longer than `WINDOW_MS`, so a run costs what happened
since the last one and not what has ever happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.clock import from_ms
from elearn.tracking import policies
from elearn.tracking.signals.facts import (
    CheckFacts,
    ClientSigns,
    Face,
    Fetched,
    Learned,
    Opening,
    SittingFacts,
    Together,
)
from elearn.tracking.signals.thresholds import DAY_MS
from elearn.tracking.signals.traces import Trace

WINDOW_MS = 7 * DAY_MS
NEAR_MS = 2 * DAY_MS
"""What several learners do together is looked for within so long."""
CROWD = 60
"""A place that more people study at is a campus or a carrier's network: pairs of them say nothing (R12)."""


_SITTINGS = """
SELECT t.sitting_id, t.learner_id, t.unit_id, t.seq, t.heard_ms, t.trace, s.opened_ms, s.ended_ms, s.ended_reason,
       s.policy, encode(c.address, 'hex') AS address, (c.client ->> 'touch')::boolean AS touch
FROM elearn.sitting_trace t
JOIN elearn.sitting s ON s.id = t.sitting_id
LEFT JOIN elearn.sitting_client c ON c.sitting_id = t.sitting_id
WHERE """


def sittings_of(session: Session, learners: Collection[UUID], *, now_ms: int) -> list[SittingFacts]:
    """What these learners' sittings of the last days amount to."""
    where = "t.learner_id = ANY(:ids) AND t.heard_ms > :since"
    return _sittings(session, where, ids=list(learners), since=now_ms - WINDOW_MS)


def sittings_at(session: Session, addresses: Collection[bytes], *, now_ms: int) -> list[SittingFacts]:
    """The sittings that were opened lately from these addresses."""
    where = "c.address = ANY(:ids) AND c.opened_ms > :since"
    return _sittings(session, where, ids=list(addresses), since=now_ms - NEAR_MS)


def scripted_in(session: Session, units: Collection[UUID], least: int, *, now_ms: int) -> list[SittingFacts]:
    """The sittings of these units lately with at least so many pauses and seeks."""
    where = "t.unit_id = ANY(:ids) AND t.heard_ms > :since AND jsonb_array_length(t.trace -> 'events') >= :least"
    return _sittings(session, where, ids=list(units), since=now_ms - NEAR_MS, least=least)


def _sittings(session: Session, where: str, **values: Any) -> list[SittingFacts]:
    found = []
    for row in session.execute(sa.text(_SITTINGS + where + " ORDER BY s.opened_ms, t.sitting_id"), values):
        trace = Trace.read(row.seq, row.heard_ms, row.trace)
        found.append(
            SittingFacts(
                id=row.sitting_id,
                learner=row.learner_id,
                unit=row.unit_id,
                opened_ms=row.opened_ms,
                last_ms=row.heard_ms,
                heartbeat_ms=policies.by_digest(session, row.policy).heartbeat_ms,
                address=row.address,
                touch=row.touch,
                superseded_ms=row.ended_ms if row.ended_reason == "playing_elsewhere" else None,
                beats=tuple(trace.beats),
                media_ms=trace.media_ms,
                wall_ms=trace.wall_ms,
                longest_run=trace.longest_run,
                untouched=trace.untouched,
                events=tuple(trace.events),
                silences=tuple(trace.silences),
                days=trace.days,
            )
        )
    return found


def openings_on(session: Session, devices: Collection[str], *, now_ms: int) -> list[Opening]:
    """Who opened sittings on these devices lately."""
    rows = session.execute(
        sa.text(
            "SELECT learner_id, device, opened_ms FROM elearn.sitting_client "
            "WHERE device = ANY(:devices) AND opened_ms > :since"
        ),
        {"devices": list(devices), "since": now_ms - NEAR_MS},
    )
    return [Opening(row.learner_id, row.device, row.opened_ms) for row in rows]


def together(session: Session, sittings: Collection[UUID], *, now_ms: int) -> list[Together]:
    """Pairs of learners who used one device or address lately, at places that one of these sittings was opened at."""
    rows = session.execute(
        sa.text("""
        WITH here AS (
            SELECT device, address FROM elearn.sitting_client WHERE sitting_id = ANY(:sittings)
        )
        SELECT DISTINCT 'device' AS kind, c.device AS place, c.learner_id
        FROM (SELECT DISTINCT device FROM here) h JOIN elearn.sitting_client c
             ON c.device = h.device AND c.opened_ms > :since
        UNION
        SELECT DISTINCT 'address', encode(c.address, 'hex'), c.learner_id
        FROM (SELECT DISTINCT address FROM here) h JOIN elearn.sitting_client c
             ON c.address = h.address AND c.opened_ms > :since
        """),
        {"sittings": list(sittings), "since": now_ms - NEAR_MS},
    )
    there: dict[tuple[str, str], list[UUID]] = defaultdict(list)
    for row in rows:
        there[row.kind, row.place].append(row.learner_id)
    return [
        Together(one, other, kind)
        for (kind, _place), learners in sorted(there.items())
        if len(learners) <= CROWD
        for index, one in enumerate(sorted(learners))
        for other in sorted(learners)[index + 1 :]
    ]


def checks_of(session: Session, learners: Collection[UUID], *, now_ms: int) -> list[CheckFacts]:
    """Questions that these learners answered in the last days, right or wrong."""
    rows = session.execute(
        sa.text("""
        SELECT learner_id, question_id, put_ms, decided_ms, outcome = 'passed' AS passed,
               jsonb_array_length(tries) AS tries
        FROM elearn.presence_check
        WHERE learner_id = ANY(:learners) AND question_id IS NOT NULL AND outcome IN ('passed', 'failed')
          AND decided_ms > :since
        ORDER BY decided_ms
        """),
        {"learners": list(learners), "since": now_ms - WINDOW_MS},
    )
    return [
        CheckFacts(row.learner_id, row.question_id, row.put_ms, row.decided_ms, row.passed, row.tries) for row in rows
    ]


def learned(
    session: Session, learners: Collection[UUID], checks: Iterable[CheckFacts], *, now_ms: int
) -> list[Learned]:
    """What these learners have final, beside how their checks went."""
    right: dict[UUID, int] = defaultdict(int)
    count: dict[UUID, int] = defaultdict(int)
    for check in checks:
        count[check.learner] += 1
        right[check.learner] += check.passed and check.tries == 1
    rows = session.execute(
        sa.text("""
        SELECT learner_id, sum(upper(media) - lower(media))::bigint AS final_ms FROM elearn.believed_span
        WHERE learner_id = ANY(:learners) AND state = 'final' GROUP BY learner_id
        """),
        {"learners": list(learners)},
    )
    month = f"{from_ms(now_ms):%Y-%m}"
    return [
        Learned(row.learner_id, row.final_ms, count[row.learner_id], right[row.learner_id], month)
        for row in rows
        if count[row.learner_id]
    ]


def fetched_in(session: Session, sittings: Collection[UUID]) -> list[Fetched]:
    """How the keys of these sittings' units went out to their learners."""
    rows = session.execute(
        sa.text("""
        WITH there AS (SELECT DISTINCT learner_id, unit_id FROM elearn.sitting WHERE id = ANY(:sittings))
        SELECT d.learner_id, d.unit_id, min(d.given_ms) AS first_ms, max(d.given_ms) AS last_ms, count(*) AS blocks,
               (SELECT count(*) FROM elearn.unit_block b WHERE b.unit_id = d.unit_id) AS of_blocks, u.duration_ms,
               EXISTS (SELECT FROM elearn.licence l
                       WHERE l.learner_id = d.learner_id AND l.unit_id = d.unit_id) AS licensed
        FROM there JOIN elearn.delivery d ON d.learner_id = there.learner_id AND d.unit_id = there.unit_id
        JOIN elearn.unit u ON u.id = d.unit_id
        GROUP BY d.learner_id, d.unit_id, u.duration_ms
        """),
        {"sittings": list(sittings)},
    )
    return [Fetched(*row) for row in rows]


def clients_of(session: Session, sittings: Collection[UUID]) -> list[ClientSigns]:
    """What these sittings were opened with."""
    rows = session.execute(
        sa.text("""
        SELECT c.sitting_id, c.learner_id, c.opened_ms, c.user_agent, c.network, c.client, s.policy
        FROM elearn.sitting_client c JOIN elearn.sitting s ON s.id = c.sitting_id
        WHERE c.sitting_id = ANY(:sittings) ORDER BY c.sitting_id
        """),
        {"sittings": list(sittings)},
    )
    found = []
    for row in rows:
        said: Mapping[str, Any] = row.client
        screen = said.get("screen")
        found.append(
            ClientSigns(
                sitting=row.sitting_id,
                learner=row.learner_id,
                opened_ms=row.opened_ms,
                user_agent=row.user_agent,
                network=row.network,
                webdriver=said.get("webdriver"),
                screen=(screen[0], screen[1]) if screen else None,
                zone=said.get("zone"),
                home_zone=policies.by_digest(session, row.policy).zone,
            )
        )
    return found


def places_of(session: Session, sittings: Collection[UUID]) -> tuple[set[str], set[bytes], set[UUID], set[UUID]]:
    """Devices, addresses, units and learners of these sittings."""
    rows = session.execute(
        sa.text(
            "SELECT s.device, c.address, s.unit_id, s.learner_id FROM elearn.sitting s "
            "LEFT JOIN elearn.sitting_client c ON c.sitting_id = s.id WHERE s.id = ANY(:ids)"
        ),
        {"ids": list(sittings)},
    ).all()
    devices = {row.device for row in rows if row.device is not None}
    addresses = {row.address for row in rows if row.address is not None}
    return devices, addresses, {row.unit_id for row in rows}, {row.learner_id for row in rows}


def faces_of(session: Session, learners: Collection[UUID], *, now_ms: int) -> list[Face]:
    """How near the first pictures of these learners' face checks came to any earlier one (`providers/face.py`).

    Later tries of the same check are left out: somebody who tries again at once rightly looks the same.
    """
    rows = session.execute(
        sa.text("""
        SELECT learner_id, id, decided_ms, (challenge #>> '{looks,0,nearest}')::bigint AS distance
        FROM elearn.presence_check
        WHERE learner_id = ANY(:learners) AND method = 'face' AND decided_ms > :since
          AND challenge #> '{looks,0,nearest}' IS NOT NULL
        """),
        {"learners": list(learners), "since": now_ms - WINDOW_MS},
    )
    return [Face(row.learner_id, row.id, row.decided_ms, row.distance) for row in rows]
