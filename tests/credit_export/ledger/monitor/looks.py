"""A look at a log that a test has built: published as files, served over HTTP, mirrored and checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elearn.credit_export.ledger.monitor.alarms import Alarm
from elearn.credit_export.ledger.monitor.looking import LOOK_AGAIN, Monitor, Round, watching
from elearn.credit_export.ledger.notes import Signer
from elearn.credit_export.ledger.quorum import Trust
from tests.credit_export.ledger.a_ledger import ALedger, a_digest
from tests.credit_export.ledger.a_log import AT_S, ALog, Serving, a_cosigner, served

NOW_S = AT_S + 10
EXAM, REGULATOR = a_cosigner("exam.example/witness", 1), a_cosigner("regulator.example/witness", 2)


def a_book() -> ALedger:
    """Opened: rules, two units, a minute of evidence."""
    book = ALedger()
    book.opens()
    return book


def a_long_book(count: int) -> ALedger:
    book = a_book()
    grow(book, count)
    return book


def grow(book: ALedger, size: int) -> None:
    while book.log.size < size:
        book.policy(a_digest(str(book.log.size)))


def trusting(log: ALog, *witnesses: Signer) -> Trust:
    """All of these witnesses must cosign."""
    lines = [f"log {log.vkey}"]
    lines += [f"witness w{number} {signer.verifier.vkey}" for number, signer in enumerate(witnesses)]
    if witnesses:
        lines.append("group all all " + " ".join(f"w{number}" for number in range(len(witnesses))))
    lines.append("quorum all" if witnesses else "quorum none")
    return Trust.read("".join(f"{line}\n" for line in lines))


class Watched:
    """A served log and a monitor of it; each look is a process of its own, as far as files go."""

    def __init__(self, place: Path, serving: Serving, trust: Trust) -> None:
        self.public = place / "public"
        self.directory = place / "monitor"
        self.serving = serving
        self.trust = trust

    def publish(self, log: ALog, size: int | None = None, *, at_s: int = AT_S) -> None:
        log.publish(self.public, size, at_s=at_s)

    @contextmanager
    def monitor(self, *, max_age_s: int | None = None, look_again: int = LOOK_AGAIN) -> Iterator[Monitor]:
        with watching(
            self.directory, self.serving.url, self.trust, max_age_s=max_age_s, look_again=look_again
        ) as found:
            yield found

    def look(self, *, now_s: int = NOW_S, **options: int) -> Round:
        with self.monitor(**options) as found:
            return found.look(now_s=now_s)


@contextmanager
def watched(place: Path, log: ALog, *witnesses: Signer) -> Iterator[Watched]:
    (place / "public").mkdir(parents=True)
    with served(place / "public") as serving:
        yield Watched(place, serving, trusting(log, *witnesses))


def look_at(place: Path, book: ALedger) -> list[Alarm]:
    """Every alarm of one look at the log of this book."""
    with watched(place, book.log) as watching_:
        watching_.publish(book.log)
        return watching_.look().alarms


def codes(alarms: list[Alarm]) -> list[str]:
    return [str(alarm.code) for alarm in alarms]
