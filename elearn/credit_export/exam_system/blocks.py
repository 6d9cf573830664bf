"""What every way out says of a record, read from the version itself: old versions say what they kept.

An answer, a push, a package and a sheet take the same words from here, so none can say another thing than the rest. The
number of a certificate stands in no record: it is opened for who is told, and that is written down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from elearn.credit_export.exam_targets import NO_WORDS
from elearn.credit_export.findings.models import Finding, FindingAnswer
from elearn.credit_export.findings.stating import PURPOSE
from elearn.credit_export.hours import named, shown_tenths
from elearn.credit_export.models import EligibilityRecord
from elearn.credit_export.records import basis_of
from elearn.people import personal
from elearn.people.identity import Erased, Keys


@dataclass(frozen=True, slots=True)
class Paper:
    """What a finding adds to a basis when somebody is told."""

    number: str | None
    """None after erasure."""
    checked_by: tuple[str, str]
    """The two sides whose people have seen it."""


Papers = dict[UUID, Paper]


def papers_of(
    session: Session, records: Iterable[EligibilityRecord], keys: Keys, *, receiver: str, reason: str, at: datetime
) -> Papers:
    """Finding -> its number and who checked it, of the records that rest on one. That numbers leave is written down."""
    wanted = {UUID(found["finding"]) for found in map(basis_of, records) if "finding" in found}
    if not wanted:
        return {}
    rows = session.execute(
        sa.select(Finding, FindingAnswer.side)
        .join(FindingAnswer, FindingAnswer.finding_id == Finding.id)
        .where(Finding.id.in_(wanted))
        .order_by(Finding.id)
    )
    papers = {}
    for finding, second in rows:
        number = None
        if finding.person_id is not None and finding.number_sealed is not None:
            try:
                (number,) = personal.open_sealed(session, finding.person_id, keys, PURPOSE, finding.number_sealed)
            except Erased:
                number = None
            else:
                personal.record_disclosures(
                    session, finding.person_id, ["certificate number"], receiver=receiver, reason=reason, at=at
                )
        papers[finding.id] = Paper(number, (finding.side, second))
    return papers


def credited_tenths(hours: Mapping[str, int], rules: str) -> dict[str, int]:
    """Credited 学时 by modality and kind, in tenths, each rounded down once; a total adds what is shown."""
    lengths = named(rules)
    return {
        "online_theory": shown_tenths(hours["online_theory_ms"], lengths.online_hour_ms),
        "offline_theory": shown_tenths(hours["offline_theory_ms"], lengths.offline_hour_ms),
        "offline_practice": shown_tenths(hours["offline_practice_ms"], lengths.offline_hour_ms),
    }


def rule_set_of(record: EligibilityRecord) -> str:
    """The credit rules of a version: what its judgement names first."""
    return record.rules.partition(";")[0].strip()


def target_of(record: EligibilityRecord) -> dict[str, Any]:
    """What its outline is called at the exam; null: this platform does not say."""
    kept = record.facts.get("target") or {}
    return {name: kept.get(name) for name in NO_WORDS}


def basis_told(record: EligibilityRecord, papers: Papers) -> dict[str, Any]:
    """What a version rests on, as receivers are told."""
    kept = basis_of(record)
    if "finding" not in kept:
        return {"kind": kept["kind"]}
    paper = papers.get(UUID(kept["finding"]))
    return {
        "kind": kept["kind"],
        "paper": kept["paper"],
        "number": paper and paper.number,
        "checked_by": list(paper.checked_by) if paper else [],
    }


def employers_of(record: EligibilityRecord) -> list[dict[str, Any]] | None:
    """Whose people they were then, in the record's words; None: a version that kept none."""
    kept = record.facts.get("employers")
    return None if kept is None else [_employer(one) for one in kept]


def _employer(kept: dict[str, Any]) -> dict[str, Any]:
    """Versions of before 0029 kept our own words."""
    words = {"employee": "regular", "trainee": "intern"}
    given = kept.get("employment_type") or words.get(kept.get("employment", ""), kept.get("employment"))
    return {**{name: kept.get(name) for name in ("name", "credit_code", "region")}, "employment_type": given}
