"""What a monitor adds up from a log, what it lets pass, and which breach it tells once and counts right."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from elearn.credit_export.ledger.leaves import Key
from tests.credit_export.ledger.a_ledger import HOUR_MS, MINUTE, ALedger, a_digest, a_sub
from tests.credit_export.ledger.a_log import AT_S, a_signer
from tests.credit_export.ledger.monitor.looks import EXAM, NOW_S, Watched, a_book, codes, look_at, watched

TEN = 600_000


def an_honest_book() -> ALedger:
    """Something of everything that an honest log may hold."""
    book = a_book()
    book.credit("ada", 0, TEN)
    book.credit("bob", 0, TEN, unit="second")
    book.credit("ada", TEN, 2 * TEN)
    book.minute(rows=0)
    book.minute(from_=book.last_to + 3 * MINUTE, to=book.at + 5 * MINUTE)
    book.at += 10 * MINUTE
    book.void("ada", 0)
    book.credit("ada", 0, TEN)  # watched again
    book.credit("ada", 2 * TEN, 3 * TEN, ms=TEN // 2)  # real time counted, not media time
    book.attend("ada", 4)
    book.attend("bob", 4)
    book.attend("bob", 2, kind="theory", ago=2)
    book.void("bob", 1)
    book.attend("bob", 3)
    book.policy(a_digest("new rules"))
    book.unit("first")  # said again, and the same
    book.credit("bob", TEN, 2 * TEN, unit="second", pol=a_digest("new rules"))
    book.add(Key.rotation(a_signer(), a_signer(seed=7).verifier, book.at))
    book.add(Key.rotation(a_signer(seed=7), a_signer(seed=8).verifier, book.at))
    return book


def test_an_honest_log_has_no_alarm(tmp_path: Path) -> None:
    assert look_at(tmp_path, an_honest_book()) == []


def test_hours_are_added_up_by_person_modality_and_kind(tmp_path: Path) -> None:
    book = an_honest_book()
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        seen.look()
        with seen.monitor() as found:
            totals = {one.sub: one.counted for one in found.totals()}
    assert totals == {
        a_sub("ada"): {"online/theory": 2 * TEN + TEN // 2, "offline/practice": 4 * HOUR_MS},
        a_sub("bob"): {
            "online/practice": 2 * TEN,
            "offline/practice": 3 * HOUR_MS,
            "offline/theory": 2 * HOUR_MS,
        },
    }


def test_minutes_around_midnight_are_no_alarm_and_an_hour_is(tmp_path: Path) -> None:
    """A clock that is set back by seconds at midnight leaves evidence and leaf in the day before the learning."""
    for before, expected in ((timedelta(seconds=299), []), (timedelta(seconds=301), ["EVIDENCE", "DAY"])):
        book = ALedger(at=datetime(2026, 1, 4, 16, tzinfo=UTC) - before - MINUTE)
        book.opens()
        book.credit("ada", 0, TEN, day=date(2026, 1, 5))
        assert codes(look_at(tmp_path / str(before.seconds), book)) == expected


def test_L06_after_a_void_the_total_is_less_by_what_was_voided(tmp_path: Path) -> None:
    """The monitor's part: it reads what an old checkpoint would hide."""
    book = a_book()
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        assert seen.look().alarms == []
        before = counted(seen, "ada")
        book.void("ada", 0)
        seen.publish(book.log)
        assert seen.look().alarms == []
        assert (before, counted(seen, "ada")) == (2 * TEN, TEN)


def counted(seen: Watched, person: str) -> int:
    with seen.monitor() as found:
        (ms,) = [one.counted["online/theory"] for one in found.totals() if one.sub == a_sub(person)]
    return ms


def test_L09_a_span_credited_twice_is_an_alarm_and_counts_once(tmp_path: Path) -> None:
    book = a_book()
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN // 2, 2 * TEN)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        (alarm,) = seen.look().alarms
        assert (alarm.code, alarm.index, alarm.leaf) == ("OVERLAP", book.log.size - 1, book.log.entries[-1].decode())
        with seen.monitor() as found:
            (totals,) = found.totals()
    assert totals.counted == {"online/theory": 2 * TEN}
    assert totals.stated == {"online/theory": 2 * TEN + TEN // 2}


def test_L09_taking_back_one_of_two_overlapping_leaves_leaves_the_other_whole(tmp_path: Path) -> None:
    book = a_book()
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN // 2, 2 * TEN)
    book.void("ada", 1)
    book.credit("ada", TEN, 2 * TEN)
    book.credit("ada", TEN - 1, TEN)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        assert [(alarm.code, alarm.index) for alarm in seen.look().alarms] == [
            ("OVERLAP", book.log.size - 4),
            ("OVERLAP", book.log.size - 1),
        ]
        with seen.monitor() as found:
            (totals,) = found.totals()
    assert totals.counted == {"online/theory": 2 * TEN}


def test_L09_taking_back_the_first_of_two_overlapping_leaves_counts_the_other_whole(tmp_path: Path) -> None:
    book = a_book()
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN // 2, 2 * TEN)
    book.void("ada", 0)
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        assert codes(seen.look().alarms) == ["OVERLAP"]
        assert counted(seen, "ada") == TEN + TEN // 2


def test_L15_a_running_total_that_is_not_the_sum_is_an_alarm(tmp_path: Path) -> None:
    book = a_book()
    book.credit("ada", 0, TEN)
    book.credit("ada", TEN, 2 * TEN, total=20 * HOUR_MS)
    book.credit("ada", 2 * TEN, 3 * TEN)
    (alarm,) = look_at(tmp_path, book)
    assert (alarm.code, alarm.index) == ("TOTAL", book.log.size - 2)
    assert alarm.sentence == f"online/theory comes to {2 * TEN} ms, and it says {20 * HOUR_MS}"


def test_a_leaf_dated_back_behind_a_cosigned_checkpoint_is_told(tmp_path: Path) -> None:
    """Witnesses saw the log without it at noon: it cannot be of eleven. Some minutes of difference are clocks'."""
    book = a_book()
    book.log.witnesses.append(EXAM)
    with watched(tmp_path, book.log, EXAM) as seen:
        seen.publish(book.log, at_s=AT_S - 3_600)
        assert seen.look().alarms == []
        book.at = book.at.fromtimestamp(AT_S - 3_600 - 299, book.at.tzinfo)
        book.policy(a_digest("in time"))
        seen.publish(book.log, at_s=AT_S - 1_800)
        assert seen.look().alarms == []
        book.at = book.at.fromtimestamp(AT_S - 1_800 - 301, book.at.tzinfo)
        book.policy(a_digest("dated back"))
        seen.publish(book.log, at_s=AT_S)
        (alarm,) = seen.look().alarms
    assert (alarm.code, alarm.index) == ("CLOCK", book.log.size - 1)


def test_what_takes_back_an_hour_of_last_year_stands_in_last_year_s_log(tmp_path: Path) -> None:
    book = a_book()
    book.credit("ada", 0, TEN)
    book.at += timedelta(days=400)
    book.void("ada")
    with watched(tmp_path, book.log) as seen:
        seen.publish(book.log)
        assert seen.look(now_s=NOW_S + 401 * 86_400).alarms == []
