"""Which rules apply: today's where a class is taught, and those of old decisions by their digest.

`rules.py` says what may stand in a catalogue of rules; the table `watch_rule` holds what was loaded. A sitting is
opened under the rule of that day and of its class's institution, and is judged by it to its end.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from elearn.clock import utcnow
from elearn.courses.models import TrainingClass
from elearn.db import db
from elearn.people.models import Organisation
from elearn.people.registry import local_day
from elearn.runtime import runtime
from elearn.tracking import rules
from elearn.tracking.models import WatchPolicy, WatchRule
from elearn.tracking.policy import Policy
from elearn.tracking.rules import Plan, Rule

GIVEN = "watch_policy"
SHIPPED = Path(__file__).parent / "rules.yaml"
"""MODEL's values as a catalogue: what holds where nothing else was loaded."""
_known: dict[str, Policy] = {}
"""Immutable values under their own hash: what one application learns is true in every other."""


def give(app: Flask, policy: Policy | None) -> None:
    """Let `app` judge what begins from now on by `policy`, its check schedule included; None: by the rules again.

    For whoever holds the application, as its clock is: no route and no setting gets here.
    """
    app.extensions["elearn"].kept[GIVEN] = policy


def in_force(class_id: UUID | None = None) -> Policy:
    """The values for what begins now in this application: for a class, or everywhere.

    One look at two small tables (none for a policy that was given), so a rule that is loaded holds at once.
    """
    parts = runtime()
    given: Policy | None = parts.kept.get(GIVEN)
    if given is not None:
        return given
    session = db.session()
    rule = nearest(session, _region_of(session, class_id), on=local_day(utcnow()))
    policy = Policy() if rule is None else by_digest(session, rule.policy)
    scale = parts.settings.policy_scale
    return policy if scale == 1 else policy.scaled(scale)


def nearest(session: Session, region: str | None, *, on: date) -> WatchRule | None:
    """The loaded rule of the smallest region around `region` that has one that day; None: nothing was loaded."""
    return session.scalars(
        sa.select(WatchRule)
        .where(WatchRule.effective_from <= on, WatchRule.effective_to.is_(None) | (WatchRule.effective_to >= on))
        .where(WatchRule.region.is_(None) | WatchRule.region.in_(rules.regions_for(region)))
        .order_by(WatchRule.region.desc().nulls_last())
        .limit(1)
    ).one_or_none()


def _region_of(session: Session, class_id: UUID | None) -> str | None:
    """Where the institution of a class is; None when it does not say."""
    if class_id is None:
        return None
    return session.scalar(
        sa.select(Organisation.region)
        .join(TrainingClass, TrainingClass.institution_id == Organisation.id)
        .where(TrainingClass.id == class_id)
    )


def planned(session: Session, wanted: list[Rule], *, today: date) -> Plan:
    """What loading `wanted` would do; until the transaction ends, nobody else loads. Raises BadRules."""
    session.execute(sa.text("LOCK TABLE elearn.watch_rule IN SHARE ROW EXCLUSIVE MODE"))
    loaded = [
        Rule(row.region, row.effective_from, row.effective_to, by_digest(session, row.policy))
        for row in session.scalars(sa.select(WatchRule).order_by(WatchRule.effective_from, WatchRule.region))
    ]
    return rules.plan(loaded, wanted, today=today)


def load(session: Session, plan: Plan, *, by: str, at: datetime) -> None:
    """Carry out what was `planned` in this transaction."""
    for rule in plan.end:
        session.execute(
            sa.update(WatchRule)
            .where(WatchRule.region.is_not_distinct_from(rule.region), WatchRule.effective_from == rule.effective_from)
            .values(effective_to=rule.effective_to, closed_at=at, closed_by=by)
        )
    for rule in plan.add:
        digest = rule.policy.digest()
        keep(session, rule.policy, digest)
        session.add(
            WatchRule(
                region=rule.region,
                effective_from=rule.effective_from,
                effective_to=rule.effective_to,
                policy=digest,
                loaded_at=at,
                loaded_by=by,
            )
        )
    session.flush()


def keep(session: Session, policy: Policy, digest: str) -> None:
    """Make sure that the rules a decision names can be read again."""
    row = {"digest": digest, "canonical": policy.canonical().decode()}
    session.execute(insert(WatchPolicy).values(row).on_conflict_do_nothing())


def by_digest(session: Session, digest: str) -> Policy:
    """The rules kept under `digest`; LookupError when nobody kept them."""
    policy = if_kept(session, digest)
    if policy is None:
        raise LookupError(f"no policy {digest}")
    return policy


def if_kept(session: Session, digest: str) -> Policy | None:
    """The rules kept under `digest`; None when nobody kept them: for whoever checks what is kept."""
    policy = _known.get(digest)
    if policy is None:
        canonical = session.scalar(sa.select(WatchPolicy.canonical).where(WatchPolicy.digest == digest))
        if canonical is not None:
            policy = _known[digest] = Policy.read(canonical)
    return policy
