"""Files of questions: what is taken from each format, what is refused and by which line, and the way back."""

from __future__ import annotations

import base64
import io
import time
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.questions import formats, notation
from elearn.courses.questions.formats import Format, gift, moodle_xml, qti, xlsx
from elearn.courses.questions.formats.draft import (
    FOR_CERTIFICATE,
    MAX_FILE_BYTES,
    Outgoing,
    Reading,
    Unsafe,
    says_certificate,
)
from elearn.courses.questions.formats.safe_zip import Package, beside
from elearn.courses.questions.kinds import (
    Blank,
    Case,
    Content,
    Difficulty,
    Fill,
    Multiple,
    Ordering,
    Single,
    TrueFalse,
    kind_of,
    problem_of,
)
from elearn.errors import Malformed
from tests.builders_questions import a_case, a_fill, a_multiple, a_single, an_ordering, options

# Two characters and a sign that each format has to escape somewhere.
TEXT = st.text("甲乙ab19 ~=#{}:\\<>&'\"|;*", min_size=1, max_size=12).map(lambda text: f"题{' '.join(text.split())}题")
CHOICES = st.lists(TEXT, min_size=2, max_size=5, unique=True)


@st.composite
def simple(draw: st.DrawFn) -> Content:
    stem, explanation = draw(TEXT), draw(TEXT)
    kind = draw(st.sampled_from(["single", "multiple", "truefalse", "fill", "ordering"]))
    if kind == "truefalse":
        return TrueFalse(stem=stem, correct=draw(st.booleans()), explanation=explanation)
    texts = draw(CHOICES)
    if kind == "fill":
        # What stands between texts in a sheet cannot be part of one.
        plain = tuple(dict.fromkeys(text.replace(";", "").replace("|", "") for text in texts))
        return Fill(stem=stem, blanks=(Blank(texts=plain),), explanation=explanation)
    if kind == "ordering":
        return Ordering(stem=stem, lines=options(*texts), explanation=explanation)
    if kind == "single":
        place = draw(st.integers(0, len(texts) - 1))
        return Single(stem=stem, options=options(*texts), correct=place, explanation=explanation)
    places = draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, unique=True))
    return Multiple(stem=stem, options=options(*texts), correct=tuple(sorted(places)), explanation=explanation)


def outgoing(*contents: Content) -> list[Outgoing]:
    return [Outgoing(f"q{place}", one, "T", Difficulty.HARD) for place, one in enumerate(contents)]


@given(simple(), st.sampled_from(Format))
def test_what_goes_out_comes_in_as_the_same_question(content: Content, format_: Format) -> None:
    assert problem_of(content) is None
    written = formats.write(format_, outgoing(content), {})
    if written.left_out:
        assert isinstance(content, Ordering)
        assert format_ is Format.GIFT
        return
    found, reading = formats.read("x", written.data)
    assert (found, reading.problems) == (format_, [])
    assert [one.content for one in reading.drafts] == [content]


@given(simple())
def test_what_is_typed_reads_as_it_was_written(content: Content) -> None:
    typed = notation.written(content)
    assert notation.read(kind_of(content), content.stem, typed, explanation=content.explanation) == content


@pytest.mark.parametrize(
    ("format_", "left_out"),
    [(Format.XLSX, []), (Format.QTI, ["q3"]), (Format.MOODLE, ["q4"]), (Format.GIFT, ["q2", "q3", "q4"])],
)
def test_what_a_format_cannot_say_is_left_out_and_named(format_: Format, left_out: list[str]) -> None:
    contents: list[Content] = [a_single(), a_multiple(), an_ordering(), a_fill(), a_case()]
    written = formats.write(format_, outgoing(*contents), {})
    assert list(written.left_out) == left_out
    _, reading = formats.read("x", written.data)
    assert [one.content for one in reading.drafts] == [
        one for place, one in enumerate(contents) if f"q{place}" not in left_out
    ]
    if format_ in (Format.XLSX, Format.QTI):
        assert {(one.item_code, one.difficulty) for one in reading.drafts} == {("T", Difficulty.HARD)}


@pytest.mark.parametrize("format_", [Format.MOODLE, Format.QTI])
def test_pictures_travel_along(format_: Format) -> None:
    data = b"\x89PNG a picture"
    question = Single(stem="图", image="a" * 64, options=options("甲", "乙"), correct=0)
    written = formats.write(format_, outgoing(question), {"a" * 64: ("image/png", data)})
    _, reading = formats.read("x", written.data)
    assert list(reading.images.values()) == [data]
    [draft] = reading.drafts
    assert draft.content.image in reading.images


# --- GIFT -------------------------------------------------------------------------------------------------------------


def read_gift(text: str) -> Content:
    reading = gift.read(text)
    assert reading.problems == []
    [draft] = reading.drafts
    return draft.content


GIFT: list[tuple[str, Content]] = [
    ("地球是圆的。{T}", TrueFalse(stem="地球是圆的。", correct=True)),
    ("::名::地球是平的。{FALSE#不对#对}", TrueFalse(stem="地球是平的。", correct=False)),
    ("几月？{~一 =二#对 ~三}", Single(stem="几月？", options=options("一", "二", "三"), correct=1)),
    ("哪些？{~%50%甲 ~%50%乙 ~%-100%丙}", Multiple(stem="哪些？", options=options("甲", "乙", "丙"), correct=(0, 1))),
    ("哪些？{~%100%甲 ~乙}", Multiple(stem="哪些？", options=options("甲", "乙"), correct=(0,))),
    ("谁？{=甲 =%50%乙 =丙}", Fill(stem="谁？", blanks=(Blank(texts=("甲", "丙")),))),
    ("谁？{甲}", Fill(stem="谁？", blanks=(Blank(texts=("甲",)),))),
    ("何年？{#1822:2}", Fill(stem="何年？", blanks=(Blank(ranges=(("1820", "1824"),)),))),
    ("多少？{#3.141..3.142}", Fill(stem="多少？", blanks=(Blank(ranges=(("3.141", "3.142"),)),))),
    ("多少？{#=1:0 =%50%2:1}", Fill(stem="多少？", blanks=(Blank(ranges=(("1", "1"),)),))),
    ("先{~验电 =断电}后作业", Single(stem="先 ____ 后作业", options=options("验电", "断电"), correct=1)),
    ("1 \\= 1？{T####因为 \\{一\\}}", TrueFalse(stem="1 = 1？", correct=True, explanation="因为 {一}")),
    ("[html]<b>断电</b>&amp;验电{T}", TrueFalse(stem="断电&验电", correct=True)),
    ("咖啡？{~a -> b =c -> d}", Single(stem="咖啡？", options=options("a -> b", "c -> d"), correct=1)),
]


@pytest.mark.parametrize(("text", "content"), GIFT, ids=[text for text, _ in GIFT])
def test_gift_says(text: str, content: Content) -> None:
    assert read_gift(text) == content


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("没有答案", "needs its answers in braces"),
        ("没有关{=a", "A brace is not closed"),
        ("反了}=a{", "A brace is not closed"),
        ("两个？{=a =b ~c}", "A single choice has one right answer"),
        ("数？{#abc}", "is not a number"),
        ("作文？{}", "no questions of the kind"),
        ("配对？{=a->b =c->d}", "no questions of the kind"),
        ("都错？{~a ~b}", "At least one option"),
        ("一样？{=a ~a}", "Two options are the same"),
        ("$CATEGORY: 国家题库/电工\n\n题{T}", "never"),
        ("// [tag:certificate-exam]\n题{T}", "never"),
    ],
)
def test_bad_gift_is_refused_by_its_line(text: str, sentence: str) -> None:
    reading = gift.read(f"好题{{T}}\n\n{text}")
    assert [(sentence in one.sentence) for one in reading.problems] == [True]
    assert reading.problems[0].line >= 3


# --- Moodle XML -------------------------------------------------------------------------------------------------------


def quiz(kind: str, stem: str, body: str) -> bytes:
    return (
        '<?xml version="1.0"?>\n<quiz>\n'
        '<question type="category"><category><text>$course$/甲</text></category></question>\n'
        f'<question type="{kind}"><name><text>n</text></name>'
        f'<questiontext format="html"><text><![CDATA[{stem}]]></text></questiontext>{body}</question>\n</quiz>'
    ).encode()


def answer(text: str, fraction: object, more: str = "") -> str:
    return f'<answer fraction="{fraction}"><text>{text}</text>{more}</answer>'


MOODLE: list[tuple[str, bytes, Content]] = [
    (
        "several right ones by their weights",
        quiz(
            "multichoice",
            "<p>哪些？</p>",
            "<single>false</single>" + answer("甲", 50) + answer("乙", -100) + answer("丙", 50),
        ),
        Multiple(stem="哪些？", options=options("甲", "乙", "丙"), correct=(0, 2)),
    ),
    (
        "a single choice without saying so",
        quiz("multichoice", "哪个？", answer("甲", 0) + answer("乙", "100.0")),
        Single(stem="哪个？", options=options("甲", "乙"), correct=1),
    ),
    (
        "numbers with tolerance",
        quiz("numerical", "几伏？", answer("36", 100, "<tolerance>0.5</tolerance>") + answer("40", 50)),
        Fill(stem="几伏？", blanks=(Blank(ranges=(("35.5", "36.5"),)),)),
    ),
    (
        "a text with gaps",
        quiz("cloze", "先{1:SHORTANSWER:=断电~%50%停}，{1:NM:=36:1}伏", ""),
        Fill(stem="先____，____伏", blanks=(Blank(texts=("断电",)), Blank(ranges=(("35", "37"),)))),
    ),
    (
        "gaps with choices are a case",
        quiz("cloze", "{1:MC:甲~=乙}和{1:SA:=丙}", ""),
        Case(
            stem="(1)____和(2)____",
            parts=(
                Single(stem="(1)", options=options("甲", "乙"), correct=1),
                Fill(stem="(2)", blanks=(Blank(texts=("丙",)),)),
            ),
        ),
    ),
    (
        "lines in their order",
        quiz("ordering", "排序", answer("断电", "1.0") + answer("验电", "2.0")),
        Ordering(stem="排序", lines=options("断电", "验电")),
    ),
]


@pytest.mark.parametrize(("rule", "data", "content"), MOODLE, ids=[row[0] for row in MOODLE])
def test_moodle_xml_says(rule: str, data: bytes, content: Content) -> None:
    reading = moodle_xml.read(data)
    assert reading.problems == []
    assert [one.content for one in reading.drafts] == [content]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (quiz("essay", "写", ""), "no questions of the kind"),
        (quiz("multichoice", "x", answer("甲", 50) + answer("乙", 50)), "exactly one answer that is worth 100"),
        (quiz("multichoice", "x", answer("甲", "viel") + answer("乙", 50)), "is a number from -100 to 100"),
        (quiz("truefalse", "x", answer("maybe", 100)), "is true or false"),
        (quiz("shortanswer", "x", answer("断*", 100)), "stands for many texts"),
        (quiz("shortanswer", "x", answer("断", 50)), "Each blank needs"),
        (quiz("numerical", "x", answer("zero", 100)), "is not a number"),
        (quiz("cloze", "nothing {1:MULTICHOICE}", ""), "no gap that can be read"),
        (
            quiz("multichoice", '<img src="@@PLUGINFILE@@/x.png">', answer("甲", 100) + answer("乙", 0)),
            "is not in the file",
        ),
        (quiz("truefalse", "<img src=a><img src=b>", answer("true", 100)), "one picture at most"),
        (quiz("truefalse", "x", answer("true", 100) + "<tags><tag><text>取证考试</text></tag></tags>"), "never"),
        (b"<items/>", "no Moodle XML"),
    ],
)
def test_bad_moodle_xml_is_refused_by_its_line(data: bytes, sentence: str) -> None:
    reading = moodle_xml.read(data)
    [problem] = reading.problems
    assert sentence in problem.sentence
    assert problem.line == (4 if data.startswith(b"<?xml") else 1)
    assert reading.drafts == []


def test_a_picture_in_a_moodle_quiz_is_found_by_its_path() -> None:
    file = f'<file name="牌.png" path="/" encoding="base64">{base64.b64encode(b"PNG").decode()}</file>'
    data = quiz("truefalse", '<img src="@@PLUGINFILE@@/%E7%89%8C.png">是警示牌', answer("true", 100)).replace(
        b"</questiontext>", file.encode() + b"</questiontext>"
    )
    reading = moodle_xml.read(data)
    assert (reading.problems, list(reading.images.values())) == ([], [b"PNG"])


# --- QTI --------------------------------------------------------------------------------------------------------------

SPACE = 'xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1"'


def an_item(body: str, declared: str, more: str = "", title: str = "t", rest: str = "") -> bytes:
    return (
        f'<assessmentItem {SPACE} identifier="i" title="{title}" adaptive="false" timeDependent="false">\n{declared}'
        f"<itemBody>{body}</itemBody>{more}</assessmentItem>{rest}"
    ).encode()


def declared(
    *values: str, cardinality: str = "single", kind: str = "identifier", name: str = "R", more: str = ""
) -> str:
    right = "".join(f"<value>{value}</value>" for value in values)
    right = f"<correctResponse>{right}</correctResponse>" if values else ""
    return (
        f'<responseDeclaration identifier="{name}" cardinality="{cardinality}" baseType="{kind}">{right}{more}'
        "</responseDeclaration>\n"
    )


def asks(tag: str, *choices: str, name: str = "R") -> str:
    inner = "".join(f'<simpleChoice identifier="{one[0]}">{one[1:]}</simpleChoice>' for one in choices)
    return f'<{tag} responseIdentifier="{name}">{inner}</{tag}>'


ENTRY = '<textEntryInteraction responseIdentifier="R"/>'
MAPPED = (
    '<mapping defaultValue="0"><mapEntry mapKey="York" mappedValue="1"/><mapEntry mapKey="york" mappedValue="0.5"/>'
    "</mapping>"
)
QTI: list[tuple[str, bytes, Content]] = [
    (
        "one choice",
        an_item(f"<p>哪个？</p>{asks('choiceInteraction', 'A甲', 'B乙')}", declared("B")),
        Single(stem="哪个？", options=options("甲", "乙"), correct=1),
    ),
    (
        "several choices, by cardinality",
        an_item(
            asks("choiceInteraction", "A甲", "B乙", "C丙").replace(">", "><prompt>哪些？</prompt>", 1),
            declared("C", "A", cardinality="multiple"),
        ),
        Multiple(stem="哪些？", options=options("甲", "乙", "丙"), correct=(0, 2)),
    ),
    (
        "yes and no are a statement",
        an_item(f"<p>可以吗？</p>{asks('choiceInteraction', 'A错', 'B对')}", declared("A")),
        TrueFalse(stem="可以吗？", correct=False),
    ),
    (
        "an order",
        an_item(f"<p>排序</p>{asks('orderInteraction', 'A甲', 'B乙')}", declared("B", "A", cardinality="ordered")),
        Ordering(stem="排序", lines=options("乙", "甲")),
    ),
    (
        "a gap in a sentence, half-right texts are wrong",
        an_item(f"<p>sun of {ENTRY};</p>", declared("York", kind="string", more=MAPPED)),
        Fill(stem="sun of ____;", blanks=(Blank(texts=("York",)),)),
    ),
    (
        "a number",
        an_item(f"<p>{ENTRY} 伏</p>", declared("36", kind="integer")),
        Fill(stem="____ 伏", blanks=(Blank(ranges=(("36", "36"),)),)),
    ),
    (
        "the mapping, where no right answer stands",
        an_item(
            asks("choiceInteraction", "A甲", "B乙").replace(">", "><prompt>?</prompt>", 1),
            declared(
                more='<mapping><mapEntry mapKey="A" mappedValue="2"/><mapEntry mapKey="B" mappedValue="1"/></mapping>'
            ),
        ),
        Single(stem="?", options=options("甲", "乙"), correct=0),
    ),
    (
        "several interactions are a case",
        an_item(
            f"<p>事故</p>{asks('choiceInteraction', 'A甲', 'B乙')}{asks('orderInteraction', 'A丙', 'B丁', name='S')}",
            declared("A") + declared("A", "B", cardinality="ordered", name="S"),
        ),
        Case(
            stem="事故",
            parts=(
                Single(stem="(1)", options=options("甲", "乙"), correct=0),
                Ordering(stem="(2)", lines=options("丙", "丁")),
            ),
        ),
    ),
]


@pytest.mark.parametrize(("rule", "data", "content"), QTI, ids=[row[0] for row in QTI])
def test_qti_says(rule: str, data: bytes, content: Content) -> None:
    reading = qti.read_item(data)
    assert reading.problems == []
    assert [one.content for one in reading.drafts] == [content]


CHOICE = asks("choiceInteraction", "A甲", "B乙")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (an_item("<p>x</p>", declared("A")), "it has no interaction"),
        (an_item(asks("matchInteraction", "A甲"), declared("A")), "no questions of the kind"),
        (an_item(CHOICE, declared()), "does not say which answer is right"),
        (an_item(CHOICE, declared("A", name="S")), "does not say which answer is right"),
        (an_item(CHOICE, declared("X")), "is not among the choices"),
        (an_item(f"<p>?</p>{CHOICE}", declared("A", "B")), "does not say which answer is right"),
        (an_item(asks("orderInteraction", "A甲", "B乙"), declared("A", cardinality="ordered")), "not name every line"),
        (an_item(f"<p>{ENTRY}</p>", declared("viel", kind="float")), "should be a number"),
        (an_item(f'<p><img src="x.png"/></p>{CHOICE}', declared("A")), "is not in the package"),
        (an_item(f"<p>?</p>{CHOICE}", declared("A"), title="国家题库 101"), "never"),
        (an_item(CHOICE, "<templateDeclaration/>" + declared("A")), "no questions of the kind"),
        (f"<assessmentTest {SPACE}/>".encode(), "outer element is not assessmentItem"),
        (b'<assessmentItem xmlns="urn:other"/>', "outer element is not assessmentItem"),
    ],
)
def test_bad_qti_is_refused_with_its_reason(data: bytes, sentence: str) -> None:
    _, reading = formats.read("x", data)
    [problem] = reading.problems
    assert sentence in problem.sentence
    assert reading.drafts == []


MANIFEST = (
    '<manifest xmlns="http://www.imsglobal.org/xsd/imscp_v1p1"><resources>\n'
    '<resource identifier="a" type="imsqti_item_xmlv2p1" href="a/one.xml"/>\n'
    '<resource identifier="b" type="imsqti_item_xmlv2p1" href="a/two.xml"/>\n</resources></manifest>'
)


def packed(files: dict[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in files.items():
            package.writestr(name, data)
    return out.getvalue()


GOOD_ITEM = an_item(f"<p>哪个？</p>{CHOICE}", declared("A"))


def test_each_broken_item_of_a_package_is_named_by_its_file_and_line() -> None:
    files: dict[str, bytes | str] = {
        "imsmanifest.xml": MANIFEST,
        "a/one.xml": GOOD_ITEM,
        "a/two.xml": b"<assessmentItem>\n<broken",
    }
    reading = qti.read_package(packed(files))
    assert [(one.where, one.line, one.sentence) for one in reading.problems] == [
        ("a/two.xml", 2, "This is not well-formed XML.")
    ]
    files["a/two.xml"] = GOOD_ITEM.replace(b"</p>", b'<img src="../p/x.png"/></p>', 1)
    assert [one.sentence for one in qti.read_package(packed(files)).problems] == [
        "The picture %(name)s is not in the package."
    ]
    assert qti.read_package(packed(files | {"p/x.png": b"PNG"})).problems == []
    del files["a/two.xml"]
    [problem] = qti.read_package(packed(files)).problems
    assert (problem.line, problem.facts) == (3, {"name": "a/two.xml"})


def test_a_mark_in_the_manifest_refuses_the_whole_package() -> None:
    marked = MANIFEST.replace("<resources>", "<metadata><title>电工取证考试题</title></metadata><resources>")
    reading = qti.read_package(packed({"imsmanifest.xml": marked, "a/one.xml": GOOD_ITEM, "a/two.xml": GOOD_ITEM}))
    assert {one.sentence for one in reading.problems} == {FOR_CERTIFICATE}
    assert reading.drafts == []


# --- XLSX -------------------------------------------------------------------------------------------------------------


def a_sheet(*rows: dict[str, object], heading: tuple[str, ...] = xlsx.COLUMNS) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(heading)
    for row in rows:
        sheet.append([row.get(name) for name in heading])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


CHOOSE: dict[str, object] = {"题型": "单选", "题干": "先做什么？", "选项A": "断电", "选项B": "回家", "答案": "A"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"题型": "问答"}, "no kind of question called"),
        ({"题型": None}, "no kind of question called"),
        ({"题干": " "}, "A question needs a text"),
        ({"答案": None}, "The answer is missing"),
        ({"答案": "C"}, "names options by their letters"),
        ({"答案": "AB"}, "one right answer"),
        ({"选项B": None}, "2 to 10 options"),
        ({"选项A": None}, "empty option between others"),
        ({"选项B": "断电"}, "Two options are the same"),
        ({"难度": "很难"}, "The difficulty is"),
        ({"题型": "判断", "答案": "也许"}, "is 对 or 错"),
        ({"题型": "排序", "答案": "A"}, "names every option once"),
        ({"案例": "案例9"}, "has no row with its material"),
        ({"题型": "案例", "案例": None}, "needs a name"),
        ({"题型": "案例", "案例": "案例1"}, "A case has 1 to 20"),
        ({"图片": "x.png"}, "64 letters of its hash"),
        ({"用途": "取证考试"}, "never"),
        ({"用途": "Certificate Exam"}, "never"),
    ],
)
def test_a_bad_row_is_named_and_the_good_ones_are_still_looked_at(change: dict[str, object], sentence: str) -> None:
    reading = xlsx.read(a_sheet(CHOOSE, CHOOSE | change, CHOOSE | {"题型": "多选", "答案": "9"}))
    assert [one.line for one in reading.problems] == [3, 4]
    assert sentence in reading.problems[0].sentence


def test_cells_may_be_numbers_and_truth_values() -> None:
    rows: list[dict[str, object]] = [
        {"题型": "填空", "题干": "几伏？____", "答案": 36.0},
        {"题型": "判断", "题干": "湿手可以。", "答案": False},
        {"题型": "填空", "题干": "____到____", "答案": "3..4|三；断电"},
    ]
    reading = xlsx.read(a_sheet(*rows))
    assert reading.problems == []
    assert [one.content for one in reading.drafts] == [
        Fill(stem="几伏？____", blanks=(Blank(texts=("36",)),)),
        TrueFalse(stem="湿手可以。", correct=False),
        Fill(stem="____到____", blanks=(Blank(texts=("三",), ranges=(("3", "4"),)), Blank(texts=("断电",)))),
    ]


def test_columns_stand_in_any_order_and_missing_ones_are_named() -> None:
    backwards = tuple(reversed(xlsx.COLUMNS))
    assert len(xlsx.read(a_sheet(CHOOSE, heading=backwards)).drafts) == 1
    [problem] = xlsx.read(a_sheet(CHOOSE, heading=("题型", "题干"))).problems
    assert (problem.line, problem.facts) == (1, {"names": "答案"})
    assert [one.line for one in xlsx.read(a_sheet()).problems] == [1]


def test_ten_thousand_rows_with_every_third_bad_are_read_in_seconds() -> None:
    rows = [CHOOSE | {"题干": f"第{number}题", "答案": "Z" if number % 3 == 0 else "A"} for number in range(10_000)]
    book = xlsx.sheet([{name: str(text) for name, text in row.items()} for row in rows])
    began = time.perf_counter()
    reading = xlsx.read(book)
    assert time.perf_counter() - began < 30
    assert (len(reading.drafts), len(reading.problems)) == (6666, 3334)
    assert [one.line for one in reading.problems[:3]] == [2, 5, 8]


# --- harm -------------------------------------------------------------------------------------------------------------

BOMB = b'<!DOCTYPE q [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><quiz>&b;</quiz>'
FILES = b'<!DOCTYPE q [<!ENTITY f SYSTEM "file:///etc/passwd">]><quiz>&f;</quiz>'


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        FILES,
        b'<!DOCTYPE quiz SYSTEM "http://localhost/x.dtd"><quiz/>',
        b"<quiz>" + b"<a>" * 200 + b"</a>" * 200 + b"</quiz>",
        packed({"imsmanifest.xml": BOMB}),
        packed({"imsmanifest.xml": MANIFEST, "../out.xml": b"x"}),
        packed({"imsmanifest.xml": MANIFEST, "/etc/x": b"x"}),
        packed({"imsmanifest.xml": MANIFEST, "a\\..\\x": b"x"}),
        packed({"imsmanifest.xml": MANIFEST, "a/one.xml": GOOD_ITEM, "a/two.xml": b" " * 30_000_000}),
        packed({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": BOMB}),
        packed({"[Content_Types].xml": b"<Types/>", "xl/sheet.xml": b"<a/>" + b" " * 30_000_000}),
    ],
)
def test_files_that_could_do_harm_are_not_opened(data: bytes) -> None:
    with pytest.raises(Unsafe):
        formats.read("x", data)


def test_a_link_an_encrypted_entry_and_a_double_name_are_refused() -> None:
    link = zipfile.ZipInfo("a/link")
    link.external_attr = 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(link, "/etc/passwd")
    locked = bytearray(packed({"a": b"x"}))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        place = locked.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        locked[place] |= 1
    twice = packed({"a": b"x", "b": b"y"}).replace(b"b", b"a")
    for data in (out.getvalue(), bytes(locked), twice):
        with pytest.raises(Unsafe):
            Package(data)
    with pytest.raises(Unsafe):
        Package(b"PK" + b"\0" * MAX_FILE_BYTES)


@pytest.mark.parametrize("cut", range(0, 900, 60))
def test_a_damaged_package_is_refused_in_words(cut: int) -> None:
    whole = packed({"imsmanifest.xml": MANIFEST, "a/one.xml": GOOD_ITEM, "a/two.xml": GOOD_ITEM})
    broken = whole[:cut] + b"\xff" * 8 + whole[cut + 8 :]
    try:
        reading = qti.read_package(broken)
    except Malformed:
        return
    assert isinstance(reading, Reading)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("x.png", "items/x.png"),
        ("../images/x.png?v=1", "images/x.png"),
        ("./a/./b.png#f", "items/a/b.png"),
        ("../../x.png", None),
        ("/etc/passwd", None),
        ("http://h/x.png", None),
        ("file:x", None),
        ("", None),
    ],
)
def test_addresses_stay_within_the_package(address: str, found: str | None) -> None:
    assert beside("items/one.xml", address) == found


@given(st.binary(max_size=400))
def test_whatever_comes_is_read_or_refused_and_never_breaks(data: bytes) -> None:
    for begin in (b"", b"PK\x03\x04", b"<quiz><question type='cloze'>", b"::x::"):
        try:
            formats.read("x", begin + data)
        except Malformed:
            continue


@pytest.mark.parametrize(
    ("mark", "meant"),
    [
        ("取证考试", True),
        ("电工国家题库2026", True),
        ("Certification Exam", True),
        ("licensing-exam", True),
        ("课程测验", False),
        ("模拟考试", False),
        ("职业资格考试辅导", False),
        ("practice", False),
        ("", False),
        (None, False),
    ],
)
def test_a_mark_of_the_certificate_exam_is_known(mark: str | None, meant: bool) -> None:
    assert says_certificate(mark) is meant


def test_a_file_whose_name_says_certificate_exam_is_refused() -> None:
    _, reading = formats.read("低压电工取证考试题.xlsx", xlsx.template())
    assert [one.sentence for one in reading.problems] == [FOR_CERTIFICATE]


def test_a_question_may_speak_of_the_certificate_exam() -> None:
    assert gift.read("取证考试前要复习吗？{T}").problems == []
