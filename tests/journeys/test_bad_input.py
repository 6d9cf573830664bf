"""What a dishonest client sends to a real server over HTTP: refused, stored as evidence, worth nothing."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime

import pytest

from elearn.demo.scripted_player import Refused, ScriptedPlayer, claim_of
from elearn.tracking.lrs.access import credentials
from tests.journeys.school import School, right_answers

pytestmark = [pytest.mark.xdist_group("teaching")]

NOTHING = {"pending": 0, "final": 0}


def sleeping(ms: int) -> None:
    time.sleep(ms / 1000)


@pytest.fixture
def player(school: School) -> ScriptedPlayer:
    """A learner with an open sitting of five minutes and its first key; it really waits while it plays."""
    made = school.player(school.a_learner(), wait=sleeping)
    made.open(school.long_unit_id)
    assert made.have_key()
    return made


def test_one_forged_request_for_a_whole_lesson_earns_nothing(school: School) -> None:
    learner = school.a_learner()
    player = school.player(learner)
    player.open(school.long_unit_id)
    player.make("end", a=0, b=300_000, play=300_000)
    assert player.flush()["results"][0]["outcome"] == "refused"
    assert school.believed(learner) == NOTHING
    assert school.exam_record(learner)["record"]["hours"]["online_theory_ms"] == 0


def test_another_learner_s_sitting_is_closed(school: School, player: ScriptedPlayer) -> None:
    thief_of = school.a_learner()
    thief = school.player(thief_of)
    thief.open(school.long_unit_id)
    thief.make(a=0, b=1000, play=1000)
    stolen = player.at("/reports")
    for token in (player.opened["token"], thief.opened["token"]):
        got = thief.call("POST", stolen, thief.message() | {"sid": player.sid}, X_Sitting=token)
        assert got.status == 403
    assert thief.call("GET", player.at("/keys/0")).status in (403, 404)
    assert thief.call("POST", player.at("/close"), {}).status == 403
    assert player.look()["ended"] is None
    assert school.believed(thief_of) == NOTHING


def test_a_replayed_report_counts_once_and_an_altered_one_not_at_all(school: School) -> None:
    learner = school.a_learner()
    player = school.player(learner, wait=sleeping)
    player.open(school.long_unit_id)
    assert player.have_key()
    player.play(1_500)
    message = player.message([player.make(a=player.position_ms, b=player.position_ms, play=0)])
    player.deliver(message)
    earned = school.believed(learner)
    assert earned["pending"] == 1_500
    told = player.deliver(message)
    assert told["results"][0]["outcome"] == "ignored"
    (sent,) = message["reports"]
    changed = json.loads(sent["statement"])
    changed["result"]["extensions"]["urn:elearn:xapi:report"]["b"] = 300_000
    altered = message | {"reports": [{**sent, "statement": json.dumps(changed)}]}
    assert player.deliver(altered)["results"][0]["outcome"] == "refused"
    assert "BAD_SIGNATURE" in school.refusals(learner)
    # Signed anew by the device itself, under a number and an id that are used up:
    assert player.deliver(player.message([json.dumps(changed)]))["results"][0]["outcome"] in ("refused", "ignored")
    assert school.believed(learner) == earned
    assert claim_of(sent["statement"])["seq"] == 2


def test_keys_come_only_at_the_pace_of_watching_and_only_to_a_live_sitting(
    school: School, player: ScriptedPlayer
) -> None:
    early = [player.ask_key(index) for index in range(2, 10)]
    assert {answer.status for answer in early} == {425}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in early)
    assert player.ask_key(10).status == 403, "not of this lesson"
    player.close()
    closed = player.ask_key(1)
    assert (closed.status, closed.json()["error"]) == (403, "closed")


def test_statements_by_the_record_store_s_own_door_are_kept_and_never_count(school: School) -> None:
    learner = school.a_learner()
    player = school.player(learner, wait=sleeping)
    player.open(school.long_unit_id)
    assert player.have_key()
    with school.database() as session:
        credential, secret = credentials.create(
            session,
            label="a content server",
            scopes=["statements/write"],
            organisation_id=None,
            at=datetime.now(UTC),
            server_key=credentials.server_key(),
        )
        name = credential.key
        session.commit()
    player.pass_time(1_000)
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
    statement = player.make(a=0, b=1_000, play=1_000)
    stored = player.call(
        "POST",
        "/xapi/statements",
        raw=statement.encode(),
        Authorization=f"Basic {basic}",
        X_Experience_API_Version="1.0.3",
    )
    assert stored.status == 200
    assert school.believed(learner) == NOTHING


@pytest.mark.parametrize(
    ("what", "body", "statuses"),
    [
        ("ten megabytes", b'{"sid": "' + b"x" * 10_000_000 + b'"}', {413}),
        ("broken JSON", b'{"sid": ', {400}),
        ("not UTF-8", b'{"sid": "\xff"}', {400}),
        ("another shape", b"[1, 2, 3]", {400}),
        ("nothing", b"", {400}),
    ],
)
def test_bodies_that_cannot_be_read_are_refused_in_words(
    player: ScriptedPlayer, what: str, body: bytes, statuses: set[int]
) -> None:
    try:
        got = player.call("POST", player.at("/reports"), raw=body)
    except (BrokenPipeError, ConnectionResetError):
        # The server stopped reading what is far too large; that it lives on is seen below.
        assert what == "ten megabytes"
    else:
        assert got.status in statuses
        assert got.json()["detail"]
    assert player.look()["ended"] is None


def test_a_statement_without_actor_is_refused_and_its_sitting_goes_on(player: ScriptedPlayer) -> None:
    statement = json.loads(player.make(a=0, b=0, play=0))
    del statement["actor"]
    got = player.call("POST", player.at("/reports"), player.message([json.dumps(statement)]))
    assert got.status == 400
    assert "actor" in got.json()["detail"]
    player.queue.clear()
    assert player.look()["ended"] is None


def test_a_sitting_cannot_be_opened_by_somebody_outside_the_class(school: School) -> None:
    outsider = HttpClerk(school)
    with pytest.raises(Refused, match="403"):
        outsider.player.open(school.long_unit_id)


class HttpClerk:
    """The enterprise's clerk, who is in no class."""

    def __init__(self, school: School) -> None:
        learner = school.a_learner()
        who = school.sign_in_of("clerk")
        self.player = school.player(type(learner)(learner.person_id, who, learner.document))


def test_an_honest_minute_after_all_of_this_still_counts(school: School) -> None:
    learner = school.a_learner()
    player = school.player(learner, wait=sleeping)
    player.open(school.long_unit_id)
    player.make(a=0, b=300_000, play=300_000)
    player.flush()
    assert school.believed(learner) == NOTHING
    player.play(3_000)
    check = player.ask_check()
    told = player.answer(check, right_answers(check, 300_000))
    assert told["outcome"] == "passed"
    assert 2_900 <= school.believed(learner)["final"] <= 3_000
    assert school.exam_record(learner)["record"]["hours"]["online_theory_ms"] == school.believed(learner)["final"]
    school.require_sound_ledgers()
