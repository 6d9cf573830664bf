"""What stands on paper: the training proof of one person, and the list of a class. Values in, a PDF out.

The hours are those credited. What an outline asks for is on neither sheet, so nobody can take the one for the other
(RULES 0.3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from babel.dates import format_date, format_datetime

from elearn import locale
from elearn.credit_export.basis import Basis
from elearn.credit_export.eligibility import Reason
from elearn.credit_export.exam_targets import TrainingKind
from elearn.credit_export.hours import as_text
from elearn.credit_export.lifecycle import State
from elearn.credit_export.paper import typeset
from elearn.zone import LOCAL_ZONE

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


class Says(Protocol):
    """`gettext` in one language."""

    def __call__(self, message: str, /, **facts: object) -> str: ...


def speaker(language: str) -> Says:
    """Sheets are made in the language that was asked for, whatever the browser speaks."""

    def say(message: str, /, **facts: object) -> str:
        text = locale.catalogue(language).get(message, message)
        return text % facts if facts else text

    return say


@dataclass(frozen=True, slots=True)
class LogProof:
    """What the log says of a person's newest hours of one kind, with its proof: a file that anybody checks offline."""

    subject: str
    """The person's name in the log."""
    counts_as: str
    """`online/theory`."""
    total_ms: int
    origin: str
    index: int
    size: int
    """Of the checkpoint that it was proved against."""
    leaf_hash: str
    text: str
    """The leaf and its tlog-proof, as `elearn ledger verify` takes it."""

    @property
    def log_name(self) -> str:
        return self.origin.rpartition("/")[2]

    @property
    def file_name(self) -> str:
        return f"hours-proof-{self.counts_as.replace('/', '-')}.txt"


@dataclass(frozen=True, slots=True)
class Hours:
    """Credited time, in milliseconds, and its 学时 in tenths, each rounded down once."""

    ms: tuple[int, int, int]
    """Online theory, offline theory, practice on site."""
    tenths: tuple[int, int, int]

    @property
    def total(self) -> str:
        return as_text(sum(self.tenths))


@dataclass(frozen=True, slots=True)
class Proof:
    """One training proof."""

    code: str
    address: str
    """Of the page that says how it stands now."""
    issuer: str
    made_at: datetime
    name: str
    gender: str | None
    document_kind: str | None
    document_masked: str
    category: str
    target: str | None
    """What the outline is called at the exam; None: nobody has said."""
    training_kind: str | None
    basis: str
    paper: str | None
    """The paper that takes the place of training."""
    employers: Sequence[str]
    class_no: str | None
    filing_no: str | None
    institution: str | None
    class_from: date | None
    class_to: date | None
    record_id: str
    version: int
    check_code: str
    hours: Hours
    outcome: str
    reasons: Sequence[str]
    state: State
    judged_on: date
    rules: str
    witnessed: bool
    log: Sequence[LogProof]


def training_proof(proof: Proof, language: str) -> bytes:
    """The proof as PDF, with the log's proofs attached and the newest of them as a QR code."""
    return typeset.pdf("proof", proof_data(proof, language), at=proof.made_at)


def proof_data(proof: Proof, language: str) -> dict[str, Any]:
    """What the template shows; all texts are in `language`."""
    _ = speaker(language)
    newest = max(proof.log, key=lambda one: (one.origin, one.index), default=None)
    fits = newest is not None and len(newest.text.encode()) <= typeset.LARGEST_QR_BYTES
    period = [day_text(one, language) for one in (proof.class_from, proof.class_to) if one]
    return {
        **head(language),
        "title": _("Proof of training hours"),
        "issuer": proof.issuer,
        "described": proof.address,
        "footer": _("Made on %(when)s", when=moment_text(proof.made_at, language)) + f" · {proof.code}",
        "files": [
            {"name": one.file_name, "text": one.text, "described": _("Proof of the log")} for one in proof.log
        ],
        "numbers": [
            [_("Number of this proof"), _grouped(proof.code)],
            [_("Record of eligibility"), f"{proof.record_id} · {_('version %(number)s', number=proof.version)}"],
            [_("Check code"), proof.check_code],
        ],
        "qr": typeset.qr(proof.address),
        "qr_says": _("Scan: how it stands now"),
        "person_title": _("Person and training"),
        "person": [
            [_("Name"), proof.name or "—"],
            [_("Gender"), genders(_).get(proof.gender or "", "—")],
            [_("Kind of document"), documents(_).get(proof.document_kind or "", "—")],
            [_("Document number"), proof.document_masked or "—"],
        ],
        "training": [
            *([[_("Employer"), ", ".join(proof.employers)]] if proof.employers else []),
            [_("Subject of training"), proof.category],
            *_at_the_exam(proof, _),
            [_("Training institution"), proof.institution or "—"],
            [_("Class"), _class_line(proof, _)],
            [_("Period of the class"), " – ".join(period) if period else "—"],
        ],
        "hours_title": _("Hours credited"),
        "hours_head": [_("Kind"), _("Credited time"), _("Hours (学时)")],
        "hours": [
            [name, _length(ms, _), as_text(tenths)]
            for name, ms, tenths in zip(kinds(_), proof.hours.ms, proof.hours.tenths, strict=True)
        ],
        "total": [_("Credited in all"), _length(sum(proof.hours.ms), _), proof.hours.total],
        "hours_note": _(
            "Time that was really watched or attended, each moment once, behind a passed check. These are not the "
            "hours that an outline asks for. Online 30 minutes, on site 45 minutes are one hour (AQ 8011-2023)."
        ),
        "standing_title": _("How it stood on that day"),
        "standing": [
            [_("Judged"), " · ".join((*_outcome(proof, _), day_text(proof.judged_on, language)))],
            *([[_("Because"), " ".join(reason_texts(proof.reasons, _))]] if proof.reasons else []),
            [_("Record of eligibility"), state_text(proof.state, _)],
            [_("Rules"), proof.rules],
            [_("Witnessed"), witnessed_text(proof.witnessed, _)],
        ],
        "check_title": _("How to check this"),
        "check": [
            _("Scan the code or open %(address)s: the page says how this record stands now.", address=proof.address),
            _("Compare name, hours and check code with the page. Paper may be out of date; the page is not."),
            *(
                [_("Without network: this PDF carries proofs of the log as attached files; elearn ledger verify "
                   "checks them.")]
                if proof.log
                else []
            ),
        ],
        "log": _log_lines(newest, _) if newest else [],
        "big_qr": typeset.qr(newest.text, light=True) if newest and fits else None,
        "big_title": _("Proof of the log, for checking without network"),
        "big_note": _(
            "The code holds the newest entry of these hours in the log and the proof that it stands there. Any scanner "
            "reads it as text; elearn ledger verify checks the text."
        ),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ListLine:
    name: str
    document_masked: str
    hours: Hours | None
    """None: no record yet."""
    outcome: str | None
    reasons: Sequence[str]
    state: State | None
    check_code: str


@dataclass(frozen=True, slots=True)
class ClassList:
    """The eligibility list of a class."""

    issuer: str
    institution: str
    class_no: str
    title: str
    filing_no: str | None
    category: str
    made_at: datetime
    lines: Sequence[ListLine]


def eligibility_list(listed: ClassList, language: str) -> bytes:
    """The list as PDF, A4 across, with room for signatures."""
    return typeset.pdf("list", list_data(listed, language), at=listed.made_at)


def list_data(listed: ClassList, language: str) -> dict[str, Any]:
    _ = speaker(language)
    admitted = sum(line.state is State.GRANTED for line in listed.lines)
    return {
        **head(language),
        "title": _("Eligibility list of a class"),
        "issuer": listed.issuer,
        "footer": _("Made on %(when)s", when=moment_text(listed.made_at, language)) + f" · {listed.issuer}",
        "facts": [
            [_("Training institution"), listed.institution],
            [_("Class"), f"{listed.class_no} · {listed.title}"],
            [_("Filing"), listed.filing_no or _("not filed")],
            [_("Subject of training"), listed.category],
        ],
        "head": [
            "#", _("Name"), _("Document number"), *kinds(_),
            _("Credited in all"), _("Judged"), _("Record of eligibility"), _("Check code"),
        ],
        "widths": [9, 26, 37, 18, 18, 18, 25, 0, 29, 24],
        "right": [0, 3, 4, 5, 6],
        "rows": [_list_row(number, line, _) for number, line in enumerate(listed.lines, start=1)],
        "empty": _("Nobody is in this class."),
        "total": _("%(people)s people, %(admitted)s of them admitted.", people=len(listed.lines), admitted=admitted),
        "note": _("Hours (学时) are those credited, not those that the outline asks for. Document numbers are masked."),
        "signs": [_("Made by"), _("Checked by"), _("Date")],
    }  # fmt: skip


def _list_row(number: int, line: ListLine, _: Says) -> list[str]:
    hours = [as_text(one) for one in line.hours.tenths] + [line.hours.total] if line.hours else ["—"] * 4
    judged = outcome_text(line.outcome, _) if line.outcome else _("no record yet")
    if line.reasons:
        judged = _("%(outcome)s: %(reasons)s", outcome=judged, reasons=" ".join(reason_texts(line.reasons, _)))
    state = state_text(line.state, _) if line.state else "—"
    return [str(number), line.name, line.document_masked, *hours, judged, state, line.check_code]


# --- words ------------------------------------------------------------------------------------------------------------


def kinds(_: Says) -> tuple[str, str, str]:
    return _("Theory online"), _("Theory on site"), _("Practice on site")


def genders(_: Says) -> dict[str, str]:
    return {"male": _("male"), "female": _("female")}


def documents(_: Says) -> dict[str, str]:
    return {
        "resident_id": _("Resident identity card"),
        "hk_macao_permit": _("Travel permit, Hong Kong and Macao"),
        "taiwan_permit": _("Travel permit, Taiwan"),
        "foreigner_id": _("Permanent residence card of a foreigner"),
        "passport": _("Passport"),
    }


def training_kinds(_: Says) -> dict[str, str]:
    """培训类型 as the real proof form names it."""
    return {
        TrainingKind.INITIAL.value: _("first certificate"),
        TrainingKind.RETRAINING.value: _("review of a certificate"),
        TrainingKind.CERTIFICATE_CHANGE.value: _("change of a certificate"),
    }


def basis_text(basis: str, paper: str | None, _: Says) -> str:
    """What takes the place of hours, where something does."""
    match basis:
        case Basis.SKILL_CERTIFICATE:
            return _("by a skill certificate: %(paper)s", paper=paper or "—")
        case Basis.EARLIER_TRAINING:
            return _("by training of before: %(paper)s", paper=paper or "—")
    return _("by hours")


def outcome_text(outcome: str, _: Says) -> str:
    return {
        "eligible": _("The hours that the rules ask for are there"),
        "eligible_exempt": _("No training is needed"),
        "ineligible": _("Not all that the rules ask for is there"),
    }.get(outcome, outcome)


def state_text(state: State, _: Says) -> str:
    return {
        State.COMPUTED: _("computed"),
        State.SUBMITTED: _("submitted"),
        State.INSTITUTION_CHECKED: _("checked by the institution"),
        State.REGULATOR_VERIFIED: _("verified by the regulator"),
        State.GRANTED: _("admitted to the exam"),
        State.SUSPENDED: _("suspended"),
        State.REVOKED: _("revoked"),
        State.SUPERSEDED: _("superseded by a newer version"),
    }[state]


def witnessed_text(witnessed: bool, _: Says) -> str:
    return _("yes, by independent witnesses") if witnessed else _("not by independent witnesses")


def reason_texts(reasons: Sequence[str], _: Says) -> list[str]:
    texts = {
        Reason.HOURS_THEORY_SHORT: _("Theory is short."),
        Reason.HOURS_PRACTICE_SHORT: _("Practice is short."),
        Reason.OFFLINE_SHARE_LOW: _("Too much of the theory is online."),
        Reason.CLASS_NOT_FILED: _("The class is not filed."),
        Reason.OUTLINE_NOT_IN_FORCE: _("The outline is not in force."),
        Reason.NO_RECORD: _("In no class."),
        Reason.IDENTITY_UNVERIFIED: _("Identity not verified."),
        Reason.TEACHER_INVALID: _("A teacher had no valid certificate."),
        Reason.COURSE_TEST_MISSING: _("A course test is not passed."),
        Reason.PREREQ_AGE: _("Age not shown to be right."),
        Reason.PREREQ_EDUCATION: _("Education not shown."),
        Reason.PREREQ_HEALTH: _("No valid health certificate shown."),
        Reason.PREREQ_RETRAINING: _("Has to be trained again."),
        Reason.INSTITUTION_SUSPENDED: _("The institution is suspended."),
        Reason.UNDER_REVIEW: _("Under review."),
        Reason.BLACKLISTED: _("On a blacklist."),
    }
    return [texts.get(Reason(one), one) if one in set(Reason) else one for one in reasons]


def head(language: str) -> dict[str, str]:
    """How a template is told its language."""
    return {"lang": "zh", "region": "cn"} if language == "zh" else {"lang": "en", "region": "gb"}


def _class_line(proof: Proof, _: Says) -> str:
    if proof.class_no is None:
        return "—"
    filing = _("filed as %(number)s", number=proof.filing_no) if proof.filing_no else _("not filed")
    return f"{proof.class_no} · {filing}"


def _log_lines(newest: LogProof, _: Says) -> list[list[str]]:
    return [
        [_("Log of hours"), newest.origin],
        [_("Entry"), f"{newest.index} / {newest.size}"],
        [_("Hash of the entry"), newest.leaf_hash],
        [_("Fingerprint of the proof"), hashlib.sha256(newest.text.encode()).hexdigest()[:32]],
    ]


def _at_the_exam(proof: Proof, _: Says) -> list[list[str]]:
    """培训类型, 作业类别, 操作项目 in one line; nothing where nobody has said."""
    kind = training_kinds(_)[proof.training_kind] if proof.training_kind else None
    said = [one for one in (proof.target, kind) if one]
    return [[_("What it is called at the exam"), " · ".join(said)]] if said else []


def _outcome(proof: Proof, _: Says) -> list[str]:
    """With what takes the place of hours, where something does."""
    excuse = [] if proof.basis == Basis.HOURS else [basis_text(proof.basis, proof.paper, _)]
    return [outcome_text(proof.outcome, _), *excuse]


def _length(ms: int, _: Says) -> str:
    hours, minutes = ms // HOUR_MS, ms % HOUR_MS // MINUTE_MS
    return _("%(hours)s h %(minutes)s min", hours=hours, minutes=f"{minutes:02}")


def _grouped(code: str) -> str:
    return " ".join(code[start : start + 5] for start in range(0, len(code), 5))


def day_text(on: date, language: str) -> str:
    """A day on a sheet."""
    return format_date(on, "long" if language == "zh" else "medium", locale=language)


def moment_text(at: datetime, language: str) -> str:
    """A minute on a sheet, by the clock in China."""
    form = "yyyy年M月d日 HH:mm" if language == "zh" else "MMM d, yyyy, HH:mm"
    return str(format_datetime(at, form, tzinfo=LOCAL_ZONE, locale=language))
