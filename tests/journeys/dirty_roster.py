"""A roster as HR hands it over: a title, merged cells, columns in an odd order, days as text, the usual mistakes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.builders_people import a_phone, a_resident_id

Cell = str | date | None

HEADER = ("用工性质", "所属部门", "* 姓 名", "身份证号码（必填）", "入职时间", "岗位/工种", "手机号码")
FIRST = 4
"""The first line below the header."""


@dataclass(frozen=True, slots=True)
class Roster:
    content: bytes
    new: tuple[str, ...]
    """Names of those who are taken in."""
    hired_today: tuple[str, ...]
    refused: dict[int, str]
    """Line -> what its reason says."""
    phone: str
    """Of the flexible one."""


FLEXIBLE = "孙立"


def a_dirty_roster(today: date) -> Roster:
    """Twelve lines: six people who are new, one of them twice, and five lines that nobody can take in."""
    zhao, qian, sun, zhou, wu, zheng, chen, *others = (a_resident_id(serial=700 + one) for one in range(10))
    phone, of_wu = a_phone(), a_phone()
    # The last digit is one more: a typing error.
    wrong = zheng[:-1] + ("0" if zheng[-1] in "9X" else str(int(zheng[-1]) + 1))
    chinese = f"{today.year}年{today.month}月{today.day}日"
    rows: list[tuple[Cell, ...]] = [
        ("正式", "生产部", "赵海", zhao, chinese, "架子工", a_phone()),
        ("劳务派遣", None, "钱塘", qian, f"{today:%Y.%m.%d}", "架子工", a_phone()),
        ("灵活用工", None, FLEXIBLE, sun, today, "搬运工", phone),
        ("合同制", None, "周密", zhou, "2024/3/1", "班组长", None),
        ("正式工", "仓储部", " 吴 越 ", f"'{wu}", "2023-07-15", "库管", of_wu),
        ("正式工", None, "郑和", wrong, chinese, "库管", None),
        ("正式工", None, "吴越", wu, "2023-07-15", "库管", of_wu),
        ("正式", None, "赵海", zhao, chinese, "库管", None),
        ("学徒", None, "冯唐", others[0], "去年夏天", "学徒", None),
        ("灵活", None, "陈皮", chen, f"{today:%Y-%m-%d}", "搬运工", a_phone()),
        ("看情况", None, "褚遂", others[1], chinese, "搬运工", None),
        ("正式", None, "李2", others[2], chinese, "搬运工", None),
    ]
    refused = {
        FIRST + 5: "校验",
        FIRST + 7: f"第 {FIRST} 行",
        FIRST + 8: "去年夏天",
        FIRST + 10: "看情况",
        FIRST + 11: "姓名",
    }
    return Roster(
        _book(rows, today),
        new=("赵海", "钱塘", FLEXIBLE, "周密", "吴越", "陈皮"),
        hired_today=("赵海", "钱塘", FLEXIBLE, "陈皮"),
        refused=refused,
        phone=phone,
    )


def _book(rows: list[tuple[Cell, ...]], today: date) -> bytes:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet["A1"] = "云岭建设有限公司 2026 年在岗人员花名册"
    sheet.merge_cells("A1:G1")
    sheet["A2"] = f"制表：人力资源部　{today:%Y.%m.%d}"
    sheet.merge_cells("A2:D2")
    for row in (HEADER, *rows):
        sheet.append(list(row))
    for first, last in ((0, 3), (4, 11)):
        sheet.merge_cells(f"B{FIRST + first}:B{FIRST + last}")
    sheet.append((None, "合计", f"{len(rows)} 人"))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
