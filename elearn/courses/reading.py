"""Pure: many questions at once, from a table (CSV, or cells pasted from a spreadsheet) or from plain text.

Table, one question a row; the first row may name the columns:

    from,to,question,A,B,C,D,answer
    0:00,4:30,Before work you ...,switch off,lock,tag,go home,ABC

Text, questions apart by an empty line, `*` before a right option and `-` before a wrong one:

    0:00-4:30 Before work you ...
    * switch off
    - go home

Times are `m:ss`, `h:mm:ss` or whole seconds. Every bad row is named by its line; the caller takes all or none.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from elearn.courses.pool import OPTIONS, QuestionDraft, problem_of
from elearn.errors import Malformed

MAX_ROWS = 2000
COLUMNS = 8
HEADER = {"from", "开始", "开始时间", "起"}
LETTERS = "ABCD"
TIME = re.compile(r"(?:(?:(\d{1,2}):)?([0-5]?\d):([0-5]\d)|(\d{1,6}))")
RANGE = re.compile(r"([\d:：]+)\s*[-–—~～至]\s*([\d:：]+)\s+(.+)")


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One row that cannot be taken. `sentence` is a message id."""

    line: int
    sentence: str


class BadRows(Malformed):
    """Rows cannot be read, and so none was taken; `problems` names each of them."""

    code = "bad_rows"

    def __init__(self, problems: tuple[RowProblem, ...]) -> None:
        lines = ", ".join(str(problem.line) for problem in problems[:20])
        super().__init__("Nothing was taken: look at the lines %(lines)s.", lines=lines)
        self.problems = problems


class _BadRow(Exception):
    """Ends the reading of one row."""


def decode(data: bytes) -> str:
    """The text of an uploaded table: UTF-8, with or without mark, or GB 18030 as Chinese spreadsheets save it."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Malformed("The file is not text.")


def read_questions(text: str, duration_ms: int) -> tuple[QuestionDraft, ...]:
    """All questions of `text`. Raises BadRows naming every line that is wrong, Malformed when it is empty."""
    drafts: list[QuestionDraft] = []
    problems: list[RowProblem] = []
    for line, cells in _table(text) if _is_table(text) else _blocks(text):
        try:
            draft = _from_cells(cells)
        except _BadRow as bad:
            problems.append(RowProblem(line, str(bad)))
            continue
        problem = problem_of(draft, duration_ms)
        if problem is not None:
            problems.append(RowProblem(line, problem))
        drafts.append(draft)
        if len(drafts) > MAX_ROWS:
            raise Malformed("At most 2000 questions are taken at once.", code="too_many_rows")
    if problems:
        raise BadRows(tuple(problems))
    if not drafts:
        raise Malformed("There is no question in this text.", code="no_rows")
    return tuple(drafts)


def _is_table(text: str) -> bool:
    """Text questions begin with a stretch of time, tables with a time or a heading and a separator."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return RANGE.match(first.strip()) is None and ("\t" in first or first.count(",") >= COLUMNS - 1)


def _table(text: str) -> Iterator[tuple[int, list[str]]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in first else ",")
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells) and cells[0].lower() not in HEADER:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadRows((RowProblem(line, "This row cannot be read: a quotation mark may be missing."),)) from error


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each block as a row of cells, so that both forms are judged by the same lines."""
    lines = [*text.splitlines(), ""]
    begin: int | None = None
    for number, line in enumerate(lines):
        if line.strip() and begin is None:
            begin = number
        elif not line.strip() and begin is not None:
            yield begin + 1, _block_cells([one.strip() for one in lines[begin:number]])
            begin = None


def _block_cells(lines: list[str]) -> list[str]:
    """The cells of one question; none when it has not the form."""
    head = RANGE.fullmatch(lines[0])
    marks = [line[0] for line in lines[1:]]
    if head is None or len(marks) != OPTIONS or not set(marks) <= {"*", "-"}:
        return []
    correct = "".join(letter for letter, mark in zip(LETTERS, marks, strict=False) if mark == "*")
    return [head[1], head[2], head[3], *(line[1:].strip() for line in lines[1:]), correct]


def _from_cells(cells: list[str]) -> QuestionDraft:
    if not cells:
        raise _BadRow("A question is its time, its text, and four lines that begin with * or -.")
    while len(cells) > COLUMNS and not cells[-1]:
        cells = cells[:-1]
    if len(cells) != COLUMNS:
        raise _BadRow("A row has eight parts: from, to, question, four options, answer.")
    letters = [letter for letter in cells[-1].upper() if letter not in " ,、;，；"]
    if not letters:
        raise _BadRow("At least one of the four options must be right.")
    if not set(letters) <= set(LETTERS) or len(set(letters)) != len(letters):
        raise _BadRow("The answer names the right options by their letters, for example AC.")
    return QuestionDraft(
        from_ms=_time(cells[0]),
        to_ms=_time(cells[1]),
        stem=cells[2],
        options=tuple(cells[3:-1]),
        correct=tuple(sorted(LETTERS.index(letter) for letter in letters)),
    )


def _time(text: str) -> int:
    found = TIME.fullmatch(text.replace("：", ":"))
    if found is None:
        raise _BadRow("A time is written as minutes and seconds, for example 4:30.")
    hours, minutes, seconds, whole = (int(part or 0) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds + whole) * 1000
