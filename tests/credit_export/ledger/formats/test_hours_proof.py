"""What an exam system finds offline: the cases L01 to L14 of the corpus that a proof alone can show, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elearn.credit_export.ledger.checkpoints import Checkpoint
from elearn.credit_export.ledger.hours_proof import (
    HoursProof,
    HoursProofRefused,
    Reason,
    StoredCheckpoint,
    require_hours_proof,
)
from elearn.credit_export.ledger.leaves import Leaf, Void, digest, encode, read
from elearn.credit_export.ledger.notes import Signer
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.tree import EMPTY, consistency_proof, leaf_hash, node_hash
from tests.credit_export.ledger.a_log import ORIGIN
from tests.credit_export.ledger.formats.hours_log import (
    LOG,
    NOW_S,
    OTHER_SUB,
    POLICY,
    TRUST,
    WITNESSES,
    HoursLog,
    chain,
)
from tests.credit_export.ledger.formats.leaf_samples import AT, SAMPLES, SUB, a_credit
from tests.credit_export.ledger.formats.vectors import COSIGNED_S, ENTRIES, VECTORS, root

LEAVES = chain(6)
HONEST = HoursLog.of(LEAVES)
ONCE_COSIGNED = HoursLog(HONEST.entries, witnesses=WITNESSES[:1])
STORED = HoursLog.of(LEAVES[:4]).checkpoint()
DAY_S = 86_400


def found(
    file: HoursProof | str | bytes,
    *,
    trust: Trust = TRUST,
    subject: str | None = SUB,
    max_age_s: int | None = 7 * DAY_S,
    stored: StoredCheckpoint | None = None,
    consistency: Sequence[bytes] = (),
) -> Leaf | Reason:
    """The leaf that is shown, or the word of the refusal."""
    try:
        return require_hours_proof(
            file if isinstance(file, str | bytes) else file.write(),
            trust=trust,
            subject=subject,
            now_s=NOW_S,
            max_age_s=max_age_s,
            stored=stored,
            consistency=consistency,
        )
    except HoursProofRefused as error:
        return error.reason


def changed_path(file: HoursProof, path: Sequence[bytes]) -> HoursProof:
    return replace(file, proof=replace(file.proof, path=tuple(path)))


@pytest.mark.parametrize("index", range(6))
def test_an_honest_proof_shows_its_leaf(index: int) -> None:
    assert found(HONEST.proof(index)) == LEAVES[index]


def test_and_goes_with_the_checkpoint_seen_before() -> None:
    proof = consistency_proof(4, 6, HONEST.node)
    assert found(HONEST.proof(5), stored=STORED, consistency=proof) == LEAVES[5]


def test_the_proof_of_the_vectors_shows_the_leaf_of_the_vectors() -> None:
    log, exam, regulator = VECTORS["vkeys"]
    policy = f"log {log}\nwitness e {exam}\nwitness r {regulator}\ngroup both all e r\nquorum both\n"
    leaf = require_hours_proof(
        f"{ENTRIES[1].decode()}\n\n{VECTORS['proof_1']}",
        trust=Trust.read(policy),
        subject=SUB,
        now_s=COSIGNED_S + 7 * DAY_S,
        max_age_s=7 * DAY_S,
        stored=Checkpoint(VECTORS["origin"], 4, root(4)),
    )
    assert leaf == read(ENTRIES[1])


class TestCasesOfTheCorpus:
    def test_l01_a_dba_changes_ms_in_one_row_after_the_checkpoint(self) -> None:
        """Take an accepted leaf, raise ms and span, present it with the old proof."""
        raised = encode(a_credit(span=(0, 900_000), ms=900_000, total=900_000))
        assert found(replace(HONEST.proof(0), entry=raised)) is Reason.INCLUSION

    def test_l02_the_operator_deletes_a_row_rebuilds_the_tree_and_signs_again_without_witnesses(self) -> None:
        rebuilt = HoursLog(HONEST.entries[:2] + HONEST.entries[3:], witnesses=())
        assert found(rebuilt.proof(0)) is Reason.QUORUM

    def test_l02_and_with_cosignatures_but_against_the_checkpoint_the_exam_system_stored(self) -> None:
        rebuilt = HoursLog(HONEST.entries[:2] + HONEST.entries[3:])
        for proof in ((), consistency_proof(4, 5, rebuilt.node), consistency_proof(4, 6, HONEST.node)):
            assert found(rebuilt.proof(0), stored=STORED, consistency=proof) is Reason.CONSISTENCY

    def test_l03_a_back_dated_entry_is_inserted_in_the_middle(self) -> None:
        """Build a tree with one more leaf at index 2; prove consistency from the stored checkpoint."""
        dated = encode(a_credit(sub=OTHER_SUB, at=AT))
        forged = HoursLog([*HONEST.entries[:2], dated, *HONEST.entries[2:]])
        assert found(forged.proof(2), subject=OTHER_SUB) == read(dated)
        proof = consistency_proof(4, 7, forged.node)
        assert found(forged.proof(2), subject=OTHER_SUB, stored=STORED, consistency=proof) is Reason.CONSISTENCY

    def test_l06_an_old_checkpoint_is_served_to_hide_a_void(self) -> None:
        """Present a proof whose cosignature is older than max_age; a void leaf follows."""
        old = HONEST.proof(5, at_s=NOW_S - 7 * DAY_S - 1)
        void = Void(
            n=7,
            sub=SUB,
            ref=digest(leaf_hash(HONEST.entries[5])),
            total=3_000_000,
            prev=digest(leaf_hash(HONEST.entries[5])),
            why="wrong_person",
            by=("one", "two"),
            at=AT,
        )
        assert found(old) is Reason.STALE
        assert found(old, max_age_s=None) == LEAVES[5]
        assert found(HoursLog.of([*LEAVES, void]).proof(6)) == void

    def test_l07_a_checkpoint_signed_by_another_key(self) -> None:
        stranger = HoursLog(HONEST.entries, signer=Signer.ed25519(ORIGIN, b"x" * 32))
        assert found(stranger.proof(0)) is Reason.LOG_SIGNATURE

    def test_l07_a_checkpoint_of_another_origin(self) -> None:
        other = HONEST.checkpoint()
        text = Checkpoint("hours.example/ledger/2025", other.size, other.root).text()
        for log in (LOG, Signer.ed25519("hours.example/ledger/2025", b"l" * 32)):
            note = replace(HONEST.note(), text=text, lines=tuple(one.sign(text, NOW_S) for one in (log, *WITNESSES)))
            file = HONEST.proof(0)
            assert found(replace(file, proof=replace(file.proof, note=note))) is Reason.LOG_SIGNATURE

    def test_l11_the_entry_of_another_learner_is_presented(self) -> None:
        assert found(HONEST.proof(0), subject=OTHER_SUB) is Reason.SUBJECT

    @pytest.mark.parametrize("index", [0, 1])
    def test_l12_an_inner_node_is_presented_as_a_leaf(self, index: int) -> None:
        """Concatenate two leaf hashes and present them as an entry of a two-leaf tree."""
        four = HoursLog(HONEST.entries[:4])
        hashes = [leaf_hash(entry) for entry in four.entries]
        entry = hashes[2 * index] + hashes[2 * index + 1]
        other = node_hash(hashes[2 - 2 * index], hashes[3 - 2 * index])
        two = replace(four.proof(0).proof, index=index, path=(other,))
        assert found(entry + b"\n\n" + two.write().encode()) is Reason.INCLUSION
        assert found((b"\x01" + entry) + b"\n\n" + two.write().encode()) is Reason.INCLUSION

    @pytest.mark.parametrize("index", range(5))
    def test_l14_a_proof_is_shortened_lengthened_or_reordered(self, index: int) -> None:
        file = HONEST.proof(index)
        path = file.proof.path
        malformed = [path[1:], path[:-1], (*path, path[0]), (EMPTY, *path), tuple(reversed(path)), ()]
        for other in malformed:
            if other != path:
                assert found(changed_path(file, other)) is Reason.INCLUSION


@settings(deadline=None)
@given(st.integers(0, 5), st.data())
def test_no_byte_of_a_proof_can_be_another(index: int, data: st.DataObject) -> None:
    """Whatever is changed: refused, or it shows the very same leaf (a line of nobody's may say what it likes)."""
    good = ONCE_COSIGNED.proof(index).write().encode()
    trust = Trust.read(POLICY.replace("both all exam regulator", "both any exam regulator"))
    at = data.draw(st.integers(0, len(good) - 1))
    byte = bytes([data.draw(st.integers(0, 255))])
    how = data.draw(st.sampled_from([good[:at] + byte + good[at + 1 :], good[:at] + good[at + 1 :], good[:at]]))
    outcome = found(how, trust=trust)
    assert outcome == LEAVES[index] or isinstance(outcome, Reason)
    if how != good:
        assert isinstance(outcome, Reason)


class TestTheCheckpointSeenBefore:
    def test_of_the_same_size_has_the_same_root(self) -> None:
        assert found(HONEST.proof(0), stored=HONEST.checkpoint()) == LEAVES[0]
        forked = HoursLog([*HONEST.entries[:5], encode(a_credit(n=6))])
        assert found(forked.proof(0), stored=HONEST.checkpoint()) is Reason.CONSISTENCY

    def test_may_be_newer_than_a_paper_that_was_printed_long_ago(self) -> None:
        old, proof = HoursLog.of(LEAVES[:4]), consistency_proof(4, 6, HONEST.node)
        assert found(old.proof(0), stored=HONEST.checkpoint(), consistency=proof) == LEAVES[0]
        assert found(old.proof(0), stored=HONEST.checkpoint()) is Reason.CONSISTENCY

    def test_of_nothing_asks_for_no_proof(self) -> None:
        assert found(HONEST.proof(0), stored=Checkpoint(ORIGIN, 0, EMPTY)) == LEAVES[0]

    def test_of_another_log_shows_nothing(self) -> None:
        stored = Checkpoint("hours.example/ledger/2025", 6, HONEST.checkpoint().root)
        assert found(HONEST.proof(0), stored=stored) is Reason.CONSISTENCY


@pytest.mark.parametrize("name", SAMPLES)
def test_without_a_subject_any_leaf_is_shown_and_with_one_only_theirs(name: str) -> None:
    log = HoursLog.of([SAMPLES[name]])
    assert found(log.proof(0), subject=None) == SAMPLES[name]
    theirs = name in ("credit", "attend", "void")
    assert found(log.proof(0), subject=SUB) == (SAMPLES[name] if theirs else Reason.SUBJECT)


@pytest.mark.parametrize("entry", [b"", b"{}", b'{"hours":40}', b"\xff", encode(a_credit()) + b" "])
def test_an_entry_in_the_log_that_is_no_leaf_is_no_hours(entry: bytes) -> None:
    file = HoursLog([entry]).proof(0)
    assert found(entry + b"\n\n" + file.proof.write().encode()) is Reason.LEAF


GOOD = HONEST.proof(0).write()
MALFORMED = {
    "nothing": "",
    "the leaf alone": GOOD.split("\n\n")[0],
    "the proof alone": GOOD.split("\n\n", 1)[1],
    "no empty line": GOOD.replace("\n\nc2sp", "\nc2sp"),
    "lines end with CR LF": GOOD.replace("\n", "\r\n"),
    "cut off": GOOD[:-1],
    "half of a surrogate pair": "\ud800" + GOOD,
}


@pytest.mark.parametrize("why", MALFORMED)
def test_a_file_of_another_form_shows_nothing(why: str) -> None:
    assert found(MALFORMED[why]) is Reason.INCLUSION


def test_a_proof_is_as_large_as_a_picture_can_hold() -> None:
    """LEDGER section 3: with its leaf about 1.8 kB at a million leaves, so one QR code (a 40-L holds 2,953 bytes)."""
    witnesses = [Signer.cosigner(f"{who}.example/witness", b"w" * 32) for who in ("exam", "regulator")]
    note = HoursLog(HONEST.entries, witnesses=witnesses).note()
    file = HoursProof(HONEST.entries[3], HONEST.proof(3).proof)
    million = replace(file, proof=replace(file.proof, index=999_999, path=(EMPTY,) * 20, note=note))
    assert 1_500 < len(million.write().encode()) < 2_000
