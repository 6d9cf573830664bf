"""A receipt file as people send it back: what is taken, what is named and not taken, and that twice is once."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy.orm import Session

from elearn.credit_export.exam_system import deliveries, packages, receipt_files
from elearn.credit_export.exam_system.delivery import State as Delivery
from elearn.credit_export.exam_system.mapping import default_profile
from elearn.credit_export.exam_system.packages import Scope
from elearn.credit_export.exam_system.receipt_files import Report, Verdict
from elearn.credit_export.lifecycle import State
from elearn.credit_export.models import EligibilityRecord
from elearn.errors import Malformed
from tests.builders_people import KEYS
from tests.conftest import scalar
from tests.credit_export.exam_system.builders import MADE_AT, School, a_record, a_school, step_to

Edit = Callable[[Worksheet], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """A package that was sent with two records, and the desk that waits for its receipt."""

    session: Session
    school: School
    records: list[EligibilityRecord]
    xlsx: bytes

    def book(self) -> tuple[Workbook, Worksheet]:
        book = openpyxl.load_workbook(io.BytesIO(self.xlsx))
        return book, book.worksheets[0]

    def edited(self, *edits: Edit) -> bytes:
        book, sheet = self.book()
        for edit in edits:
            edit(sheet)
        return saved(book)

    def take(self, content: bytes) -> Report:
        return receipt_files.take(
            self.session, self.school.desk.receiver.id, content, default_profile(), KEYS, at=MADE_AT
        )

    def verdicts(self, *edits: Edit) -> list[str]:
        return [line.verdict.value for line in self.take(self.edited(*edits)).lines]

    def states(self) -> list[str | None]:
        found = deliveries.states(self.session, self.school.desk.receiver.id, [one.id for one in self.records])
        return [found[one.id].value if one.id in found else None for one in self.records]


def saved(book: Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def place_of(sheet: Worksheet, header: str) -> int:
    return next(cell.column for cell in sheet[1] if cell.value == header)


def put(row: int, header: str, value: Any) -> Edit:
    """Type `value` into a row (1 is the first record) under a header."""

    def edit(sheet: Worksheet) -> None:
        sheet.cell(row + 1, place_of(sheet, header)).value = value

    return edit


def receipt(row: int, result: str, code: str = "", text: str = "", on: Any = None) -> list[Edit]:
    filled = {"受理结果": result, "退回代码": code, "退回原因": text, "受理日期": on}
    return [put(row, header, value) for header, value in filled.items() if value]


@pytest.fixture
def sent(session: Session) -> Sent:
    school = a_school(session)
    records = [a_record(session, school.person("张三"), school.class_id) for _ in range(2)]
    out = io.BytesIO()
    packages.make(session, school.desk, Scope(), out, by="test")
    with zipfile.ZipFile(out) as package:
        return Sent(session, school, records, package.read("records.xlsx"))


def test_what_people_filled_in_is_taken_row_by_row(sent: Sent) -> None:
    report = sent.take(sent.edited(*receipt(1, "受理", on="2026-07-03"), *receipt(2, "退回", "A01", "照片不清")))
    assert [line.verdict for line in report.lines] == [Verdict.TAKEN, Verdict.TAKEN]
    assert sent.states() == ["accepted", "rejected"]
    kept = scalar(
        sent.session, "SELECT json_agg(json_build_array(outcome, code, detail, way) ORDER BY id) FROM elearn.receipt"
    )
    assert kept == [["accepted", None, "(2026-07-03)", "package"], ["rejected", "A01", "照片不清", "package"]]


def test_the_same_file_twice_changes_nothing(sent: Sent) -> None:
    content = sent.edited(*receipt(1, "受理"), *receipt(2, "收到"))
    sent.take(content)
    events = scalar(sent.session, "SELECT count(*) FROM elearn.delivery_event")
    again = sent.take(content)
    assert [line.verdict for line in again.lines] == [Verdict.SAME, Verdict.SAME]
    assert scalar(sent.session, "SELECT count(*) FROM elearn.receipt") == 1
    assert sent.states() == ["accepted", "acknowledged"]
    assert again.whole
    assert events is not None


def test_a_file_in_which_nothing_was_filled_in_says_nothing(sent: Sent) -> None:
    report = sent.take(sent.xlsx)
    assert [line.verdict for line in report.lines] == [Verdict.BLANK, Verdict.BLANK]
    assert sent.states() == ["sent", "sent"]


def test_a_receiver_may_change_its_mind_in_a_later_file(sent: Sent) -> None:
    sent.take(sent.edited(*receipt(1, "退回", "A01")))
    sent.take(sent.edited(*receipt(1, "受理")))
    assert sent.states()[0] == "accepted"


@pytest.mark.parametrize(
    ("what", "edits", "first"),
    [
        ("another document number", [put(1, "证件号码", "999999199001019999")], "edited"),
        ("a document number that became a number", [put(1, "证件号码", 9.99999199001e17)], "edited"),
        ("another name", [put(1, "姓名", "李四")], "edited"),
        ("more hours", [put(1, "实修学时", 48)], "edited"),
        ("fewer hours required", [put(1, "应修学时", 8)], "edited"),
        ("another outcome", [put(1, "学时结论", "免培训")], "edited"),
        ("another day", [put(1, "判定日期", datetime(2026, 7, 2))], "edited"),  # noqa: DTZ001 - a spreadsheet has no zones
        ("another version", [put(1, "版本", 2)], "edited"),
        ("another check code", [put(1, "校验码", "AAAA-BBBB")], "edited"),
        ("a cell that was emptied", [put(1, "证件号码", None)], "edited"),
        ("a word that is no result", receipt(1, "可能吧"), "no_result"),
        ("a reason without a result", receipt(1, "", "A01"), "no_result"),
        ("a date that is none", receipt(1, "受理", on="下周一"), "no_date"),
        ("a record number that is none of ours", [put(1, "记录编号", str(UUID(int=255)))], "unknown"),
        ("a record number that is no number", [put(1, "记录编号", "见附件")], "unknown"),
    ],
)  # fmt: skip
def test_a_row_that_people_changed_is_named_and_not_taken_and_the_others_are(
    sent: Sent, what: str, edits: list[Edit], first: str
) -> None:
    filled = edits if first in ("no_result", "no_date") else [*receipt(1, "受理"), *edits]
    assert sent.verdicts(*filled, *receipt(2, "受理")) == [first, "taken"], what
    assert sent.states() == ["sent", "accepted"]


def test_the_columns_that_were_changed_are_named(sent: Sent) -> None:
    report = sent.take(sent.edited(*receipt(1, "受理"), put(1, "姓名", "李四"), put(1, "实修学时", 30)))
    assert report.lines[0].columns == ("姓名", "实修学时")


@pytest.mark.parametrize(
    ("what", "edits"),
    [
        ("hours as text", [put(1, "实修学时", "24.0")]),
        ("hours in full-width digits", [put(1, "实修学时", "２４．０")]),
        ("a day as text", [put(1, "判定日期", "2026/7/1")]),
        ("a day in Chinese", [put(1, "判定日期", "2026年7月1日")]),
        ("spaces around a name", [put(1, "姓名", " 张 三 ")]),
        ("a status of ours that has become another", [put(1, "记录状态", "x")]),
        ("a running number after sorting", [put(1, "序号", 7)]),
        ("the result in other letters", [put(1, "受理结果", " Accepted ")]),
        ("the day of the receipt as text", [put(1, "受理日期", "2026.7.3")]),
        ("the day of the receipt as a number", [put(1, "受理日期", 46206)]),
        ("a real day", [put(1, "受理日期", datetime(2026, 7, 3))]),  # noqa: DTZ001 - a spreadsheet has no zones
    ],
)  # fmt: skip
def test_what_spreadsheets_and_people_do_without_changing_anything_is_taken(
    sent: Sent, what: str, edits: list[Edit]
) -> None:
    assert sent.verdicts(*receipt(1, "受理"), *edits)[0] == "taken", what


def _move_columns(sheet: Worksheet) -> None:
    rows = [[(cell.value, cell.number_format) for cell in row] for row in sheet.iter_rows()]
    for number, row in enumerate(rows, start=1):
        for place, (value, form) in enumerate(reversed(row), start=1):
            sheet.cell(number, place).value = value
            sheet.cell(number, place).number_format = form


def _remove(header: str) -> Edit:
    return lambda sheet: sheet.delete_cols(place_of(sheet, header))


@pytest.mark.parametrize(
    ("what", "edits"),
    [
        ("columns in another order", [_move_columns]),
        ("a column of their own in between", [lambda sheet: sheet.insert_cols(3)]),
        ("columns that were taken out", [_remove("姓名"), _remove("证件号码"), _remove("版本"), _remove("校验码")]),
        ("a title above", [lambda sheet: sheet.insert_rows(1, 3)]),
        ("rows in another order", [lambda sheet: sheet.move_range("A2:AZ2", rows=10)]),
        ("the totals taken out", [lambda sheet: sheet.delete_rows(4)]),
        ("empty rows in between", [lambda sheet: sheet.insert_rows(3, 5)]),
    ],
)
def test_a_sheet_that_was_rearranged_is_read_all_the_same(sent: Sent, what: str, edits: list[Edit]) -> None:
    assert sorted(sent.verdicts(*receipt(1, "受理"), *receipt(2, "退回", "B"), *edits)) == ["taken", "taken"], what
    assert sent.states() == ["accepted", "rejected"]


def test_an_extra_row_is_named_where_it_stands(sent: Sent) -> None:
    def extra(sheet: Worksheet) -> None:
        sheet.append([9, "王五"] + [None] * (place_of(sheet, "受理结果") - 3) + ["受理"])

    report = sent.take(sent.edited(*receipt(1, "受理"), extra))
    assert [(line.row, line.verdict) for line in report.lines] == [
        (2, Verdict.TAKEN), (3, Verdict.BLANK), (5, Verdict.UNKNOWN),
    ]  # fmt: skip
    assert not report.whole


def test_a_record_twice_with_the_same_words_is_one_and_with_other_words_is_none(sent: Sent) -> None:
    def copy(result: str) -> Edit:
        def edit(sheet: Worksheet) -> None:
            values = [cell.value for cell in sheet[2]]
            values[place_of(sheet, "受理结果") - 1] = result
            sheet.append(values)

        return edit

    assert sent.verdicts(*receipt(1, "受理"), copy("退回")) == ["twice", "blank", "twice"]
    assert sent.states()[0] == "sent"
    assert sent.verdicts(*receipt(1, "受理"), copy("受理")) == ["taken", "blank", "taken"]
    assert scalar(sent.session, "SELECT count(*) FROM elearn.receipt") == 1


def test_the_sheet_is_found_by_its_columns_whatever_its_name_and_place(sent: Sent) -> None:
    book, sheet = sent.book()
    for edit in receipt(1, "受理"):
        edit(sheet)
    sheet.title = "改过的名字"
    book.create_sheet("封面", 0).append(["随便", "写写"])
    assert [line.verdict.value for line in sent.take(saved(book)).lines] == ["taken", "blank"]


@pytest.mark.parametrize(
    ("what", "edits", "code"),
    [
        ("no column of record numbers", [_remove("记录编号")], "no_record_column"),
        ("no column of results", [_remove("受理结果")], "no_result_column"),
        ("a column twice", [put(0, "姓名", "证件号码")], "column_twice"),
    ],
)
def test_a_sheet_that_cannot_be_a_receipt_is_refused_as_a_whole(
    sent: Sent, what: str, edits: list[Edit], code: str
) -> None:
    with pytest.raises(Malformed) as refused:
        sent.take(sent.edited(*receipt(1, "受理"), *edits))
    assert refused.value.error_code == code, what
    assert sent.states() == ["sent", "sent"]


def test_a_receipt_for_a_record_that_was_revoked_meanwhile_is_kept_and_the_line_says_so(sent: Sent) -> None:
    step_to(sent.session, sent.records[0], State.REVOKED)
    (first, _blank) = sent.take(sent.edited(*receipt(1, "受理"))).lines
    assert (first.verdict, first.record_status) == (Verdict.TAKEN, "revoked")


def test_another_receivers_records_are_unknown(sent: Sent) -> None:
    other = a_school(sent.session, code="other")
    report = receipt_files.take(
        sent.session, other.desk.receiver.id, sent.edited(*receipt(1, "受理")), default_profile(), KEYS, at=MADE_AT
    )
    assert {line.verdict for line in report.lines} == {Verdict.UNKNOWN}


def test_that_a_withdrawal_is_known_needs_a_withdrawal(sent: Sent) -> None:
    (first, _blank) = sent.take(sent.edited(*receipt(1, "撤销已知悉"))).lines
    assert (first.verdict, first.why) == (Verdict.REFUSED, "not_withdrawn")
    assert sent.states()[0] == Delivery.SENT.value


def rewritten(content: bytes, old: str, new: str) -> bytes:
    """The sheet's XML with one part replaced, as programs write it that are none of ours."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert re.search(old.encode(), data)
                data = re.sub(old.encode(), new.encode(), data, count=1)
            target.writestr(name, data)
    return out.getvalue()


def test_what_a_file_says_of_its_own_size_is_not_believed(sent: Sent) -> None:
    content = rewritten(sent.edited(*receipt(2, "受理")), '<dimension ref="[^"]*"', '<dimension ref="A1:C2"')
    assert [line.verdict.value for line in sent.take(content).lines] == ["blank", "taken"]


def test_a_stray_format_in_the_last_row_of_all_does_no_harm(sent: Sent) -> None:
    far = '<row r="1048576"><c r="A1048576"/></row></sheetData>'
    content = rewritten(sent.edited(*receipt(1, "受理")), "</sheetData>", far)
    assert [line.verdict.value for line in sent.take(content).lines] == ["taken", "blank"]


def test_a_row_far_beyond_all_rows_is_not_waited_for(sent: Sent) -> None:
    content = rewritten(sent.xlsx, "</sheetData>", '<row r="999999999"><c r="A999999999"/></row></sheetData>')
    assert sent.take(content).whole


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package, package.open("xl/workbook.xml", "w") as target:
        for _ in range(310):
            target.write(b"\0" * 1_000_000)
    return out.getvalue()


def _bombed(xlsx: bytes) -> bytes:
    return _bomb()


def _entities(content: bytes) -> bytes:
    """The billion laughs in the sheet's XML."""
    out = io.BytesIO()
    names = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    cell = b'<sheetData><row><c t="inlineStr"><is><t>&e11;</t></is></c></row>'
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data = data.replace(b"<worksheet", f'<!DOCTYPE w [<!ENTITY e0 "ha">{names}]><worksheet'.encode(), 1)
                data = data.replace(b"<sheetData>", cell, 1)
            target.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("what", "content"),
    [
        ("nothing", lambda xlsx: b""),
        ("text", lambda xlsx: "记录编号,受理结果".encode("gb18030")),
        ("half a file", lambda xlsx: xlsx[: len(xlsx) // 2]),
        ("an archive of something else", lambda xlsx: _zip("a.txt")),
        ("a file that unpacks to hundreds of megabytes", _bombed),
        ("a file whose text grows without end", _entities),
    ],
)
def test_what_is_no_spreadsheet_is_refused_and_nothing_changes(
    sent: Sent, what: str, content: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(Malformed) as refused:
        sent.take(content(sent.xlsx))
    assert refused.value.error_code == ("too_large" if content is _bombed else "no_spreadsheet"), what
    assert sent.states() == ["sent", "sent"]


def _zip(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(name, "x")
    return out.getvalue()
