"""What it takes to find courses among 800 with 8,000 units, beside the ways that were not chosen.

    python -m bench.catalogue [--courses 800] [--units 10] [--rounds 3]

Server time of whole requests to the page, signed in, in one process: lists, filters, words of one, two and four
signs, words of lessons and of pages, pages far down the list. Beside it, for the same words over the same texts, what
the database takes for the query alone: by signs and pairs of signs (ours), by pg_trgm's trigrams, and by looking at
every text.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.figures import Figure, percentile_ms, say
from bench.watching import Place, a_place
from elearn.courses import finding
from elearn.courses.models import PAGE_WORDS
from elearn.db import db
from elearn.people import callers
from tests.builders_courses import AT, a_course, an_outline
from tests.builders_people import an_account, an_institution, signed_in

COURSES = 800
UNITS = 10
LIMIT_MS = 60.0
SIGNS_OF_A_PAGE = 600

SUBJECTS = [
    "触电急救",
    "高处作业",
    "动火作业",
    "受限空间",
    "危险化学品",
    "粉尘防爆",
    "起重机械",
    "叉车驾驶",
    "临时用电",
    "焊接切割",
    "制冷运行",
    "煤气中毒",
    "道路运输",
    "矿井通风",
    "应急预案",
    "消防器材",
    "劳动防护",
    "隐患排查",
    "职业卫生",
    "安全法规",
]
PARTS = ["基础知识", "操作规程", "事故案例", "现场处置", "法律责任", "设备检查", "个人防护", "初训", "复训", "考前练习"]
ASKED = (
    "触电",
    "急救",
    "电",
    "触电急救",
    "动火 案例",
    "矿井通风 操作",
    "考前练习",
    "火花",
    "没有的词",
    "v3",
    "一分为二",
)

WIDEN = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, :courses) n
"""


def fill(session: Session, courses: int, units: int) -> None:
    """Courses of one institution with units of one page each, in bulk; the same at each run."""
    draw = random.Random(800)
    institution = an_institution(session)
    outline = an_outline(session)
    item = a_course(session, institution.id, outline=outline).outline_item_id
    person = an_account(session).person_id
    common = (
        "".join(SUBJECTS + PARTS)
        + "的一是不在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学"
    )
    session.execute(sa.text(WIDEN), {"courses": courses})
    ids = session.execute(sa.text("SELECT id FROM made ORDER BY n")).scalars().all()
    lists: dict[str, list[dict[str, object]]] = {name: [] for name in ("course", "lesson", "unit", "block", "page")}
    for number, course in enumerate(ids):
        subject = draw.choice(SUBJECTS)
        lists["course"].append(
            {"id": course, "g": institution.id, "i": item, "t": f"{subject}{draw.choice(PARTS)} v{number % 9}",
             "s": "、".join(draw.sample(SUBJECTS, 3)), "n": [draw.choice(["electricity", "tobacco", "coal_mining"])],
             "l": draw.choice(["entry", "intermediate", "advanced"]), "at": AT, "number": number}
        )  # fmt: skip
        for place in range(1, units + 1):
            lesson, unit = (UUID(int=draw.getrandbits(128)) for _ in range(2))
            text = "".join(draw.choices(common, k=SIGNS_OF_A_PAGE))
            lists["lesson"].append({"id": lesson, "c": course, "p": place, "t": f"{subject}：{draw.choice(PARTS)}"})
            lists["unit"].append({"id": unit, "l": lesson, "t": "讲", "h": f"{unit.int:064x}"[:64], "at": AT})
            lists["block"].append({"u": unit})
            lists["page"].append({"u": unit, "t": draw.choice(PARTS), "x": text, "by": person, "at": AT})
    for statement, name in (
        ("""INSERT INTO elearn.course (id, institution_id, outline_item_id, title, summary, created_at, centre, level,
            audiences, industries, textbook, needs_review)
            VALUES (:id, :g, :i, :t, :s, :at + :number * interval '1 minute', 'posts', :l,
            '{special_operator}', :n, '', false)""", "course"),
        ("INSERT INTO elearn.lesson (id, course_id, position, title) VALUES (:id, :c, :p, :t)", "lesson"),
        ("""INSERT INTO elearn.unit (id, lesson_id, version, title, kind, duration_ms, start_offset_ms, width, height,
            content_hash, source_sha256, created_at) VALUES (:id, :l, 1, :t, 'pages', 60000, 0, 0, 0, :h, :h, :at)""",
         "unit"),
        ("INSERT INTO elearn.unit_block (unit_id, index, start_ms, end_ms) VALUES (:u, 0, 0, 60000)", "block"),
        ("""INSERT INTO elearn.unit_page (unit_id, index, title, text, reviewed_by, reviewed_at)
            VALUES (:u, 0, :t, :x, :by, :at)""", "page"),
    ):  # fmt: skip
        session.execute(sa.text(statement), lists[name])
    session.execute(sa.text("UPDATE elearn.unit SET published_at = created_at"))
    session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM (ANALYZE)"))


def addresses(session: Session) -> list[str]:
    """What people ask: the list, filters, words, and pages far down."""
    after, far = None, []
    for _ in range(25):
        after = finding.find(session, finding.Wanted(), after=after).after
        far.append(f"/catalogue?after={after}")
    filters = ["", "?industry=tobacco", "?level=entry&centre=posts", "?audience=special_operator", "?centre=public"]
    searches = [f"?words={words}" for words in ASKED] + ["?words=急救&industry=electricity"]
    return [f"/catalogue{one}" for one in (*filters, *searches)] + far[::6]


def asked_of_the_page(place: Place, rounds: int) -> dict[str, list[float]]:
    """Address -> seconds of each whole request, after one that is not counted."""
    session = db.session()
    account = an_account(session)
    session.commit()
    client = place.app.test_client()
    signed_in(client, session, account)
    took: dict[str, list[float]] = {}
    for path in addresses(session):
        for number in range(rounds + 1):
            callers.forget_last_request()
            began = time.perf_counter()
            answer = client.get(path, headers={"Accept": "text/html"})
            spent = time.perf_counter() - began
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status}")
            if number:
                took.setdefault(path, []).append(spent)
    return took


def ways(session: Session, words: str) -> dict[str, tuple[float, int, bool]]:
    """Way -> (milliseconds the database takes, rows, whether it took an index) for a word on 8,000 pages."""
    found = {}
    conditions = {
        "signs and pairs": finding.held(PAGE_WORDS, 0, words),
        "trigrams (pg_trgm)": f"elearn.folded({PAGE_WORDS}) LIKE :like0",
        "every text": f"elearn.folded({PAGE_WORDS} || '') LIKE :like0",
    }
    values = {"keys0": finding.keys_of(words), "like0": f"%{words}%"}
    for name, condition in conditions.items():
        query = f"EXPLAIN (ANALYZE, TIMING OFF) SELECT unit_id FROM elearn.unit_page WHERE {condition}"
        best = min(
            ("\n".join(row[0] for row in session.execute(sa.text(query), values)) for _ in range(3)),
            key=_took_ms,
        )
        rows = re.search(r"rows=(\d+)[\d.]* loops", best)
        found[name] = (_took_ms(best), int(rows[1]) if rows else -1, "Index Scan" in best)
    return found


def _took_ms(plan: str) -> float:
    found = re.search(r"Execution Time: ([\d.]+)", plan)
    return float(found[1]) if found else float("inf")


def run(courses: int = COURSES, units: int = UNITS, rounds: int = 3) -> Iterator[Figure]:
    began = datetime.now(AT.tzinfo)
    with a_place() as place, place.app.app_context():
        session = db.session()
        fill(session, courses, units)
        took = asked_of_the_page(place, rounds)
        every = [one for several in took.values() for one in several]
        slowest = max(took, key=lambda path: percentile_ms(took[path], 50))
        p95 = percentile_ms(every, 95)
        yield Figure(
            f"catalogue of {courses} courses and {courses * units} units, p95 of the page",
            p95 / LIMIT_MS,
            1.0,
            f"{p95:.1f} ms of {LIMIT_MS:.0f} ms, half {percentile_ms(every, 50):.1f} ms, slowest {slowest} "
            f"{percentile_ms(took[slowest], 50):.1f} ms",
        )
        session.execute(
            sa.text(
                f"CREATE INDEX bench_trigrams ON elearn.unit_page USING gin "
                f"(elearn.folded({PAGE_WORDS}) public.gin_trgm_ops)"
            )
        )
        session.execute(sa.text("ANALYZE elearn.unit_page"))
        for words in ("电", "触电", "动火", "触电急救", "粉尘防爆起"):
            found = ways(session, words)
            ours, _rows, _index = found["signs and pairs"]
            if len({rows for _ms, rows, _index in found.values()}) != 1:
                raise RuntimeError(f"the ways do not find the same: {found}")
            told = ", ".join(
                f"{name} {ms:.1f} ms{'' if index else ' (reads all)'}" for name, (ms, _rows, index) in found.items()
            )
            yield Figure(
                f"{words} in {courses * units} pages, beside a look at every text",
                ours / found["every text"][0],
                None,
                f"{told}; {_rows} rows",
            )
        sizes = session.execute(
            sa.text("SELECT pg_relation_size('elearn.ix_unit_page_words'), pg_relation_size('elearn.bench_trigrams')")
        ).one()
        yield Figure("index of signs and pairs, beside one of trigrams", sizes[0] / sizes[1], None,
                     f"{sizes[0] / 1e6:.1f} MB and {sizes[1] / 1e6:.1f} MB, "
                     f"{(datetime.now(AT.tzinfo) - began).total_seconds():.0f} s in all")  # fmt: skip
        session.rollback()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courses", type=int, default=COURSES)
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    return say(run(given.courses, given.units, given.rounds))


if __name__ == "__main__":
    raise SystemExit(main())
