"""A blueprint, a bank and a seed make a paper, and always the same one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.papers.blueprint import Candidate, Lack, Paper, Section, Unfilled, draw, require_sound
from elearn.courses.questions.kinds import Difficulty, Kind
from elearn.errors import Malformed

EASY, HARD = Difficulty.EASY, Difficulty.HARD
SINGLE, MULTIPLE = Kind.SINGLE, Kind.MULTIPLE


def a_bank(**counts: int) -> list[Candidate]:
    """`item_kind_difficulty=count`, each part by its first letter: t_s_e=3."""
    kinds, hard = {"s": SINGLE, "m": MULTIPLE}, {"e": EASY, "h": HARD}
    found = []
    for name, count in counts.items():
        item, kind, difficulty = name.split("_")
        found += [Candidate(f"{name}-{number}", item, kinds[kind], hard[difficulty]) for number in range(count)]
    return found


def drawn(sections: list[Section], bank: list[Candidate], seed: bytes = b"1") -> Paper:
    found = draw(sections, bank, seed)
    assert isinstance(found, Paper)
    return found


def test_each_section_gets_its_kind_its_item_and_its_points() -> None:
    sections = [Section(2, 1500, "t", SINGLE), Section(1, 4000, None, MULTIPLE, HARD), Section(1, 1000, "p")]
    paper = drawn(sections, a_bank(t_s_e=5, t_m_h=2, p_s_h=2))
    names = [one.version.rsplit("-", 1)[0] for one in paper.questions]
    assert names == ["t_s_e", "t_s_e", "t_m_h", "p_s_h"]
    assert [one.points_milli for one in paper.questions] == [1500, 1500, 4000, 1000]
    assert paper.max_milli == 8000


def test_the_same_seed_draws_the_same_paper_however_the_bank_is_ordered() -> None:
    sections, bank = [Section(10, 1000)], a_bank(t_s_e=100)
    first = drawn(sections, bank)
    shuffled = bank[:]
    random.Random(7).shuffle(shuffled)
    assert drawn(sections, shuffled) == first
    assert drawn(sections, bank, b"2").questions != first.questions
    assert drawn(sections, bank, b"2").bank_digest == first.bank_digest
    assert drawn(sections, bank[1:]).bank_digest != first.bank_digest


def test_over_many_seeds_every_question_comes_up() -> None:
    bank = a_bank(t_s_e=20)
    seen = {one.version for seed in range(60) for one in drawn([Section(4, 1)], bank, b"%d" % seed).questions}
    assert len(seen) == 20


def test_a_general_section_leaves_the_rare_questions_to_the_one_that_needs_them() -> None:
    sections = [Section(2, 1), Section(1, 1, "t", SINGLE), Section(1, 1, None, SINGLE, HARD)]
    for seed in range(30):
        drawn(sections, a_bank(t_s_e=1, p_s_h=1, p_m_e=2), b"%d" % seed)


@pytest.mark.parametrize(
    ("sections", "lacks"),
    [
        ([Section(3, 1, "t")], [Lack(0, 3, 2)]),
        ([Section(1, 1, "x")], [Lack(0, 1, 0)]),
        ([Section(2, 1, "t"), Section(2, 1, "p")], [Lack(1, 2, 1)]),
        ([Section(2, 1, None, SINGLE), Section(2, 1, None, SINGLE)], [Lack(1, 2, 1)]),
    ],
)
def test_what_the_bank_lacks_is_said_by_section(sections: list[Section], lacks: list[Lack]) -> None:
    assert draw(sections, a_bank(t_s_e=2, p_s_h=1), b"1") == Unfilled(tuple(lacks))


SECTIONS = st.builds(
    Section,
    count=st.integers(1, 3),
    points_milli=st.just(1),
    item=st.sampled_from([None, "t", "p"]),
    kind=st.sampled_from([None, SINGLE, MULTIPLE]),
    difficulty=st.sampled_from([None, EASY, HARD]),
)
BANKS = st.lists(st.sampled_from(["t_s_e", "t_s_h", "t_m_e", "p_s_e", "p_m_h"]), max_size=9).map(
    lambda names: a_bank(**{name: names.count(name) for name in dict.fromkeys(names)})
)


def can_fill(sections: list[Section], bank: list[Candidate]) -> bool:
    """By trying everything."""
    slots = [section for section in sections for _ in range(section.count)]

    def seat(place: int, free: tuple[Candidate, ...]) -> bool:
        if place == len(slots):
            return True
        section = slots[place]
        return any(
            seat(place + 1, tuple(other for other in free if other is not one))
            for one in {(one.item, one.kind, one.difficulty): one for one in free}.values()
            if section.item in (None, one.item)
            and section.kind in (None, one.kind)
            and section.difficulty in (None, one.difficulty)
        )

    return seat(0, tuple(bank))


@given(st.lists(SECTIONS, min_size=1, max_size=3), BANKS, st.binary(min_size=1, max_size=4))
def test_a_paper_is_found_whenever_there_is_one_and_holds_what_was_asked_for(
    sections: list[Section], bank: list[Candidate], seed: bytes
) -> None:
    found = draw(sections, bank, seed)
    assert isinstance(found, Paper) == can_fill(sections, bank)
    if isinstance(found, Unfilled):
        assert all(lack.found < lack.wanted == sections[lack.section].count for lack in found.lacks)
        return
    by_name = {one.version: one for one in bank}
    assert len({one.version for one in found.questions}) == len(found.questions)
    place = 0
    for section in sections:
        for one in found.questions[place : place + section.count]:
            asked = by_name[one.version]
            assert section.item in (None, asked.item)
            assert section.kind in (None, asked.kind)
            assert section.difficulty in (None, asked.difficulty)
        place += section.count
    assert place == len(found.questions)


@pytest.mark.parametrize(
    "sections",
    [
        [],
        [Section(0, 1)],
        [Section(-1, 1)],
        [Section(301, 1)],
        [Section(200, 1), Section(200, 1)],
        [Section(1, 0)],
        [Section(1, 1_000_001)],
        [Section(1, 1)] * 41,
    ],
)
def test_a_blueprint_that_makes_no_sense_is_refused(sections: list[Section]) -> None:
    with pytest.raises(Malformed):
        require_sound(sections)
