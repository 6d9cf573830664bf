"""What came with statements is kept once, and given out with those that it came with (Communication 1.5, 2.1.3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from elearn.tracking.lrs.statements import attachments, multipart, store
from tests.builders_lrs import a_multipart, a_part, a_statement, an_attachment
from tests.tracking.lrs.communication.attached import DATA, OTHER, URL, Take, hashed, sha256, with_one

AT = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


@pytest.fixture
def keep(take: Take, session: Session) -> Callable[..., list[store.Outcome]]:
    """Takes a request, stores its statements at `AT` and what came with them; answers what became of each."""

    def keep(what: Any, *parts: bytes) -> list[store.Outcome]:
        batch, incoming = take(a_multipart(what, *parts))
        outcomes = store.insert(session, batch, stored_at=AT, authority=None)
        attachments.keep(session, batch, outcomes, incoming.parts)
        return outcomes

    return keep


Keep = Callable[..., list[store.Outcome]]


def places(outcomes: list[store.Outcome]) -> list[tuple[datetime, UUID]]:
    return [(outcome.stored_at, outcome.id) for outcome in outcomes]


def count(session: Session, table: str) -> int:
    return int(session.execute(sa.text(f"SELECT count(*) FROM elearn.{table}")).scalar_one())


def test_what_came_with_a_statement_is_given_out_with_it(keep: Keep, session: Session) -> None:
    odd = bytes(range(256)) + b"\r\n--b0undary"[:-1]
    small = hashed("sha224")
    sent = a_statement(
        attachments=[
            an_attachment(odd, contentType="image/png"),
            an_attachment(OTHER, fileUrl=URL),
            an_attachment(DATA, sha2=small.upper()),
        ]
    )
    kept = keep(sent, a_part(DATA, X_Experience_API_Hash=small), a_part(odd, Content_Type="image/png"))
    assert attachments.of(session, places(kept)) == [
        multipart.Content(sha256(odd), "image/png", odd),
        multipart.Content(small, "text/plain", DATA),
    ]


def test_a_content_lies_once_in_the_store_and_once_in_an_answer(keep: Keep, session: Session) -> None:
    kept = keep([with_one(), a_statement(attachments=[an_attachment(DATA), an_attachment(DATA)])], a_part(DATA))
    kept += keep(with_one(), a_part(DATA))
    assert count(session, "attachment_content") == 1
    assert [content.data for content in attachments.of(session, places(kept))] == [DATA]
    assert [content.data for content in attachments.of(session, places(kept)[2:])] == [DATA]


def test_naming_the_hash_of_somebody_elses_file_gives_nothing(keep: Keep, session: Session) -> None:
    keep(with_one(), a_part(DATA))
    thief = keep(with_one(fileUrl=URL))
    assert attachments.of(session, places(thief)) == []


def test_a_statement_that_was_there_keeps_what_it_came_with(keep: Keep, session: Session) -> None:
    sent = with_one(fileUrl=URL)
    first = keep(sent)
    again = keep(sent, a_part(DATA))
    assert isinstance(again[0], store.Duplicate)
    assert attachments.of(session, places(first)) == []
    assert count(session, "attachment_content") == 0


def test_nothing_is_asked_or_written_for_statements_without_attachments(keep: Keep, session: Session) -> None:
    kept = keep([a_statement(), a_statement()])
    assert attachments.of(session, places(kept)) == []
    assert attachments.of(session, []) == []
    assert attachments.fitting(session, []) == 0
    assert attachments.fitting(session, places(kept)) == 2


def test_a_type_that_no_header_can_say_is_left_out(keep: Keep, session: Session) -> None:
    kind = 'text/plain; name="\u8bfe"'
    kept = keep(with_one(contentType=kind), a_part(DATA, Content_Type=None))
    found = attachments.of(session, places(kept))
    assert [content.content_type for content in found] == [""]
    assert b"Content-Type: \r\n" not in multipart.write(b"{}", found)[0]


def test_an_answer_ends_before_its_contents_are_too_many_but_holds_one_statement(
    keep: Keep, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [bytes([letter]) * 10 for letter in b"abc"]
    batch = [with_one(contents[0]), with_one(contents[0]), a_statement(), with_one(contents[1]), with_one(contents[2])]
    kept = places(keep(batch, *(a_part(content) for content in contents)))
    for most, fitting in ((30, 5), (29, 4), (20, 4), (19, 3), (10, 3), (9, 1), (0, 1)):
        monkeypatch.setattr(attachments, "MAX_ANSWER_BYTES", most)
        assert attachments.fitting(session, kept) == fitting, most
    assert attachments.fitting(session, kept[2:4]) == 1


def test_an_answer_carries_what_a_request_brought(keep: Keep, take: Take, session: Session) -> None:
    sent = with_one()
    kept = keep(sent, a_part(DATA))
    sent["id"] = str(uuid4())
    body, content_type = multipart.write(json.dumps(sent).encode(), attachments.of(session, places(kept)))
    _, incoming = take(body, content_type)
    assert list(incoming.contents.values()) == [DATA]


@pytest.mark.parametrize("table", ["statement_attachment", "attachment_content"])
@pytest.mark.parametrize("change", ["UPDATE elearn.{} SET sha2 = 'x'", "DELETE FROM elearn.{}"])
def test_what_was_attached_is_never_changed(keep: Keep, session: Session, table: str, change: str) -> None:
    keep(with_one(), a_part(DATA))
    with pytest.raises(IntegrityError, match="append-only"):
        session.execute(sa.text(change.format(table)))
