"""Pure: the sheet in which most questions are written. One row is one question; a case is several rows with one name.

    题型 | 题干 | 选项A … 选项J | 答案 | 大纲项目 | 难度 | 解析 | 案例 | 图片 | 用途

Answers: letters (single, multiple, and for 排序 the letters in their right order), 对 or 错, and for 填空 the texts of
each blank: `;` between blanks, `|` between texts that are both right, `3..4` for a range of numbers. The first row of
a case has 题型 案例 and its material; rows with the same word under 案例 are its questions. A picture is named by its
hash in the bank. 用途 may stay empty; a row that says it is for the certificate exam is refused.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

import openpyxl
import xlsxwriter

from elearn.courses.questions.formats.draft import (
    DIFFICULTIES,
    FOR_CERTIFICATE,
    MOST_QUESTIONS,
    BadItem,
    Draft,
    Outgoing,
    Reading,
    TooManyQuestions,
    Written,
    says_certificate,
    tidy,
)
from elearn.courses.questions.formats.gift import number_range
from elearn.courses.questions.formats.safe_xml import require_no_doctype
from elearn.courses.questions.formats.safe_zip import Package
from elearn.courses.questions.kinds import (
    MOST_OPTIONS,
    Blank,
    Case,
    Content,
    Difficulty,
    Fill,
    Kind,
    Multiple,
    Option,
    Ordering,
    Simple,
    Single,
    TrueFalse,
    lines_of,
    parts_of,
    problem_of,
)
from elearn.errors import Malformed
from elearn.unpacking import BROKEN_SHEET

LETTERS = "ABCDEFGHIJ"
COLUMNS = (
    *("题型", "题干"),
    *(f"选项{letter}" for letter in LETTERS),
    *("答案", "大纲项目", "难度", "解析", "案例", "图片", "用途"),
)
NEEDED = ("题型", "题干", "答案")
SHEET, LEFT_OUT = "试题", "未导出的题"
KINDS = {
    **dict.fromkeys(("单选", "单选题", "single"), Kind.SINGLE),
    **dict.fromkeys(("多选", "多选题", "multiple"), Kind.MULTIPLE),
    **dict.fromkeys(("判断", "判断题", "truefalse"), Kind.TRUE_FALSE),
    **dict.fromkeys(("填空", "填空题", "fill"), Kind.FILL),
    **dict.fromkeys(("排序", "排序题", "ordering"), Kind.ORDERING),
    **dict.fromkeys(("案例", "案例题", "case"), Kind.CASE),
}
NAMES = {
    Kind.SINGLE: "单选", Kind.MULTIPLE: "多选", Kind.TRUE_FALSE: "判断", Kind.FILL: "填空", Kind.ORDERING: "排序",
    Kind.CASE: "案例",
}  # fmt: skip
HARD = {Difficulty.EASY: "易", Difficulty.MEDIUM: "中", Difficulty.HARD: "难"}
YES = {"对", "正确", "是", "√", "true", "t", "1", "y"}
NO = {"错", "错误", "否", "×", "x", "false", "f", "0", "n"}
HASH = re.compile(r"[0-9a-f]{64}")
RANGE = re.compile(r"-?[\d.]+\.\.-?[\d.]+")
EXAMPLES = tuple(
    dict(zip(("题型", "题干", "答案", "难度", "案例", "选项A", "选项B", "选项C", "选项D"), row, strict=False))
    for row in (
        ("单选", "使用验电器前应先做什么？", "A", "易", "", "在有电的设备上试验", "用布擦干", "放在地上"),
        ("多选", "断电操作包括哪些步骤？", "ABC", "中", "", "断开电源", "验电", "挂牌上锁", "直接作业"),
        ("判断", "湿手可以操作开关。", "错", "易"),
        ("填空", "触电后应先____，再____。", "切断电源|断电;判断意识", "中"),
        ("排序", "按先后排列触电急救的步骤。", "BAC", "难", "", "判断意识", "切断电源", "心肺复苏"),
        ("案例", "某工地一名工人在潮湿环境使用未接地的电动工具时触电。", "", "难", "案例1"),
        ("单选", "事故的直接原因是什么？", "A", "", "案例1", "工具未接地", "天气炎热"),
        ("判断", "应为该工具配备漏电保护器。", "对", "", "案例1"),
    )
)


class _Row:
    """The cells of a row by the name of their column."""

    def __init__(self, line: int, cells: dict[str, str]) -> None:
        self.line, self.cells = line, cells

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


def read(data: bytes) -> Reading:
    """All questions of a workbook's first sheet; problems name rows. Raises Unsafe, Malformed."""
    reading = Reading()
    rows = _rows(data, reading)
    cases: dict[str, list[Simple]] = {}
    order: list[tuple[_Row, Content | str]] = []
    for row in rows:
        if says_certificate(row["用途"]) or says_certificate(row["案例"]):
            reading.bad(row.line, FOR_CERTIFICATE)
            continue
        try:
            kind = KINDS.get(row["题型"].strip().lower())
            if kind is None:
                raise BadItem("There is no kind of question called %(name)s.", name=row["题型"][:20] or "-")
            name = row["案例"].strip()
            if kind is Kind.CASE:
                _begin_case(row, name, cases)
                order.append((row, name))
                continue
            content = _content(row, kind)
            problem = problem_of(content)
            if problem is not None:
                raise BadItem(problem)
            if not name:
                order.append((row, content))
            elif name in cases:
                cases[name].append(content)
            else:
                raise BadItem("The case %(name)s has no row with its material above.", name=name[:40])
        except BadItem as bad:
            reading.caught(row.line, bad)
        if len(order) > MOST_QUESTIONS:
            raise TooManyQuestions
    for row, found in order:
        whole = _case(row, cases[found]) if isinstance(found, str) else found
        reading.take(Draft(row.line, whole, row["大纲项目"].strip(), _difficulty(row, reading)))
    if not order and not reading.problems:
        reading.bad(1, "There is no question in this sheet.")
    reading.problems.sort(key=lambda one: one.line)
    return reading


def _begin_case(row: _Row, name: str, cases: dict[str, list[Simple]]) -> None:
    if not name:
        raise BadItem("A case needs a name in the column 案例, so that its questions can name it.")
    if name in cases:
        raise BadItem("There are two cases of the name %(name)s.", name=name[:40])
    cases[name] = []


def _case(row: _Row, parts: list[Simple]) -> Case:
    return Case(stem=tidy(row["题干"]), image=_image(row), explanation=tidy(row["解析"]), parts=tuple(parts))


def _difficulty(row: _Row, reading: Reading) -> Difficulty:
    found = DIFFICULTIES.get(row["难度"].strip().lower())
    if found is None:
        reading.bad(row.line, "The difficulty is 易, 中 or 难, not %(name)s.", name=row["难度"][:20])
    return found or Difficulty.MEDIUM


def _image(row: _Row) -> str | None:
    text = row["图片"].strip().lower()
    if text and not HASH.fullmatch(text):
        raise BadItem("A picture is named by the 64 letters of its hash in the bank.")
    return text or None


def _content(row: _Row, kind: Kind) -> Simple:
    stem, image, explanation = tidy(row["题干"]), _image(row), tidy(row["解析"])
    answer = row["答案"].strip()
    if not answer:
        raise BadItem("The answer is missing.")
    if kind is Kind.TRUE_FALSE:
        if answer.lower() not in YES | NO:
            raise BadItem("The answer of a statement is 对 or 错.")
        return TrueFalse(stem=stem, image=image, correct=answer.lower() in YES, explanation=explanation)
    if kind is Kind.FILL:
        blanks = tuple(blank_of(part) for part in re.split(r"[;；]", answer))
        return Fill(stem=stem, image=image, blanks=blanks, explanation=explanation)
    options = _options(row)
    places = _places(answer, len(options))
    if kind is Kind.SINGLE:
        if len(places) != 1:
            raise BadItem("A single choice has one right answer.")
        return Single(stem=stem, image=image, options=options, correct=places[0], explanation=explanation)
    if kind is Kind.MULTIPLE:
        return Multiple(stem=stem, image=image, options=options, correct=tuple(sorted(places)), explanation=explanation)
    if sorted(places) != list(range(len(options))):
        raise BadItem("The right order names every option once, for example BAC.")
    lines = tuple(options[place] for place in places)
    return Ordering(stem=stem, image=image, lines=lines, explanation=explanation)


def _options(row: _Row) -> tuple[Option, ...]:
    texts = [tidy(row[f"选项{letter}"]) for letter in LETTERS]
    while texts and not texts[-1]:
        texts.pop()
    if not all(texts):
        raise BadItem("There is an empty option between others.")
    return tuple(Option(text) for text in texts)


def _places(answer: str, count: int) -> list[int]:
    letters = [sign for sign in answer.upper() if sign not in " ,、;，；."]
    if not all(letter in LETTERS[:count] for letter in letters) or len(set(letters)) != len(letters):
        raise BadItem("The answer names options by their letters, each once, for example AC.")
    return [LETTERS.index(letter) for letter in letters]


def blank_of(text: str) -> Blank:
    """What fills one blank, as people type it: `断电|切断电源`, `3..4`. Raises BadItem."""
    texts, ranges = [], []
    for part in re.split(r"[|｜]", text):
        one = part.strip()
        if RANGE.fullmatch(one):
            ranges.append(number_range(one))
        elif one:
            texts.append(one)
    return Blank(texts=tuple(texts), ranges=tuple(ranges))


# --- the file ---------------------------------------------------------------------------------------------------------


def _rows(data: bytes, reading: Reading) -> Iterator[_Row]:
    """Rows below the heading that hold something. What is wrong with the sheet as a whole goes to `reading`."""
    _require_harmless(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what the file says of its size is not believed
        rows = sheet.iter_rows(values_only=True)
        heading = next(rows, ())
        names = [_cell(value) for value in heading]
        missing = [name for name in NEEDED if name not in names]
        if missing:
            reading.bad(
                1, "The first row lacks the columns %(names)s. Start from the template.", names="、".join(missing)
            )
            return
        if any(says_certificate(mark) for mark in [sheet.title, *names]):
            reading.bad(1, FOR_CERTIFICATE)
            return
        for line, row in enumerate(rows, start=2):
            cells = {name: text for name, value in zip(names, row, strict=False) if name and (text := _cell(value))}
            if cells:
                yield _Row(line, cells)
    except BROKEN_SHEET as error:
        raise Malformed("This is not an Excel workbook (.xlsx), or it is damaged.", code="bad_xlsx") from error


def _require_harmless(data: bytes) -> None:
    """Every part is unpacked once under our limits, and no XML in it declares a document type."""
    package = Package(data)
    for name in package.names:
        body = package.read(name)
        if body and name.lower().endswith((".xml", ".rels", ".vml")):
            require_no_doctype(body[:1_000_000])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "对" if value else "错"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def write(questions: Sequence[Outgoing]) -> Written:
    """A workbook of questions; every kind can be said. Pictures of options are not: those questions are left out."""
    rows, left_out = [], []
    for one in questions:
        if any(option.image for part in parts_of(one.content) for option in lines_of(part)):
            left_out.append(one.name)
        else:
            rows += _written(one)
    return Written(sheet(rows, left_out), tuple(left_out))


def template() -> bytes:
    """The workbook that people start from: the columns, one question of each kind, and what may stand where."""
    return sheet(list(EXAMPLES))


def _written(one: Outgoing) -> list[dict[str, str]]:
    content = one.content
    head = {"大纲项目": one.item_code, "难度": HARD[one.difficulty]}
    if not isinstance(content, Case):
        return [{**_row_of(content), **head}]
    first = {"题型": "案例", "题干": content.stem, "解析": content.explanation, "图片": content.image or "", **head}
    return [{**first, "案例": one.name}, *({**_row_of(part), "案例": one.name} for part in content.parts)]


def _row_of(part: Simple) -> dict[str, str]:
    row = {"题干": part.stem, "解析": part.explanation, "图片": part.image or ""}
    if isinstance(part, TrueFalse):
        return {**row, "题型": "判断", "答案": "对" if part.correct else "错"}
    if isinstance(part, Fill):
        return {**row, "题型": "填空", "答案": ";".join(typed_blank(blank) for blank in part.blanks)}
    lines = lines_of(part)
    row |= {f"选项{letter}": line.text for letter, line in zip(LETTERS, lines, strict=False)}
    if isinstance(part, Ordering):
        # Not in their right order, so that the sheet can be given to somebody as it is.
        places = sorted(range(len(lines)), key=lambda place: lines[place].text)
        row |= {f"选项{LETTERS[rank]}": lines[place].text for rank, place in enumerate(places)}
        return {**row, "题型": "排序", "答案": "".join(LETTERS[places.index(place)] for place in range(len(lines)))}
    if isinstance(part, Single):
        return {**row, "题型": "单选", "答案": LETTERS[part.correct]}
    return {**row, "题型": "多选", "答案": "".join(LETTERS[place] for place in part.correct)}


def typed_blank(blank: Blank) -> str:
    """What `blank_of` reads as that blank."""
    return "|".join([*blank.texts, *(f"{low}..{high}" for low, high in blank.ranges)])


def sheet(rows: Sequence[dict[str, str]], left_out: Sequence[str] = ()) -> bytes:
    """A workbook of rows, each the texts of its cells by the name of their column; a second sheet names `left_out`."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(SHEET)
    bold = book.add_format({"bold": True, "bg_color": "#DCEBEA", "border": 1})
    wrap = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    for place, name in enumerate(COLUMNS):
        page.write_string(0, place, name, bold)
    page.set_column(0, 0, 8, wrap)
    page.set_column(1, 1, 48, wrap)
    page.set_column(2, 1 + MOST_OPTIONS, 18, wrap)
    page.set_column(2 + MOST_OPTIONS, len(COLUMNS) - 1, 14, wrap)
    page.freeze_panes(1, 2)
    page.data_validation(1, 0, MOST_QUESTIONS, 0, {"validate": "list", "source": list(NAMES.values())})
    hard = COLUMNS.index("难度")
    page.data_validation(1, hard, MOST_QUESTIONS, hard, {"validate": "list", "source": list(HARD.values())})
    for line, row in enumerate(rows, start=1):
        for place, name in enumerate(COLUMNS):
            if row.get(name):
                page.write_string(line, place, row[name], wrap)
    if left_out:
        book.add_worksheet(LEFT_OUT).write_column(0, 0, left_out)
    book.close()
    return out.getvalue()
