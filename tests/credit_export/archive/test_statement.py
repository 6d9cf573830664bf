"""What is signed: one way to write it, another statement for any change; how long archives are kept."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.courses.requirements.choosing import Catalogue, Loaded
from elearn.courses.requirements.rows import Group, Retention
from elearn.credit_export.archive import retention
from elearn.credit_export.archive.statement import Attempt, Entry, Standing, digest, standing, statement, sums

CLASS, PERSON = UUID(int=1), UUID(int=2)
AT = datetime(2026, 7, 1, tzinfo=UTC)


def an_entry(ms: int = 60_000, *, index: int | None = 7, item: str | None = "T", modality: str = "online") -> Entry:
    origin, hash_ = (None, None) if index is None else ("log/2026", f"sha256:{index:064x}")
    return Entry(PERSON, item, modality, "theory", ms, date(2026, 7, 1), AT, "r", origin, index, hash_, "{}")


def an_attempt(score: int = 80_000) -> Attempt:
    return Attempt(UUID(int=3), PERSON, "结业测验", 1, score, 100_000, True, AT)


def said(*entries: Entry, attempts: tuple[Attempt, ...] = (), class_no: str = "1") -> str:
    return digest(statement(CLASS, class_no, PERSON, entries, attempts))


CHANGES = {
    "an entry more": said(an_entry(), an_entry(index=8)),
    "a millisecond more": said(an_entry(60_001)),
    "the same sum from another leaf": said(an_entry(index=9)),
    "another item": said(an_entry(item="P")),
    "on site": said(an_entry(modality="offline")),
    "a test": said(an_entry(), attempts=(an_attempt(),)),
    "another mark": said(an_entry(), attempts=(an_attempt(79_000),)),
    "another class": said(an_entry(), class_no="2"),
    "taken back": said(an_entry(), an_entry(-60_000, index=8)),
}


def test_any_change_is_another_statement() -> None:
    assert len({said(an_entry()), *CHANGES.values()}) == len(CHANGES) + 1


def test_a_statement_names_nobody() -> None:
    told = json.loads(statement(CLASS, "1", PERSON, [an_entry()], [an_attempt()]))
    assert set(told) == {"format", "class", "person", "hours", "leaves", "tests"}
    assert set(told["class"]) == {"id", "class_no"}
    assert told["leaves"] == [{"origin": "log/2026", "index": 7, "hash": f"sha256:{7:064x}"}]


entries = st.lists(
    st.builds(
        an_entry, st.integers(-(10**9), 10**9), index=st.none() | st.integers(0, 99),
        item=st.sampled_from(["T", "P", None]), modality=st.sampled_from(["online", "offline"]),
    ),
    max_size=8,
)  # fmt: skip


@given(entries, st.randoms())
def test_order_changes_nothing_and_sums_keep_every_millisecond(found: list[Entry], chance: Random) -> None:
    mixed = found.copy()
    chance.shuffle(mixed)
    assert sums(mixed) == sums(found)
    assert sum(one.ms for one in sums(found)) == sum(one.ms for one in found)
    assert sum(one.entries for one in sums(found)) == len(found)


@pytest.mark.parametrize(
    ("signed", "stands"), [(None, Standing.NOT_SIGNED), ("a", Standing.SIGNED), ("b", Standing.CHANGED)]
)
def test_a_signature_holds_for_what_was_signed(signed: str | None, stands: Standing) -> None:
    assert standing("a", signed) is stands


# --- how long it is kept ----------------------------------------------------------------------------------------------


def a_row(id: str, years: int | None, *, groups: tuple[Group, ...] = (), months: int | None = None) -> Retention:
    return Retention(id=id, what="档案", years=years, months=months, groups=groups, region="360000", confirmed=True,
                     effective_from=date(2024, 3, 20), source=("X",))  # fmt: skip


JIANGXI = [a_row("special_operation_online", 6), a_row("principal_manager_online", 3)]
KEPT = [
    # rule, group, region, years
    ("six years for special operations everywhere", Group.SPECIAL_OPERATION, "530100", [], 6),
    ("three for managers", Group.MANAGER, "530100", [], 3),
    ("three for employees", Group.EMPLOYEE, None, [], 3),
    ("what an outline trains for is not known: the longer", None, "530100", [], 6),
    ("Jiangxi says the same", Group.SPECIAL_OPERATION, "360100", JIANGXI, 6),
    ("a place may ask for more", Group.MANAGER, "360100", [a_row("principal_manager_online", 5)], 5),
    ("and never for less", Group.SPECIAL_OPERATION, "360100", [a_row("special_operation_online", 2)], 6),
    ("another place's rule is not asked", Group.MANAGER, "530100", [a_row("principal_manager_online", 5)], 3),
    ("a row says itself whose it is", Group.TEACHER, "360100", [a_row("mine", 9, groups=(Group.TEACHER,))], 9),
    ("what is about something else is not asked", Group.MANAGER, "360100", [a_row("network_log", None, months=6)], 3),
    ("nor a recording of an exam", Group.MANAGER, "360100", [a_row("exam_recording", 30)], 3),
]


@pytest.mark.parametrize(("rule", "group", "region", "rows", "years"), KEPT, ids=[one[0] for one in KEPT])
def test_how_many_years_an_archive_is_kept(
    rule: str, group: Group | None, region: str | None, rows: list[Retention], years: int
) -> None:
    catalogue = Catalogue([Loaded(number, "retention", row) for number, row in enumerate(rows, 1)])
    assert retention.asked(catalogue, group, region, date(2026, 7, 10)).years == years


def test_a_rule_of_the_place_is_named_before_our_own() -> None:
    catalogue = Catalogue([Loaded(number, "retention", row) for number, row in enumerate(JIANGXI, 1)])
    kept = retention.asked(catalogue, Group.SPECIAL_OPERATION, "360100", date(2026, 7, 10))
    assert kept.rule.startswith("retention/special_operation_online@360000")


@pytest.mark.parametrize(
    ("ended", "until"),
    [
        (date(2026, 7, 10), date(2029, 7, 10)), (date(2028, 2, 29), date(2031, 3, 1)),
        (date(2026, 12, 31), date(2029, 12, 31)),
    ],
)  # fmt: skip
def test_the_last_day_is_a_whole_number_of_years_later(ended: date, until: date) -> None:
    assert retention.keep_until(ended, 3) == until


@given(st.dates(date(2025, 1, 1), date(2060, 1, 1)), st.dates(date(2020, 1, 1), date(2060, 1, 1)))
def test_what_is_due_is_always_looked_at(on: date, ended: date) -> None:
    if retention.keep_until(ended, retention.OTHER_YEARS) < on:
        assert ended < retention.latest_end(on)
