"""`elearn eligibility ...`: what regions ask before a record is granted, and judging everybody afresh."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from elearn.clock import utcnow
from elearn.credit_export import exam_targets, grant_rules, recomputing
from elearn.db import db
from elearn.people.operators import operator_name
from elearn.people.registry import local_day


@click.group("eligibility")
def eligibility() -> None:
    """Eligibility records: what regions ask, and judging everybody afresh."""


@eligibility.group("rules")
def rules() -> None:
    """What regions ask before a record is granted, from which day on."""


@rules.command("add")
@click.argument("region")
@click.option("--from", "effective_from", type=click.DateTime(["%Y-%m-%d"]), help="First day; left out: today.")
@click.option("--submit", type=click.Choice(["person", "automatic"]), required=True, help="Who submits a record.")
@click.option("--regulator/--no-regulator", default=None, required=True, help="Does the regulator verify it?")
@click.option("--grant", type=click.Choice(["person", "automatic"]), required=True, help="Who grants what was checked.")
@click.option(
    "--grant-while-held/--no-grant-while-held",
    default=False,
    help="May an officer grant, with reasons, what an open review holds back?",
)
@click.option("--valid-days", type=int, help="How long it holds; left out: without end (Order 19).")
def add(
    region: str,
    effective_from: datetime | None,
    submit: str,
    regulator: bool,
    grant: str,
    grant_while_held: bool,
    valid_days: int | None,
) -> None:
    """A rule for REGION (six digits of GB/T 2260, or CN for the whole country). Nothing is edited: the last one holds.

    The institution checks every record, by somebody else than who submitted it, whatever the rule says.
    """
    now = utcnow()
    today = local_day(now)
    row = grant_rules.add_rule(
        db.session(),
        region=region,
        effective_from=effective_from.date() if effective_from else today,
        submits_by_itself=submit == "automatic",
        regulator_verifies=regulator,
        grants_by_itself=grant == "automatic",
        valid_days=valid_days,
        grants_while_held=grant_while_held,
        today=today,
        by=operator_name(),
        at=now,
    )
    db.session.commit()
    click.echo(f"{grant_rules.as_rule(row).version}")


@rules.command("list")
def show() -> None:
    """Every rule that was ever loaded; `*` marks those that hold today where they are."""
    today = local_day(utcnow())
    rows = grant_rules.all_rules(db.session())
    for row in rows:
        version = grant_rules.as_rule(row).version
        holds = grant_rules.rule_of([one for one in rows if one.region == row.region], row.region, today)
        asks = [
            f"submit={'automatic' if row.submits_by_itself else 'person'}",
            f"regulator={'yes' if row.regulator_verifies else 'no'}",
            f"grant={'automatic' if row.grants_by_itself else 'person'}",
            f"held={'officer' if row.grants_while_held else 'waits'}",
            f"valid={row.valid_days or 'without end'}",
        ]
        click.echo(
            f"{'*' if holds.version == version else ' '} {version} {' '.join(asks)} "
            f"loaded {row.loaded_at:%Y-%m-%dT%H:%M:%SZ} by {row.loaded_by}"
        )
    if not rows:
        click.echo("no rule is loaded: the institution submits, another person checks, the regulator verifies, "
                   "and another officer grants")  # fmt: skip


@eligibility.group("targets")
def targets() -> None:
    """What outlines are called at the exam (资格类型, 作业类别, 操作项目), and for which kind of training."""


@targets.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def load_targets(file: Path) -> None:
    """Add the rows of FILE (YAML) that are not what holds already; nothing is edited, all or none.

    A row: outline, region (left out: CN), from, qualification, trade, item, item_code, training (1, 2, 3 as
    PX_TYPE_CODE), catalogue_version.
    """
    rows = exam_targets.read_targets(file.read_text(encoding="utf-8"))
    added = exam_targets.load(db.session(), rows, by=operator_name(), at=utcnow())
    db.session.commit()
    click.echo(f"{added} of {len(rows)} rows added")


@targets.command("list")
def show_targets() -> None:
    """Every row that was ever loaded, in the order of loading."""
    for row in exam_targets.all_rows(db.session()):
        one = exam_targets.as_target(row)
        code = exam_targets.PX_TYPE_CODE[one.training_kind]
        click.echo(
            f"{row.number} {one.outline_code} {one.region} from {one.effective_from}: {one.qualification} / "
            f"{one.trade} / {one.item} {one.item_code}, PX_TYPE_CODE {code}, {one.catalogue_version}, "
            f"loaded {row.loaded_at:%Y-%m-%dT%H:%M:%SZ} by {row.loaded_by}"
        )


@eligibility.command("recompute")
def recompute() -> None:
    """Judge everybody afresh; a new version is written where the newest no longer says what is true."""
    judged, written = recomputing.recompute(db.session(), recomputing.everybody(db.session()), now=utcnow())
    click.echo(f"{judged} persons, {written} new versions")
