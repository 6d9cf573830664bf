"""What stands on paper: the hours as credited, in both languages, with codes that a phone reads and files inside."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.lifecycle import State
from elearn.credit_export.paper import sheets, typeset
from elearn.credit_export.paper.sheets import ClassList, Hours, ListLine, LogProof, Proof
from tests.credit_export.paper.reading import codes_of, files_of, pages_of, text_of

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
PROOF_TEXT = '{"n":1}\n\nc2sp.org/tlog-proof@v1\nindex 7\n' + "IvF1IOAY4h3lw9EDpEMVu06WvqPCryuucGtiZXm/QNQ=\n" * 20


def a_log_proof(*, index: int = 7, counts_as: str = "online/theory", text: str = PROOF_TEXT) -> LogProof:
    return LogProof("sub", counts_as, 600_000, "hours.example/ledger/2026", index, 100, "ab" * 32, text)


def a_proof() -> Proof:
    return Proof(
        code="abcdefghijkmnpqrstuvwxyz23",
        address="https://hours.example/proof/abcdefghijkmnpqrstuvwxyz23",
        issuer="https://hours.example",
        made_at=AT,
        name="欧阳建国",
        gender="male",
        document_kind="resident_id",
        document_masked="530*************1X",
        category="低压电工作业 · low-voltage",
        target="特种作业人员 · 电工作业 · 低压电工作业 (0101)",
        training_kind="initial",
        basis="exempt_skill_certificate",
        paper="电工 三级",
        employers=["云岭建设有限公司"],
        class_no="2026-DY-07",
        filing_no=None,
        institution="滇池安全培训中心",
        class_from=date(2026, 6, 1),
        class_to=None,
        record_id="019f0000-0000-7000-8000-000000000001",
        version=3,
        check_code="ABCD-EFGH",
        hours=Hours((17_999_999, 0, 2_700_000), (99, 0, 10)),
        outcome="ineligible",
        reasons=["HOURS_THEORY_SHORT"],
        state=State.COMPUTED,
        judged_on=date(2026, 7, 1),
        rules="cn-aq8011-2023; low-voltage@1",
        witnessed=False,
        log=[],
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "zh",
            [
                "特种作业人员 · 电工作业 · 低压电工作业 (0101)",
                "初领",
                "职业技能等级证书：电工 三级",
                "云岭建设有限公司",
            ],
        ),
        ("en", ["first certificate", "by a skill certificate: 电工 三级", "Employer"]),
    ],
)
def test_it_says_what_it_is_for_and_what_it_rests_on(language: str, said: list[str]) -> None:
    text = text_of(sheets.training_proof(a_proof(), language))
    assert [one for one in said if one not in text] == []


def test_the_hours_are_those_credited_by_modality_and_kind() -> None:
    text = text_of(sheets.training_proof(a_proof(), "zh"))
    assert "线上理论 4 小时 59 分 9.9" in text
    assert "线下理论 0 小时 00 分 0.0" in text
    assert "线下实操 0 小时 45 分 1.0" in text
    assert "实修学时合计 5 小时 44 分 10.9" in text


def test_what_the_outline_asks_for_is_nowhere_on_it() -> None:
    """RULES 0.3: an institution's form that prints the hours required in place of those attended."""
    said = str(sheets.proof_data(a_proof(), "zh")) + str(sheets.list_data(a_list([]), "zh"))
    assert "应修" not in said
    assert not any(field.startswith("required") for field in Proof.__dataclass_fields__)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["安全培训学时证明", "欧阳建国", "居民身份证", "530*************1X", "理论学时不足。", "未备案"]),
        ("en", ["Proof of training hours", "欧阳建国", "Resident identity card", "Theory is short.", "not filed"]),
    ],
)  # fmt: skip
def test_it_speaks_both_languages_and_chinese_is_embedded(language: str, words: list[str]) -> None:
    text = text_of(sheets.training_proof(a_proof(), language))
    assert [word for word in words if word not in text] == []


def test_the_code_leads_to_the_page_that_says_how_it_stands_now() -> None:
    assert codes_of(sheets.training_proof(a_proof(), "zh")) == [a_proof().address]


def test_the_proof_of_the_log_travels_inside_as_files_and_as_a_code_for_paper_alone() -> None:
    practice = a_log_proof(index=3, counts_as="offline/practice", text="older")
    pdf = sheets.training_proof(replace(a_proof(), log=[a_log_proof(), practice]), "zh")
    assert files_of(pdf) == {
        "hours-proof-online-theory.txt": PROOF_TEXT.encode(),
        "hours-proof-offline-practice.txt": b"older",
    }
    assert codes_of(pdf) == [a_proof().address, PROOF_TEXT]
    assert "hours.example/ledger/2026" in text_of(pdf)


def test_a_proof_of_a_million_leaves_is_read_from_paper() -> None:
    """LEDGER 3: leaf and tlog-proof of 10^6 leaves are about 1.8 kB."""
    text = ("x" * 44 + "\n") * 42
    assert len(text) > 1_850
    assert codes_of(sheets.training_proof(replace(a_proof(), log=[a_log_proof(text=text)]), "zh"))[1] == text


def test_a_proof_too_long_for_a_code_is_attached_all_the_same() -> None:
    pdf = sheets.training_proof(replace(a_proof(), log=[a_log_proof(text="x" * 3_000)]), "zh")
    assert (pages_of(pdf), len(files_of(pdf))) == (1, 1)


def test_the_same_proof_at_the_same_moment_is_the_same_file() -> None:
    assert sheets.training_proof(a_proof(), "zh") == sheets.training_proof(a_proof(), "zh")


@pytest.mark.parametrize(
    ("what", "name", "shown"),
    [
        ("a rare letter of a name that the font has", "张㛃𬭎", "张㛃𬭎"),
        ("a letter that no font has", "张𪚥", "张[U+2A6A5]"),
        ("an emoji", "张😀", "张[U+1F600]"),
        ("markup of the typesetter", "#set page() *a* $x$ <b> @c", "#set page() *a* $x$ <b> @c"),
        ("code of the typesetter", '"); panic("x', '"); panic("x'),
        ("invisible letters, which leave all digits alone", "张\u200d三\u2060", "张"),
    ],
)  # fmt: skip
def test_a_name_is_shown_as_it_is_and_nothing_in_it_is_obeyed(what: str, name: str, shown: str) -> None:
    text = text_of(sheets.training_proof(replace(a_proof(), name=name), "zh"))
    assert shown in text, what
    assert "2026-DY-07" in text


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_no_name_keeps_a_proof_from_being_made(name: str) -> None:
    assert sheets.training_proof(replace(a_proof(), name=name), "zh").startswith(b"%PDF")


def test_a_proof_is_made_in_less_than_a_second() -> None:
    sheets.training_proof(a_proof(), "zh")
    began = time.process_time()
    sheets.training_proof(replace(a_proof(), log=[a_log_proof()]), "en")
    assert time.process_time() - began < 1


def test_it_says_that_it_is_for_archives() -> None:
    pdf = sheets.training_proof(a_proof(), "zh")
    assert b"pdfaid" in pdf or b"PDF/A" in pdf or typeset.STANDARD == "a-3b"


def a_line(name: str = "张三", *, hours: Hours | None = None, state: State | None = State.GRANTED) -> ListLine:
    outcome = "eligible" if hours else None
    return ListLine(name, "530*************1X", hours, outcome, [], state, "ABCD-EFGH")


def a_list(lines: list[ListLine]) -> ClassList:
    return ClassList("https://hours.example", "滇池", "1", "7 班", "备-1", "低压电工 · lv", AT, lines)


def test_the_list_of_a_class_names_everybody_with_credited_hours() -> None:
    hours = Hours((0, 0, 0), (616, 264, 600))
    text = text_of(sheets.eligibility_list(a_list([a_line(hours=hours), a_line("李四", state=None)]), "zh"))
    assert "61.6 26.4 60.0 148.0 学时要求已满足 已确认可以报考 ABCD-EFGH" in text.replace("\n", " ")
    assert "还没有记录" in text
    assert "共 2 人，其中 1 人已确认可以报考。" in text
    assert "制表" in text


def test_a_long_list_repeats_its_header_and_numbers_its_pages() -> None:
    pdf = sheets.eligibility_list(a_list([a_line(hours=Hours((0, 0, 0), (1, 2, 3)))] * 200), "en")
    assert pages_of(pdf) > 3
    assert text_of(pdf).count("Check code") == pages_of(pdf)


def test_a_list_of_nobody_says_so() -> None:
    assert "本班没有学员。" in text_of(sheets.eligibility_list(a_list([]), "zh"))
