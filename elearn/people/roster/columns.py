"""Pure: which column is which, and which row is the header. HR programs and people name the same thing in many ways.

A header is what remains of a cell without spaces, stars, colons and what stands in brackets: `*证件号码（必填）：`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from elearn.unpacking import text_of

HEADER_WITHIN = 30


class Column(StrEnum):
    NAME = "name"
    NUMBER = "number"
    DOCUMENT = "document"
    """What kind of document."""
    PHONE = "phone"
    STAFF_NUMBER = "staff_number"
    COMPANY = "company"
    PATH = "path"
    """The whole way through the tree, in one cell."""
    DEPARTMENT = "department"
    WORKSHOP = "workshop"
    TEAM = "team"
    POST = "post"
    CATEGORY = "category"
    EMPLOYMENT = "employment"
    FIRM = "firm"
    """Who sent them: a contractor, an agency."""
    FROM_ON = "from_on"
    TO_ON = "to_on"


HEADERS: dict[Column, tuple[str, ...]] = {
    Column.NAME: ("姓名", "员工姓名", "人员姓名", "职工姓名", "名字", "name", "fullname", "employeename"),
    Column.NUMBER: (
        *("证件号码", "证件号", "身份证号", "身份证号码", "身份证", "居民身份证号", "居民身份证号码", "公民身份号码"),
        *("身份号码", "有效证件号码", "documentnumber", "documentno", "idnumber", "idno", "idcard"),
    ),
    Column.DOCUMENT: ("证件类型", "证件种类", "证件名称", "documentkind", "documenttype", "idtype"),
    Column.PHONE: (
        *("手机号", "手机号码", "手机", "联系电话", "联系方式", "电话", "电话号码", "移动电话", "本人电话"),
        *("phone", "phonenumber", "mobile", "mobilephone", "telephone"),
    ),
    Column.STAFF_NUMBER: (
        *("工号", "员工编号", "员工号", "职工号", "职工编号", "人员编号", "员工工号"),
        *("staffnumber", "staffno", "employeenumber", "employeeno", "employeeid"),
    ),
    Column.COMPANY: ("单位", "公司", "单位名称", "公司名称", "所属单位", "所属公司", "用人单位", "employer", "company"),
    Column.PATH: (
        *("部门路径", "组织路径", "组织机构", "所属组织", "组织", "部门全路径", "部门全称", "部门/车间/班组"),
        *("部门车间班组", "orgpath", "unitpath", "unit", "organisation", "organization"),
    ),
    Column.DEPARTMENT: ("部门", "所属部门", "部门名称", "所在部门", "一级部门", "department", "division"),
    Column.WORKSHOP: ("车间", "所属车间", "车间名称", "二级部门", "工段", "科室", "workshop", "section"),
    Column.TEAM: ("班组", "所属班组", "班组名称", "班", "小组", "三级部门", "team", "crew"),
    Column.POST: (
        *("岗位", "工种", "职务", "岗位名称", "职位", "岗位/工种", "岗位工种", "岗位(工种)", "现岗位", "职务/岗位"),
        *("post", "position", "job", "jobtitle"),
    ),
    Column.CATEGORY: ("人员类别", "培训类别", "人员分类", "培训对象类别", "category", "trainingcategory"),
    Column.EMPLOYMENT: (
        *("用工形式", "用工性质", "用工类型", "用工方式", "员工类型", "人员性质", "合同类型", "员工性质"),
        *("employment", "employmentkind", "employmenttype", "contracttype"),
    ),
    Column.FIRM: (
        *("派遣单位", "派遣公司", "劳务派遣单位", "劳务派遣公司", "劳务单位", "劳务公司", "承包单位", "承包商"),
        *("承包公司", "外包单位", "外包公司", "分包单位", "施工单位", "相关方", "相关方单位"),
        *("派遣/承包单位", "派出单位"),
        *("firm", "contractor", "agency", "contractingfirm", "sentby"),
    ),
    Column.FROM_ON: (
        *("入职日期", "入职时间", "入厂日期", "入厂时间", "进厂日期", "到岗日期", "参加工作日期", "用工起始日期"),
        *("since", "from", "startdate", "hiredate", "joined"),
    ),
    Column.TO_ON: (
        *("离职日期", "离职时间", "离厂日期", "离厂时间", "退场日期", "解除日期"),
        *("until", "to", "enddate", "left", "leavingdate"),
    ),
}
NEEDED = frozenset({Column.NAME, Column.NUMBER})

PLAIN = {
    Column.NAME: "姓名",
    Column.DOCUMENT: "证件类型",
    Column.NUMBER: "证件号码",
    Column.PHONE: "手机号",
    Column.STAFF_NUMBER: "工号",
    Column.PATH: "部门路径",
    Column.POST: "岗位",
    Column.CATEGORY: "人员类别",
    Column.EMPLOYMENT: "用工形式",
    Column.FIRM: "派遣/承包单位",
    Column.FROM_ON: "入职日期",
    Column.TO_ON: "离职日期",
}
"""The columns of the empty form and of what is taken out: each is read again."""

_BRACKETS = re.compile(r"[(\[【〔<][^)\]】〕>]*[)\]】〕>]")
_NOISE = re.compile(r"[\s*:_\-.#\u200b-\u200f\ufeff]")


def plain_header(cell: object) -> str:
    """What remains of a header for comparing."""
    text = text_of(cell).casefold()
    return _NOISE.sub("", _BRACKETS.sub("", text)) or _NOISE.sub("", text)


_BY_NAME = {plain_header(name): column for column, names in HEADERS.items() for name in names}


def columns_of(cells: Sequence[object]) -> dict[Column, int]:
    """Where each column stands, the first of two; empty when a needed one is missing."""
    found: dict[Column, int] = {}
    for place, cell in enumerate(cells):
        column = _BY_NAME.get(plain_header(cell))
        if column is not None:
            found.setdefault(column, place)
    return found if found.keys() >= NEEDED else {}


def header_in(rows: Sequence[Sequence[object]]) -> tuple[int, dict[Column, int]] | None:
    """Which of the first rows is the header (its index) and its columns: the one that names most; None: none is.

    Of two that name the same the first one is: a header that is printed again on each page is no second one.
    """
    best: tuple[int, dict[Column, int]] | None = None
    for index, cells in enumerate(rows[:HEADER_WITHIN]):
        found = columns_of(cells)
        if found and (best is None or len(found) > len(best[1])):
            best = (index, found)
    return best
