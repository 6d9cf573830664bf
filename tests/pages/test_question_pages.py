"""The question bank's pages: lists, forms, imports with their errors, exports."""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import UUID, uuid4

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.courses.questions import bank, formats
from elearn.courses.questions.formats import Format, xlsx
from elearn.courses.questions.kinds import Blank, Case, Difficulty, Fill, Option, Single, from_json
from elearn.courses.questions.models import BankImage, BankImport, BankQuestion, BankVersion
from elearn.people.models import Account, Role
from tests import builders_people as people
from tests.builders_courses import AT as NOW
from tests.builders_courses import theory_of
from tests.builders_questions import a_single, a_testing_school, asked, one_of_each
from tests.courses.test_page_images import a_picture
from tests.pages.conftest import Browser, World, text_of

Browsers = Callable[[Account | None], Browser]


@pytest.fixture
def item(session: Session, world: World) -> str:
    return str(theory_of(session, world.outline).id)


@pytest.fixture
def teacher(session: Session, world: World) -> Account:
    made = people.an_account(session, Role.TEACHER, organisation_id=world.institution.id)
    session.commit()
    return made


def versions(session: Session) -> list[BankVersion]:
    session.expire_all()
    return list(session.scalars(sa.select(BankVersion).order_by(BankVersion.written_at, BankVersion.id)))


TYPED = {
    "single": "* 断电\n- 回家",
    "multiple": "* 断电\n* 验电\n- 回家",
    "truefalse": "对",
    "fill": "断电|切断电源\n35..36",
    "ordering": "断电\n验电\n挂牌",
    "case": "[单选] 原因？\n* 未接地\n- 天热\n\n[判断] 应断电。\n对",
}


@pytest.mark.parametrize("kind", TYPED)
def test_a_question_is_written_by_one_and_reviewed_by_another(
    kind: str, session: Session, world: World, teacher: Account, item: str, browser: Browsers
) -> None:
    writes, reviews = browser(world.manager), browser(teacher)
    form: dict[str, object] = {
        "kind": kind,
        "difficulty": "easy",
        "stem": f"题目 {kind} ____",
        "answers": TYPED[kind],
        "item": item,
    }
    answer = writes.post("/teaching/questions/new", {**form, "organisation": world.institution.id})
    assert answer.status_code == 303, text_of(answer)
    [made] = versions(session)
    address = f"/teaching/questions/{made.id}"
    assert "Whoever wrote a question does not review it" in writes.page(address)
    writes.post(f"{address}/review")
    assert versions(session)[0].reviewed_at is None
    reviews.post(f"{address}/review")
    assert versions(session)[0].reviewed_at is not None
    # What the form shows again is what was typed.
    page = reviews.get(f"{address}/edit").text
    assert all(line in page for line in TYPED[kind].replace("\n\n", "\n").split("\n"))
    same = reviews.post(f"{address}/edit", {**form, "answers": TYPED[kind], "stem": "改过 ____"})
    assert same.status_code == 303
    assert [one.version for one in versions(session)] == [1, 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"stem": ""}, "Please fill this in."),
        ({"answers": "断电"}, "Each option is a line that begins with"),
        ({"answers": "* a\n* b"}, "A single choice has one right answer."),
        ({"kind": "truefalse"}, "The answer of a statement is"),
        ({"kind": "case", "answers": "原因？\n* a"}, "begins with its kind in brackets"),
        ({"kind": "ordering", "answers": "a"}, "2 to 10 options"),
        ({"kind": "essay"}, "out of date"),
        ({"stem": "x" * 4001}, "at most 4000 characters"),
    ],
)
def test_what_is_wrong_with_a_question_stands_in_the_form(
    change: dict[str, str], said: str, session: Session, world: World, item: str, browser: Browsers
) -> None:
    form: dict[str, object] = {"kind": "single", "difficulty": "easy", "stem": "题", "answers": "* a\n- b"}
    form |= {"item": item, **change}
    answer = browser(world.manager).post("/teaching/questions/new", form)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert versions(session) == []


def test_pictures_and_explanations_of_a_case_outlive_a_change_of_its_text(
    session: Session, world: World, teacher: Account, item: str, browser: Browsers
) -> None:
    picture = bank.keep_image(session, world.institution.id, a_picture("png", "rgb24", 20, 20), at=NOW)
    part = Single(
        stem="为何?", image=picture, options=(Option("甲", picture), Option("乙")), correct=0, explanation="因为"
    )
    lost = Case(stem="经过", parts=(Fill(stem="一\n二", blanks=(Blank(texts=("x",)),)),))
    made, other = (
        bank.add_question(
            session,
            institution_id=world.institution.id,
            outline_item_id=UUID(item),
            content=content,
            difficulty=Difficulty.EASY,
            by=teacher.person_id,
            at=NOW,
        )
        for content in (Case(stem="经过", parts=(part,)), lost)
    )
    session.commit()
    visitor = browser(world.manager)
    page = visitor.get(f"/teaching/questions/{made.id}/edit").text
    code = f"[图 {picture[:8]}]"
    assert page.count(code) == 3, "twice in the text, once beside the picture"
    form = {"kind": "case", "difficulty": "easy", "stem": "另一经过", "unit": str(world.unit.id)}
    answers = f"[单选] 为何? {code}\n* 甲 {code}\n- 丙\n解析：因为"
    assert visitor.post(f"/teaching/questions/{made.id}/edit", {**form, "answers": answers}).status_code == 303
    session.expire_all()
    changed = from_json(made.content)
    wanted = msgspec.structs.replace(part, options=(Option("甲", picture), Option("丙")))
    assert changed == Case(stem="另一经过", parts=(wanted,))
    assert session.get_one(BankQuestion, made.question_id).unit_id == world.unit.id
    refused = visitor.get(f"/teaching/questions/{other.id}/edit")
    assert (refused.status_code, "would lose it" in text_of(refused)) == (409, True)
    assert visitor.post(f"/teaching/questions/{other.id}/edit", {**form, "answers": answers}).status_code == 409


def test_a_question_says_which_lesson_it_is_about(session: Session, world: World, item: str, browser: Browsers) -> None:
    visitor = browser(world.manager)
    new = f"/teaching/questions/new?unit={world.unit.id}&item={item}"
    assert f'value="{world.unit.id}" selected' in visitor.get(new).text
    form: dict[str, object] = {
        "kind": "single",
        "difficulty": "easy",
        "stem": "题",
        "answers": "* a\n- b",
        "item": item,
    }
    sent = visitor.post("/teaching/questions/new", form | {"unit": str(world.unit.id)})
    assert sent.status_code == 303
    [made] = versions(session)
    question = session.get_one(BankQuestion, made.question_id)
    assert question.unit_id == world.unit.id
    assert made.stem in visitor.page(f"/teaching/questions?unit={world.unit.id}")
    assert made.stem not in visitor.page(f"/teaching/questions?unit={uuid4()}")
    strange = visitor.post("/teaching/questions/new", form | {"stem": "二", "unit": str(uuid4())})
    assert (strange.status_code, len(versions(session))) == (422, 1)
    edit = f"/teaching/questions/{made.id}/edit"
    assert visitor.post(edit, form).status_code == 303
    session.expire_all()
    assert question.unit_id == world.unit.id, "a form that does not speak of it changes nothing"
    visitor.post(edit, form | {"unit": ""})
    session.expire_all()
    assert question.unit_id is None


def send(browser: Browser, world: World, data: bytes, name: str = "题.xlsx", **more: object) -> tuple[int, str]:
    form = {"outline": str(world.outline.id), "usage": "course", "organisation": str(world.institution.id), **more}
    answer = browser.post(
        "/teaching/questions/import",
        {**form, "file": (io.BytesIO(data), name)},
        content_type="multipart/form-data",
    )
    return answer.status_code, text_of(answer)


def test_the_template_is_taken_as_it_is_and_only_once(
    session: Session, world: World, item: str, browser: Browsers
) -> None:
    visitor = browser(world.manager)
    template = visitor.get("/teaching/questions/template.xlsx")
    assert template.headers["Content-Disposition"] == 'attachment; filename="questions-template.xlsx"'
    status, _text = send(visitor, world, template.data, item=item)
    assert status == 303
    assert len(versions(session)) == 6
    assert {one.reviewed_at for one in versions(session)} == {None}
    assert send(visitor, world, template.data, item=item)[0] == 303
    assert len(versions(session)) == 6
    taken = session.scalars(sa.select(BankImport).order_by(BankImport.taken)).all()
    assert [(one.taken, one.known) for one in taken] == [(0, 6), (6, 0)]


BAD = "\n".join(
    [
        "题一 {=断电 ~回家}",
        "",
        "题二 {=断电 =验电 ~回家}",
        "",
        "题三 {}",
        "",
        "题四 没有答案",
    ]
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_bad_row_is_named_in_the_readers_language_and_nothing_is_taken(
    language: str, session: Session, world: World, item: str, browser: Browsers
) -> None:
    visitor = browser(world.manager)
    form = {"outline": str(world.outline.id), "usage": "course", "item": item, "csrf_token": visitor.token}
    visitor._forget()
    answer = visitor.client.post(
        f"/teaching/questions/import?lang={language}",
        data={**form, "file": (io.BytesIO(BAD.encode()), "题.gift")},
        headers={"Accept": "text/html"},
        content_type="multipart/form-data",
    )
    text = text_of(answer)
    assert answer.status_code == 422
    wanted = {
        "zh": ["第 3 行 单选题只有一个正确答案", "第 5 行 题库没有“essay”这种题型", "第 7 行 题目的答案要写在大括号"],
        "en": ["Line 3 A single choice has one right answer", "Line 5 This bank has no questions", "Line 7 A question"],
    }
    assert all(one in text for one in wanted[language]), text
    assert versions(session) == []
    assert session.scalars(sa.select(BankImport)).all() == []


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        (xlsx.template(), {"usage": "certificate"}, "never enter this bank"),
        (xlsx.template(), {"usage": ""}, "Say what these questions are for."),
        (xlsx.template(), {}, "none was chosen for all"),
        (b"", {}, "The file is empty."),
        (b"PK\x03\x04 broken", {}, "not a zip file"),
        (b"<!DOCTYPE quiz [<!ENTITY a 'b'>]><quiz>&a;</quiz>", {}, "declares a document type"),
        (b"<quiz><question></quiz>", {}, "not well-formed XML: look at line 1"),
        (b"\xff\xfe\x00\x00\x01", {}, "not well-formed"),
        (b"\x00\x01\x02", {}, "neither a workbook"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why(
    data: bytes, more: dict[str, str], said: str, session: Session, world: World, browser: Browsers
) -> None:
    status, text = send(browser(world.manager), world, data, **more)
    assert status == 422
    assert said in text
    assert versions(session) == []


def test_the_same_question_twice_in_a_file_is_named_by_both_lines(
    session: Session, world: World, item: str, browser: Browsers
) -> None:
    twice = "题一 {=断电 ~回家}\n\n题二 {T}\n\n题一 {=断电 ~回家}\n"
    status, text = send(browser(world.manager), world, twice.encode(), item=item)
    assert (status, "Line 5 The same question stands in line 1 already." in text) == (422, True)
    assert versions(session) == []


def test_kinds_of_others_are_left_out_when_the_importer_says_so(
    session: Session, world: World, item: str, browser: Browsers
) -> None:
    text = "题一 {=断电 ~回家}\n\n题二 {}\n"
    status, _text = send(browser(world.manager), world, text.encode(), item=item, leave_out="1")
    assert status == 303
    assert [one.stem for one in versions(session)] == ["题一"]


def test_the_bank_goes_out_in_every_format_and_comes_in_again(
    session: Session, world: World, browser: Browsers
) -> None:
    school = a_testing_school(session)
    contents = one_of_each()
    for content in contents:
        asked(session, school, content)
    session.commit()
    visitor = browser(school.writer)
    for one in Format:
        answer = visitor.get(f"/teaching/questions/export?format={one.value}")
        assert answer.status_code == 200
        found, reading = formats.read("x", answer.data)
        assert (found, reading.problems) == (one, [])
        left_out = int(answer.headers["X-Left-Out"])
        assert len(reading.drafts) == len(contents) - left_out
        assert all(draft.content in contents for draft in reading.drafts)
    assert visitor.get("/teaching/questions/export?format=docx").status_code == 404


def test_several_drafts_are_reviewed_at_once_or_none(
    session: Session, world: World, teacher: Account, item: str, browser: Browsers
) -> None:
    send(browser(world.manager), world, xlsx.template(), item=item)
    ids = [str(one.id) for one in versions(session)]
    own, second = browser(world.manager), browser(teacher)
    assert 'name="version"' in second.get("/teaching/questions?state=draft").text
    assert 'name="version"' not in second.get("/teaching/questions").text, "no button would send it"
    assert own.post("/teaching/questions/review", {"version": ids}).status_code == 303
    assert all(one.reviewed_at is None for one in versions(session))
    assert "does not review it" in own.page("/teaching/questions")
    second.post("/teaching/questions/review", {"version": ids[:2]})
    assert sum(one.reviewed_at is not None for one in versions(session)) == 2
    assert "2 questions are reviewed" in second.page("/teaching/questions?state=draft")


def test_whatever_stands_in_the_address_of_the_list_is_looked_for(world: World, browser: Browsers) -> None:
    visitor = browser(world.manager)
    for query in ("search=%00", "search=%25", "state=x&kind=x&page=x", "search=" + "x" * 5000):
        assert visitor.get(f"/teaching/questions?{query}").status_code == 200, query


def test_a_picture_is_kept_anew_and_seen_by_those_who_learn_there(
    session: Session, world: World, item: str, browser: Browsers
) -> None:
    form: dict[str, object] = {
        "kind": "single", "difficulty": "easy", "stem": "图中是什么？", "answers": "* a\n- b", "item": item,
        "picture": (io.BytesIO(a_picture("png", "rgb24", 60, 40)), "x.png"),
    }  # fmt: skip
    answer = browser(world.manager).post("/teaching/questions/new", form, content_type="multipart/form-data")
    assert answer.status_code == 303
    name = session.scalars(sa.select(BankImage.sha256)).one()
    address = f"/questions/images/{world.institution.id}/{name}"
    assert browser(world.worker).get(address).content_type in ("image/png", "image/jpeg")
    assert browser(world.manager).get(address).status_code == 200
    assert browser(world.stranger).get(address).status_code == 404
    assert browser(world.other_manager).get(address).status_code == 404


def test_another_institutions_question_does_not_exist(session: Session, world: World, browser: Browsers) -> None:
    school = a_testing_school(session)
    made = asked(session, school, a_single())
    session.commit()
    other = browser(world.other_manager)
    address = f"/teaching/questions/{made.id}"
    assert other.get(address).status_code == 404
    assert [other.post(f"{address}/{act}").status_code for act in ("edit", "review", "look", "retire")] == [404] * 4
    assert browser(world.worker).get(address).status_code == 403
