"""Where statements go on to: who has a target in hand, which addresses it may have, and its secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag

from elearn.reaching import is_public
from elearn.tracking.lrs.streams import outbox, targets
from elearn.tracking.lrs.streams.sending import Sent
from tests.builders_lrs import AT
from tests.tracking.lrs.streams.conftest import Forwarding
from tests.tracking.lrs.streams.other_store import OtherStore


def test_a_target_is_in_one_job_s_hands_until_it_is_released_or_the_claim_is_over(sender: Forwarding) -> None:
    target = sender.target()
    session = sender.session
    assert outbox.claim_due(session, at=AT) == [target.id]
    assert outbox.claim_due(session, at=AT + outbox.LEASE / 2) == []
    assert outbox.claim_due(session, at=AT + outbox.LEASE) == [target.id]
    outbox.release(session, target.id)
    assert outbox.claim_due(session, at=AT) == [target.id]


@pytest.mark.parametrize("change", ["paused", "removed", "waiting"])
def test_what_is_not_due_is_neither_claimed_nor_sent_to(sender: Forwarding, other: OtherStore, change: str) -> None:
    sender.some(1)
    target = sender.target()
    if change == "paused":
        targets.pause(target)
    elif change == "removed":
        targets.remove(sender.session, target)
        assert target.sealed_secret == b""
    else:
        target.next_try_at = sender.now + outbox.LEASE
    sender.session.commit()
    assert outbox.claim_due(sender.session, at=sender.now) == []
    sender.round(target)
    assert other.asked == []


def test_of_two_that_send_at_once_the_slower_one_records_nothing(sender: Forwarding) -> None:
    sender.some(3)
    target, session, through = sender.target(), sender.session, sender.now + timedelta(seconds=1)
    slow = outbox.gather(session, target, through=through)
    quick = outbox.gather(session, target, through=through)
    taken = Sent([None] * 3, None)
    assert outbox.record(session, target.id, quick, taken, at=AT, chance=0)
    place = outbox.place_of(target)
    assert not outbox.record(session, target.id, slow, Sent([None], None), at=AT, chance=0)
    assert (outbox.place_of(target), target.sent) == (place, 3)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::808:808", True),
    ],
)
def test_which_addresses_are_the_internet_s(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_target_at_a_private_address_is_not_reached_unless_it_was_allowed(
    sender: Forwarding, other: OtherStore
) -> None:
    sender.some(1)
    target = sender.target()
    target.private = False
    sender.session.commit()
    sender.round(target)
    assert other.asked == []
    assert target.last_error == "the address is private"


def test_a_secret_is_sealed_for_its_own_row(sender: Forwarding) -> None:
    one, two = sender.target(), sender.target(label="two")
    assert b"our secret" not in one.sealed_secret
    assert one.sealed_secret != two.sealed_secret
    one.sealed_secret = two.sealed_secret
    with pytest.raises(InvalidTag):
        targets.secret_of(one, b"e" * 32)
