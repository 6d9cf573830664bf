"""Certificates of workers in plain words: kinds, how one stands, what is wrong with a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from elearn.courses.requirements import service
from elearn.courses.requirements.rows import Group
from elearn.locale import gettext as _
from elearn.pages.training_texts import tabs
from elearn.training.certificates import qualified, warnings
from elearn.training.certificates.posts import Posts
from elearn.training.certificates.reading import Show
from elearn.training.certificates.rules import CertificateKind, CheckState, Standing
from elearn.training.certificates.sheets import Wrong
from elearn.training.law import Law
from elearn.training.telling.wording import Said, said

__all__ = [
    "ISSUERS_SITE", "check_text", "holders_text", "kind_text", "own_posts", "show_text", "standing_text",
    "standing_tone", "tabs", "wrong_text",
]  # fmt: skip

ISSUERS_SITE = "https://cx.mem.gov.cn"
"""Where certificates of special operations and assessments are looked up, by hand (RULES 2.3)."""


@dataclass(frozen=True, slots=True)
class OwnPost:
    """What somebody is told of a post of theirs that asks for a certificate they do not hold."""

    said: Said
    leaves: bool
    """They may not work there."""


def own_posts(session: Session, person_id: UUID, on: date) -> list[OwnPost]:
    """As the messages say it: two queries."""
    found = qualified.of_person(session, person_id, on=on)
    if not found:
        return []
    posts = Posts(Law(service.catalogue(session)), on)
    return [OwnPost(said(*warnings.said_of(one, posts, on)), one.leaves(on)) for one in found]


def kind_text(kind: CertificateKind) -> str:
    return {
        CertificateKind.OPERATION: _("Special operation certificate"),
        CertificateKind.ASSESSMENT: _("Assessment certificate of a principal or manager"),
        CertificateKind.EQUIPMENT: _("Special equipment operator certificate"),
        CertificateKind.SKILL: _("Vocational skill certificate"),
        CertificateKind.OTHER: _("Another certificate"),
    }[kind]


def standing_text(standing: Standing) -> str:
    return {
        Standing.VALID: _("valid"),
        Standing.EXPIRING: _("runs out soon"),
        Standing.NOT_YET: _("not valid yet"),
        Standing.EXPIRED: _("expired"),
        Standing.REVIEW_MISSED: _("review missed"),
        Standing.DIFFERS: _("differs from the issuer's record"),
        Standing.ENDED: _("ended"),
    }[standing]


def standing_tone(standing: Standing) -> str:
    """The colour of its badge."""
    bad = (Standing.EXPIRED, Standing.REVIEW_MISSED, Standing.DIFFERS)
    return {Standing.VALID: "good", Standing.EXPIRING: "warn"}.get(standing, "bad" if standing in bad else "")


def check_text(state: CheckState) -> str:
    return {
        CheckState.UNCHECKED: _("not looked up"),
        CheckState.AGREES: _("looked up, agrees"),
        CheckState.DIFFERS: _("looked up, differs"),
    }[state]


def show_text(show: Show) -> str:
    return {
        Show.ALL: _("All"),
        Show.EXPIRING: _("Run out within 90 days"),
        Show.EXPIRED: _("Expired"),
        Show.UNCHECKED: _("Not looked up"),
        Show.DIFFERS: _("Differ"),
    }[show]


def holders_text(group: Group) -> str:
    """Whose posts they are."""
    return {
        Group.SPECIAL_OPERATION: _("Special operations"),
        Group.PRINCIPAL: _("Principals"),
        Group.MANAGER: _("Safety managers"),
        Group.EMPLOYEE: _("Other posts"),
    }[group]


def wrong_text(wrong: Wrong) -> str:
    """What is wrong with a row of the register."""
    return {
        Wrong.NO_NAME: _("The name is missing."),
        Wrong.BAD_DOCUMENT: _("The document number cannot be right."),
        Wrong.BAD_KIND: _("No kind of certificate of this name is known."),
        Wrong.BAD_TITLE: _("No kind of work or category of this name is known."),
        Wrong.BAD_DAY: _("A date cannot be read. Write 2026-07-01."),
        Wrong.NO_DAY: _("The first day is missing."),
        Wrong.BAD_PAPER: _("Its number or issuer is missing, or its days do not fit."),
        Wrong.NOT_HERE: _("Nobody of this name and document works here."),
    }[wrong]
