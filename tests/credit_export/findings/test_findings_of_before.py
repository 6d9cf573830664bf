"""What two people stated before more could be stated stays word for word, and the new rules of the table hold."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from elearn import embedded, schema

SOMEBODY = "00000000-0000-0000-0000-0000000000aa"
FOREIGN = """
SELECT quote_ident(conname) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'elearn.finding'::regclass
"""
ROW = f"""
INSERT INTO elearn.finding (id, kind, person_id, outline_code, paper, number_sealed, from_on, to_on, ends_id, note,
                            by_id, side, at)
VALUES (gen_random_uuid(), :kind, '{SOMEBODY}', :code, :paper, :number, '2026-07-01', NULL, :ends, 'seen',
        '{SOMEBODY}', 'operator', now())
"""
KEPT = "SELECT kind, outline_code, paper, level FROM elearn.finding ORDER BY kind, paper NULLS LAST"


def row(kind: str, code: str | None = None, ends: str | None = None, *, paper: bool = True) -> dict[str, object]:
    return {
        "kind": kind, "code": code, "ends": ends, "paper": "证" if paper else None, "number": b"1" if paper else None
    }  # fmt: skip


def test_findings_of_before_stay_and_new_kinds_keep_their_rules(services: embedded.Services) -> None:
    url = services.create_database("findings_of_before")
    schema.upgrade(url, to="0033")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for name in connection.scalars(sa.text(FOREIGN)).all():
            connection.execute(sa.text(f"ALTER TABLE elearn.finding DROP CONSTRAINT {name}"))
        for one in (
            row("skill_certificate", "short"),
            row("skill_certificate", ends=SOMEBODY, paper=False),
            row("blacklisted", paper=False),
        ):
            connection.execute(sa.text(ROW), one)
    schema.upgrade(url, to="0034")
    with engine.connect() as connection:
        assert [tuple(one) for one in connection.execute(sa.text(KEPT))] == [
            ("blacklisted", None, None, None),
            ("skill_certificate", "short", "证", None),
            ("skill_certificate", None, None, None),
        ]
    with engine.begin() as connection:
        connection.execute(sa.text(ROW), row("train_again", "short"))
    for wrong in (
        row("education"),
        row("health_certificate"),
        row("train_again"),
        row("born_on", "short"),
        row("born_on", paper=False),
        row("invented"),
    ):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(sa.text(ROW), wrong)
    engine.dispose()
