"""The card of the three-level education (三级安全教育卡): what each level gave, and who signed for it, as PDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.paper import typeset
from elearn.credit_export.paper.sheets import Says, day_text, head, moment_text, speaker
from elearn.people.registry import local_day
from elearn.training import law_words
from elearn.training.classrooms import ON_SITE
from elearn.training.lawful import LawLine
from elearn.training.models import Purpose, State
from elearn.training.reading import TESTED
from elearn.training.three_level import HOUR_MS, LEVELS


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Whose card it is. The document's number is masked."""

    organisation: str
    name: str
    document: str
    unit: str
    post: str
    from_on: date
    law: Sequence[LawLine] = ()
    """Hours so far against what the law asks."""


@dataclass(frozen=True, slots=True)
class CardLine:
    """A level of a card: the newest assignment of it."""

    purpose: Purpose
    title: str
    state: State
    credited_ms: int
    tests_passed: bool
    tested: bool
    attended_ms: int
    """Of what is credited: on site, in sessions that two people confirmed."""
    on_site_ms: int | None
    """What the signer stated besides."""
    learner: str
    learner_at: datetime | None
    signer: str
    signer_at: datetime | None


CARD = sa.text(f"""
SELECT DISTINCT ON (g.purpose) g.purpose, g.title, a.state, a.credited_ms, a.tests_passed, {TESTED},
       {ON_SITE} AS attended_ms, s.on_site_ms,
       coalesce(lp.name, '') AS learner, l.signed_at AS learner_at,
       coalesce(sp.name, '') AS signer, s.signed_at AS signer_at
FROM elearn.assignment a
JOIN elearn.training_programme g ON g.id = a.programme_id
LEFT JOIN elearn.level_signoff l ON l.assignment_id = a.id AND l.round = a.round AND l.side = 'learner'
LEFT JOIN elearn.person lp ON lp.id = l.by_id
LEFT JOIN elearn.level_signoff s ON s.assignment_id = a.id AND s.round = a.round AND s.side = 'signer'
LEFT JOIN elearn.person sp ON sp.id = s.by_id
WHERE a.membership_id = :membership AND a.state <> 'withdrawn' AND g.purpose = ANY (:levels)
ORDER BY g.purpose, a.created_at DESC, a.id DESC
""")


def card_lines(session: Session, membership_id: UUID) -> list[CardLine]:
    """The levels of a membership from the factory's to the team's, the newest assignment of each."""
    rows = session.execute(CARD, {"membership": membership_id, "levels": [one.value for one in LEVELS]})
    found = [CardLine(**{**row._mapping, "purpose": Purpose(row.purpose), "state": State(row.state)}) for row in rows]
    return sorted(found, key=lambda one: LEVELS.index(one.purpose))


def level_text(purpose: Purpose, _: Says) -> str:
    return {
        Purpose.THREE_LEVEL_FACTORY: _("Factory level"),
        Purpose.THREE_LEVEL_WORKSHOP: _("Workshop level"),
        Purpose.THREE_LEVEL_TEAM: _("Team level"),
    }[purpose]


def _whole(lines: Sequence[CardLine]) -> bool:
    return [one.purpose for one in lines if one.state is State.DONE] == list(LEVELS)


def _hours(ms: int, _: Says) -> str:
    return _("%(hours)s h %(minutes)s min", hours=ms // HOUR_MS, minutes=f"{ms % HOUR_MS // 60_000:02}")


def _on_site(one: CardLine, _: Says) -> str:
    """What is credited, and what the signer states besides."""
    if not one.on_site_ms:
        return _hours(one.attended_ms, _)
    stated = _("stated: %(hours)s", hours=_hours(one.on_site_ms, _))
    return f"{_hours(one.attended_ms, _)} ({stated})" if one.attended_ms else stated


def _test(one: CardLine, _: Says) -> str:
    if not one.tested:
        return _("no test")
    return _("passed") if one.tests_passed else _("not passed")


def _signed(name: str, at: datetime | None, language: str) -> str:
    return "—" if at is None else f"{name} {day_text(local_day(at), language)}"


def card(lines: Sequence[CardLine], facts: CardFacts, language: str, *,
         at: datetime) -> bytes:  # fmt: skip
    """The card of the three levels (三级安全教育卡) as PDF."""
    _ = speaker(language)
    dash = "—"
    return typeset.pdf(
        "list",
        head(language)
        | {
            "title": _("Three-level safety education card"),
            "issuer": facts.organisation,
            "footer": f"{facts.organisation} · {moment_text(at, language)}",
            "facts": [
                [_("Name"), facts.name],
                [_("Document"), facts.document or dash],
                [_("Unit"), facts.unit],
                [_("Post"), facts.post or dash],
                [_("Since"), day_text(facts.from_on, language)],
                *[
                    [
                        law_words.when_text(one.training, _),
                        law_words.hours_text(one.judgement.has, one.asked.hours, one.asked.clause, _),
                    ]
                    for one in facts.law
                ],
            ],
            "widths": [46, 0, 26, 34, 30, 40, 40],
            "right": [2, 3],
            "head": [
                _("Level"), _("Training"), _("Credited online"), _("Credited on site"), _("Test"),
                _("Learner signed"), _("Signer signed"),
            ],
            "rows": [
                [
                    level_text(one.purpose, _), one.title, _hours(max(0, one.credited_ms - one.attended_ms), _),
                    _on_site(one, _),
                    _test(one, _),
                    _signed(one.learner, one.learner_at, language), _signed(one.signer, one.signer_at, language),
                ]
                for one in lines
            ],
            "empty": _("No level was assigned."),
            "total": _("All three levels are done and signed by two people.") if _whole(lines)
            else _("The three levels are not complete."),
            "note": _(
                "Credited time stands in the ledger of hours: online it was verified on the server, on site two people"
                " confirmed who was there. What is stated on site besides is the signer's word; nobody verified it."
            ),
            "signs": [_("Learner"), _("Enterprise (seal)")],
        },
        at=at,
    )  # fmt: skip
