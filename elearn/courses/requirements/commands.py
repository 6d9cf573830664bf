"""`elearn rules load` and `elearn rules show`: what the law asks, as dated rows."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from elearn.clock import utcnow
from elearn.courses.requirements import comparing, service
from elearn.courses.requirements.comparing import in_brief
from elearn.courses.requirements.reading import BadCatalogue
from elearn.courses.requirements.rows import SECTIONS, Category, OutlineRow, Row, is_place
from elearn.db import db
from elearn.errors import Malformed
from elearn.people.operators import operator_name
from elearn.people.registry import local_day


@click.group("rules")
def rules() -> None:
    """What the law asks, as dated rows: categories, hours, class hours, certificates, exemptions."""


@rules.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--yes", is_flag=True, help="Apply without asking.")
@click.option(
    "--production/--allow-unconfirmed",
    default=True,
    show_default=True,
    help="Refuse rows that nobody has confirmed, or take them too.",
)
def load(file: Path | None, yes: bool, production: bool) -> None:
    """Load the catalogue FILE (YAML); left out: the one that travels with the program.

    All that is wrong is told with its line, and then nothing is loaded. What would change is shown first. Rows that
    are loaded already are left as they are; a row that says something else is a new version from its first day on.
    """
    session, now = db.session(), utcnow()
    try:
        text = service.shipped() if file is None else file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is no text in UTF-8") from error
    try:
        plan = service.plan(session, text, unconfirmed=not production, today=local_day(now))
    except BadCatalogue as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        raise click.ClickException(f"{len(error.problems)} errors; nothing was loaded") from error
    for section, row in plan.refused:
        click.echo(f"refused, not confirmed: {section}/{row.id} {row.region} from {row.effective_from}")
    if not plan.changes:
        click.echo(f"nothing to do: all {len(plan.file.rows) - len(plan.refused)} rows are loaded")
        return
    for line in comparing.told(plan.changes, today=local_day(now)):
        click.echo(line)
    new = sum(one.before is None for one in plan.changes)
    click.echo(f"{new} new rows, {len(plan.changes) - new} new versions, {len(plan.refused)} refused")
    if not yes:
        click.confirm("Apply?", abort=True)
    name = file.name if file else "requirements.yaml"
    done = service.apply(session, plan, file_name=name, by=operator_name(), at=now)
    db.session.commit()
    click.echo(
        f"loaded {done.rows} rows of edition {done.version} as {done.loaded_by}; records are judged by them tonight, "
        "or now with `elearn eligibility recompute`"
    )


@rules.command("show")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="A day; left out: today.")
@click.option("--region", help="Six digits of GB/T 2260; left out: the whole country.")
@click.option("--category", help="Only this category and what holds for it; its id, code or part of its name.")
@click.option("--loads", is_flag=True, help="Who loaded what when.")
def show(on: datetime | None, region: str | None, category: str | None, loads: bool) -> None:
    """The rules in force, each with its version and its sources."""
    session = db.session()
    if loads:
        for each in service.loads(session):
            doubt = " with unconfirmed rows" if each.unconfirmed else ""
            click.echo(
                f"{each.loaded_at:%Y-%m-%dT%H:%M:%SZ} {each.loaded_by}: {each.rows} rows of edition {each.version} "
                f"from {each.file_name} sha256 {each.file_sha256[:16]}{doubt}"
            )
        return
    if region is not None and not is_place(region):
        raise Malformed("A region is six digits (GB/T 2260), or CN.", code="region_form")
    day: date = on.date() if on else local_day(utcnow())
    held = service.catalogue(session)
    if not held.rows:
        click.echo("no rule is loaded: hours are judged by AQ 8011-2023 and by what outlines ask (elearn rules load)")
        return
    for section in SECTIONS:
        if section == "sources":
            continue
        found = [one for one in held.on(section, region, day) if _wanted(one.row, category)]
        if found:
            click.echo(f"{section}:")
        for one in found:
            doubt = "" if one.row.confirmed else " NOT CONFIRMED"
            until = f" to {one.row.effective_to}" if one.row.effective_to else ""
            click.echo(f"  {one.name.partition('/')[2]}{until}{doubt}: {in_brief(one.row)}")
            if one.row.source:
                click.echo(f"    {', '.join(one.row.source)} {one.row.clause}".rstrip())


def _wanted(row: Row, search: str | None) -> bool:
    if search is None:
        return True
    if isinstance(row, Category):
        return search in (row.id, row.code) or search in row.name or search.casefold() in row.name_en.casefold()
    if isinstance(row, OutlineRow):
        return search == row.category or search in row.name
    named: tuple[str, ...] = getattr(row, "categories", ())
    return search in named
