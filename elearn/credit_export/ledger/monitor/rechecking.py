"""One credited block computed again from its raw evidence, by who trusts nobody: the rules. Pure.

Nothing that is shown is believed for being shown. In this order:

    the leaf            is the one of our own mirror
    whose it is         the person's id, under the key that is shown, is the `sub` of the leaf
    rows                each is in the log, before the leaf (`proving.py`)
    the check           it is the person's, was passed in time, by the rules that the leaf names, in the very minute
                        whose evidence the leaf names: what confirmed an old block confirms no new one
    each report         its statement has the digest of its row; the device's signature over sitting, nonce and
                        statement holds; it was heard in its minute; the open verifier (`tracking.replay`), given what
                        the decision saw, believes and refuses the same media as then; the keys of those media, or the
                        page, had been given out to this person before
    their chain         each names the one before it in its sitting, and saw the sitting as that one left it
    the block           the media that the reports earned are the leaf's span, each moment once, and worth its ms

What is seen nowhere else stays the operator's word: which keys are a person's devices, and that the answer to a check
was right.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec

from elearn.credit_export.ledger.block_evidence import BlockEvidence, PartOfUnit, sub_of
from elearn.credit_export.ledger.leaves import Credit, digest_bytes
from elearn.credit_export.ledger.monitor.auditing import CLOCKS_MS, DAY_MS, ms_of
from elearn.credit_export.ledger.monitor.proving import Check, EvidenceAt, Proved, Report, proved
from elearn.errors import Malformed
from elearn.people.signatures import signature_holds, unbase64url
from elearn.tracking import replay
from elearn.tracking.messages import claim_in, signed_bytes
from elearn.tracking.policy import Policy
from elearn.tracking.spans import Span, intersect, leading_covered, merge, total_ms
from elearn.tracking.verifier import SittingState, Verdict


class Answer(StrEnum):
    """What came of a block."""

    AGREES = "agrees"
    DIFFERS = "differs"
    WITHHELD = "withheld"
    """Evidence that there must be is not shown."""
    GONE = "gone"
    """It is as old as evidence must be to be gone, by the settings of the operator."""


@dataclass(frozen=True, slots=True)
class Result:
    index: int
    answer: Answer
    why: tuple[str, ...] = ()
    """What does not agree, and by how much; what is missing."""
    notes: tuple[str, ...] = ()
    """What could not be checked, or rests on the operator's word."""
    media_ms: int = 0
    """Computed again; 0 where nothing could be."""
    shown: tuple[str, ...] = ()
    """What earned it: digest of a statement and where the piece begins. Nothing of this earns another block."""


@dataclass(frozen=True, slots=True)
class Known:
    """What our own mirror says."""

    log: str
    entry: str
    """The leaf as it was mirrored."""
    evidence: EvidenceAt
    unit_ms: int | None
    """How long the unit is, by the leaf that describes it."""
    now_ms: int
    """By our own clock."""
    given_back: Credit | None = None
    """An earlier leaf of this person over the same media that was taken back: people may give that back."""
    begun_anew: bool = False
    """Whether the log took the place of another one of its year: it says again what that one never published."""


class Missing(Exception):
    """Without it nothing more can be said."""


def recheck(index: int, leaf: Credit, given: BlockEvidence, known: Known) -> Result:
    """What the evidence says of this leaf."""
    if (given.log, given.index, given.leaf) != (known.log, index, known.entry):
        return Result(index, Answer.DIFFERS, (f"this is evidence of leaf {given.index} of {given.log}",))
    if given.state == "gone":
        return _gone(index, leaf, given, known)
    looking = _Looking(index, leaf, given, known)
    try:
        media_ms = looking.go()
    except Missing as missing:
        answer = Answer.DIFFERS if looking.found else Answer.WITHHELD
        return Result(index, answer, (*looking.found, str(missing)), tuple(looking.notes))
    except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError, Malformed) as error:
        # Rows and statements may hold anything; whatever the rules cannot read is no evidence.
        why = f"it cannot be read: {type(error).__name__} {error}"
        return Result(index, Answer.DIFFERS, (*looking.found, why), tuple(looking.notes))
    shown = () if looking.again else tuple(sorted(looking.pieces))
    answer = Answer.DIFFERS if looking.found else Answer.AGREES
    return Result(index, answer, tuple(looking.found), tuple(looking.notes), media_ms, shown)


def _gone(index: int, leaf: Credit, given: BlockEvidence, known: Known) -> Result:
    """Nobody gets rid of a block by saying that it is old."""
    until_ms = ms_of(leaf.at) + given.kept_days * DAY_MS
    if not given.kept_days or known.now_ms + CLOCKS_MS < until_ms:
        why = f"it is said to be gone, and by kept_days ({given.kept_days}) it cannot be"
        return Result(index, Answer.WITHHELD, (why,))
    return Result(index, Answer.GONE, (f"evidence is kept for {given.kept_days} days",))


@dataclass(slots=True)
class _Looking:
    index: int
    leaf: Credit
    given: BlockEvidence
    known: Known
    found: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, list[Proved]] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
    of: set[str] = field(default_factory=set)
    pieces: set[str] = field(default_factory=set)
    again: bool = False
    """Its media were credited before, from the same reports, and taken back."""

    def go(self) -> int:
        """Everything in turn; answers how much media was computed again."""
        self.of = {str(one) for one in self.given.of}
        self._whose()
        for one in proved(self.index, self.given, self.known.evidence):
            if isinstance(one, str):
                self.found.append(one)
            else:
                self.rows.setdefault(one.values[0], []).append(one)
        reports = [(Report(*one.values[1:]), one) for one in self.rows.get("report", [])]
        self.reports = {report.id: report for report, _ in reports}
        lost = sorted(self.of - self.reports.keys())
        if lost or not self.of:
            raise Missing(f"the row of report {lost[0]} is not shown" if lost else "no report is shown that earned it")
        check = self._check()
        verdicts: dict[str, Verdict] = {}
        for report, row in sorted(reports, key=lambda one: (one[0].sitting, one[0].seq)):
            verdicts[report.id] = self._report(report, row, check)
        self._chains([one for one, _ in reports], verdicts, {one.id: row for one, row in reports})
        return self._block([(one, verdicts[one.id]) for one, _ in reports if one.id in self.of])

    # Whose

    def _whose(self) -> None:
        person = self.given.person
        if person is not None:
            if sub_of(person.id, bytes.fromhex(person.key)) != self.leaf.sub:
                self.found.append("it is evidence of another person than the leaf's")
        elif self.given.state == "erased":
            self.notes.append(
                "the person was erased: whose it is, and the devices' signatures, nobody can say any more"
            )
        else:
            raise Missing("whose it is is not shown")

    # The check

    def _check(self) -> Check:
        rows = self.rows.get("check", [])
        if len(rows) != 1:
            raise Missing("the check that confirmed it is not shown")
        row, check = rows[0], Check(*rows[0].values[1:])
        if self.given.person is not None and check.learner != str(self.given.person.id):
            self.found.append("the check was another person's")
        if check.outcome != "passed":
            self.found.append(f"the check was not passed but {check.outcome}")
        if not check.put <= check.decided <= check.deadline:
            self.found.append("the check was not answered in time")
        if check.policy != self.leaf.pol:
            self.found.append("the check was put by other rules than the leaf names")
        named = self.given.minutes[row.minute].root == digest_bytes(self.leaf.ev).hex()
        if not named and self.known.given_back is not None:
            self.again = True
            self.notes.append("it was taken back before; that people gave it back is the operator's word")
        elif not named and not self.known.begun_anew:
            self.found.append("the check that confirmed it stands in another minute than the one the leaf names")
        if not row.from_ms - CLOCKS_MS <= check.decided <= row.to_ms + CLOCKS_MS:
            self.found.append("the check was decided at another time than its minute's")
        return check

    # Reports

    def _report(self, report: Report, row: Proved, check: Check) -> Verdict:
        name = f"report {report.seq} of sitting {report.sitting}"
        raw = self.given.statements.get(report.statement)
        if raw is None:
            raise Missing(f"the statement of {name} is not shown")
        if report.seen is None or report.refused_as is not None:
            raise Malformed(f"{name} was never decided")
        if sha256(raw.encode()).hexdigest() != report.sha256:
            self.found.append(f"{name}: the statement is not the one that was heard")
        claim, read = claim_in(raw, report.sent)
        stated = json.loads(raw)
        said = (read.context.extensions.session_id, claim.seq, read.result.extensions.report.prev, str(read.id))
        if said != (report.sitting, report.seq, report.prev, report.statement):
            self.found.append(f"{name}: the statement is about another report")
        if not str(stated["object"]["id"]).endswith(f"/units/{self.leaf.unit.rpartition(':')[2]}"):
            self.found.append(f"{name}: the statement is about another unit")
        policy = self._policy(str(report.seen["policy"]))
        self._signature(report, raw, policy, name)
        if report.heard > min(row.to_ms + CLOCKS_MS, check.decided):
            self.found.append(f"{name}: it was heard after its minute, or after the check")
        verdict = replay.again(claim, report.heard, report.seen, policy)
        if (replay.credited_rows(verdict), replay.refused_rows(verdict)) != (report.credited, report.refused):
            self.found.append(
                f"{name}: the verifier believes {replay.credited_rows(verdict)}, then it was {report.credited}"
            )
        if report.id in self.of:
            self._of_block(report, verdict, policy, check, name)
        return verdict

    def _policy(self, digest: str) -> Policy:
        text = self.given.policies.get(digest)
        if text is None:
            raise Missing(f"the rules {digest} are not shown")
        if "sha256:" + sha256(text.encode()).hexdigest() != digest:
            self.found.append(f"these are not the rules {digest}")
        return Policy.read(text)

    def _signature(self, report: Report, raw: str, policy: Policy, name: str) -> None:
        device = next((one for one in self.given.devices if str(one.sitting) == report.sitting), None)
        if report.sig is None:
            if policy.unsigned:
                self.notes.append(f"{name} is not signed, as its rules allow")
            else:
                self.found.append(f"{name} is not signed")
        elif device is None or device.x is None or device.y is None:
            if self.given.state != "erased":
                raise Missing(f"the device key of {name} is not shown")
        else:
            key = _key(device.x, device.y)
            if not signature_holds(key, bytes.fromhex(report.sig), signed_bytes(report.sitting, report.nonce, raw)):
                self.found.append(f"{name}: the device's signature does not hold")

    def _of_block(self, report: Report, verdict: Verdict, policy: Policy, check: Check, name: str) -> None:
        """What is asked of the reports that earned the block alone."""
        assert report.seen is not None
        if report.seen["unit"][0] != self.known.unit_ms:
            self.found.append(f"{name}: it was judged by another length of the unit than the log's")
        if check.decided - report.heard > policy.pend_age_ms:
            self.found.append(f"{name}: it waited too long for the check")
        parts = {part.index: part for part in self.given.parts}
        given = [
            Span(parts[block].start_ms, parts[block].end_ms)
            for _, learner, unit, block, _sitting, at in (one.values for one in self.rows.get("delivery", []))
            if block in parts and at <= report.heard and self._is_ours(learner, unit)
        ]
        for piece in verdict.credited:
            for wanted in intersect(piece.span, [Span(*self.leaf.span)]):
                if leading_covered(wanted, merge(given)) != wanted:
                    self.found.append(
                        f"{name}: it earned {tuple(wanted)}, and no key of all of that had been given out before"
                    )
        page = report.seen.get("page")
        if page is not None and verdict.credited:
            self._page(report, page, parts, name)

    def _is_ours(self, learner: str, unit: str) -> bool:
        person = self.given.person
        return unit == self.leaf.unit.rpartition(":")[2] and (person is None or learner == str(person.id))

    def _page(self, report: Report, page: Sequence[int], parts: Mapping[int, PartOfUnit], name: str) -> None:
        for _, sitting, _number, index, shown, after in (one.values for one in self.rows.get("page", [])):
            part = parts.get(index)
            if sitting == report.sitting and part and [part.start_ms, part.end_ms, shown, after] == list(page):
                return
        self.found.append(f"{name}: no row says that its page was shown")

    # Chains

    def _chains(self, reports: Sequence[Report], verdicts: Mapping[str, Verdict], rows: Mapping[str, Proved]) -> None:
        before: Report | None = None
        latest = 0
        for report in sorted(reports, key=lambda one: (one.sitting, one.seq)):
            name = f"report {report.seq} of sitting {report.sitting}"
            assert report.seen is not None
            saw = replay.unpack(report.seen)[0]
            if before is not None and (before.sitting, before.seq + 1) == (report.sitting, report.seq):
                if (report.prev != before.sha256) != report.chain_broken:
                    self.found.append(f"{name}: it does not name the report before it")
                if replace(verdicts[before.id].sitting, ended_ms=None) != replace(saw, ended_ms=None):
                    self.found.append(f"{name}: it saw the sitting in another state than the report before left it")
                latest = max(latest, report.heard)
            else:
                if before is not None and before.sitting == report.sitting:
                    self.found.append(
                        f"reports {before.seq + 1} to {report.seq - 1} of sitting {report.sitting} are left out"
                    )
                latest = report.heard
                if report.seq == 1 and saw != _at_opening(saw):
                    self.found.append(f"{name}: it is the first, and its sitting was not as sittings are opened")
            if report.chain_broken:
                self.notes.append(f"{name}: the device did not know the report before it")
            # One that waited for another before it is written down when that one comes, in a later minute.
            if latest < rows[report.id].from_ms - CLOCKS_MS and report.id in self.of:
                self.found.append(f"{name}: it was heard before its minute")
            before = report

    # The block

    def _block(self, earned: Sequence[tuple[Report, Verdict]]) -> int:
        """The media that were earned on that day are the span, each moment once, and worth its ms."""
        begin, end = self.leaf.span
        pieces = sorted(
            (piece for _, verdict in earned for piece in verdict.credited if piece.on == self.leaf.day),
            key=lambda piece: piece.span,
        )
        inside = [piece for piece in pieces if piece.span.start_ms < end and begin < piece.span.end_ms]
        covered = [part for piece in inside for part in intersect(piece.span, [Span(begin, end)])]
        media_ms = total_ms(merge(covered))
        # A report may have earned something on both sides of midnight, or of media that counted before.
        self.pieces = {
            f"{report.sha256}/{piece.span.start_ms}"
            for report, verdict in earned
            for piece in verdict.credited
            if piece in inside
        }
        if media_ms != end - begin:
            self.found.append(
                f"the reports earned {media_ms} ms of [{begin}, {end}) on {self.leaf.day}: "
                f"{end - begin - media_ms} ms less than its span"
            )
        if sum(part.length_ms for part in covered) != media_ms:
            self.found.append("the same media were earned twice")
        worth_ms = media_ms - sum(piece.excess_ms for piece in inside)
        beyond = any(piece.span.start_ms < begin or end < piece.span.end_ms for piece in inside)
        if beyond or worth_ms != self.leaf.ms:
            worth_ms = self._given_back(media_ms) if self.known.given_back else worth_ms
            if beyond and self.known.given_back is None:
                self.found.append("the reports earned media beyond its span together with it")
        if worth_ms != self.leaf.ms:
            self.found.append(
                f"computed again it is worth {worth_ms} ms, the leaf says {self.leaf.ms}: "
                f"{self.leaf.ms - worth_ms:+} ms"
            )
        sittings = {one.sitting for one, _ in earned}
        tied = {str(row.values[4]) for row in self.rows.get("delivery", [])} | {
            str(row.values[3]) for row in self.rows.get("check", [])
        }
        self.notes += [f"that sitting {one} is the person's is the operator's word" for one in sorted(sittings - tied)]
        return media_ms

    def _given_back(self, media_ms: int) -> int:
        """What a part of a block is worth that was taken back and given back: its share, rounded down."""
        assert self.known.given_back is not None
        begin, end = self.known.given_back.span
        return media_ms - -(-(end - begin - self.known.given_back.ms) * media_ms // (end - begin))


def unless_reused(one: Result, shown: Mapping[str, int]) -> Result:
    """Nothing earns two leaves: it differs when a piece of its own was `shown` (piece -> leaf) before."""
    others = sorted({shown[each] for each in one.shown if shown.get(each, one.index) != one.index})
    if not others:
        return one
    return replace(one, answer=Answer.DIFFERS, why=(*one.why, f"its reports were shown for leaf {others[0]}, too"))


def _at_opening(saw: SittingState) -> SittingState:
    """MODEL 1.2 `open`: real time is used up from the opening on, nothing is saved, no report was applied."""
    return SittingState(
        opened_ms=saw.opened_ms, cm_open_ms=saw.cm_open_ms, e_ms=saw.opened_ms, carry_ms=0, last_cm_ms=saw.cm_open_ms,
        seq=0, gap_late_ms=0, ended_ms=saw.ended_ms,
    )  # fmt: skip


def _key(x: str, y: str) -> ec.EllipticCurvePublicKey:
    """Raises ValueError for what is no point on the curve."""
    numbers = [int.from_bytes(unbase64url(one) or b"") for one in (x, y)]
    return ec.EllipticCurvePublicNumbers(numbers[0], numbers[1], ec.SECP256R1()).public_key()
