"""A question as people type it: what a form shows is what comes back, and what it cannot show it does not lose."""

from __future__ import annotations

import msgspec
import pytest

from elearn.courses.questions import notation
from elearn.courses.questions.kinds import Blank, Case, Content, Fill, Multiple, Option, Ordering, Single, kind_of
from elearn.errors import Malformed
from tests.builders_questions import one_of_each

FIRST, SECOND, THIRD = "a1" * 32, "b2" * 32, "c3" * 32
PICTURED: list[Content] = [
    Single(stem="哪个?", options=(Option("甲", FIRST), Option("乙")), correct=0),
    Multiple(stem="哪些?", options=(Option("", FIRST), Option("", SECOND)), correct=(0, 1)),
    Ordering(stem="排序", lines=(Option("先", SECOND), Option("后"))),
    Case(
        stem="经过",
        image=THIRD,
        explanation="总之",
        parts=(
            Single(
                stem="为何?", image=SECOND, options=(Option("甲", FIRST), Option("乙")), correct=1,
                explanation="因为\n\n如此",
            ),
            Fill(stem="填 ____", blanks=(Blank(texts=("断电",)),), explanation="见规程"),
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize("content", [*one_of_each(), *PICTURED], ids=lambda one: str(kind_of(one)))
def test_what_a_form_shows_comes_back_whole(content: Content) -> None:
    assert notation.keeps(content)


LOST = [
    ("a question of two lines", Case(stem="经过", parts=(Fill(stem="一\n二", blanks=(Blank(texts=("x",)),)),))),
    ("lines within a line to be ordered", Ordering(stem="排序", lines=(Option("一\n二"), Option("三")))),
    ("an option of two lines", Single(stem="哪个?", options=(Option("一\n二"), Option("三")), correct=0)),
]  # fmt: skip


@pytest.mark.parametrize(("what", "content"), LOST, ids=[row[0] for row in LOST])
def test_what_a_form_would_lose_is_known_before(what: str, content: Content) -> None:
    assert not notation.keeps(content), what


def test_a_picture_is_moved_with_its_code_and_none_is_invented() -> None:
    single = PICTURED[0]
    assert notation.written(single) == "* 甲 [图 a1a1a1a1]\n- 乙"
    moved = notation.read(kind_of(single), single.stem, "* 甲\n- 乙【图 A1A1A1A1】", pictures=[FIRST])
    assert moved == msgspec.structs.replace(single, options=(Option("甲"), Option("乙", FIRST)))
    with pytest.raises(Malformed, match="no picture"):
        notation.read(kind_of(single), single.stem, "* 甲 [图 00000000]\n- 乙", pictures=[FIRST])
