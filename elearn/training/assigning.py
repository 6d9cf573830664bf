"""Assigning: what rules ask of many members at once, entered in bulk. Running twice assigns once.

    rule made or run ─► everybody who stands in its tree        job training.assign, with a row of progress
    member changed, a date comes ─► `assign_due` ─► their rules  job training.assign_due

The day's work is what changed and whose date has come: triggers write down each membership that was placed, moved,
away, back or ended, and each membership that was looked at is written down for the next day that matters to it.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn import jobs
from elearn.clock import utcnow
from elearn.courses.requirements import service as requirements
from elearn.db import db, new_id
from elearn.people.registry import local_day
from elearn.training import rules, settling
from elearn.training.law import Law
from elearn.training.models import AssignRule, AssignRun, Cycle, Occasion, RunState
from elearn.training.rules import Away, Member, New, Rule, Stand, Standing, Step

logger = logging.getLogger(__name__)

AT_ONCE = 2_000
"""Memberships in one transaction."""
ALONE = sa.text("SELECT pg_advisory_xact_lock(hashtext('elearn.training.assign'))")
"""What stands is looked at before what is missing is entered: one assigner at a time."""

PLACED_BELOW = sa.text("""
SELECT DISTINCT p.membership_id
FROM elearn.placement p
JOIN elearn.organisation_tree t ON t.below_id = p.unit_id AND t.above_id = :node
JOIN elearn.membership m ON m.id = p.membership_id AND (m.to_on IS NULL OR m.to_on >= :today)
ORDER BY 1
""")

RULES = sa.text("""
SELECT r.id, r.occasion, r.from_on, r.categories, r.posts, r.kinds, r.due_days, r.bars_post, r.cycle,
       r.organisation_id, r.programme_ids
FROM elearn.assign_rule r
WHERE r.closed_at IS NULL AND r.id = ANY (:rules)
ORDER BY r.created_at, r.id
""")

RULES_ABOVE = sa.text("""
SELECT DISTINCT r.id FROM elearn.assign_rule r
JOIN elearn.organisation_tree t ON t.above_id = r.organisation_id
JOIN elearn.placement p ON p.unit_id = t.below_id
WHERE r.closed_at IS NULL AND p.membership_id = ANY (:memberships)
""")

UNITS = sa.text("""
SELECT t.above_id, t.below_id FROM elearn.organisation_tree t
WHERE t.above_id = ANY (:nodes)
  AND t.below_id IN (SELECT unit_id FROM elearn.placement WHERE membership_id = ANY (:memberships))
""")

PROGRAMMES = sa.text("""
SELECT p.id, p.required_ms, p.due_days, EXISTS (
    SELECT FROM elearn.class_course c JOIN elearn.course_test t ON t.course_id = c.course_id AND t.retired_at IS NULL
    WHERE c.class_id = p.class_id
) AS tested
FROM elearn.training_programme p WHERE p.id = ANY (:programmes) AND p.closed_at IS NULL
""")

MEMBERS = sa.text("""
SELECT m.id, m.person_id, m.organisation_id, m.kind, m.from_on, m.to_on, o.region
FROM elearn.membership m
JOIN elearn.organisation o ON o.id = m.organisation_id
JOIN elearn.person p ON p.id = m.person_id AND p.erased_at IS NULL
WHERE m.id = ANY (:memberships) AND o.kind = 'enterprise'
ORDER BY m.id
""")
STANDS = sa.text("""
SELECT membership_id, unit_id, post, category, from_on, to_on
FROM elearn.placement WHERE membership_id = ANY (:memberships) ORDER BY from_on
""")
AWAYS = sa.text("""
SELECT membership_id, from_on, to_on FROM elearn.absence WHERE membership_id = ANY (:memberships) ORDER BY from_on
""")
STANDING = sa.text("""
SELECT id, membership_id, programme_id, cause, state IN ('waiting', 'open') AS unfinished,
       (done_at AT TIME ZONE 'Asia/Shanghai')::date AS done_on
FROM elearn.assignment WHERE membership_id = ANY (:memberships)
""")

ENTER = sa.text("""
INSERT INTO elearn.assignment (id, programme_id, organisation_id, membership_id, person_id, rule_id, occasion, cause,
                               position, after_id, state, assigned_on, due_on, bars_post, required_ms, credited_ms,
                               counts_from, tests_passed, round, done_at, created_at)
SELECT n.id, k.programme_id, m.organisation_id, m.id, m.person_id, k.rule_id, k.occasion, k.cause,
       k.position, n.after_id, CASE WHEN n.after_id IS NULL THEN 'open' ELSE 'waiting' END, :today, k.due_on,
       k.bars_post, k.required_ms, 0, CASE WHEN k.again THEN CAST(:now AS timestamptz) END, NOT k.tested, 1, NULL, :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:memberships AS uuid[]), CAST(:afters AS uuid[]), CAST(:kinds AS integer[]))
     AS n (id, membership_id, after_id, kind)
JOIN unnest(CAST(:k_kind AS integer[]), CAST(:k_programme AS uuid[]), CAST(:k_rule AS uuid[]),
            CAST(:k_occasion AS text[]), CAST(:k_cause AS text[]), CAST(:k_position AS smallint[]),
            CAST(:k_due_on AS date[]), CAST(:k_bars AS boolean[]), CAST(:k_required AS bigint[]),
            CAST(:k_tested AS boolean[]), CAST(:k_again AS boolean[]))
     AS k (kind, programme_id, rule_id, occasion, cause, position, due_on, bars_post, required_ms, tested, again)
  USING (kind)
JOIN elearn.membership m ON m.id = n.membership_id
""")
"""Many assignments are of a few kinds: each kind is said once."""

DUE = sa.text("""
SELECT DISTINCT membership_id FROM elearn.assign_due WHERE due_on <= :today ORDER BY 1 LIMIT :most
""")
LOOKED_AT = sa.text("""
DELETE FROM elearn.assign_due WHERE membership_id = ANY (:memberships) AND due_on <= :today
""")
LOOK_AGAIN = sa.text("""
INSERT INTO elearn.assign_due (membership_id, due_on)
SELECT * FROM unnest(CAST(:memberships AS uuid[]), CAST(:days AS date[])) ORDER BY 1
ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class ByHand:
    """A programme for named members, by nobody's rule."""

    programme_id: UUID
    membership_ids: Sequence[UUID]


def run(session: Session, rule_id: UUID, *, by: UUID | None, at: datetime) -> AssignRun:
    """Ask for a rule to be looked at for everybody in its tree: a row of progress, and the job of it."""
    made = AssignRun(rule_id=rule_id, state=RunState.WAITING, asked_by=by, created_at=at, finished_at=None)
    made.total = made.looked_at = made.assigned = 0
    session.add(made)
    session.flush()
    jobs.defer(session, "training.assign", lock="training.assign", run_id=str(made.id))
    return made


@jobs.task("training.assign")
def assign_by_rule(run_id: str) -> None:
    session, now = db.session(), utcnow()
    progress = session.get(AssignRun, UUID(run_id))
    if progress is None or progress.state is RunState.DONE:
        return
    try:
        carry_out(session, progress.id, now=now)
    except Exception:
        # The page says so; the job is tried again, and begins from the beginning.
        session.rollback()
        session.execute(sa.update(AssignRun).where(AssignRun.id == UUID(run_id)).values(state=RunState.FAILED))
        session.commit()
        raise


def carry_out(session: Session, run_id: UUID, *, now: datetime) -> int:
    """Look at everybody in the tree of a run's rule, page by page; how many assignments are new.

    Commits for itself. One that died goes on from the beginning: what is assigned stays, and nothing twice.
    """
    progress = session.get_one(AssignRun, run_id)
    rule = session.get_one(AssignRule, progress.rule_id)
    today = local_day(now)
    members = list(session.scalars(PLACED_BELOW, {"node": rule.organisation_id, "today": today}))
    progress.state, progress.total, progress.looked_at, progress.assigned = RunState.RUNNING, len(members), 0, 0
    session.commit()
    law, assigned = Law(requirements.catalogue(session)), 0
    for page in _pages(members):
        session.execute(ALONE)
        assigned += assign(session, [progress.rule_id], page, law, now=now)
        session.execute(
            sa.update(AssignRun)
            .where(AssignRun.id == run_id)
            .values(looked_at=AssignRun.looked_at + len(page), assigned=assigned)
        )
        session.commit()
    session.execute(sa.update(AssignRun).where(AssignRun.id == run_id).values(state=RunState.DONE, finished_at=now))
    session.commit()
    logger.info("assigned", extra={"rule": str(rule.id), "members": len(members), "assigned": assigned})
    return assigned


@jobs.task("training.assign_due", every="* * * * *")
def assign_what_is_due() -> None:
    session, now = db.session(), utcnow()
    looked_at, assigned = catch_up(session, now=now)
    if looked_at:
        logger.info("assigned", extra={"members": looked_at, "assigned": assigned})


def catch_up(session: Session, *, now: datetime) -> tuple[int, int]:
    """Look at every membership that changed or whose day has come; how many, and how many assignments are new."""
    today, law = local_day(now), Law(requirements.catalogue(session))
    looked_at = assigned = 0
    while page := list(session.scalars(DUE, {"today": today, "most": AT_ONCE})):
        session.execute(ALONE)
        # Taken away first: a change that comes now is written down anew, and looked at after this.
        session.execute(LOOKED_AT, {"memberships": page, "today": today})
        above = list(session.scalars(RULES_ABOVE, {"memberships": page}))
        assigned += assign(session, above, page, law, now=now)
        settling.end_with_membership(session, page, now=now)
        session.commit()
        looked_at += len(page)
    return looked_at, assigned


def assign(session: Session, rule_ids: Collection[UUID], membership_ids: list[UUID], law: Law, *, now: datetime) -> int:
    """Enter what these rules ask of these members and is not assigned; how many are new. The caller is `ALONE`."""
    chosen = load_rules(session, rule_ids, membership_ids)
    if not chosen:
        return 0
    today = local_day(now)
    members, standing = load_members(session, membership_ids), _standing(session, membership_ids)
    found: list[tuple[Member, list[New]]] = []
    again: list[tuple[UUID, date]] = []
    for member in members:
        wants = [want for rule in chosen for want in rules.wanted(rule, member, today, law)]
        if wants and (new := rules.missing(wants, standing.get(member.membership_id, {}))):
            found.append((member, new))
        if (day := rules.next_day(chosen, member, today)) is not None:
            again.append((member.membership_id, day))
    entered = _enter(session, found, now=now)
    if again:
        memberships, days = map(list, zip(*again, strict=True))
        session.execute(LOOK_AGAIN, {"memberships": memberships, "days": days})
    settling.begin(session, entered, now=now)
    return len(entered)


def by_hand(session: Session, asked: ByHand, *, due_on: date | None, bars_post: bool, now: datetime) -> int:
    """Assign one programme to these members, from today on; who is at it already stays as they are. How many are new.

    The caller has looked whether they stand in the programme's tree.
    """
    session.execute(ALONE)
    today, ids = local_day(now), list(asked.membership_ids)
    [programme] = session.execute(PROGRAMMES, {"programmes": [asked.programme_id]})
    step = Step(*programme)
    rule = Rule(new_id(), Occasion.BY_HAND, (), [step], today, bars_post=bars_post)
    happening = rules.Happening(f"by_hand:{today}", today, "", due_on=due_on, each_time=True)
    standing = _standing(session, ids)
    found = []
    for member in load_members(session, ids):
        wants = rules.steps_for(rule, happening, today)
        if not member.over(today) and (new := rules.missing(wants, standing.get(member.membership_id, {}))):
            found.append((member, new))
    entered = _enter(session, found, now=now)
    settling.begin(session, entered, now=now)
    return len(entered)


def load_rules(session: Session, rule_ids: Collection[UUID], membership_ids: Collection[UUID]) -> list[Rule]:
    """Open rules with those of their units in which these members ever stood, and their open programmes."""
    rows = session.execute(RULES, {"rules": list(rule_ids)}).all() if rule_ids else []
    if not rows:
        return []
    nodes = [row.organisation_id for row in rows]
    units: dict[UUID, set[UUID]] = defaultdict(set)
    for above, below in session.execute(UNITS, {"nodes": nodes, "memberships": list(membership_ids)}):
        units[above].add(below)
    asked = list({one for row in rows for one in row.programme_ids})
    steps = {row.id: Step(*row) for row in session.execute(PROGRAMMES, {"programmes": asked})}
    return [
        Rule(
            id=row.id,
            occasion=Occasion(row.occasion),
            units=units[row.organisation_id],
            steps=tuple(steps[one] for one in row.programme_ids if one in steps),
            from_on=row.from_on,
            categories=frozenset(row.categories),
            posts=frozenset(row.posts),
            kinds=frozenset(row.kinds),
            due_days=row.due_days,
            bars_post=row.bars_post,
            cycle=Cycle(row.cycle) if row.cycle else None,
        )
        for row in rows
    ]


def load_members(session: Session, membership_ids: Collection[UUID]) -> list[Member]:
    """Memberships of enterprises with their history: three queries. Who was erased is left out."""
    where = {"memberships": list(membership_ids)}
    stands: dict[UUID, list[Stand]] = defaultdict(list)
    for membership, unit, post, category, from_on, to_on in session.execute(STANDS, where):
        stands[membership].append(Stand(unit, post, category, from_on, to_on))
    aways: dict[UUID, list[Away]] = defaultdict(list)
    for membership, from_on, to_on in session.execute(AWAYS, where):
        aways[membership].append(Away(from_on, to_on))
    return [
        Member(id, person, organisation, kind, from_on, to_on, stands[id], aways[id], region)
        for id, person, organisation, kind, from_on, to_on, region in session.execute(MEMBERS, where)
    ]


def _standing(session: Session, membership_ids: Collection[UUID]) -> dict[UUID, dict[UUID, list[Standing]]]:
    """Membership -> programme -> what is assigned of it."""
    found: dict[UUID, dict[UUID, list[Standing]]] = defaultdict(lambda: defaultdict(list))
    for row in session.execute(STANDING, {"memberships": list(membership_ids)}):
        found[row.membership_id][row.programme_id].append(Standing(row.id, row.cause, row.unfinished, row.done_on))
    return found


def _enter(session: Session, found: Sequence[tuple[Member, list[New]]], *, now: datetime) -> list[UUID]:
    """One statement for all of them."""
    ids: list[UUID] = []
    memberships: list[UUID] = []
    afters: list[UUID | None] = []
    kinds: list[int] = []
    known: dict[tuple[object, ...], int] = {}
    for member, news in found:
        begin = len(ids)
        for new in news:
            want = new.want
            rule, step = want.rule, want.step
            kind = (
                step.programme_id, None if rule.occasion is Occasion.BY_HAND else rule.id, rule.occasion.value,
                want.happening.cause, want.position, want.due_on, rule.bars_post, step.required_ms, step.tested,
                new.again,
            )  # fmt: skip
            ids.append(new_id())
            memberships.append(member.membership_id)
            afters.append(ids[begin + new.after] if isinstance(new.after, int) else new.after)
            kinds.append(known.setdefault(kind, len(known)))
    if not ids:
        return []
    values: dict[str, object] = {"ids": ids, "memberships": memberships, "afters": afters, "kinds": kinds}
    names = ("programme", "rule", "occasion", "cause", "position", "due_on", "bars", "required", "tested", "again")
    columns = zip(names, zip(*known, strict=True), strict=True)
    values |= {f"k_{name}": list(column) for name, column in columns} | {"k_kind": list(known.values())}
    session.execute(ENTER, values | {"today": local_day(now), "now": now})
    return ids


def _pages(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    return (list(ids[begin : begin + AT_ONCE]) for begin in range(0, len(ids), AT_ONCE))
