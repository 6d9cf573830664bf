"""Face checks: consent, the task before the camera, replays, and where the enrolled picture never goes."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from elearn.demo.scripted_player import ScriptedPlayer
from elearn.errors import Conflict, Malformed, NotFound
from elearn.people import persons
from elearn.tracking.ledger_check import check_ledger
from elearn.tracking.providers import face
from elearn.tracking.providers.pictures import NEAR, dhash, distance
from tests.addresses import guessed
from tests.builders_people import KEYS
from tests.builders_tracking import RIGHT, Watchable
from tests.conftest import scalar
from tests.tracking.presence.asking import ask, asked, outcome, send
from tests.tracking.presence.conftest import Allow
from tests.tracking.presence.pictures import a_portrait
from tests.tracking.presence.services import FakeService

AT = datetime(2026, 7, 1, tzinfo=UTC)
YES = {"same_person": True, "did_task": True}
portrait = cache(a_portrait)


@pytest.fixture(autouse=True)
def _enrolled(player: ScriptedPlayer, session: Session, lesson: Watchable, allow: Allow, gateway: FakeService) -> None:
    face.enrol(session, lesson.learner_id, portrait(1), words=face.CONSENT, keys=KEYS, at=AT)
    gateway.reply = lambda body: (200, YES)
    allow("face", "question")


def task_of(player: ScriptedPlayer, check: dict[str, Any]) -> dict[str, Any]:
    got = player.call("POST", player.at(f"/checks/{check['id']}/task"), {})
    assert got.status == 200, got.body
    task: dict[str, Any] = got.json()["task"]
    return task


def shown(*seeds: int) -> list[str]:
    return [b64encode(portrait(seed)).decode() for seed in seeds]


def test_the_right_face_doing_the_task_makes_pending_final(
    player: ScriptedPlayer, gateway: FakeService, session: Session
) -> None:
    check = asked(player)
    assert set(check) == {"id", "kind", "task_ms", "answer_ms", "deadline_ms", "tries_left", "methods"}
    task = task_of(player, check)
    assert outcome(player, check, images=shown(2, 3)) == "passed"
    [sent] = gateway.heard
    assert sent == {"enrolled": shown(1)[0], "images": shown(2, 3), "task": task}
    assert gateway.signed()
    assert check_ledger(session) == []
    left = "SELECT string_agg(receiver || ': ' || what, ', ' ORDER BY what) FROM elearn.disclosure"
    assert scalar(session, left) == "127.0.0.1: enrolled face picture, 127.0.0.1: face pictures"


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("somebody else", {"same_person": False, "did_task": True}),
        ("did not do the task", {"same_person": True, "did_task": False}),
    ],
)
def test_what_the_service_does_not_see_is_a_wrong_try(
    player: ScriptedPlayer, gateway: FakeService, rule: str, verdict: dict[str, bool]
) -> None:
    gateway.reply = lambda body: (200, verdict)
    check = asked(player)
    task_of(player, check)
    assert outcome(player, check, images=shown(2)) == "try_again", rule
    assert outcome(player, check, images=shown(2)) == "try_again", "the same again is the same try"
    assert send(player, check, images=shown(3)).json()["error"] == "no_task", "another try has a task of its own"
    task_of(player, check)
    gateway.reply = lambda body: (200, YES)
    assert outcome(player, check, images=shown(3)) == "passed"


def test_the_task_is_drawn_only_when_asked_for_and_then_stays(player: ScriptedPlayer, session: Session) -> None:
    check = asked(player)
    assert scalar(session, "SELECT challenge->'tasks' FROM elearn.presence_check") == []
    task = task_of(player, check)
    assert [task_of(player, check) for _ in range(8)] == [task] * 8
    assert task["do"] in ("read", "turn")


def test_a_picture_without_a_task_costs_no_try(player: ScriptedPlayer) -> None:
    check = asked(player)
    assert send(player, check, images=shown(2)).json()["error"] == "no_task"
    assert asked(player)["tries_left"] == 2


def test_a_picture_that_comes_long_after_the_task_is_a_wrong_try(player: ScriptedPlayer) -> None:
    check = asked(player)
    task_of(player, check)
    player.pass_time(20_001)
    assert outcome(player, check, images=shown(2)) == "try_again"


@pytest.mark.parametrize(
    ("rule", "picture"),
    [
        ("the enrolled picture itself", portrait(1)),
        ("with other lowest bits", portrait(1, low_bits=5)),
        ("compressed again, hard", portrait(1, quality=25)),
        ("one of the check before", portrait(2)),
        ("that one, compressed again", portrait(2, quality=20)),
    ],
)
def test_a_replayed_picture_never_reaches_the_service(
    player: ScriptedPlayer, gateway: FakeService, session: Session, rule: str, picture: bytes
) -> None:
    first = asked(player)
    task_of(player, first)
    assert outcome(player, first, images=shown(2)) == "passed"
    player.play(15_000)
    check = asked(player)
    task_of(player, check)
    replayed = [b64encode(one).decode() for one in (portrait(4), picture)]
    assert outcome(player, check, images=replayed) == "try_again", rule
    assert len(gateway.heard) == 1, rule
    nearest = scalar(
        session, "SELECT challenge->'looks'->0->'nearest' FROM elearn.presence_check WHERE outcome IS NULL"
    )
    assert isinstance(nearest, int)
    assert nearest <= NEAR


def test_who_tries_again_at_once_rightly_looks_the_same(player: ScriptedPlayer, gateway: FakeService) -> None:
    gateway.reply = lambda body: (200, {"same_person": True, "did_task": False})
    check = asked(player)
    task_of(player, check)
    assert outcome(player, check, images=shown(2)) == "try_again"
    gateway.reply = lambda body: (200, YES)
    task_of(player, check)
    assert outcome(player, check, images=[b64encode(portrait(2, low_bits=9)).decode()]) == "passed"


@pytest.mark.parametrize(("apart", "same"), [(0, True), (24, True), (25, False), (256, False)])
def test_pictures_up_to_24_of_256_bits_apart_are_the_same(
    player: ScriptedPlayer, gateway: FakeService, monkeypatch: pytest.MonkeyPatch, apart: int, same: bool
) -> None:
    prints = iter([0, (1 << apart) - 1, (1 << apart) - 1])
    monkeypatch.setattr(face, "dhash", lambda jpeg: next(prints))
    check = asked(player)
    task_of(player, check)
    assert outcome(player, check, images=shown(2)) == ("try_again" if same else "passed")


def test_a_dhash_knows_a_picture_again_and_tells_others_apart() -> None:
    hashes = [dhash(portrait(seed)) for seed in range(1, 6)]
    assert all(distance(one, other) > NEAR for place, one in enumerate(hashes) for other in hashes[:place])
    assert distance(dhash(portrait(1, quality=25)), hashes[0]) <= NEAR
    assert distance(dhash(portrait(1, dx=25)), hashes[0]) > NEAR


HUGE = bytearray(portrait(1))
HUGE[HUGE.index(b"\xff\xc0") + 5 : HUGE.index(b"\xff\xc0") + 9] = b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    "picture",
    ["", "%%%", b64encode(b"no picture").decode(), b64encode(b"\xff\xd8\xff\xe0 cut").decode(),
     b64encode(bytes(HUGE)).decode(), "A" * 300_000],
)  # fmt: skip
def test_what_is_no_picture_costs_no_try(player: ScriptedPlayer, picture: str) -> None:
    check = asked(player)
    task_of(player, check)
    got = send(player, check, images=[picture])
    assert (got.status, got.json()["error"]) == (400, "image")
    assert asked(player)["tries_left"] == 2


@pytest.mark.parametrize(
    "reply", [(500, {}), (0, {}), (200, {"same_person": True}), (200, {"same_person": 1, "did_task": 1})]
)
def test_a_service_that_fails_costs_nothing(
    player: ScriptedPlayer, gateway: FakeService, reply: tuple[int, dict[str, Any]]
) -> None:
    gateway.reply = lambda body: reply
    check = asked(player)
    task_of(player, check)
    got = send(player, check, images=shown(2))
    assert (got.status, got.json()["error"]) == (409, "service_down")
    told = player.look()
    assert (told["held"], told["pending_ms"]) == (False, 45_000)
    assert player.answer(asked(player), RIGHT)["outcome"] == "passed"


def test_a_question_has_no_task(player: ScriptedPlayer) -> None:
    check = asked(player, "question")
    got = player.call("POST", player.at(f"/checks/{check['id']}/task"), {})
    assert (got.status, got.json()["error"]) == (409, "nothing_more")


# -- consent


def test_without_explicit_consent_nothing_is_enrolled(session: Session, lesson: Watchable) -> None:
    face.withdraw_consent(session, lesson.learner_id, at=AT)
    with pytest.raises(Malformed, match="consent"):
        face.enrol(session, lesson.learner_id, portrait(1), words=" ", keys=KEYS, at=AT)
    with pytest.raises(NotFound):
        face.withdraw_consent(session, lesson.learner_id, at=AT)


def test_withdrawing_deletes_the_picture_and_keeps_that_there_was_consent(
    player: ScriptedPlayer, session: Session, lesson: Watchable
) -> None:
    face.withdraw_consent(session, lesson.learner_id, at=AT)
    kept = scalar(session, "SELECT to_jsonb(f)::text FROM elearn.face_enrolment f")
    assert '"image_sealed": null' in str(kept)
    assert "sha256:" in str(kept)
    assert asked(player)["kind"] == "question"


def test_a_picture_is_not_enrolled_over_another(session: Session, lesson: Watchable) -> None:
    with pytest.raises(Conflict):
        face.enrol(session, lesson.learner_id, portrait(2), words=face.CONSENT, keys=KEYS, at=AT)


def test_erasing_a_person_makes_picture_and_prints_unreadable(
    player: ScriptedPlayer, session: Session, lesson: Watchable
) -> None:
    check = asked(player)
    task_of(player, check)
    outcome(player, check, images=shown(2))
    persons.erase_person(session, lesson.learner_id, at=AT)
    enrolment = face.enrolment_of(session, lesson.learner_id)
    assert enrolment is not None
    assert enrolment.image_sealed is not None
    with pytest.raises(Exception, match="erased"):
        face._nearest(session, KEYS, enrolment, [portrait(3)], before=AT)


def test_the_enrolled_picture_is_sealed_and_no_route_gives_it_out(
    app: Flask, player: ScriptedPlayer, session: Session, lesson: Watchable
) -> None:
    """Every address of the product that takes GET, and every answer of a check, as the learner and as nobody."""
    check = asked(player)
    task_of(player, check)
    answers = [ask(player).body, send(player, check, images=shown(2)).body, ask(player, "face").body]
    ids = {
        "sitting_id": player.opened["sid"],
        "unit_id": lesson.unit_id,
        "check_id": check["id"],
        "class_id": lesson.class_id,
        "course_id": lesson.course_id,
        "learner_id": lesson.learner_id,
        "person_id": lesson.learner_id,
        "lesson_id": lesson.unit_id,
    }
    walked = 0
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or not rule.endpoint.startswith("elearn") or "health" in rule.endpoint:
            continue
        values = {
            name: ids.get(name) or guessed(rule, name, 0 if name == "index" else lesson.learner_id)
            for name in rule.arguments
        }
        path = app.url_map.bind("localhost").build(rule.endpoint, values)
        answers.append(player.call("GET", path).body)
        walked += 1
    assert walked > 30
    enrolment = face.enrolment_of(session, lesson.learner_id)
    assert enrolment is not None
    sealed = bytes(enrolment.image_sealed or b"")
    middle = portrait(1)[200:260]
    assert middle not in sealed
    for body in answers:
        assert middle not in body
        assert shown(1)[0][400:460].encode() not in body
        assert sealed[40:80] not in body
        assert b64encode(sealed)[40:80] not in body
