"""C2SP tlog-policy: whom one believes, and who must have cosigned."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.notes import Note, SignatureLine, Signer
from elearn.credit_export.ledger.quorum import AHEAD_S, Distrusted, Doubt, Group, Trust, TrustRefused
from tests.credit_export.ledger.formats.vectors import ORIGIN

LOG = Signer.ed25519(ORIGIN, b"l" * 32)
NEW_LOG = Signer.ed25519(ORIGIN, b"m" * 32)
SIGNERS = {
    name: Signer.cosigner(f"{name}.example/w", name.encode() * 16) for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}
LINES = "".join(f"witness {name} {signer.verifier.vkey}\n" for name, signer in SIGNERS.items())
EXAMPLE = f"""
log {LOG.verifier.vkey}

{LINES}
group X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3
\t # both of them
group X-and-Y all X-witnesses Y-witnesses
  quorum\tX-and-Y \t
"""
"""The example of tlog-policy.md."""
CHECKPOINT = Checkpoint(ORIGIN, 7, b"r" * 32)
NOW_S = 1_800_000_000


def a_note(*cosigners: Signer, log: Signer = LOG, at_s: int = NOW_S, checkpoint: Checkpoint = CHECKPOINT) -> Note:
    text = checkpoint.text()
    return Note(text, tuple(signer.sign(text, at_s) for signer in (log, *cosigners)))


def doubt(trust: Trust, note: Note, max_age_s: int | None = None) -> Doubt | None:
    """Why it is not believed; None when it is."""
    try:
        assert trust.require(note, now_s=NOW_S, max_age_s=max_age_s) == CHECKPOINT
    except Distrusted as error:
        return error.reason
    return None


def test_the_quorum_of_the_example_is_two_of_one_and_one_of_the_other() -> None:
    trust = Trust.read(EXAMPLE)
    for count in range(7):
        for names in itertools.combinations(SIGNERS, count):
            enough = sum(name.startswith("X") for name in names) >= 2 and any(name.startswith("Y") for name in names)
            assert trust.met(set(names)) is enough
            found = doubt(trust, a_note(*(SIGNERS[name] for name in names)))
            assert found is (None if enough else Doubt.QUORUM)


def test_a_policy_is_read_whole() -> None:
    trust = Trust.read(
        f"log {LOG.verifier.vkey} https://a.example/\n"
        f"witness X1 {SIGNERS['X1'].verifier.vkey} https://w.example/x\n"
        "quorum X1\n"
    )
    assert trust.logs == {ORIGIN: LOG.verifier}
    assert trust.known_logs[0].url == "https://a.example/"
    assert (trust.witnesses["X1"].verifier, trust.witnesses["X1"].url) == (
        SIGNERS["X1"].verifier,
        "https://w.example/x",
    )
    assert trust.quorum == "X1"


def test_the_order_of_logs_and_witnesses_says_nothing() -> None:
    trust = Trust.read(f"quorum none\n{LINES}log {LOG.verifier.vkey}\n")
    assert trust.quorum is None
    assert len(trust.witnesses) == 6


def test_thirty_two_groups_of_groups_are_as_good_as_one() -> None:
    text = "group g0 all X1\n" + "".join(f"group g{n + 1} all g{n}\n" for n in range(900))
    trust = Trust.read(f"{LINES}{text}quorum g900\n")
    assert trust.met({"X1"})
    assert not trust.met({"X2"})


def test_nobody_meets_a_quorum_under_the_name_of_a_group() -> None:
    assert not Trust.read(EXAMPLE).met({"X-and-Y", "X-witnesses", "Y-witnesses", "none"})


@settings(deadline=None)
@given(st.integers(1, 6), st.sets(st.sampled_from(sorted(SIGNERS))))
def test_a_number_is_met_by_so_many(least: int, names: set[str]) -> None:
    trust = Trust.read(f"{LINES}group all-of-them {least} {' '.join(SIGNERS)}\nquorum all-of-them\n")
    assert trust.met(names) is (len(names) >= least)


def test_without_a_quorum_the_log_alone_is_enough() -> None:
    for trust in (
        Trust.none(LOG.verifier),
        Trust.none(LOG.verifier.vkey),
        Trust.read(f"log {LOG.verifier.vkey}\nquorum none\n"),
    ):
        assert doubt(trust, a_note()) is None
        assert doubt(trust, a_note(log=NEW_LOG)) is Doubt.LOG_SIGNATURE


class TestTheLogsSignature:
    trust = Trust.read(EXAMPLE)
    cosigners = tuple(SIGNERS.values())

    def test_by_another_key_under_the_same_name(self) -> None:
        assert doubt(self.trust, a_note(*self.cosigners, log=NEW_LOG)) is Doubt.LOG_SIGNATURE

    def test_of_another_origin(self) -> None:
        other = Checkpoint("hours.example/ledger/2027", 7, b"r" * 32)
        assert doubt(self.trust, a_note(*self.cosigners, checkpoint=other)) is Doubt.LOG_SIGNATURE

    def test_missing(self) -> None:
        note = a_note(*self.cosigners)
        assert doubt(self.trust, Note(note.text, note.lines[1:])) is Doubt.LOG_SIGNATURE

    def test_of_another_text(self) -> None:
        note = a_note(*self.cosigners)
        assert doubt(self.trust, Note(note.text.replace("\n7\n", "\n8\n"), note.lines)) is Doubt.LOG_SIGNATURE

    def test_of_no_checkpoint(self) -> None:
        assert doubt(self.trust, Note("hello\n", (LOG.sign("hello\n", 0),))) is Doubt.LOG_SIGNATURE

    def test_by_one_of_two_keys_of_the_log_is_enough(self) -> None:
        trust = Trust.read(f"log {LOG.verifier.vkey}\nlog {NEW_LOG.verifier.vkey}\nquorum none\n")
        assert trust.keys_of(ORIGIN) == (LOG.verifier, NEW_LOG.verifier)
        assert trust.logs == {ORIGIN: NEW_LOG.verifier}
        assert doubt(trust, a_note(log=LOG)) is doubt(trust, a_note(log=NEW_LOG)) is None

    def test_by_mldsa44_is_one(self) -> None:
        log = Signer.mldsa44_cosigner(ORIGIN, b"l" * 32)
        assert doubt(Trust.none(log.verifier), a_note(log=log)) is None


def test_a_false_cosignature_of_a_known_witness_refuses_the_note_that_others_meet() -> None:
    witness = SIGNERS["X3"].verifier
    false = SignatureLine(witness.name, witness.key_id, b"\0" * 72)
    assert doubt(Trust.read(EXAMPLE), a_note(*SIGNERS.values()).with_line(false)) is Doubt.QUORUM


def test_mldsa44_cosignatures_count() -> None:
    witness = Signer.mldsa44_cosigner("w.example", b"w" * 32)
    trust = Trust.read(f"log {LOG.verifier.vkey}\nwitness w {witness.verifier.vkey}\nquorum w\n")
    assert doubt(trust, a_note(witness)) is None
    assert doubt(trust, a_note()) is Doubt.QUORUM


def test_who_cosigned_is_told_by_the_names_of_the_policy() -> None:
    note = a_note(SIGNERS["X1"], SIGNERS["Y2"], Signer.cosigner("stranger.example", b"s" * 32))
    assert Trust.read(EXAMPLE).cosigned(note) == {"X1": NOW_S, "Y2": NOW_S}


class TestAge:
    trust = Trust.read(f"log {LOG.verifier.vkey}\n{LINES}group two 2 {' '.join(SIGNERS)}\nquorum two\n")

    @pytest.mark.parametrize(
        ("at_s", "expected"),
        [
            (NOW_S, None),
            (NOW_S - 60, None),
            (NOW_S - 61, Doubt.STALE),
            (NOW_S + AHEAD_S, None),
            (NOW_S + AHEAD_S + 1, Doubt.STALE),
            (0, Doubt.STALE),
        ],
    )
    def test_is_that_of_the_cosignatures(self, at_s: int, expected: Doubt | None) -> None:
        note = a_note(SIGNERS["X1"], SIGNERS["X2"], at_s=at_s)
        assert doubt(self.trust, note, 60) is expected
        assert doubt(self.trust, note) is None

    def test_one_young_cosignature_does_not_make_a_quorum_young(self) -> None:
        text = CHECKPOINT.text()
        note = a_note(SIGNERS["X1"], at_s=NOW_S - 3_600).with_line(SIGNERS["X2"].sign(text, NOW_S))
        assert doubt(self.trust, note, 60) is Doubt.STALE
        assert doubt(self.trust, note.with_line(SIGNERS["X3"].sign(text, NOW_S)), 60) is None

    def test_too_few_witnesses_are_no_question_of_age(self) -> None:
        assert doubt(self.trust, a_note(SIGNERS["X1"], at_s=0), 60) is Doubt.QUORUM

    def test_without_a_quorum_somebody_must_tell_the_time_all_the_same(self) -> None:
        trust = Trust.read(f"log {LOG.verifier.vkey}\n{LINES}quorum none\n")
        assert doubt(trust, a_note(), 60) is Doubt.STALE
        assert doubt(trust, a_note(SIGNERS["X1"]), 60) is None
        assert doubt(trust, a_note(SIGNERS["X1"], at_s=NOW_S - 61), 60) is Doubt.STALE
        timed = Signer.mldsa44_cosigner(ORIGIN, b"l" * 32)
        assert doubt(Trust.none(timed.verifier), a_note(log=timed), 60) is None


V = {name: signer.verifier.vkey for name, signer in SIGNERS.items()}
RENAMED = Signer.cosigner("renamed.example/w", b"X1" * 16).verifier.vkey
MALFORMED = {
    "nothing": "",
    "no quorum": f"log {LOG.verifier.vkey}\n",
    "two quorums": "quorum none\nquorum none\n",
    "a quorum of nothing": "quorum\n",
    "a quorum of two words": f"{LINES}quorum X1 X2\n",
    "a quorum of an unknown name": "quorum X1\n",
    "a quorum of a later line": f"quorum X1\n{LINES}",
    "a last line that does not end": f"{LINES}group g all X1 X2\nquorum g",
    "lines end with CR LF": "quorum none\r\n",
    "a delete character": "quorum none\n# \x7f\n",
    "a zero byte": "quorum none\n\0\n",
    "an unknown line": "quorum none\nwitnesses\n",
    "a keyword in capitals": "Quorum none\n",
    "a comment behind a line": "quorum none # all\n",
    "a log without a key": "log\nquorum none\n",
    "a log with three words": f"log {LOG.verifier.vkey} https://a https://b\nquorum none\n",
    "a malformed key": "log hours.example+00000000+AAAA\nquorum none\n",
    "a log twice": f"log {LOG.verifier.vkey}\nlog {LOG.verifier.vkey}\nquorum none\n",
    "a witness without a key": "witness X1\nquorum none\n",
    "a witness with four words": f"witness X1 {V['X1']} https://a https://b\nquorum none\n",
    "a witness with a key for plain signatures": f"witness X1 {LOG.verifier.vkey}\nquorum none\n",
    "a key under two names": f"witness X1 {V['X1']}\nwitness X2 {V['X1']}\nquorum none\n",
    "a key that calls itself otherwise": f"witness X1 {V['X1']}\nwitness X2 {RENAMED}\nquorum none\n",
    "a name twice": f"witness X1 {V['X1']}\nwitness X1 {V['X2']}\nquorum none\n",
    "a witness named none": f"witness none {V['X1']}\nquorum none\n",
    "a group named none": f"{LINES}group none all X1\nquorum none\n",
    "a group named like a witness": f"{LINES}group X1 all X2\nquorum none\n",
    "a group without members": f"{LINES}group g all\nquorum none\n",
    "a group of an unknown name": f"{LINES}group g all Z1\nquorum none\n",
    "a group of none": f"{LINES}group g all none\nquorum none\n",
    "a group of itself": f"{LINES}group g all X1 g\nquorum none\n",
    "a group of a later one": f"{LINES}group g all h\ngroup h all X1\nquorum g\n",
    "a member twice": f"{LINES}group g all X1 X1\nquorum g\n",
    "a member of two groups": f"{LINES}group g all X1\ngroup h all X1\nquorum g\n",
    "a number of nothing": f"{LINES}group g 0 X1\nquorum g\n",
    "a number above the members": f"{LINES}group g 2 X1\nquorum g\n",
    "a number below zero": f"{LINES}group g -1 X1\nquorum g\n",
    "a number with a leading zero": f"{LINES}group g 01 X1\nquorum g\n",
    "a number in other digits": f"{LINES}group g １ X1\nquorum g\n",
    "another word than any and all": f"{LINES}group g most X1\nquorum g\n",
    "a wide space between words": "quorum\u3000none\n",
    "too many lines": "\n" * 1_000 + "quorum none\n",
}


@pytest.mark.parametrize("why", MALFORMED)
def test_a_malformed_policy_is_refused(why: str) -> None:
    with pytest.raises(TrustRefused):
        Trust.read(MALFORMED[why])


def test_the_line_that_is_wrong_is_named() -> None:
    with pytest.raises(TrustRefused, match="line 3: "):
        Trust.read("quorum none\n\nlog x\n")


def test_names_are_opaque_octets() -> None:
    trust = Trust.read(f"witness \u212a {V['X1']}\nwitness K {V['X2']}\nquorum \u212a\n")
    assert trust.met({"\u212a"})
    assert not trust.met({"K"})
    octets = Trust.read(f"witness ?? {V['X1']}\ngroup g all ??\nquorum g\n".encode().replace(b"??", b"\xff\xfe"))
    assert octets.groups["g"] == Group(1, ("\udcff\udcfe",))
