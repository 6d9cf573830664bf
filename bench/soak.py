"""The browser journeys at full scale: the policy as it is in production, a lesson of 90 s, no hurry.

    python -m bench.soak [--seconds 90] [--only watching|kills|networks|laws]

`make test` walks the same journeys on short lessons with a scaled policy. Here a worker in a phone-sized Chromium
watches 90 s at normal speed with one check, beside others who try every cheat on the same lesson; then every part
is killed while somebody watches, a quarter of a minute apart; then honest workers watch thirteen minutes in bad
networks (`soak_offline.py`), and the laws of the model meet ten times as many random streams as in `make test`. One
line each; exit status 1 when one did not hold.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

from bench.soak_offline import LESSON_S, bad_networks
from elearn.demo import browser
from elearn.demo.browser import Phone
from elearn.demo.example import questions
from media import ffmpeg
from media.package import package
from tests.journeys.lessons import package_short
from tests.journeys.school import Learner, School, a_running_school
from tests.journeys.test_cheats import CHEATS, forge_three_times
from tests.journeys.test_kills import kill_each_part_while_watching
from tests.journeys.test_watching import (
    go_on,
    play_to,
    press_pause,
    require_whole_lesson_at_the_exam_system,
    start,
    watch_to_the_end,
)

BESIDE_S = 5
"""How long each console cheat runs."""


class Soak:
    """Says each figure as it comes and remembers what did not hold."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.began = time.monotonic()

    def say(self, name: str, holds: bool, text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self.began:6.1f} s  {'ok ' if holds else 'NOT'}  {name}: {text}\n")
        sys.stdout.flush()
        if not holds:
            self.broken.append(name)


def packaged_recording(place: Path, seconds: int) -> Path:
    """The demonstration's recording looped to `seconds`, packaged as the demonstration does it."""
    with as_file(files("elearn.demo") / "assets" / "lesson-source.mp4") as recording:
        ffmpeg.loop_to(recording, seconds, place / "source.mp4")
    package(place / "source.mp4", place / "lesson")
    return place / "lesson"


def exam_ms(school: School, learner: Learner) -> int:
    """What the exam system reads; AssertionError unless its signature holds."""
    told = school.exam_record(learner)
    assert told["verified"]
    read: int = told["record"]["hours"]["online_theory_ms"]
    return read


def console_cheats(soak: Soak, school: School, open_phone: Callable[[], Phone]) -> None:
    """Each with a learner of its own, for BESIDE_S each: no more believed than time went by, none of it final."""
    for cheat, script in CHEATS.items():
        learner, handset = school.a_learner(), open_phone()
        began = time.monotonic()
        start(school, handset, learner)
        handset.evaluate(script)
        handset.page.wait_for_timeout(BESIDE_S * 1000)
        handset.evaluate("document.querySelector('video').pause()")  # pausing reports what the page thinks it played
        handset.page.wait_for_timeout(1500)
        handset.page.close(run_before_unload=False)
        time.sleep(1)
        passed_ms = int((time.monotonic() - began) * 1000)
        earned = school.believed(learner)
        holds = earned["pending"] <= passed_ms and earned["final"] == 0 and exam_ms(school, learner) == 0
        codes = ", ".join(sorted(school.refusals(learner))) or "nothing to refuse"
        soak.say(cheat, holds, f"{earned['pending'] / 1000:.3f} s pending after {passed_ms / 1000:.1f} s ({codes})")


def forgeries(soak: Soak, school: School, handset: Phone, whole_ms: int) -> None:
    """Ten honest seconds, then forged statements of the page's own key and a second tab."""
    learner = school.a_learner()
    sent = forge_three_times(school, handset, learner, after_s=10, whole_ms=whole_ms)
    soak.say(
        "forged statements signed by the page's own key",
        sent.after == sent.before,
        f"{sent.before['pending'] / 1000:.3f} s before, {sent.after['pending'] / 1000:.3f} s after",
    )
    second = Phone(handset.page.context.new_page())
    second.open_lesson(school.base, school.unit_id)
    second.play()
    go_on(handset)  # it hears that it was superseded as soon as it plays
    handset.page.wait_for_selector("[data-cover]:not([hidden])", timeout=30_000)
    play_to(second, 15)
    press_pause(second)
    second.page.wait_for_timeout(1000)
    both, at_ms = school.believed(learner)["pending"], second.position_s() * 1000
    soak.say("two tabs", both <= at_ms + 100, f"{both / 1000:.3f} s for both at {at_ms / 1000:.3f} s of the lesson")
    go_on(second)
    second.page.wait_for_timeout(1000)
    second.page.click("[data-do=confirm]")
    second.wait_for_check(timeout_s=20)
    before = school.believed(learner)
    second.answer_check(questions(whole_ms))
    final, read = school.believed(learner)["final"], exam_ms(school, learner)
    soak.say(
        "every cheat, then a passed check",
        final == read and abs(final - sum(before.values())) <= 2000,
        f"the exam system reads {read / 1000:.3f} s, all of it played at normal speed",
    )


def honest_and_dishonest(soak: Soak, school: School, open_phone: Callable[[], Phone], seconds: int) -> None:
    """One worker watches the whole lesson while others cheat beside it."""
    whole_ms = seconds * 1000
    honest, worker = open_phone(), school.a_learner()
    start(school, honest, worker)
    console_cheats(soak, school, open_phone)
    said = watch_to_the_end(school, honest, worker, whole_ms=whole_ms)
    read = require_whole_lesson_at_the_exam_system(school, worker, whole_ms=whole_ms)
    soak.say(
        f"{seconds} s at normal speed",
        len(said) == 1,
        f"{len(said)} check; the exam system reads {read / 1000:.3f} s, signature verifies; the phone: {said[-1]}",
    )
    forgeries(soak, school, open_phone(), whole_ms)


def kills(soak: Soak, school: School, open_phone: Callable[[], Phone], seconds: int) -> None:
    """Everything is killed in turn while one worker watches the whole lesson."""
    whole_ms = seconds * 1000
    survivor, handset = school.a_learner(), open_phone()
    acknowledged = kill_each_part_while_watching(school, handset, survivor, every_s=seconds / 6)
    watch_to_the_end(school, handset, survivor, whole_ms=whole_ms)
    read = require_whole_lesson_at_the_exam_system(school, survivor, whole_ms=whole_ms)
    soak.say(
        "kill -9 of PostgreSQL, Valkey, worker, web processes, server",
        read >= acknowledged,
        f"the exam system reads {read / 1000:.3f} s; {acknowledged / 1000:.3f} s had been acknowledged",
    )


def sound_ledgers(soak: Soak, school: School) -> None:
    school.require_sound_ledgers()
    checked = school.product.run("ledger", "check").strip()
    soak.say("ledger check", checked == "0 differences", checked)


def laws(soak: Soak) -> None:
    """The properties of the model, ten times over."""
    began = time.monotonic()
    tests = [sys.executable, "-m", "pytest", "tests/tracking/pure", "-q", "-p", "no:cacheprovider"]
    told = subprocess.run(
        tests, env={**os.environ, "ELEARN_STREAMS": "10"}, capture_output=True, text=True, check=False
    )
    last = told.stdout.strip().splitlines()[-1] if told.stdout.strip() else told.stderr[-200:]
    soak.say(
        "laws of the model, ten times as many streams",
        told.returncode == 0,
        f"{last} ({time.monotonic() - began:.0f} s)",
    )


def go(seconds: int, only: str | None) -> int:
    path = browser.find_chromium()
    if path is None:
        sys.stderr.write("no Chromium here: run python -m tests.prepare\n")
        return 1
    soak = Soak()
    with tempfile.TemporaryDirectory(prefix="elearn-soak-") as place, ExitStack() as stack:
        where = Path(place)
        where.chmod(0o755)  # the database's user must be able to pass through
        opened = stack.enter_context(browser.chromium(path))

        def open_phone() -> Phone:
            return stack.enter_context(browser.phone(opened, language="en"))

        if only in (None, "watching", "kills"):
            packaged = packaged_recording(where, seconds)
            soak.say("lesson", True, f"{seconds} s packaged and encrypted")
            with a_running_school(where, scale=1, packaged=packaged) as school:
                if only != "kills":
                    honest_and_dishonest(soak, school, open_phone, seconds)
                if only != "watching":
                    kills(soak, school, open_phone, seconds)
                sound_ledgers(soak, school)
        if only in (None, "networks"):
            long = where / "long"
            long.mkdir(mode=0o755)
            with a_running_school(long, scale=1, packaged=package_short(long, seconds=LESSON_S)) as school:
                bad_networks(soak.say, school, opened)
                sound_ledgers(soak, school)
    if only in (None, "laws"):
        laws(soak)
    return 1 if soak.broken else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=90)
    parser.add_argument("--only", choices=("watching", "kills", "networks", "laws"), help="one part instead of all")
    asked = parser.parse_args()
    return go(asked.seconds, asked.only)


if __name__ == "__main__":
    raise SystemExit(main())
