"""What it takes to take in an enterprise's roster: 20,000 rows of XLSX, read, looked at and imported.

    python -m bench.roster [--rows 20000]

Half of the people are on flexible contracts; they stand in 400 teams; one row in 49 is wrong. The jobs do what a
worker does with them. Then the same file once more, in which nothing is new, and once more with everybody at another
post: each writes as much as the law of the roster asks for.
"""

from __future__ import annotations

import argparse
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import sqlalchemy as sa
import xlsxwriter

from bench import processor
from bench.figures import Figure, say
from bench.watching import Place, Spent, a_place, postgres_beside
from elearn.db import db
from elearn.people.identity import resident_check_digit
from elearn.people.models import Membership, Organisation, Person, Placement
from elearn.people.roster import drafts, looking, taking
from elearn.people.roster.taking import Wishes
from tests.builders_people import AT, KEYS, a_person, an_organisation

ROWS = 20_000
LIMIT_S = 60.0
WRONG_EACH = 49
HEADERS = (
    *("序号", "姓名", "性别", "身份证号码", "手机号码", "部门", "车间", "班组", "岗位", "用工形式", "入职日期", "工号"),
    *("学历", "籍贯"),
)
KINDS = ("合同制", "灵活用工", "劳务派遣", "灵活用工")
POSTS = ("电工", "焊工", "装配工", "起重工", "叉车司机")


def a_number(place: int) -> str:
    born = date(1970, 1, 1) + timedelta(days=place % 11_000)
    first = f"888888{born:%Y%m%d}{place // 11_000:03}"
    return first + resident_check_digit(first)


def a_file(count: int, *, posts_from: int = 0) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet("花名册")
    sheet.merge_range(0, 0, 0, len(HEADERS) - 1, "云岭建设集团在册人员花名册")
    sheet.write_row(1, 0, HEADERS)
    for place in range(count):
        number = a_number(place)
        if place % WRONG_EACH == 0:
            number = number[:-1] + ("0" if number[-1] != "0" else "1")
        began = date(2020, 1, 1) + timedelta(days=place % 2_000)
        cells = (
            place + 1, f"工友{chr(0x4E00 + place % 5_000)}", "男", number, f"139{place:08}", f"生产{place % 4}部",
            f"车间{place % 40}", f"{place % 400}班",
            POSTS[(place + posts_from) % len(POSTS)], KINDS[place % len(KINDS)], f"{began:%Y.%m.%d}", f"YL{place:05}",
            "高中", "云南",
        )  # fmt: skip
        sheet.write_row(place + 2, 0, cells)
    book.close()
    return out.getvalue()


@contextmanager
def spent_on(place: Place, spent: Spent) -> Iterator[None]:
    """Adds what the block takes: our processor time, PostgreSQL's, and the clock's."""
    began, wall = processor.spent_s(os.getpid()), time.perf_counter()
    with postgres_beside(place, spent):
        yield
    spent.cpu_s += processor.spent_s(os.getpid()) - began
    spent.wall_s += time.perf_counter() - wall


def imported(place: Place, employer: Organisation, by: Person, content: bytes) -> tuple[Spent, Spent, dict[str, int]]:
    """What it takes until it can be looked at, what to take it in, and what came of it."""
    session, looked, taken = db.session(), Spent(), Spent()
    with spent_on(place, looked):
        draft = drafts.ask(
            session, employer, name="roster.xlsx", content=content, categories={}, by=by.id, keys=KEYS, at=AT
        )
        session.commit()
        looking.read(session, draft.id, keys=KEYS, now=lambda: AT)
    with spent_on(place, taken):
        taking.confirm(session, draft.id, Wishes(make_units=True), by=by.id, at=AT)
        session.commit()
        taking.take(session, draft.id, keys=KEYS, now=lambda: AT)
    session.expire_all()
    return looked, taken, dict(drafts.own_draft(session, draft.id).result)


def run(rows: int = ROWS) -> Iterator[Figure]:
    good = rows - -(-rows // WRONG_EACH)
    with a_place() as place, place.app.app_context():
        session = db.session()
        employer, by = an_organisation(session), a_person(session)
        session.commit()
        first, moved = a_file(rows), a_file(rows, posts_from=1)
        for name, content, expected in (
            (f"roster of {rows} taken in", first, {"new": good}),
            ("the same roster again", first, {"unchanged": good}),
            ("everybody at another post", moved, {"changed": good}),
        ):
            looked, taken, result = imported(place, employer, by, content)
            if {key: result.get(key) for key in expected} != expected:
                raise RuntimeError(f"{name}: {result}")
            looked_s, taken_s = (one.cpu_s + one.postgres_s for one in (looked, taken))
            yield Figure(
                name,
                (looked_s + taken_s) / LIMIT_S,
                1.0,
                f"{looked_s + taken_s:.1f} s of {LIMIT_S:.0f} s CPU, ours and PostgreSQL's: {looked_s:.1f} s until it "
                f"is looked at ({len(content) // 1_000} kB of XLSX), {taken_s:.1f} s to take it in; "
                f"{looked.wall_s + taken.wall_s:.1f} s by the clock",
            )
        members = session.scalars(sa.select(sa.func.count()).select_from(Membership)).one()
        placed = session.scalars(sa.select(sa.func.count(Placement.unit_id.distinct()))).one()
        if (members, placed) != (good, min(400, rows)):
            raise RuntimeError(f"{members} members stand in {placed} units")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    return say(run(parser.parse_args().rows))


if __name__ == "__main__":
    raise SystemExit(main())
