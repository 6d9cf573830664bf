"""A receiver's list against ours: pure."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from elearn.credit_export.exam_system.delivery import State as Delivery
from elearn.credit_export.exam_system.reconciling import Finding, ListRefused, Ours, Theirs, compare, read_list

ID, OTHER = UUID(int=1), UUID(int=2)
D, F = Delivery, Finding


def ours(status: str = "granted", delivery: Delivery | None = D.ACCEPTED, receipt: str | None = "accepted") -> Ours:
    return Ours(ID, 1, status, delivery, receipt)


def theirs(status: str = "granted", outcome: str | None = "accepted", version: int = 1) -> Theirs:
    return Theirs(ID, version, status, outcome)


@pytest.mark.parametrize(
    ("rule", "here", "there", "found"),
    [
        ("both say the same", ours(), theirs(), []),
        ("both have withdrawn it", ours("revoked", D.WITHDRAWN), theirs("withdrawn"), []),
        ("neither has anything of what leads to a grant", ours("submitted", None, None), None, []),
        ("what ended before it was told is nobody's", ours("revoked", None, None), None, []),
        ("acknowledged, and not there", ours(delivery=D.ACKNOWLEDGED, receipt=None), None, [F.MISSING_THERE]),
        ("a receipt came, and it is not there", ours("revoked", D.WITHDRAWN), None, [F.MISSING_THERE]),
        ("granted, to be pulled, not there", ours(delivery=None, receipt=None), None, [F.MISSING_THERE]),
        ("granted, and its letter is dead", ours(delivery=D.DEAD, receipt=None), None, [F.MISSING_THERE]),
        ("given to another receiver", ours(delivery=D.REROUTED, receipt=None), None, []),
        ("another version", ours(), theirs(version=2), [F.OTHER_VERSION]),
        ("revoked here, relied on there", ours("revoked", D.WITHDRAWAL_DEAD), theirs(), [F.STILL_HELD]),
        ("superseded here, relied on there", ours("superseded", D.ACCEPTED), theirs(), [F.STILL_HELD]),
        ("given to another, relied on there", ours(delivery=D.REROUTED), theirs(), [F.STILL_HELD]),
        ("granted again here, ended there", ours(), theirs("suspended"), [F.NOT_HELD]),
        ("decided there, no receipt", ours(receipt=None), theirs(), [F.RECEIPT_MISSING]),
        ("a receipt, and no decision there", ours(), theirs(outcome=None), [F.RECEIPT_UNKNOWN_THERE]),
        ("a receipt of another decision", ours(), theirs(outcome="rejected"), [F.RECEIPT_DIFFERS]),
        (
            "two at once",
            ours("revoked", D.WITHDRAWAL_DEAD, None),
            theirs(),
            [F.STILL_HELD, F.RECEIPT_MISSING],
        ),
    ],
)
def test_what_each_side_misses(rule: str, here: Ours, there: Theirs | None, found: list[Finding]) -> None:
    assert [one.finding for one in compare([here], [there] if there else [])] == found, rule


def test_what_only_the_receiver_knows_is_found() -> None:
    stranger = Theirs(OTHER, 3, "granted", None)
    (found,) = compare([ours()], [theirs(), stranger])
    assert (found.finding, found.record_id, found.theirs) == (F.UNKNOWN_HERE, OTHER, "version 3, granted")


def test_a_list_is_read_whole_in_a_box_or_a_line_each() -> None:
    entry = {"record_id": str(ID), "version": 1, "status": "granted", "outcome": None}
    expected = [Theirs(ID, 1, "granted", None)]
    assert read_list(json.dumps([entry])) == expected
    assert read_list(json.dumps({"records": [entry]})) == expected
    assert read_list(json.dumps(entry)) == expected
    assert read_list(json.dumps(entry) + "\n" + json.dumps(entry) + "\n") == expected * 2
    assert read_list("[]") == []


@pytest.mark.parametrize(
    "text",
    ["", "no list", "7", '[{"record_id": "x", "version": 1, "status": "granted"}]', '[{"version": 1}]', "[7]",
     '[{"record_id": "00000000-0000-0000-0000-000000000001", "version": "1", "status": "granted"}]',
     '[{"record_id": "00000000-0000-0000-0000-000000000001", "version": true, "status": "granted"}]',
     '[{"record_id": "00000000-0000-0000-0000-000000000001", "version": 1, "status": null}]',
     '{"records": 7}'],
)  # fmt: skip
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ListRefused):
        read_list(text)
