"""What a monitor tells of a log whose leaves break a rule: each by a log built with the real formats over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from elearn.credit_export.ledger.leaves import Key, digest, encode, read
from elearn.credit_export.ledger.monitor.auditing import local_day
from elearn.credit_export.ledger.tree import leaf_hash
from tests.credit_export.ledger.a_ledger import HOUR_MS, MINUTE, ALedger, a_digest, a_sub, changed
from tests.credit_export.ledger.a_log import a_signer
from tests.credit_export.ledger.monitor.looks import a_book, codes, look_at

TEN = 600_000


def replaced(book: ALedger, **members: object) -> None:
    """The last leaf says something else, and nothing else changes with it."""
    book.log = book.log.with_entries([*book.log.entries[:-1], encode(changed(book.leaves[-1], **members))])


def text_replaced(book: ALedger, old: str, new: str) -> None:
    text = book.log.entries[-1].decode()
    assert old in text
    book.log = book.log.with_entries([*book.log.entries[:-1], text.replace(old, new).encode()])


def a_number_left_out(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN, n=3)


def a_number_there_twice(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN, n=1)


def a_chain_that_does_not_begin_at_one(book: ALedger) -> None:
    book.credit("ada", 0, TEN, n=2)


def a_chain_that_names_another_leaf(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN, prev=a_digest("another"))


def a_first_leaf_that_names_one_before(book: ALedger) -> None:
    book.credit("ada", 0, TEN, prev=a_digest("another"))


def a_later_leaf_that_names_none_before(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN, prev=None)


def a_leaf_withheld_from_the_chain(book: ALedger) -> None:
    """It was appended, and then the log was built again without it."""
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN)
    book.credit("ada", 2 * TEN, 3 * TEN)
    del book.log.entries[-2]
    book.log = book.log.with_entries(book.log.entries)


def a_total_inflated(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN, total=3 * TEN)


def a_total_of_one_kind_added_to_another(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.credit("ada", 0, TEN, unit="second", total=2 * TEN)


def a_total_that_a_void_leaves_as_it_was(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.void("ada", total=TEN)


def an_attendance_that_adds_to_what_was_watched(book: ALedger) -> None:
    book.credit("ada", 0, TEN, unit="second")
    book.attend("ada", 1, total=TEN + HOUR_MS)


def more_added_than_the_span_is_long(book: ALedger) -> None:
    book.credit("ada", TEN, 2 * TEN, ms=TEN + 1)


def more_added_than_the_attendance_is_long(book: ALedger) -> None:
    book.attend("ada", 2, ms=2 * HOUR_MS + 1)


def a_span_credited_twice(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN - 1, 2 * TEN)


def a_span_inside_one_credited(book: ALedger) -> None:
    book.credit("ada", 0, 3 * TEN)
    book.credit("ada", TEN, 2 * TEN)


def two_places_at_once(book: ALedger) -> None:
    book.attend("ada", 4)
    book.attend("ada", 4, kind="theory")


def a_span_beyond_the_unit(book: ALedger) -> None:
    book.credit("ada", HOUR_MS - TEN, HOUR_MS + 1)


def a_unit_that_nobody_described(book: ALedger) -> None:
    book.credit("ada", 0, TEN, unit="third")


def a_unit_described_too_late(book: ALedger) -> None:
    book.credit("ada", 0, TEN, unit="third")
    book.unit("third")


def a_unit_made_shorter_under_its_name(book: ALedger) -> None:
    book.unit("first", ms=TEN)


def a_unit_that_counts_as_another_kind_later(book: ALedger) -> None:
    book.unit("first", kind="practice")


def rules_that_nobody_named(book: ALedger) -> None:
    book.credit("ada", 0, TEN, pol=a_digest("no policy"))


def evidence_that_is_not_there(book: ALedger) -> None:
    book.credit("ada", 0, TEN, ev=a_digest("no evidence"))


def evidence_that_comes_later(book: ALedger) -> None:
    later = a_book()
    later.minute()
    book.credit("ada", 0, TEN, ev=digest(later.root))
    book.minute()


def evidence_that_was_not_complete(book: ALedger) -> None:
    book.minute(to=book.at + 2 * MINUTE)
    book.credit("ada", 0, TEN)


def evidence_of_the_day_before(book: ALedger) -> None:
    book.at += timedelta(days=1)
    book.credit("ada", 0, TEN)


def minutes_that_overlap(book: ALedger) -> None:
    book.minute(from_=book.last_to - timedelta(seconds=1))


def minutes_that_go_back(book: ALedger) -> None:
    book.minute(from_=book.last_to - 5 * MINUTE, to=book.last_to - 4 * MINUTE)


def evidence_that_repeats_itself(book: ALedger) -> None:
    book.minute(root=digest(book.root))


def nothing_heard_and_another_root(book: ALedger) -> None:
    book.minute(rows=0, root=a_digest("anything"))


def a_void_of_nothing(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.void("ada", ref=a_digest("nothing"))


def a_void_of_another_person_s_hours(book: ALedger) -> None:
    book.credit("bob", 0, TEN)
    taken = digest(leaf_hash(book.log.entries[-1]))
    book.credit("ada", 0, TEN)
    book.void("ada", ref=taken)


def a_void_of_what_is_void(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN)
    book.void("ada", 0)
    book.void("ada", 0)


def a_void_of_a_void(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.void("ada")
    book.void("ada")


def a_void_of_a_later_leaf(book: ALedger) -> None:
    """It names a leaf that does not stand yet when it is appended."""
    book.credit("ada", 0, TEN)
    later = encode(read(book.log.entries[-1])).replace(b'"span":[0,600000]', b'"span":[600000,1200000]')
    book.void("ada", ref=digest(leaf_hash(later)))


def one_officer_alone(book: ALedger) -> None:
    book.credit("ada", 0, TEN)
    book.void("ada")
    text_replaced(book, "officer-two", "officer-one")


def an_attendance_that_one_person_entered(book: ALedger) -> None:
    book.attend("ada")
    text_replaced(book, '"by":["teacher","manager"]', '"by":["teacher"]')


def more_than_a_day_has(book: ALedger) -> None:
    book.unit("long", ms=100 * HOUR_MS)
    book.credit("ada", 0, 20 * HOUR_MS, unit="long")
    book.credit("ada", 20 * HOUR_MS, 24 * HOUR_MS + 1, unit="long")


def a_day_that_had_not_come(book: ALedger) -> None:
    book.credit("ada", 0, TEN, day=book.at.date() + timedelta(days=2), ev=digest(book.root))


def an_attendance_of_another_day(book: ALedger) -> None:
    book.attend("ada", day=(book.at - timedelta(days=3)).date())


def an_attendance_entered_before_it_was_over(book: ALedger) -> None:
    begin = book.at - timedelta(hours=1)
    book.attend("ada", from_=begin, to=book.at + timedelta(seconds=1), ms=TEN, day=local_day(begin))


def a_leaf_older_than_the_one_before(book: ALedger) -> None:
    book.at -= timedelta(milliseconds=1)
    book.policy()


def a_leaf_of_tomorrow(book: ALedger) -> None:
    book.at += timedelta(days=2)
    book.policy()


def evidence_of_tomorrow(book: ALedger) -> None:
    book.minute(to=book.at + timedelta(days=2))


def a_leaf_of_last_year(book: ALedger) -> None:
    book.log = book.log.with_entries([])
    book.at -= timedelta(days=30)
    book.policy()


def a_leaf_that_is_not_canonical(book: ALedger) -> None:
    text_replaced(book, '"v":1', '"v": 1')


def a_member_too_many(book: ALedger) -> None:
    text_replaced(book, '"v":1}', '"v":1,"why":"x"}')


def not_json(book: ALedger) -> None:
    book.log.append(b"\xff not json")


def an_unknown_kind(book: ALedger) -> None:
    book.log.append(b'{"t":"gift","v":1}')


def a_key_that_the_old_one_did_not_sign(book: ALedger) -> None:
    rotation = Key.rotation(a_signer(), a_signer(seed=7).verifier, book.at)
    book.add(changed(rotation, new=a_signer(seed=8).verifier.vkey))


def a_key_signed_by_a_stranger(book: ALedger) -> None:
    book.add(Key.rotation(a_signer(seed=9), a_signer(seed=7).verifier, book.at))


def a_key_signed_by_the_one_before_the_last(book: ALedger) -> None:
    book.add(Key.rotation(a_signer(), a_signer(seed=7).verifier, book.at))
    book.add(Key.rotation(a_signer(), a_signer(seed=8).verifier, book.at))


def an_attendance_that_its_own_person_confirmed(book: ALedger) -> None:
    book.attend("ada", by=("teacher", a_sub("ada")))


def a_void_that_its_own_person_proposed(book: ALedger) -> None:
    book.attend("ada")
    book.void("ada", by=(a_sub("ada"), "officer-two"))


FORGERIES: list[tuple[Callable[[ALedger], None], list[str]]] = [
    (a_number_left_out, ["SEQUENCE"]),
    (a_number_there_twice, ["SEQUENCE"]),
    (a_chain_that_does_not_begin_at_one, ["SEQUENCE"]),
    (a_chain_that_names_another_leaf, ["PREV"]),
    (a_first_leaf_that_names_one_before, ["PREV"]),
    (a_later_leaf_that_names_none_before, ["PREV"]),
    (a_leaf_withheld_from_the_chain, ["SEQUENCE", "PREV", "TOTAL"]),
    (a_total_inflated, ["TOTAL"]),
    (a_total_of_one_kind_added_to_another, ["TOTAL"]),
    (a_total_that_a_void_leaves_as_it_was, ["TOTAL"]),
    (an_attendance_that_adds_to_what_was_watched, ["TOTAL"]),
    (more_added_than_the_span_is_long, ["MS"]),
    (more_added_than_the_attendance_is_long, ["MS"]),
    (a_span_credited_twice, ["OVERLAP"]),
    (a_span_inside_one_credited, ["OVERLAP"]),
    (two_places_at_once, ["OVERLAP"]),
    (a_span_beyond_the_unit, ["DURATION"]),
    (a_unit_that_nobody_described, ["UNIT"]),
    (a_unit_described_too_late, ["UNIT"]),
    (a_unit_made_shorter_under_its_name, ["UNIT"]),
    (a_unit_that_counts_as_another_kind_later, ["UNIT"]),
    (rules_that_nobody_named, ["POLICY"]),
    (evidence_that_is_not_there, ["EVIDENCE"]),
    (evidence_that_comes_later, ["EVIDENCE"]),
    (evidence_that_was_not_complete, ["ORDER", "EVIDENCE"]),
    (evidence_of_the_day_before, ["EVIDENCE"]),
    (minutes_that_overlap, ["MINUTES"]),
    (minutes_that_go_back, ["MINUTES"]),
    (evidence_that_repeats_itself, ["MINUTES"]),
    (nothing_heard_and_another_root, ["MINUTES"]),
    (a_void_of_nothing, ["VOID"]),
    (a_void_of_another_person_s_hours, ["VOID"]),
    (a_void_of_what_is_void, ["VOID"]),
    (a_void_of_a_void, ["VOID"]),
    (a_void_of_a_later_leaf, ["VOID"]),
    (one_officer_alone, ["OFFICERS"]),
    (an_attendance_that_one_person_entered, ["OFFICERS"]),
    (an_attendance_that_its_own_person_confirmed, ["OFFICERS"]),
    (a_void_that_its_own_person_proposed, ["OFFICERS"]),
    (more_than_a_day_has, ["DAY"]),
    (a_day_that_had_not_come, ["EVIDENCE", "DAY"]),
    (an_attendance_of_another_day, ["DAY"]),
    (an_attendance_entered_before_it_was_over, ["CLOCK"]),
    (a_leaf_older_than_the_one_before, ["ORDER"]),
    (a_leaf_of_tomorrow, ["CLOCK"]),
    (evidence_of_tomorrow, ["CLOCK"]),
    (a_leaf_of_last_year, ["YEAR"]),
    (a_leaf_that_is_not_canonical, ["FORM"]),
    (a_member_too_many, ["FORM"]),
    (not_json, ["FORM"]),
    (an_unknown_kind, ["KIND"]),
    (a_key_that_the_old_one_did_not_sign, ["KEY"]),
    (a_key_signed_by_a_stranger, ["KEY"]),
    (a_key_signed_by_the_one_before_the_last, ["KEY"]),
]


@pytest.mark.parametrize(("forge", "expected"), FORGERIES, ids=[forge.__name__ for forge, _ in FORGERIES])
def test_a_forged_leaf_is_told(tmp_path: Path, forge: Callable[[ALedger], None], expected: list[str]) -> None:
    book = a_book()
    forge(book)
    alarms = look_at(tmp_path, book)
    assert codes(alarms) == expected
    for alarm in alarms:
        assert alarm.index is not None
        assert alarm.leaf == book.log.entries[alarm.index].decode(errors="replace")


def test_every_code_of_a_leaf_has_a_forgery() -> None:
    told = {code for _, expected in FORGERIES for code in expected}
    of_leaves = {
        "FORM", "KIND", "OFFICERS", "MS", "SEQUENCE", "PREV", "TOTAL", "OVERLAP", "DAY", "VOID", "UNIT", "DURATION",
        "POLICY", "EVIDENCE", "MINUTES", "KEY", "ORDER", "CLOCK", "YEAR",
    }  # fmt: skip
    assert told == of_leaves
