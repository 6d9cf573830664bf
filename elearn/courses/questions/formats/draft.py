"""Pure: what every format is read into and written from, and what is wrong with a row."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from elearn.courses.questions.kinds import Content, Difficulty, problem_of
from elearn.errors import Malformed

MAX_FILE_BYTES = 32 * 1024 * 1024
MOST_QUESTIONS = 20_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A question that came in: `line` says where it stands, in lines of a text, rows of a sheet, items of a package."""

    line: int
    content: Content
    item_code: str = ""
    """Code of an outline item; empty: the importer chooses one for all."""
    difficulty: Difficulty = Difficulty.MEDIUM
    where: str = ""
    """The file within a package."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row or an item cannot be taken: `sentence` is a message id, `facts` fill its places."""

    line: int
    sentence: str
    facts: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    other_kind: bool = False
    """Nothing is wrong with it, but this bank has no such kind: whoever imports may leave these out."""


@dataclass(slots=True)
class Reading:
    """What a file holds. Drafts are taken only when there is no problem at all."""

    drafts: list[Draft] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    images: dict[str, bytes] = field(default_factory=dict)
    """Pictures that came along, by SHA-256 of what was sent."""

    def bad(self, line: int, sentence: str, where: str = "", /, **facts: str) -> None:
        self._note(Problem(line, sentence, facts, where))

    def caught(self, line: int, item: BadItem, where: str = "") -> None:
        self._note(Problem(item.line or line, item.sentence, item.facts, where, isinstance(item, OtherKind)))

    def _note(self, problem: Problem) -> None:
        if len(self.problems) >= MOST_QUESTIONS:
            raise TooManyQuestions
        self.problems.append(problem)

    def take(self, draft: Draft) -> None:
        """Keep a draft, or say what is wrong with it. Raises TooManyQuestions."""
        problem = problem_of(draft.content)
        if problem is not None:
            self.bad(draft.line, problem, draft.where)
        elif len(self.drafts) >= MOST_QUESTIONS:
            raise TooManyQuestions
        else:
            self.drafts.append(draft)

    def keep_image(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self.images[name] = data
        return name


class BadItem(Exception):
    """Ends the reading of one row or item: `sentence` is a message id."""

    def __init__(self, sentence: str, line: int | None = None, /, **facts: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.line = line
        self.facts = facts


class OtherKind(BadItem):
    """A kind of question that this bank does not have."""

    def __init__(self, name: str, line: int | None = None) -> None:
        super().__init__("This bank has no questions of the kind %(name)s.", line, name=name)


class TooManyQuestions(Malformed):
    """More than anybody looks over: neither all drafts nor all that is wrong with them is kept in memory."""

    code = "too_many_rows"

    def __init__(self) -> None:
        super().__init__("At most 20000 questions are taken at once.")


class Unsafe(Malformed):
    """The file could harm whoever opens it; nothing of it was read."""

    code = "unsafe_file"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A question that goes out; `name` is its id."""

    name: str
    content: Content
    item_code: str
    difficulty: Difficulty


@dataclass(frozen=True, slots=True)
class Written:
    """A file made of questions; `left_out` names those that the format cannot say."""

    data: bytes
    left_out: tuple[str, ...] = ()


CERTIFICATE = re.compile(
    r"取证考试|取证考核|发证考试|发证考核|考证题库|国家题库|国家级?考试题库|考核题库|正式考试|操作证考试|资格考试题"
    r"|certificate[ _-]?(exam|question)|licen[cs]ing[ _-]?exam|certification[ _-]?exam"
    r"|national[ _-]?question[ _-]?bank",
    re.IGNORECASE,
)
FOR_CERTIFICATE = (
    "This is marked as a question of the certificate exam. Teaching and examining are separate: such questions never "
    "enter this bank."
)


def says_certificate(mark: str | None) -> bool:
    """Whether a mark (a usage cell, a category, a tag, a title; never the question's text) names the certificate exam.

    Teaching and examining are separate (教考分离, RULES 0.7).
    """
    return mark is not None and CERTIFICATE.search(mark) is not None


DIFFICULTIES = {
    **dict.fromkeys(("易", "容易", "简单", "低", "easy", "1"), Difficulty.EASY),
    **dict.fromkeys(("中", "中等", "一般", "medium", "2", ""), Difficulty.MEDIUM),
    **dict.fromkeys(("难", "困难", "较难", "高", "hard", "3"), Difficulty.HARD),
}


def tidy(text: str) -> str:
    """Line ends and outer spaces as the bank keeps them."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").split("\n")]
    return "\n".join(lines).strip()
