"""What two people state, in plain words; what holds a record back."""

from __future__ import annotations

from elearn.credit_export.basis import Basis
from elearn.credit_export.findings.reading import FindingLine
from elearn.credit_export.findings.rules import Kind
from elearn.credit_export.lifecycle import Hold
from elearn.locale import gettext as _
from elearn.people.sides import No, Side


def kind_text(kind: Kind) -> str:
    return {
        Kind.SKILL_CERTIFICATE: _("Holds a skill certificate"),
        Kind.EARLIER_TRAINING: _("Was trained for this before"),
        Kind.TRAIN_AGAIN: _("Has to be trained again"),
        Kind.EDUCATION: _("Education level"),
        Kind.HEALTH_CERTIFICATE: _("Health certificate"),
        Kind.BORN_ON: _("Day of birth"),
        Kind.BLACKLISTED: _("On the blacklist"),
        Kind.INSTITUTION_SUSPENDED: _("Institution suspended"),
    }[kind]


def effect_text(kind: Kind) -> str:
    """What follows from it."""
    return {
        Kind.SKILL_CERTIFICATE: _("No training is asked: the person sits the exam directly (Order 19)."),
        Kind.EARLIER_TRAINING: _("Whoever failed the exam is not trained again (Order 19). No result is kept here."),
        Kind.TRAIN_AGAIN: _(
            "The exam authority said so. Under the rules before 2026-06-01 the person is not eligible until this ends; "
            "Order 19 asks nobody to be trained again. No result is kept here."
        ),
        Kind.EDUCATION: _(
            "Counts where the rules ask for an education: the highest diploma that two people have seen."
        ),
        Kind.HEALTH_CERTIFICATE: _("Counts until its last day where the rules ask for one. No diagnosis is kept here."),
        Kind.BORN_ON: _(
            "For a document whose number does not say it. The day below as “From” is the day of birth; "
            "the rules ask the age."
        ),
        Kind.BLACKLISTED: _("The person is not eligible while this holds, and an admission ends."),
        Kind.INSTITUTION_SUSPENDED: _("Records of its classes are not granted while this holds. Admissions stay."),
    }[kind]


def side_text(side: Side) -> str:
    return {
        Side.INSTITUTION: _("Institution"),
        Side.REGULATOR: _("Regulator"),
        Side.OPERATOR: _("Operator"),
    }[side]


def no_text(no: No) -> str:
    """Why the reader may not confirm."""
    return {
        No.OWN: _("This is about you: others decide."),
        No.SAME_PERSON: _("You stated it: somebody else has to confirm."),
        No.SAME_SIDE: _("Your side stated it: somebody of another side has to confirm."),
        No.NOT_YOURS: "",
    }[no]


def state_text(line: FindingLine, *, holds: bool) -> str:
    if line.confirmed is None:
        return _("waits for a second person")
    if not line.confirmed:
        return _("not confirmed")
    if line.ends_id is not None:
        return _("confirmed by two")
    return _("holds") if holds else _("does not hold today")


def hold_text(hold: Hold) -> str:
    """For who works with records."""
    return {
        Hold.UNDER_REVIEW: _(
            "Held back: a case of review or an appeal about these hours is open. When it is closed, it goes on."
        ),
        Hold.INSTITUTION_SUSPENDED: _("Held back: the institution is suspended. When that ends, it goes on."),
    }[hold]


def own_hold_text(hold: Hold) -> str:
    """For the learner."""
    return {
        Hold.UNDER_REVIEW: _(
            "Your hours are being looked at, so nothing is granted for now. When that is closed, it goes on by itself."
        ),
        Hold.INSTITUTION_SUSPENDED: _("Your institution is suspended, so nothing is granted for now. Your hours stay."),
    }[hold]


def basis_text(basis: dict[str, str] | None) -> str:
    """What a version rests on."""
    given = basis or {"kind": Basis.HOURS}
    words = {
        Basis.HOURS: _("hours"),
        Basis.SKILL_CERTIFICATE: _("skill certificate"),
        Basis.EARLIER_TRAINING: _("earlier training"),
    }[Basis(given["kind"])]
    return f"{words}: {given['paper']}" if given.get("paper") else words
