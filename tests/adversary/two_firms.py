"""Two employers in one database, all ids that the second one's rows have, and a witness of what a request changes.

Whoever tries knows more than clerks ever do: the key of every row that came into being with the other side, of whatever
table. The witness is a trigger on every table: it keeps each row that is added, changed or taken away, and a request
after which one of them mentions an id of the other side has touched the other side.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

import elearn
from elearn import embedded
from elearn.db import Base, db, new_id
from elearn.pages.forms import Form
from elearn.settings import Settings
from tests.architecture import holders
from tests.architecture.asking import Answer, Undone, an_application
from tests.architecture.holders import Holder
from tests.architecture.named import fill
from tests.architecture.two_sides import OVER_UNITS, Side, a_side, a_workshop

UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DRAWN = re.compile(r'name="(?:csrf_token|once)" value="[^"]*"|name="csrf-token" content="[^"]*"|\b[\w-]{43}\b')
"""What is another one in each answer: the marks of forms, and the tokens of links that are shown once."""
NOBODYS = frozenset({"outline", "outline_item", "watch_policy", "alembic_version"})
"""What is the same for everybody."""
WITNESS = """
CREATE TABLE elearn.witness (said text NOT NULL);
CREATE FUNCTION elearn.note_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO elearn.witness VALUES (concat_ws(' ', TG_OP, TG_TABLE_NAME, to_jsonb(OLD), to_jsonb(NEW)));
    RETURN NULL;
END $$;
DO $$ DECLARE one text; BEGIN
    FOR one IN SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'elearn'::regnamespace
               AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'witness' LOOP
        EXECUTE 'CREATE TRIGGER zz_witness AFTER INSERT OR UPDATE OR DELETE ON ' || one
             || ' FOR EACH ROW EXECUTE FUNCTION elearn.note_it()';
    END LOOP;
END $$;
"""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one request."""

    answer: Answer
    touched: tuple[str, ...]
    """What it changed of the other side."""


@dataclass
class Firms:
    undone: Undone
    ours: Side
    here: Side
    """A workshop of ours."""
    theirs: Side
    ids: dict[str, list[UUID]]
    """Of each table the keys of the other side's rows."""
    asking: list[Holder]

    def __post_init__(self) -> None:
        self.known = {str(one) for keys in self.ids.values() for one in keys}

    def own(self, holder: Holder) -> Side:
        return self.here if holder.name.endswith("workshop") else self.ours

    def attempt(
        self, holder: Holder, method: str, path: str, form: dict[str, str] | None = None, body: object = None
    ) -> Tried:
        self.undone.app.extensions["elearn"].redis.flushdb()
        with self.undone.kept_apart():
            answer = self.undone.send(holder, method, path, form, body)
            changed = self.undone.connection.scalars(sa.text("SELECT said FROM elearn.witness")).all()
        touched = tuple(one for one in changed if self.known & set(UUIDS.findall(one)))
        return Tried(Answer(answer.status, DRAWN.sub("", UUIDS.sub("ID", answer.text))), touched)

    def told(self, answer: Answer) -> list[str]:
        """What of the other side an answer shows."""
        return [mark for mark in self.theirs.marks if mark in answer.text]


def keys(session: Session) -> dict[str, set[UUID]]:
    """Of each table the ids that its own keys are made of."""
    found: dict[str, set[UUID]] = {}
    for table in Base.metadata.sorted_tables:
        own = [one for one in table.primary_key.columns if isinstance(one.type, sa.Uuid)]
        if own:
            found[table.name] = {key for row in session.execute(sa.select(*own)) for key in row}
    return found


@contextmanager
def two_firms(services: embedded.Services, template: str, settings: Settings, where: Path) -> Iterator[Firms]:
    url = services.create_database("two_firms", template=template)
    with an_application(url, settings, where) as undone:
        with undone.app.app_context():
            session = db.session()
            ours = a_side(session, "金沙", "530100", "18877310")
            _of_fields(ours, session)
            list(fill(undone.app, session, ours))  # of which tables none can be made, the permission matrix says
            here = a_workshop(session, ours, "虎跳", "18855530")
            before = keys(session)
            theirs = a_side(session, "澜沧", "330100", "18866420")
            _of_fields(theirs, session)
            list(fill(undone.app, session, theirs))
            after = keys(session)
            session.commit()
            session.connection().execute(sa.text(WITNESS))
            session.commit()
            asking = [holders.signed_in(undone.app, session, role, ours.accounts[role]) for role in OVER_UNITS]
            asking += holders.over_unit(undone.app, session, here)
            session.execute(sa.text("DELETE FROM elearn.witness"))
            session.commit()
        ids = {table: sorted(after[table] - before[table]) for table in after if table not in NOBODYS}
        yield Firms(undone, ours, here, theirs, {table: keys for table, keys in ids.items() if keys}, asking)


def _of_fields(side: Side, session: Session) -> None:
    """Rows that no address names, but a field of some form."""
    for table in ("training_plan_line", "training_fund_line", "training_survey_question"):
        side.of(table, session)


def id_fields() -> set[str]:
    """The names of all fields that the product reads an id from."""
    found = set()
    for path in Path(elearn.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("id", "ids"):
                first = call.args[0] if call.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


@contextmanager
def fields_read(into: set[str]) -> Iterator[None]:
    """The names under which a form is asked for ids meanwhile; the form answers as ever."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("id", "ids"):
            patch.setattr(Form, name, _noting(getattr(Form, name), into))
        yield


def _noting(real: Callable[[Form, str], object], into: set[str]) -> Callable[[Form, str], object]:
    def ask(form: Form, name: str) -> object:
        into.add(name)
        return real(form, name)

    return ask


def of_nobody() -> str:
    return str(new_id())
