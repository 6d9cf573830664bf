"""The monitor looks at time stamps: over this checkpoint, of an authority it believes, by clocks that agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from elearn.credit_export.ledger import stamps
from elearn.credit_export.ledger.monitor.alarms import Alarm, Code
from elearn.credit_export.ledger.monitor.auditing import local_day
from elearn.credit_export.ledger.monitor.looking import watching
from elearn.credit_export.ledger.monitor.stamped import Stamps, read_roots
from tests.credit_export.ledger.a_ledger import ALedger
from tests.credit_export.ledger.a_log import ALog, put, served
from tests.credit_export.ledger.stamps.an_authority import TimeStampAuthority


def now() -> datetime:
    """The authority's clock is the machine's, and a long run has begun long before this test."""
    return datetime.now(UTC).replace(microsecond=0)


def now_s() -> int:
    return int(now().timestamp())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TimeStampAuthority:
    return TimeStampAuthority.in_directory(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> TimeStampAuthority:
    return TimeStampAuthority.in_directory(tmp_path_factory.mktemp("tsa") / "two", "Another Authority")


class Book:
    """A log of these minutes, published, and stamped as a test wishes."""

    def __init__(self, place: Path, *, ago: timedelta = timedelta(minutes=30)) -> None:
        self.place = place
        at = now() - ago
        self.ledger = ALedger(ALog(f"hours.example/ledger/{local_day(at).year}"), at=at)
        self.ledger.opens()
        self.ledger.credit("ada", 0, 600_000)
        self.ledger.log.publish(place, at_s=now_s())
        put(place, "log.vkey", f"{self.ledger.log.vkey}\n".encode())

    @property
    def size(self) -> int:
        return self.ledger.log.size

    def stamp(self, by: TimeStampAuthority, *, text: str | None = None, size: int | None = None) -> None:
        size = size or self.size
        question = stamps.ask((text or self.ledger.log.checkpoint(size).text()).encode())
        put(self.place, f"stamp/{size}.tsr", by.reply(question.body))
        put(self.place, "stamp/newest", f"{size}\n".encode())

    def look(self, directory: Path, roots: Stamps, *, later_s: int = 60) -> list[Alarm]:
        with served(self.place) as serving, watching(directory, serving.url, None, stamps=roots) as running:
            return running.look(now_s=now_s() + later_s).alarms


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "log")


def codes(alarms: list[Alarm]) -> list[Code]:
    return [one.code for one in alarms]


def test_an_honest_stamp_raises_no_alarm(book: Book, tmp_path: Path, authority: TimeStampAuthority) -> None:
    book.stamp(authority)
    assert book.look(tmp_path / "m", Stamps(read_roots(authority.root_file), 7_200)) == []


def test_a_stamp_over_another_checkpoint_is_named(book: Book, tmp_path: Path, authority: TimeStampAuthority) -> None:
    book.stamp(authority, text=book.ledger.log.checkpoint(3).text())
    alarms = book.look(tmp_path / "m", Stamps(authority.roots, 7_200))
    assert (codes(alarms), "over another text" in alarms[0].sentence) == ([Code.STAMP], True)


def test_a_stamp_by_another_authority_is_named(
    book: Book, tmp_path: Path, authority: TimeStampAuthority, another: TimeStampAuthority
) -> None:
    book.stamp(another)
    alarms = book.look(tmp_path / "m", Stamps(authority.roots, 7_200))
    assert (codes(alarms), "no authority that is believed" in alarms[0].sentence) == ([Code.STAMP], True)


def test_what_is_no_stamp_is_named(book: Book, tmp_path: Path, authority: TimeStampAuthority) -> None:
    book.stamp(authority)
    whole = (book.place / f"stamp/{book.size}.tsr").read_bytes()
    for number, data in enumerate(
        (b"", b"x" * 40, whole[:-1], whole[:-5] + bytes(5), whole[:200] + b"!" + whole[201:])
    ):
        put(book.place, f"stamp/{book.size}.tsr", data)
        assert codes(book.look(tmp_path / f"m{number}", Stamps(authority.roots, 7_200))) == [Code.STAMP]
    put(book.place, "stamp/newest", b"many\n")
    assert codes(book.look(tmp_path / "m", Stamps(authority.roots, 7_200))) == [Code.STAMP]


def test_a_stamp_that_is_named_and_not_there_is_withheld(
    book: Book, tmp_path: Path, authority: TimeStampAuthority
) -> None:
    put(book.place, "stamp/newest", f"{book.size}\n".encode())
    assert codes(book.look(tmp_path / "m", Stamps(authority.roots, 7_200))) == [Code.WITHHELD]


def test_leaves_that_nobody_stamped_for_too_long_are_named(
    book: Book, tmp_path: Path, authority: TimeStampAuthority
) -> None:
    roots = Stamps(authority.roots, 7_200)
    assert book.look(tmp_path / "m", roots) == [], "the log is half an hour old"
    later = 3 * 3_600
    alarms = book.look(tmp_path / "m", roots, later_s=later)
    assert [(one.code, one.index) for one in alarms] == [(Code.STALE, 0)]
    book.stamp(authority, size=book.size - 1)
    alarms = book.look(tmp_path / "m2", roots, later_s=later)
    assert [(one.code, one.index) for one in alarms] == [(Code.STALE, book.size - 1)]


def test_a_log_whose_clock_runs_ahead_of_the_authority_s_is_named(
    tmp_path: Path, authority: TimeStampAuthority
) -> None:
    book = Book(tmp_path / "fast", ago=-timedelta(hours=2))
    book.stamp(authority)
    alarms = book.look(tmp_path / "m", Stamps(authority.roots, 7_200), later_s=4 * 3_600)
    assert Code.CLOCK in codes(alarms)
    assert any("it was stamped at" in one.sentence for one in alarms)


def test_a_stamp_of_a_time_that_has_not_come_is_named(
    book: Book, tmp_path: Path, authority: TimeStampAuthority
) -> None:
    book.stamp(authority)
    alarms = book.look(tmp_path / "m", Stamps(authority.roots, 7_200), later_s=-1_200)
    assert any(one.code is Code.CLOCK and "has not come" in one.sentence for one in alarms)


def test_without_roots_stamps_are_not_looked_at(book: Book, tmp_path: Path) -> None:
    with served(book.place) as serving, watching(tmp_path / "m", serving.url, None) as running:
        assert running.look(now_s=now_s() + 9 * 3_600).alarms == []
        assert serving.paths(404) == []


def test_a_file_without_a_root_is_refused(tmp_path: Path, authority: TimeStampAuthority) -> None:
    with pytest.raises(ValueError, match="no root certificate"):
        read_roots(authority.place / "tsa.pem")


def test_an_old_stamp_of_the_same_text_does_not_answer_a_new_question(authority: TimeStampAuthority) -> None:
    first, second = stamps.ask(b"text\n"), stamps.ask(b"text\n")
    reply = authority.reply(first.body)
    assert stamps.answered(first, reply) == stamps.stamped(reply, b"text\n")
    with pytest.raises(stamps.StampRefused, match="another question"):
        stamps.answered(second, reply)
