"""A lesson of pages over HTTP: who reads earns all of it, and no more than the time since each page was shown."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.courses.page_images import Image
from elearn.courses.page_text import as_html
from elearn.demo.scripted_player import ScriptedPlayer
from elearn.tracking.ledger_check import check_ledger
from tests.builders_tracking import a_player, a_readable, a_watchable, fail_check, pass_check
from tests.conftest import ManualClock, scalar

MINUTE_MS = 60_000


def told_of(player: ScriptedPlayer, *reports: dict[str, Any]) -> list[dict[str, Any]]:
    """What becomes of these claims, made one after the other in one message."""
    for report in reports:
        player.make(**report)
    results: list[dict[str, Any]] = player.flush()["results"]
    return results


def codes(session: Session) -> list[str]:
    """The exact codes of everything that was refused, in order."""
    found: Any = scalar(
        session, "SELECT json_agg(one->>2 ORDER BY seq) FROM elearn.report, jsonb_array_elements(refused) AS one"
    )
    return found or []


def test_who_reads_every_page_earns_all_of_it(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 20_000, 45_000, 10_000)
    player = a_player(app, session, lesson.learner_id)
    opened = player.open(lesson.unit_id)
    assert opened["pages"] == [[0, 20_000], [20_000, 65_000], [65_000, 75_000]]
    assert (opened["duration_ms"], opened["page_idle_ms"]) == (75_000, 300_000)
    assert (opened["playlist"], opened["poster"], opened["licence_ms"]) == (None, None, 0)
    player.read(75_000)
    assert player.state["spans"]["pending"] == [[0, 75_000]]
    assert pass_check(player)["complete"]
    assert check_ledger(session) == []


def test_a_page_shows_its_title_and_its_text_as_harmless_html(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 20_000, 20_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    got = player.ask_page(0)
    assert got.json() == {
        "index": 0,
        "start_ms": 0,
        "end_ms": 20_000,
        "title": "第1页",
        "html": as_html("**要点** 1"),
        "image": None,
    }
    assert got.headers["cache-control"] == "no-store"


def test_pages_asked_for_all_at_once_open_one_by_one_as_they_are_read(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 20_000, 20_000, 20_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert [player.ask_page(index).status for index in range(3)] == [200, 425, 425]
    early = player.ask_page(1)
    assert (early.json()["error"], early.headers["retry-after"]) == ("too_early", "15")
    assert "html" not in early.json()
    player.pass_time(10 * MINUTE_MS)
    assert player.ask_page(1).status == 425, "time alone opens nothing: only reading that is believed does"
    player.read(20_000)
    assert [player.ask_page(index).status for index in (2, 1, 0)] == [425, 200, 200]


def test_keys_licences_and_playlists_of_pages_there_are_none(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 20_000, 20_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert player.ask_key(0).json()["error"] == "not_this_unit"
    assert player.call("POST", player.at("/licence"), {}).json()["error"] == "no_download"
    assert player.call("GET", player.at("/master.m3u8")).status == 404
    assert scalar(session, "SELECT count(*) FROM elearn.delivery") == 0


def test_a_video_has_no_pages(app: Flask, session: Session) -> None:
    lesson = a_watchable(session)
    player = a_player(app, session, lesson.learner_id)
    opened = player.open(lesson.unit_id)
    assert "pages" not in opened
    assert player.ask_page(0).json()["error"] == "not_this_unit"


def test_what_was_not_shown_in_this_sitting_counts_for_nothing(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 60_000, 60_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.pass_time(15_000)
    told = told_of(player, {"a": 0, "b": 15_000, "play": 15_000, "idle": 0})[0]
    assert (told["outcome"], told["class"], told["credited_ms"]) == ("refused", "device_problem", 0)
    player.read(30_000)
    player.open(lesson.unit_id)
    player.pass_time(15_000)
    assert told_of(player, {"a": 30_000, "b": 45_000, "play": 15_000, "idle": 0})[0]["credited_ms"] == 0
    assert codes(session)[-1] == "NOT_SHOWN", "shown before, but in another sitting"


def test_what_was_left_unspent_before_is_worth_nothing_on_a_fresh_page(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 20_000, 60_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.read(20_000)
    player.pass_time(MINUTE_MS)
    told_of(player, {"a": 20_000, "b": 20_000, "play": 0, "idle": 0})
    carry: Any = scalar(session, "SELECT carry_ms FROM elearn.sitting")
    assert carry > 30_000
    assert player.ask_page(1).status == 200
    player.pass_time(1_000)
    # As much as its own clock allows; without the page there would be 30 s to spend.
    told = told_of(player, {"a": 20_000, "b": 22_000, "play": 1_500, "idle": 0})[0]
    assert told["credited_ms"] == 1_010, "what a second since it was shown is worth"
    assert check_ledger(session) == []


def test_who_touches_nothing_is_counted_for_five_minutes(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 8 * MINUTE_MS)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert player.ask_page(0).status == 200
    for passed in range(15_000, 330_001, 15_000):
        player.pass_time(15_000)
        told_of(player, {"a": passed - 15_000, "b": passed, "play": 15_000, "idle": passed - 7_000})
    assert player.state["frontier_ms"] == 307_000, "the last touch was 7 s after the page was shown"
    assert set(codes(session)) == {"IDLE", "FORWARD_SEEK"}
    player.pass_time(15_000)
    told_of(player, {"a": 307_000, "b": 322_000, "play": 15_000, "idle": 2_000})
    assert player.state["frontier_ms"] == 322_000, "a touch, and it goes on"
    assert check_ledger(session) == []


def test_who_tells_of_no_touch_had_the_last_one_when_the_page_was_shown(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 8 * MINUTE_MS)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.read(7 * MINUTE_MS, idle=None)
    assert player.state["frontier_ms"] == 300_000


def test_a_hidden_page_counts_for_nothing(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 60_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.ask_page(0)
    player.pass_time(15_000)
    told = told_of(player, {"a": 0, "b": 15_000, "play": 15_000, "hidden": 5_000, "idle": 0})[0]
    assert (told["class"], told["credited_ms"]) == ("hidden", 0)


def test_a_report_across_a_border_counts_up_to_the_border(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 10_000, 20_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.ask_page(0)
    player.pass_time(15_000)
    told = told_of(player, {"a": 0, "b": 15_000, "play": 15_000, "idle": 0})[0]
    assert (told["outcome"], told["credited_ms"], told["class"]) == ("partly", 10_000, "device_problem")
    player.ask_page(1)
    player.pass_time(5_000)
    player.ask_page(0)
    player.pass_time(5_000)
    assert told_of(player, {"a": 10_000, "b": 15_000, "play": 5_000, "idle": 0})[0]["credited_ms"] == 0
    assert codes(session) == ["NOT_SHOWN", "NOT_SHOWN"]


def test_going_back_and_forth_earns_nothing_and_costs_nothing_of_what_was_read(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 20_000, 40_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.read(35_000)
    assert player.ask_page(0).status == 200
    player.pass_time(20_000)
    told = told_of(player, {"a": 0, "b": 20_000, "play": 20_000, "idle": 0})[0]
    assert (told["outcome"], told["credited_ms"]) == ("ignored", 0)
    player.read(25_000)
    assert player.state["spans"]["pending"] == [[0, 60_000]]


def test_leafing_through_pages_in_no_time_earns_no_time(app: Flask, session: Session, clock: ManualClock) -> None:
    lesson = a_readable(session, 20_000, 20_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.read(20_000)
    for _ in range(20):
        player.ask_page(1)
        player.ask_page(0)
        player.pass_time(900)
        player.make(a=20_000, b=20_900, play=900, idle=0)
        player.flush()
    assert player.state["frontier_ms"] == 20_000


def test_asking_again_for_the_page_that_is_shown_keeps_its_time(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 30_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.ask_page(0)
    player.pass_time(15_000)
    assert player.ask_page(0).status == 200
    assert told_of(player, {"a": 0, "b": 15_000, "play": 15_000, "idle": 0})[0]["credited_ms"] == 15_000
    assert scalar(session, "SELECT count(*) FROM elearn.page_view") == 1


def test_in_two_tabs_the_newer_one_reads(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 60_000)
    first = a_player(app, session, lesson.learner_id)
    first.open(lesson.unit_id)
    first.read(15_000)
    second = a_player(app, session, lesson.learner_id)
    second.open(lesson.unit_id)
    assert first.ask_page(0).json()["error"] == "playing_elsewhere"
    second.read(15_000)
    first.cm += 15_000
    told = told_of(first, {"a": 15_000, "b": 30_000, "play": 15_000, "idle": 0})[0]
    assert told["credited_ms"] == 0
    second.read(30_000)
    assert second.state["spans"]["pending"] == [[0, 60_000]]
    assert check_ledger(session) == []


def test_a_failed_check_takes_pages_back_and_they_may_be_read_again_at_once(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 20_000, 20_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.read(25_000)
    assert fail_check(player)["frontier_ms"] == 0
    assert player.ask_page(1).status == 200, "shown before: always again"
    pass_check(player)
    player.position_ms = 0
    player.read(40_000)
    assert player.state["spans"]["pending"] == [[0, 40_000]]
    assert check_ledger(session) == []


def test_reading_without_network_arrives_late_and_counts(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 5 * MINUTE_MS)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.ask_page(0)
    for start in range(0, 4 * MINUTE_MS, 15_000):
        player.pass_time(15_000)
        player.make(a=start, b=start + 15_000, play=15_000, idle=start + 15_000)
    told = player.flush()
    assert (told["frontier_ms"], told["results"][0]["late"]) == (4 * MINUTE_MS, True)


def test_a_page_is_read_at_rate_one_whatever_a_region_allows_for_videos(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 60_000)
    player = a_player(app, session, lesson.learner_id)
    assert player.open(lesson.unit_id)["rate_max_permille"] == 1_000


def test_the_picture_of_a_page_is_for_whom_the_page_was_shown_to(app: Flask, session: Session) -> None:
    lesson = a_readable(session, 20_000, 20_000, image=Image(b"as it was kept", "image/png"))
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    assert player.call("GET", player.at("/pages/0/image")).status == 404
    place = player.ask_page(0).json()["image"]
    got = player.call("GET", place)
    assert (got.status, got.body, got.headers["content-type"]) == (200, b"as it was kept", "image/png")
    assert player.call("GET", player.at("/pages/1/image")).status == 404
    other = a_player(app, session, a_readable(session, 20_000).learner_id)
    assert other.call("GET", player.at("/pages/0/image")).status == 404


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE elearn.page_view SET shown_ms = shown_ms - 60000 WHERE number = 2", "page seen by a verdict"),
        ("UPDATE elearn.page_view SET after_seq = 0 WHERE number = 2", "page seen by a verdict"),
        ("DELETE FROM elearn.page_view WHERE number = 1", "page seen by a verdict"),
        ("UPDATE elearn.report SET seen = seen - 'page' WHERE seq = 1", "page seen by a verdict"),
        ("DELETE FROM elearn.delivery WHERE block = 1", "page shown"),
    ],
)
def test_what_was_changed_of_showings_behind_our_back_is_named(
    app: Flask, session: Session, change: str, found: str
) -> None:
    lesson = a_readable(session, 20_000, 20_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.read(40_000)
    session.commit()
    assert check_ledger(session) == []
    for table in ("page_view", "report", "delivery"):
        session.execute(sa.text(f"ALTER TABLE elearn.{table} DISABLE TRIGGER USER"))  # as an insider would
    session.execute(sa.text(change))
    assert found in {difference.what for difference in check_ledger(session)}


@pytest.mark.parametrize("table", ["page_view", "unit_page"])
def test_what_was_shown_and_when_is_never_changed(app: Flask, session: Session, table: str) -> None:
    lesson = a_readable(session, 20_000)
    player = a_player(app, session, lesson.learner_id)
    player.open(lesson.unit_id)
    player.ask_page(0)
    with pytest.raises(IntegrityError):
        session.execute(sa.text(f"DELETE FROM elearn.{table}"))
