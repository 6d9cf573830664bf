"""`elearn rules load`: shown before it is applied, whole or not at all, and nothing that was loaded is changed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn import schema
from elearn.courses import teaching
from elearn.courses.models import Outline
from elearn.courses.requirements import service
from elearn.courses.requirements.commands import rules
from elearn.courses.requirements.models import RequirementLoad, RequirementRow
from elearn.courses.requirements.rows import Category, Training
from elearn.db import LedgerViolation
from elearn.embedded import Services
from elearn.errors import Conflict
from tests.conftest import ManualClock

HEAD = 'catalogue: elearn-requirements\nversion: "{}"\n'
CATEGORY = """categories:
  - {{id: welder, name: 焊工, group: special_operation, effective_from: 2026-06-01, confirmed: true, note: "{note}",
     hours: {{initial: {{total: {total}}}}}}}
"""
OUTLINE = """outlines:
  - {{id: welder, name: 焊工大纲, category: welder, version: "{version}", effective_from: {begins}, confirmed: true,
     items: [{{code: T, name: 理论, kind: theory, hours: {hours}}}]{ends}}}
"""


def a_file(where: Path, *, total: int = 10, note: str = "", outline: str = "", edition: str = "1") -> Path:
    path = where / "rules.yaml"
    path.write_text(HEAD.format(edition) + CATEGORY.format(total=total, note=note) + outline)
    return path


def outline(*, hours: int = 10, version: str = "1", begins: str = "2026-06-01", ends: str = "") -> str:
    until = f", effective_to: {ends}" if ends else ""
    return OUTLINE.format(hours=hours, version=version, begins=begins, ends=until)


def load(app: Flask, *arguments: object, answer: str | None = None) -> Result:
    return app.test_cli_runner().invoke(rules, ["load", *map(str, arguments)], input=answer)


def count(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(RequirementRow)) or 0


def test_the_catalogue_of_the_program_is_loaded_once(app: Flask, session: Session) -> None:
    first = load(app, "--yes")
    assert first.exit_code == 0, first.output
    assert "refused, not confirmed: categories/so_coal CN" in first.output
    assert "+ categories/so_lv_electric CN from 2023-10-11" in first.output
    rows = count(session)
    assert rows > 120
    again = load(app, "--yes")
    assert "nothing to do" in again.output
    assert count(session) == rows
    [made] = service.loads(session)
    assert (made.rows, made.unconfirmed, made.version, made.file_name) == (
        rows,
        False,
        "2026-11-22",
        "requirements.yaml",
    )
    more = load(app, "--yes", "--allow-unconfirmed")
    assert "+ categories/so_coal CN" in more.output
    assert "refused" not in more.output.splitlines()[0]
    categories = [one.row for one in service.catalogue(session).newest() if isinstance(one.row, Category)]
    assert len(categories) == 52
    found = session.scalars(sa.select(Outline).where(Outline.code == "so_lv_electric")).one()
    assert (found.category, found.training, found.version) == ("so_lv_electric", Training.INITIAL, "2023")
    assert [(item.kind.value, item.required_hours) for item in teaching.items_of(session, found.id)] == [
        ("theory", 88),
        ("practice", 60),
    ]


@pytest.mark.parametrize(("answer", "loaded"), [("n\n", 0), ("y\n", 1), ("", 0)])
def test_nothing_is_applied_before_somebody_has_seen_it(
    app: Flask, session: Session, tmp_path: Path, answer: str, loaded: int
) -> None:
    result = load(app, a_file(tmp_path), answer=answer)
    assert "+ categories/welder CN from 2026-06-01" in result.output
    assert (result.exit_code == 0) is bool(loaded)
    assert count(session) == loaded


def test_a_changed_row_is_a_new_version_and_the_old_one_stays(app: Flask, session: Session, tmp_path: Path) -> None:
    load(app, a_file(tmp_path), "--yes")
    changed = load(app, a_file(tmp_path, total=12, edition="2"), "--yes")
    assert "hours: {initial {total 10}} -> {initial {total 12}}" in changed.output
    rows = session.scalars(sa.select(RequirementRow).order_by(RequirementRow.number)).all()
    assert [row.content["hours"]["initial"]["total"] for row in rows] == [10, 12]
    assert [row.number for row in rows] == [1, 2]
    found = service.catalogue(session).category("welder", None, date(2026, 7, 1))
    assert found is not None
    assert found[0].hours[Training.INITIAL].total == 12
    assert "nothing to do" in load(app, a_file(tmp_path, total=12), "--yes").output


def test_an_error_loads_nothing_and_says_where(app: Flask, session: Session, tmp_path: Path) -> None:
    path = a_file(tmp_path)
    path.write_text(path.read_text() + "  - {id: other}\n")
    result = load(app, path, "--yes")
    assert result.exit_code == 1
    assert "line 6: categories[1]: name is missing" in result.output
    assert "nothing was loaded" in result.output
    assert count(session) == 0


@pytest.mark.parametrize(
    ("rule", "more", "said"),
    [
        ("an outline asks no less than its category", outline(hours=9), "items make 9 hours, category welder asks 10"),
        ("a category must be known", outline().replace("category: welder", "category: nobody"), "there is no nobody"),
        (
            "a category must have begun",
            outline(begins="2026-05-01"),
            "category welder is not in force from 2026-05-01",
        ),
        (
            "a source must be known",
            "exemptions:\n  - {id: e, basis: skill_certificate, source: [LAW],\n"
            "     effective_from: 2026-06-01, confirmed: true}\n",
            "there is no LAW in sources",
        ),
    ],
)
def test_rows_fit_together(app: Flask, session: Session, tmp_path: Path, rule: str, more: str, said: str) -> None:
    result = load(app, a_file(tmp_path, outline=more), "--yes")
    assert said in result.output, rule
    assert count(session) == 0


def test_an_outline_that_classes_may_be_under_is_not_changed(app: Flask, session: Session, tmp_path: Path) -> None:
    load(app, a_file(tmp_path, outline=outline()), "--yes")
    refused = load(app, a_file(tmp_path, outline=outline(hours=11)), "--yes")
    assert "what it asks changes with a new version and first day" in refused.output
    taken = load(app, a_file(tmp_path, outline=outline(hours=11, version="2", begins="2026-08-01")), "--yes")
    assert taken.exit_code == 0, taken.output
    made = session.scalars(sa.select(Outline).where(Outline.code == "welder").order_by(Outline.version)).all()
    assert [(one.version, one.effective_from) for one in made] == [("1", date(2026, 6, 1)), ("2", date(2026, 8, 1))]


@pytest.mark.parametrize(("ends", "taken"), [("2026-06-30", False), ("2026-07-01", True)])
def test_an_outline_ends_today_or_later(
    app: Flask, session: Session, clock: ManualClock, tmp_path: Path, ends: str, taken: bool
) -> None:
    load(app, a_file(tmp_path, outline=outline()), "--yes")
    result = load(app, a_file(tmp_path, outline=outline(ends=ends)), "--yes")
    assert (result.exit_code == 0) is taken
    session.expire_all()
    found = session.scalars(sa.select(Outline).where(Outline.code == "welder")).one()
    assert found.effective_to == (date.fromisoformat(ends) if taken else None)
    assert count(session) == (3 if taken else 2)


def test_an_outline_of_before_that_has_the_same_name_and_version_is_not_taken_over(
    app: Flask, session: Session, tmp_path: Path
) -> None:
    teaching.add_outline(
        session, code="welder", name="旧", region="CN", version="1", effective_from=date(2020, 1, 1), items=[]
    )
    session.commit()
    assert "there is another outline of this code" in load(app, a_file(tmp_path, outline=outline()), "--yes").output


def test_two_who_load_at_once_do_not_load_on_top_of_each_other(app: Flask, session: Session, tmp_path: Path) -> None:
    first = service.plan(session, a_file(tmp_path).read_text(), unconfirmed=False, today=date(2026, 7, 1))
    second = service.plan(session, a_file(tmp_path, total=12).read_text(), unconfirmed=False, today=date(2026, 7, 1))
    where = {"file_name": "rules.yaml", "by": "me", "at": ManualClock()()}
    service.apply(session, first, **where)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="meantime"):
        service.apply(session, second, **where)  # type: ignore[arg-type]


def test_what_was_loaded_and_undone_is_forgotten(app: Flask, session: Session, tmp_path: Path) -> None:
    plan = service.plan(session, a_file(tmp_path).read_text(), unconfirmed=False, today=date(2026, 7, 1))
    where = {"file_name": "rules.yaml", "by": "me", "at": ManualClock()()}
    with session.begin_nested() as undone:
        service.apply(session, plan, **where)  # type: ignore[arg-type]
        assert service.catalogue(session).number == 1
        undone.rollback()
    assert service.catalogue(session).number == 0


def test_rows_are_only_added(app: Flask, session: Session, tmp_path: Path) -> None:
    load(app, a_file(tmp_path), "--yes")
    row = session.scalars(sa.select(RequirementRow)).one()
    row.confirmed = False
    with pytest.raises(LedgerViolation):
        session.flush()
    session.rollback()
    for table in (RequirementRow, RequirementLoad):
        with pytest.raises(IntegrityError, match="append-only"), session.begin_nested():
            session.execute(sa.delete(table))


def test_the_rules_are_shown_for_a_day_a_region_and_a_category(app: Flask, session: Session) -> None:
    run = app.test_cli_runner()
    assert "no rule is loaded" in run.invoke(rules, ["show"]).output
    load(app, "--yes")
    old = run.invoke(rules, ["show", "--on", "2026-05-31"]).output
    new = run.invoke(rules, ["show", "--on", "2026-06-01"]).output
    assert "special_operation@CN@2010-07-01" in old
    assert "skill_certificate" not in old
    assert "special_operation@CN@2026-06-01" in new
    assert "exemptions:" in new
    one = run.invoke(rules, ["show", "--category", "低压电工", "--region", "530100"]).output
    assert "so_lv_electric@CN" in one
    assert "so_hv_electric" not in one
    assert "CHANGCHUN2023" in one
    assert "159" not in run.invoke(rules, ["show", "--loads"]).output.split(":")[0]
    assert run.invoke(rules, ["show", "--region", "Yunnan"]).exit_code != 0


def test_a_load_that_is_no_text_is_refused(app: Flask, session: Session, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "no text in UTF-8" in load(app, path, "--yes").output


def test_outlines_of_before_stand_for_themselves(services: Services) -> None:
    url = services.create_database("outlines_before_requirements")
    schema.upgrade(url, to="0030")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("""
            INSERT INTO elearn.outline (id, code, name, region, version, effective_from)
            VALUES (gen_random_uuid(), 'old', 'Old', 'CN', '1', '2024-07-01')
            """)
        )
    schema.upgrade(url, to="0031")
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT code, category, training FROM elearn.outline")).all()
    engine.dispose()
    assert rows == [("old", None, "initial")]
