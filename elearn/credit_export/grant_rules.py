"""What regions ask before a record is granted, from which day on: rows that are added, the nearest and newest holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.requirements.choosing import places
from elearn.courses.requirements.rows import is_place
from elearn.credit_export.lifecycle import STRICTEST, GrantRule
from elearn.credit_export.models import GrantRuleRow
from elearn.errors import Malformed

MOST_DAYS = 36_500


def all_rules(session: Session) -> list[GrantRuleRow]:
    """Every rule that was ever loaded, in the order of loading."""
    return list(session.scalars(sa.select(GrantRuleRow).order_by(GrantRuleRow.number)))


def rule_of(rows: Sequence[GrantRuleRow], region: str | None, on: date) -> GrantRule:
    """The rule of a place (six digits of GB/T 2260; None: not known) on a day.

    The nearest place wins (`choosing.places`). There, of the rules that have begun, the one that began last; of two
    from one day the one loaded last. With none, all that could be asked is asked.
    """
    for place in places(region):
        begun = [row for row in rows if row.region == place and row.effective_from <= on]
        if begun:
            return as_rule(max(begun, key=lambda row: (row.effective_from, row.number)))
    return STRICTEST


def as_rule(row: GrantRuleRow) -> GrantRule:
    """The rule of a row."""
    return GrantRule(
        version=f"{row.region}@{row.effective_from}#{row.number}",
        submits_by_itself=row.submits_by_itself,
        regulator_verifies=row.regulator_verifies,
        grants_by_itself=row.grants_by_itself,
        valid_days=row.valid_days,
        grants_while_held=row.grants_while_held,
    )


def rules_of_classes(session: Session, class_ids: Collection[UUID | None], on: date) -> dict[UUID | None, GrantRule]:
    """For each of these: the rule where its institution is; of no class (None) the strictest. Two queries."""
    rows = all_rules(session)
    regions = session.execute(
        sa.text("""
        SELECT k.id, o.region FROM elearn.training_class k JOIN elearn.organisation o ON o.id = k.institution_id
        WHERE k.id = ANY (:classes)
        """),
        {"classes": [class_id for class_id in class_ids if class_id is not None]},
    ).all()
    rules = {region: rule_of(rows, region, on) for region in {region for _, region in regions}}
    return dict.fromkeys(class_ids, STRICTEST) | {class_id: rules[region] for class_id, region in regions}


def add_rule(
    session: Session,
    *,
    region: str,
    effective_from: date,
    submits_by_itself: bool,
    regulator_verifies: bool,
    grants_by_itself: bool,
    valid_days: int | None,
    grants_while_held: bool = False,
    today: date,
    by: str,
    at: datetime,
) -> GrantRuleRow:
    """A region asks this from a day on. Raises Malformed: no region, a day that is over, no number of days."""
    if not is_place(region):
        raise Malformed("A region is six digits (GB/T 2260), or CN.", code="region_form")
    if effective_from < today:
        raise Malformed("A rule begins today or later: what was granted was granted by the rule of its day.")
    if valid_days is not None and not 1 <= valid_days <= MOST_DAYS:
        raise Malformed("A record holds for 1 to 36500 days, or without end.", code="valid_days")
    session.execute(sa.text("LOCK TABLE elearn.grant_rule IN SHARE ROW EXCLUSIVE MODE"))
    last = session.scalar(sa.select(sa.func.max(GrantRuleRow.number))) or 0
    row = GrantRuleRow(
        number=last + 1,
        region=region,
        effective_from=effective_from,
        submits_by_itself=submits_by_itself,
        regulator_verifies=regulator_verifies,
        grants_by_itself=grants_by_itself,
        valid_days=valid_days,
        grants_while_held=grants_while_held,
        loaded_by=by,
        loaded_at=at,
    )
    session.add(row)
    session.flush()
    return row
