"""The links to further statements (Data 2.5): they hold the question, and are nobody else's to write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elearn.tracking.lrs.statements import more
from elearn.tracking.lrs.statements.asked import FORMATS, MAX_PAGE, Asked

KEY = b"k" * 32
AT = datetime(2026, 7, 1, 1, 0, 0, 123456, tzinfo=UTC)
PLACE = (AT, UUID("11111111-2222-4333-8444-555555555555"))
FULL = Asked(
    form="canonical",
    attachments=True,
    agent_key=uuid4(),
    authority_id=uuid4(),
    related_agents=True,
    verb_key=uuid4(),
    activity_key=uuid4(),
    related_activities=True,
    registration=uuid4(),
    since=AT - timedelta(days=9000),
    until=AT,
    ascending=True,
    limit=MAX_PAGE,
)

keys = st.none() | st.uuids()
moments = st.none() | st.datetimes(timezones=st.just(UTC))
questions = st.builds(
    Asked,
    form=st.sampled_from(FORMATS),
    attachments=st.booleans(),
    agent_key=keys,
    authority_id=keys,
    related_agents=st.booleans(),
    verb_key=keys,
    activity_key=keys,
    related_activities=st.booleans(),
    registration=keys,
    since=moments,
    until=moments,
    ascending=st.booleans(),
    limit=st.integers(1, MAX_PAGE),
)


@given(questions, st.datetimes(timezones=st.just(UTC)), st.uuids(), keys)
def test_what_is_written_is_read_with_its_place(
    asked: Asked, at: datetime, id_: UUID, organisation_id: UUID | None
) -> None:
    token = more.write(asked, (at, id_), organisation_id=organisation_id, key=KEY)
    assert more.read(token, organisation_id=organisation_id, key=KEY) == replace(asked, after=(at, id_))


def test_a_link_stays_short_whatever_was_asked() -> None:
    token = more.write(FULL, PLACE, organisation_id=uuid4(), key=KEY)
    assert len(token) < 260


def test_a_link_of_the_first_form_is_read_for_ever() -> None:
    """Written on 2026-11-22: whoever kept it may follow it in any year."""
    token = "PVLCUXLj9QRfCu4Oikpv1ZwBzwAGVYI1-sQAxBARERERIiJDM4REVVVVVVVVAgnAwMDAwMDA"
    assert more.read(token, organisation_id=None, key=KEY) == Asked(
        form="ids", ascending=True, limit=2, after=(datetime(2026, 7, 1, 1, 0, tzinfo=UTC), PLACE[1])
    )


def test_a_changed_link_is_not_read() -> None:
    token = more.write(FULL, PLACE, organisation_id=None, key=KEY)
    for place in range(len(token)):
        other = "A" if token[place] != "A" else "B"
        changed = token[:place] + other + token[place + 1 :]
        assert more.read(changed, organisation_id=None, key=KEY) is None or place == len(token) - 1


def test_a_link_is_read_for_its_organisation_only() -> None:
    one, other = uuid4(), uuid4()
    token = more.write(FULL, PLACE, organisation_id=one, key=KEY)
    assert more.read(token, organisation_id=other, key=KEY) is None
    assert more.read(token, organisation_id=None, key=KEY) is None
    assert more.read(token, organisation_id=one, key=b"K" * 32) is None
    assert more.read(token, organisation_id=one, key=KEY) is not None


@pytest.mark.parametrize("text", ["", "A", "=", "x" * 22, "é", "\0", "A" * 5000, "-" * 64])
def test_what_was_never_given_out_is_not_read(text: str) -> None:
    assert more.read(text, organisation_id=None, key=KEY) is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert more.read(text, organisation_id=None, key=KEY) is None
