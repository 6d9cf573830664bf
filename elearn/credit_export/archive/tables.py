"""The workbook of an archive: what people read, filter and print, sheet by sheet, in Chinese."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Any

from elearn.credit_export.archive.gathering import Archive
from elearn.credit_export.archive.workbook import Cell, Workbook

KINDS = {"theory": "理论", "practice": "实操"}
MODALITIES = {"online": "线上", "offline": "线下"}
SIGNED = {"signed": "已签字", "changed": "签字后有变动", "not_signed": "未签字"}
METHODS = {"drawing": "手写", "webauthn": "安全密钥"}
MINUTE_MS = 60_000


def book(archive: Archive) -> bytes:
    """The XLSX; the same archive gives the same bytes."""
    out = io.BytesIO()
    with Workbook(out, title=archive.class_no, as_of=archive.as_of) as sheets:
        found = archive.sections
        names = {one["person_id"]: one["name"] or "—" for one in found["roster"]["people"]}
        sheets.add("教学计划", _PLAN, _plan(found))
        sheets.add("教案文件", _LESSON_PLANS, _lesson_plans(found))
        sheets.add("办理过程", _STEPS, _steps(found))
        sheets.add("学员", _ROSTER, _roster(found))
        sheets.add("名册变动", _ENROLMENTS, _enrolments(found, names))
        sheets.add("名册变更记录", _CHANGES, _changes(found))
        sheets.add("学时", _HOURS, _hours(found, names))
        sheets.add("学时明细", _ENTRIES, _entries(found, names))
        sheets.add("线下课", _SESSIONS, _sessions(found))
        sheets.add("考勤", _LINES, _lines(found, names))
        sheets.add("课程测验", _TESTS, _tests(found, names))
        sheets.add("教案", _UNITS, _units(found))
        sheets.add("教师", _TEACHERS, _teachers(found))
        sheets.add("影像资料登记", _RECORDINGS, _recordings(found))
        sheets.add("签字", _SIGNOFFS, _signoffs(found, names))
    return out.getvalue()


Sections = Mapping[str, Any]
Names = Mapping[Any, str]
Rows = Iterable[Sequence[Cell]]

_PLAN = {"日期": 12, "从": 8, "到": 8, "大纲项目": 30, "类别": 8, "方式": 8, "学时": 8, "地点": 30}


def _plan(found: Sections) -> Rows:
    for one in found["class"]["plan"]:
        yield (
            one["taught_on"], _clock(one["from_time"]), _clock(one["to_time"]), one["item_name"], KINDS[one["kind"]],
            MODALITIES[one["modality"]], one["hours"], one["place"] or found["class"]["place"],
        )  # fmt: skip


def _clock(at: time | None) -> str | None:
    return at.strftime("%H:%M") if at else None


_LESSON_PLANS = {
    "日期": 12, "大纲项目": 30, "文件名": 30, "类型": 20, "字节": 12, "现行": 8, "上传人": 14, "时间": 18,
    "SHA-256": 70, "文件": 80,
}  # fmt: skip


def _lesson_plans(found: Sections) -> Rows:
    for one in found["class"]["lesson_plans"]:
        yield (
            one["taught_on"], one["item_name"] or "全班", one["name"], one["media_type"], one["size"],
            "是" if one["current"] else "否", one["sent_by"], one["sent_at"], one["sha256"], one["file"],
        )  # fmt: skip


_STEPS = {"时间": 18, "步骤": 16, "之后状态": 20, "办理人": 14, "身份": 12, "说明": 40, "逾期": 8, "未满足的条件": 40}


def _steps(found: Sections) -> Rows:
    for one in found["class"]["steps"]:
        yield (
            one["at"], str(one["act"]), str(one["to_state"]), one["by_name"], one["office"] and str(one["office"]),
            one["note"], "是" if one["late"] else "否", "、".join(one["unmet"]),
        )  # fmt: skip


_CHANGES = {"姓名": 14, "变动": 10, "原因": 40, "提出人": 14, "提出时间": 18, "第二人": 14, "答复时间": 18, "同意": 8}
CHANGES = {"join": "入班", "leave": "退班"}


def _changes(found: Sections) -> Rows:
    for one in found["roster"]["changes"]:
        agreed = {True: "是", False: "否", None: None}[one["confirmed"]]
        yield (
            one["name"], CHANGES[one["change"]], one["reason"], one["by_name"], one["at"], one["second_name"],
            one["answered_at"], agreed,
        )  # fmt: skip


_ROSTER = {"姓名": 14, "证件类型": 20, "证件号码（隐去）": 24, "签字": 14, "学员编号": 38}


def _roster(found: Sections) -> Rows:
    for one in found["roster"]["people"]:
        signed = SIGNED[one["signed"]]
        yield one["name"], one["document_kind"], one["document_masked"], signed, str(one["person_id"])


_ENROLMENTS = {"姓名": 14, "入班": 18, "退班": 18}


def _enrolments(found: Sections, names: Names) -> Rows:
    for one in found["roster"]["enrolments"]:
        yield names[one["person_id"]], one["enrolled_at"], one["withdrawn_at"]


_HOURS = {"姓名": 14, "大纲项目": 12, "方式": 8, "类别": 8, "分钟": 10, "学时": 8, "笔数": 8}


def _hours(found: Sections, names: Names) -> Rows:
    for one in found["hours"]:
        for line in one["sums"]:
            yield (
                names[one["person_id"]], line["item"], MODALITIES[line["modality"]], KINDS[line["kind"]],
                line["ms"] / MINUTE_MS, float(line["hours"]), line["entries"],
            )  # fmt: skip


_ENTRIES = {
    "姓名": 14,
    "日期": 12,
    "大纲项目": 12,
    "方式": 8,
    "类别": 8,
    "毫秒": 12,
    "日志": 30,
    "序号": 8,
    "叶哈希": 70,
}


def _entries(found: Sections, names: Names) -> Rows:
    for one in found["hours"]:
        for line in one["entries"]:
            yield (
                names[one["person_id"]], line["earned_on"], line["item"], MODALITIES[line["modality"]],
                KINDS[line["kind"]], line["ms"], line["origin"], line["index"], line["hash"],
            )  # fmt: skip


_SESSIONS = {"开始": 18, "结束": 18, "大纲项目": 12, "类别": 8, "教师": 14, "地点": 24, "取消": 18, "取消原因": 24}


def _sessions(found: Sections) -> Rows:
    for one in found["attendance"]["sessions"]:
        yield (
            one["from_at"], one["to_at"], one["item"], KINDS[one["kind"]], one["teacher"], one["place"],
            one["cancelled_at"], one["cancelled_because"],
        )  # fmt: skip


_LINES = {
    "姓名": 14, "日期": 12, "到": 18, "离": 18, "毫秒": 12, "计入": 8, "未计原因": 20, "申报人": 14, "确认人": 14,
    "名单摘要": 70,
}  # fmt: skip


def _lines(found: Sections, names: Names) -> Rows:
    lists = {one["id"]: one for one in found["attendance"]["lists"]}
    for line in found["attendance"]["lines"]:
        of = lists[line["list_id"]]
        yield (
            names.get(line["person_id"], "—"), line["on"], line["from_at"], line["to_at"], line["ms"],
            "是" if line["counts"] else "否", line["refused_as"], of["proposer"],
            of["answerer"] if of["confirmed"] else None, of["doc"],
        )  # fmt: skip


_TESTS = {"姓名": 14, "测验": 26, "次数": 8, "得分": 8, "满分": 8, "合格": 8, "交卷": 18, "试卷版本": 10}


def _tests(found: Sections, names: Names) -> Rows:
    for one in found["tests"]:
        yield (
            names[one["person_id"]], one["title"], one["number"], one["score_milli"] / 1000, one["max_milli"] / 1000,
            "是" if one["passed"] else "否", one["closed_at"], one["blueprint"],
        )  # fmt: skip


_UNITS = {
    "大纲项目": 12, "课程": 24, "教材": 24, "编者": 14, "课时": 24, "版本": 8, "毫秒": 12, "发布": 18, "停用": 18,
    "内容摘要": 70,
}  # fmt: skip


def _units(found: Sections) -> Rows:
    for one in found["units"]:
        yield (
            one["item"], one["course"], one["textbook"], one["author"], one["lesson"], one["version"],
            one["duration_ms"], one["published_at"], one["retired_at"], one["content_hash"],
        )  # fmt: skip


_TEACHERS = {"姓名": 14, "大纲项目": 24, "类别": 8, "从": 12, "到": 12, "登记": 18, "撤销": 18, "撤销人": 14}


def _teachers(found: Sections) -> Rows:
    for one in (*found["teachers"]["named"], *found["teachers"]["taken_out"]):
        kind = KINDS[one["kind"]] if one["kind"] else "理论、实操"
        yield (
            one["name"], one["item"], kind, one["from_on"], one["to_on"], one["added_at"], one.get("removed_at"),
            one.get("removed_by"),
        )  # fmt: skip


_RECORDINGS = {"SHA-256": 70, "文件名": 30, "类型": 20, "字节": 12, "上传人": 14, "时间": 18}


def _recordings(found: Sections) -> Rows:
    for one in found["recordings"]:
        yield one["sha256"], one["name"], one["media_type"], one["bytes"], one["sent_by"], one["sent_at"]


_SIGNOFFS = {"姓名": 14, "次数": 8, "方式": 12, "时间": 18, "仍有效": 8, "所签内容 SHA-256": 70, "文件": 50}


def _signoffs(found: Sections, names: Names) -> Rows:
    for one in found["signoffs"]:
        yield (
            names[one["person_id"]], one["number"], METHODS[one["method"]], one["signed_at"],
            "是" if one["holds"] else "否", one["digest"], one["proof"],
        )  # fmt: skip
