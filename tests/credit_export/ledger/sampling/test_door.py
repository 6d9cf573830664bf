"""The door of raw evidence: to whom it opens, for which leaves, and what is written down."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from elearn.credit_export.exam_system.order_commands import command as order
from elearn.credit_export.exam_system.receivers import SCOPES, add_receiver
from elearn.credit_export.ledger import block_evidence
from elearn.credit_export.ledger.evidence_files import MinuteTree
from elearn.credit_export.ledger.sampling import is_drawn
from elearn.credit_export.ledger_check import check_hours
from elearn.errors import NotFound
from elearn.tracking.lrs.access.limits import Pace
from tests.credit_export.ledger.sampling.an_authority import Authority

LOG = "/evidence/2026"


def draw(authority: Authority, size: int) -> Any:
    return authority.ask("POST", LOG, json={"size": size})


def size_of(authority: Authority) -> int:
    return int(authority.session.scalar(sa.text("SELECT max(size) FROM elearn.ledger_checkpoint")) or 0)


def only(authority: Authority, percent: str) -> None:
    parts = authority.app.extensions["elearn"]
    parts.settings = dataclasses.replace(parts.settings, ledger_sample_per_million=int(Fraction(percent) * 10_000))


def test_a_draw_begins_where_the_one_before_ended_and_is_the_same_when_asked_again(authority: Authority) -> None:
    authority.watched()
    first = size_of(authority)
    told = draw(authority, first).json
    assert [(one["from"], one["to"], one["per_million"]) for one in told["draws"]] == [(0, first, 1_000_000)]
    authority.watched()
    second = size_of(authority)
    only(authority, "2")
    told = draw(authority, second).json
    assert [(one["from"], one["to"], one["per_million"]) for one in told["draws"]] == [
        (0, first, 1_000_000), (first, second, 20_000),
    ]  # fmt: skip
    assert draw(authority, first).json == draw(authority, second).json == told
    assert len(told["draws"]) == authority.session.scalar(sa.text("SELECT count(*) FROM elearn.evidence_draw"))


def test_checkpoints_that_were_passed_over_or_never_published_draw_nothing(authority: Authority) -> None:
    authority.watched()
    first = size_of(authority)
    authority.watched()
    assert draw(authority, size_of(authority)).status_code == 200
    answer = draw(authority, first)
    assert (answer.status_code, answer.json["error"]) == (409, "drawn_before")
    answer = draw(authority, first + 1)
    assert (answer.status_code, answer.json["error"]) == (404, "no_checkpoint")


def test_only_what_the_root_draws_is_given_and_all_else_is_answered_alike(authority: Authority) -> None:
    authority.watched()
    for _ in range(3):
        authority.watched(15_000)
    only(authority, "40")
    root = bytes.fromhex(draw(authority, size_of(authority)).json["draws"][0]["root"])
    given = {index: authority.ask("GET", f"{LOG}/{index}").status_code for index in range(size_of(authority))}
    credits = authority.credits()
    assert given == {index: 200 if index in credits and is_drawn(root, index, Fraction(40)) else 404 for index in given}
    told = {authority.ask("GET", f"{LOG}/{index}").get_data() for index in (0, 10**17)}
    assert len(told) == 1


def test_what_was_not_drawn_may_be_ordered_with_a_reason_that_is_kept(authority: Authority) -> None:
    authority.watched()
    [index] = authority.credits()
    only(authority, "0.0001")
    assert authority.ask("GET", f"{LOG}/{index}").status_code == 404
    with authority.app.app_context():
        done = CliRunner().invoke(order, [authority.who.client_id, "2026", str(index), "--reason", "No. 17"])
    assert done.exit_code == 0, done.output
    assert authority.ask("GET", f"{LOG}/{index}").status_code == 200
    kept = authority.session.execute(sa.text("SELECT reason, ordered_by IS NOT NULL FROM elearn.evidence_draw")).one()
    assert tuple(kept) == ("No. 17", True)
    assert draw(authority, size_of(authority)).json["orders"][0]["from"] == index
    with authority.app.app_context():
        done = CliRunner().invoke(order, [authority.who.client_id, "2026", "99", "--reason", "x"])
    assert isinstance(done.exception, NotFound)
    with authority.app.app_context():
        done = CliRunner().invoke(order, [authority.who.client_id, "2026", "0", "--reason", "a leaf that is no credit"])
    assert isinstance(done.exception, NotFound)


def test_another_authority_has_draws_of_its_own(authority: Authority) -> None:
    authority.watched()
    size = size_of(authority)
    draw(authority, size)
    other = add_receiver(
        authority.session, name="x", outlines=[str(authority.session.scalar(sa.text("SELECT min(code) FROM outline")))],
        scopes=["evidence.read"], made_at=authority.app.extensions["elearn"].clock(),
    )  # fmt: skip
    authority.session.commit()
    authority.who = other
    assert authority.ask("GET", f"{LOG}/{authority.credits()[0]}").status_code == 404


BAD: list[tuple[str, object, int]] = [
    (LOG, {"size": 0}, 400),
    (LOG, {"size": "all"}, 400),
    (LOG, {}, 400),
    (LOG, {"size": 1, "percent": 100}, 400),
    (LOG, [], 400),
    ("/evidence/everything", {"size": 1}, 404),
    ("/evidence/2026-0", {"size": 1}, 404),
    ("/evidence/1999", {"size": 1}, 404),
    (f"{LOG}/x", None, 404),
    (f"{LOG}/-1", None, 404),
    (f"{LOG}/01", None, 404),
    (f"{LOG}/{'9' * 30}", None, 404),
]


def test_what_cannot_be_read_is_refused_in_both_languages(authority: Authority) -> None:
    for path, body, status in BAD:
        method = "GET" if body is None else "POST"
        told = set()
        for language in ("zh", "en"):
            asked: dict[str, Any] = {} if body is None else {"json": body}
            answer = authority.ask(method, f"{path}?lang={language}", **asked)
            assert answer.status_code == status, (path, body)
            told.add(answer.json["detail"])
        assert len(told) == 2, (path, body)


def test_it_opens_to_the_scope_alone_and_nobody_has_that_by_default(authority: Authority) -> None:
    assert "evidence.read" not in SCOPES
    client = authority.app.test_client()
    assert client.get(f"/exam/v1{LOG}/0").status_code == 401
    other = add_receiver(
        authority.session, name="x", outlines=[str(authority.session.scalar(sa.text("SELECT min(code) FROM outline")))],
        scopes=SCOPES, made_at=authority.app.extensions["elearn"].clock(),
    )  # fmt: skip
    authority.session.commit()
    form = {"grant_type": "client_credentials"}
    token: Any = client.post("/exam/v1/token", data=form, auth=(other.client_id, other.secret)).json
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert client.get(f"/exam/v1{LOG}/0", headers=headers).status_code == 403
    asked = {**form, "scope": "evidence.read"}
    assert client.post("/exam/v1/token", data=asked, auth=(other.client_id, other.secret)).status_code == 400


def test_every_question_is_written_down_and_every_answer_is_a_disclosure(authority: Authority) -> None:
    lesson, _ = authority.watched()
    draw(authority, size_of(authority))
    [index] = authority.credits()
    authority.ask("GET", f"{LOG}/0")
    authority.ask("GET", f"{LOG}/{index}")
    rows = authority.session.execute(sa.text("SELECT door, person_id FROM elearn.exam_query ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [
        ("evidence 2026", None), ("evidence 2026/0", None), (f"evidence 2026/{index}", lesson.learner_id),
    ]  # fmt: skip
    told = authority.session.execute(
        sa.text("SELECT what, reason FROM elearn.disclosure WHERE person_id = :person ORDER BY what"),
        {"person": lesson.learner_id},
    ).all()
    assert [tuple(row) for row in told] == [
        ("key in the log", f"evidence 2026/{index}"), ("reports of watching", f"evidence 2026/{index}"),
    ]  # fmt: skip


def test_no_name_and_no_number_of_a_person_is_in_it(authority: Authority) -> None:
    lesson, _ = authority.watched()
    draw(authority, size_of(authority))
    text = authority.ask("GET", f"{LOG}/{authority.credits()[0]}").get_data(as_text=True)
    person = authority.session.execute(
        sa.text("SELECT name FROM elearn.person WHERE id = :person"), {"person": lesson.learner_id}
    ).one()
    assert person.name not in text
    assert set(json.loads(text)) == set(block_evidence.BlockEvidence.__struct_fields__)
    assert "document" not in text
    assert "phone" not in text


def test_who_asks_too_fast_is_told_when_to_go_on(authority: Authority) -> None:
    authority.app.extensions["elearn"].kept["exam.evidence_pace"] = Pace(1)
    answers = [authority.ask("GET", f"{LOG}/0", hurry=True) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert (answers[-1].json["error"], answers[-1].headers["Retry-After"]) == ("too_many", "1")


def test_the_tree_of_a_minute_is_kept_while_it_leads_where_the_log_says(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    honest = MinuteTree.of.__func__  # type: ignore[attr-defined]

    def counted(cls: type[MinuteTree], *given: Any) -> MinuteTree:
        made.append(given)
        return honest(cls, *given)  # type: ignore[no-any-return]

    monkeypatch.setattr(MinuteTree, "of", classmethod(counted))
    authority.watched()
    draw(authority, size_of(authority))
    path = f"{LOG}/{authority.credits()[0]}"
    first = authority.ask("GET", path).get_data()
    assert authority.ask("GET", path).get_data() == first
    assert len(made) == 1


def test_ledger_check_names_draws_that_were_changed(authority: Authority) -> None:
    authority.watched()
    draw(authority, size_of(authority))
    session = authority.session
    assert [one for one in check_hours(session) if one.where == "evidence_draw"] == []
    session.execute(sa.text("ALTER TABLE elearn.evidence_draw DISABLE TRIGGER USER"))
    for deed, said in (("root = sha256(root)", "no published checkpoint"), ("from_index = 1", "begins at 1")):
        with session.begin_nested() as done:
            session.execute(sa.text(f"UPDATE elearn.evidence_draw SET {deed}"))
            found = [str(one) for one in check_hours(session) if one.where == "evidence_draw"]
            assert (len(found), said in found[0]) == (1, True), found
            done.rollback()
