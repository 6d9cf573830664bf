"""Which page a sitting shows, and since when: showing one is the record that it was delivered (DESIGN 3.6a)."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.catalogue import UnitFacts
from elearn.errors import Forbidden
from elearn.tracking import page_rules
from elearn.tracking.delivery import TooEarly, record, why_not_yet
from elearn.tracking.models import Delivery, PageView
from elearn.tracking.page_rules import NOTHING_SHOWN, Page
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span
from elearn.tracking.standing import Locked, driver, read_unit, store

MOST_PAGES = 2**31
"""More than any lesson has, and less than a column holds."""
_LAST = "SELECT page, shown_ms, after_seq FROM elearn.page_view WHERE sitting_id = %s ORDER BY number DESC LIMIT 1"


def shown(session: Session, sitting_id: UUID, facts: UnitFacts) -> Page | None:
    """What the sitting shows of its unit; None: the unit is none of pages. The sitting is locked by the caller."""
    if not facts.kind.paged:
        return None
    row = driver(session).execute(_LAST, (sitting_id,)).fetchone()
    if row is None:
        return NOTHING_SHOWN
    page, shown_ms, after_seq = row
    block = facts.blocks[page]
    return Page(Span(block.start_ms, block.end_ms), shown_ms, after_seq)


def show(session: Session, locked: Locked, facts: UnitFacts, index: int, policy: Policy) -> TooEarly | None:
    """Show page `index` in this sitting from now on. None: it is shown, and its contents may be handed out.

    The page that is shown already stays shown since when it was: asking again, when an answer got lost, costs nothing.
    Raises Forbidden: the sitting is over (`playing_elsewhere`, `closed`, `expired`), or `not_this_unit`.
    """
    if locked.ended_ms is not None:
        raise Forbidden("This sitting is over.", code=locked.ended_reason)
    if not facts.kind.paged or not 0 <= index < len(facts.blocks):
        raise Forbidden("This lesson has no such part.", code="not_this_unit")
    block = facts.blocks[index]
    page = Span(block.start_ms, block.end_ms)
    unit = read_unit(session, locked, policy, blocks=(index, index))
    delivered = index in unit.blocks
    store(session, locked)
    if not page_rules.may_show(
        page,
        frontier_ms=unit.frontier_ms,
        covered_ms=unit.covered_ms,
        duration_ms=facts.duration_ms,
        policy=policy,
        delivered=delivered,
    ):
        missing_ms = page_rules.missing_ms(page, frontier_ms=unit.frontier_ms, policy=policy)
        wait_s = max(1, -(-min(missing_ms, policy.heartbeat_ms) // 1_000))
        return TooEarly(why_not_yet(locked, unit, policy), wait_s)
    if not delivered:
        record(session, locked, index)
    last = session.execute(
        sa.select(PageView.number, PageView.page)
        .where(PageView.sitting_id == locked.sitting_id)
        .order_by(PageView.number.desc())
        .limit(1)
    ).one_or_none()
    if last is None or last.page != index:
        session.execute(
            sa.insert(PageView).values(
                sitting_id=locked.sitting_id,
                number=1 if last is None else last.number + 1,
                page=index,
                shown_ms=locked.tau_ms,
                after_seq=locked.seq,
            )
        )
    return None


def was_delivered(session: Session, learner_id: UUID, unit_id: UUID, index: int) -> bool:
    """Has this learner been shown that page, in any sitting?"""
    if index >= MOST_PAGES:
        return False
    found = sa.exists().where(Delivery.learner_id == learner_id, Delivery.unit_id == unit_id, Delivery.block == index)
    return bool(session.scalar(sa.select(found)))
