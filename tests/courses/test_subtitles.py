"""Subtitles: read by the rules of WebVTT, each fault with its line, served to whoever may study the lesson."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses import finding, subtitles, webvtt
from elearn.courses.finding import Wanted
from elearn.courses.models import Lesson, Subtitle, Unit
from elearn.courses.webvtt import BadSubtitles, Cue
from elearn.db import new_id
from elearn.errors import Malformed, NotFound
from elearn.locale import catalogue as messages
from elearn.people import callers
from elearn.people.models import Role
from tests.builders_courses import AT, a_class, a_course, a_lesson, a_unit, an_outline, enrolled
from tests.builders_people import an_account, an_institution, signed_in

HOUR = 3_600_000
GOOD = """\ufeffWEBVTT 第一课 - captions

NOTE made by hand
in two lines

1
00:01.000 --> 00:04.000 line:90% align:center
<v 老师>断电 &amp; 验电</v>

00:00:04.000 --> 00:00:06.500
第一行
<b>第二</b>行 <00:05.000>完
"""


def test_what_is_right_is_read_and_written_anew() -> None:
    cues = webvtt.read(GOOD.encode(), duration_ms=HOUR)
    assert cues == (
        Cue(1000, 4000, "line:90% align:center", "<v 老师>断电 &amp; 验电</v>"),
        Cue(4000, 6500, "", "第一行\n<b>第二</b>行 <00:05.000>完"),
    )
    assert webvtt.words(cues) == "断电 &amp; 验电\n第一行 第二行 完"
    assert webvtt.write(cues[1:], shift_ms=2000) == (
        "WEBVTT\n\n00:00:06.000 --> 00:00:08.500\n第一行\n<b>第二</b>行 <00:05.000>完\n"
    )


HEAD = "WEBVTT\n\n"
BAD: list[tuple[str, bytes | str, int]] = [
    # what, file, line of its first fault
    ("nothing", "", 1),
    ("another file", "1\n00:00:01,000 --> 00:00:02,000\nx\n", 1),
    ("a longer word", "WEBVTTX\n\n00:01.000 --> 00:02.000\nx\n", 1),
    ("no caption", "WEBVTT\n", 1),
    ("not UTF-8", HEAD.encode() + "00:01.000 --> 00:02.000\n断电".encode("gbk"), 4),
    ("too large", HEAD.encode() + b"x" * 1_000_000, 1),
    ("no empty line after the head", "WEBVTT\n00:01.000 --> 00:02.000\nx\n", 2),
    ("a comma in a time", HEAD + "00:01,000 --> 00:02.000\nx\n", 3),
    ("two digits of a second", HEAD + "00:01.00 --> 00:02.000\nx\n", 3),
    ("one digit of an hour", HEAD + "0:00:01.000 --> 0:00:02.000\nx\n", 3),
    ("sixty seconds", HEAD + "00:60.000 --> 01:02.000\nx\n", 3),
    ("no blank before the arrow", HEAD + "00:01.000--> 00:02.000\nx\n", 3),
    ("other digits", HEAD + "٠٠:01.000 --> 00:02.000\nx\n", 3),
    ("backwards", HEAD + "00:02.000 --> 00:01.000\nx\n", 3),
    ("no length", HEAD + "00:02.000 --> 00:02.000\nx\n", 3),
    ("out of order", HEAD + "00:05.000 --> 00:06.000\nx\n\n00:01.000 --> 00:02.000\ny\n", 6),
    ("after the end", HEAD + "01:00:00.000 --> 01:00:01.000\nx\n", 3),
    ("no text", HEAD + "00:01.000 --> 00:02.000\n", 3),
    ("no time", HEAD + "hello\nworld\n", 3),
    ("only a name", HEAD + "hello\n", 3),
    ("a missing empty line", HEAD + "00:01.000 --> 00:02.000\nx\n00:03.000 --> 00:04.000\ny\n", 5),
    ("an unknown setting", HEAD + "00:01.000 --> 00:02.000 colour:red\nx\n", 3),
    ("a setting twice", HEAD + "00:01.000 --> 00:02.000 size:5% size:5%\nx\n", 3),
    ("more than everything", HEAD + "00:01.000 --> 00:02.000 size:101%\nx\n", 3),
    ("an unknown tag", HEAD + "00:01.000 --> 00:02.000\n<font>x</font>\n", 4),
    ("a script", HEAD + "00:01.000 --> 00:02.000\n<script>x</script>\n", 4),
    ("a tag that stays open", HEAD + "00:01.000 --> 00:02.000\n<b>x\ny\n", 5),
    ("tags across", HEAD + "00:01.000 --> 00:02.000\n<b><i>x</b></i>\n", 4),
    ("nobody speaks", HEAD + "00:01.000 --> 00:02.000\n<v>x\n", 4),
    ("a bare &", HEAD + "00:01.000 --> 00:02.000\nA & B\n", 4),
    ("an unknown name", HEAD + "00:01.000 --> 00:02.000\n&euro;\n", 4),
    ("a bare <", HEAD + "00:01.000 --> 00:02.000\n1 < 2\n", 4),
    ("NUL", HEAD + "00:01.000 --> 00:02.000\nx\0y\n", 4),
    ("a style", HEAD + "STYLE\n::cue { color: red }\n\n00:01.000 --> 00:02.000\nx\n", 3),
    ("an arrow in a note", HEAD + "NOTE\n00:01.000 --> 00:02.000\nx\n", 4),
    ("too many", HEAD + "\n".join(f"00:00:01.000 --> 00:00:02.000\n{n}\n" for n in range(10_001)), 1),
]


@pytest.mark.parametrize(("what", "file", "line"), BAD, ids=[one[0] for one in BAD])
def test_what_is_wrong_is_said_with_its_line(what: str, file: bytes | str, line: int) -> None:
    with pytest.raises(BadSubtitles) as refused:
        webvtt.read(file if isinstance(file, bytes) else file.encode(), duration_ms=HOUR)
    assert refused.value.problems[0].line == line
    assert {messages("zh")[one.sentence] for one in refused.value.problems} - {""}


def test_all_faults_are_told_at_once() -> None:
    file = HEAD + "00:01.000 --> 00:00.500\n<x>\n\n00:03,000 --> 00:04.000\nA & B\n\nbare\n"
    with pytest.raises(BadSubtitles) as refused:
        webvtt.read(file.encode(), duration_ms=HOUR)
    assert [one.line for one in refused.value.problems] == [3, 4, 6, 7, 9]


GOOD_ONES = [
    "WEBVTT\r\n\r\n00:01.000 --> 00:02.000\r\nx\r\n",
    "WEBVTT\r\r00:01.000 --> 00:02.000\rx",
    "WEBVTT\t\n\n\n\nname\n00:01.000\t-->\t00:02.000\t position:10%,line-left \nx\n\n\n",
    "WEBVTT\n\n00:00.000 --> 99:00:00.000\nx",
    "WEBVTT\n\n00:01.000 --> 00:02.000\n<c.yellow.bg_blue>x</c><lang zh-Hans>字</lang>&#x5b57;&#23383;&nbsp;",
    "WEBVTT\n\n00:01.000 --> 00:02.000\n<ruby>触电<rt>chùdiàn</rt></ruby>",
    "WEBVTT\n\n00:01.000 --> 00:02.000 vertical:rl line:-1,end size:33.3%\n<v.first 老师>没有关闭",
]


@pytest.mark.parametrize("file", GOOD_ONES)
def test_what_the_rules_allow_is_taken(file: str) -> None:
    [cue] = webvtt.read(file.encode(), duration_ms=HOUR)
    assert cue.end_ms <= HOUR


CUES = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(1, 5000), st.sampled_from(["", "size:50%", "align:left line:3"]),
              st.sampled_from(["断电", "a\nb", "<b>x</b>", "&amp;", "-- >", "NOTE", "WEBVTT"])),
    min_size=1, max_size=9,
)  # fmt: skip


@given(CUES)
def test_what_is_written_is_read_as_it_was(cues: list[tuple[int, int, str, str]]) -> None:
    at, made = 0, []
    for step, length, settings, text in cues:
        at += step
        made.append(Cue(at, at + length, settings, text))
    assert webvtt.read(webvtt.write(made).encode(), duration_ms=HOUR) == tuple(made)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: ("WEBVTT\n\n" + text).encode(errors="replace")))
def test_no_file_does_anything_but_be_read_or_refused(data: bytes) -> None:
    try:
        cues = webvtt.read(data, duration_ms=HOUR)
    except BadSubtitles:
        return
    assert webvtt.read(webvtt.write(cues).encode(), duration_ms=HOUR) == cues


# --- beside a unit ---------------------------------------------------------------------------------------------------


@pytest.fixture
def institution_id(session: Session) -> UUID:
    return an_institution(session).id


@pytest.fixture
def lesson(session: Session, institution_id: UUID) -> Lesson:
    return a_lesson(session, a_course(session, institution_id, outline=an_outline(session)))


@pytest.fixture
def unit(session: Session, lesson: Lesson) -> Unit:
    return a_unit(session, lesson)


@pytest.fixture
def where(session: Session, institution_id: UUID) -> dict[str, Any]:
    return {"acting": [institution_id], "by": an_account(session).person_id, "at": AT}


def test_a_better_text_is_the_next_version_and_the_unit_stays_what_it_was(
    session: Session, unit: Unit, where: dict[str, Any]
) -> None:
    before = unit.content_hash
    first = subtitles.add(session, unit.id, "zh", GOOD.encode(), **where)
    assert subtitles.add(session, unit.id, "zh", GOOD.encode(), **where) is first
    second = subtitles.add(session, unit.id, "zh", GOOD.replace("断电", "停电").encode(), **where)
    english = subtitles.add(session, unit.id, "en", b"WEBVTT\n\n00:01.000 --> 00:02.000\nOff", **where)
    assert (first.withdrawn_at, second.version, english.version) == (AT, 2, 1)
    assert [(one.id, one.label) for one in subtitles.shown(session, unit.id, first="en")] == [
        (english.id, "English"), (second.id, "中文"),
    ]  # fmt: skip
    assert unit.content_hash == before
    subtitles.withdraw(session, second.id, acting=where["acting"], at=AT)
    assert [one.id for one in subtitles.shown(session, unit.id)] == [english.id]
    assert subtitles.add(session, unit.id, "zh", GOOD.encode(), **where).version == 3
    for change in ("text = 'x'", "withdrawn_at = NULL", "language = 'en'"):
        with pytest.raises(IntegrityError, match="immutable"), session.begin_nested():
            session.execute(sa.text(f"UPDATE elearn.subtitle SET {change} WHERE version = 1 AND language = 'zh'"))


def test_what_cannot_have_subtitles_gets_none(session: Session, unit: Unit, where: dict[str, Any]) -> None:
    for language, data, error in (("tlh", GOOD, Malformed), ("zh", "x", BadSubtitles)):
        with pytest.raises(error):
            subtitles.add(session, unit.id, language, data.encode(), **where)
    with pytest.raises(NotFound):
        subtitles.add(session, unit.id, "zh", GOOD.encode(), **{**where, "acting": [new_id()]})
    assert session.scalars(sa.select(Subtitle)).all() == []


def test_the_catalogue_finds_what_is_said(session: Session, unit: Unit, where: dict[str, Any]) -> None:
    made = subtitles.add(session, unit.id, "zh", GOOD.encode(), **where)
    assert len(finding.find(session, Wanted("验电")).lines) == 1
    subtitles.withdraw(session, made.id, acting=where["acting"], at=AT)
    assert finding.find(session, Wanted("验电")).lines == ()


def test_they_are_served_to_learners_of_the_lesson_and_its_teachers_only(
    client: FlaskClient, session: Session, unit: Unit, institution_id: UUID, where: dict[str, Any], lesson: Lesson
) -> None:
    made = subtitles.add(session, unit.id, "zh", GOOD.encode(), **where)
    learner = an_account(session)
    outline_id = session.execute(
        sa.text("SELECT outline_id FROM elearn.outline_item i JOIN elearn.course c ON c.outline_item_id = i.id")
    ).scalar_one()
    outline = session.get_one(type(an_outline(session)), outline_id)
    enrolled(session, a_class(session, institution_id, outline), learner.person_id)
    elsewhere = an_institution(session, name="其他机构").id
    session.commit()
    for account, status in (
        (learner, 200),
        (an_account(session, Role.TEACHER, organisation_id=institution_id), 200),
        (an_account(session, Role.TEACHER, organisation_id=elsewhere), 404),
        (an_account(session), 404),
        (None, 401),
    ):
        callers.forget_last_request()
        other = client.application.test_client()
        if account is not None:
            signed_in(other, session, account)
        answer = other.get(f"/courses/subtitles/{made.id}.vtt")
        assert answer.status_code == status
        if status == 200:
            assert answer.text.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:04.000 line:90%")
            assert (answer.content_type, answer.headers["ETag"]) == ("text/vtt; charset=utf-8", f'"{made.sha256}"')
            callers.forget_last_request()
            again = other.get(f"/courses/subtitles/{made.id}.vtt", headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status_code == 304


def test_times_are_shifted_to_the_players_clock(session: Session, unit: Unit, where: dict[str, Any]) -> None:
    made = subtitles.add(session, unit.id, "zh", GOOD.encode(), **where)
    session.execute(sa.text("ALTER TABLE elearn.unit DISABLE TRIGGER immutable_rows"))
    session.execute(sa.update(Unit).values(start_offset_ms=1_400))
    text, _ = subtitles.file_for(session, made.id, new_id(), where["acting"])
    assert "00:00:02.400 --> 00:00:05.400" in text
