"""QTI 2.1, items and packages: what is taken, what is refused and by which file and line."""

from __future__ import annotations

import io
import zipfile

import pytest

from elearn.courses.questions import formats
from elearn.courses.questions.formats import qti
from elearn.courses.questions.formats.draft import FOR_CERTIFICATE, Reading
from elearn.courses.questions.formats.safe_xml import parse
from elearn.courses.questions.formats.safe_zip import Package
from elearn.courses.questions.kinds import Blank, Case, Content, Fill, Multiple, Ordering, Single, TrueFalse
from tests.builders_questions import options

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
    reading = qti.read_item(parse(data))
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
        (an_item(f"<p>{ENTRY}</p>", declared("1e999999999", kind="float")), "should be a number"),
        (an_item(CHOICE, declared(more=MAPPED.replace('"0.5"', '"NaN"'))), "weight of an answer is not a number"),
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


def read_package(files: dict[str, bytes | str]) -> Reading:
    return qti.read_package(Package(packed(files)))


GOOD_ITEM = an_item(f"<p>哪个？</p>{CHOICE}", declared("A"))


def test_each_broken_item_of_a_package_is_named_by_its_file_and_line() -> None:
    files: dict[str, bytes | str] = {
        "imsmanifest.xml": MANIFEST,
        "a/one.xml": GOOD_ITEM,
        "a/two.xml": b"<assessmentItem>\n<broken",
    }
    reading = read_package(files)
    assert [(one.where, one.line, one.sentence) for one in reading.problems] == [
        ("a/two.xml", 2, "This is not well-formed XML.")
    ]
    files["a/two.xml"] = GOOD_ITEM.replace(b"</p>", b'<img src="../p/x.png"/></p>', 1)
    assert [one.sentence for one in read_package(files).problems] == ["The picture %(name)s is not in the package."]
    assert read_package(files | {"p/x.png": b"PNG"}).problems == []
    del files["a/two.xml"]
    [problem] = read_package(files).problems
    assert (problem.line, problem.facts) == (3, {"name": "a/two.xml"})


def test_a_mark_in_the_manifest_refuses_the_whole_package() -> None:
    marked = MANIFEST.replace("<resources>", "<metadata><title>电工取证考试题</title></metadata><resources>")
    reading = read_package({"imsmanifest.xml": marked, "a/one.xml": GOOD_ITEM, "a/two.xml": GOOD_ITEM})
    assert {one.sentence for one in reading.problems} == {FOR_CERTIFICATE}
    assert reading.drafts == []
