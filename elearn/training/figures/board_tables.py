"""Figures as tables and charts in one language: what the page shows, and what XLSX and PDF of it say. Values in.

Every chart stands beside the table that says its numbers. Shares are rounded down: 99.9 % are not all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from elearn.credit_export.paper.sheets import Says
from elearn.training.figures import charts
from elearn.training.figures.dashboards import Board, Line, Sums

HOUR_MS = 3_600_000
CHARTED = 12
"""Nodes in a chart; the table has them all."""


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    cells: tuple[str, ...]
    unit_id: UUID | None = None
    """Of a node: where its figures are."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    """Unique on the page."""
    title: str
    head: tuple[str, ...]
    """Of the label and the cells."""
    rows: tuple[Row, ...]
    chart: str = ""
    """SVG of the same numbers."""


def purposes(_: Says) -> dict[str, str]:
    return {
        "three_level_factory": _("Three-level education: factory"),
        "three_level_workshop": _("Three-level education: workshop"),
        "three_level_team": _("Three-level education: team"),
        "yearly": _("Yearly retraining"),
        "transfer": _("Change of post"),
        "back": _("Return to the post"),
        "appointment": _("Appointment"),
        "contractor_entry": _("Entry of contractors"),
        "new_technology": _("New technology"),
        "campaign": _("Campaign"),
        "other": _("Other training"),
    }


def kinds(_: Says) -> dict[str, str]:
    return {
        "employee": _("Employee"),
        "dispatched": _("Dispatched"),
        "flexible": _("Flexible"),
        "contractor": _("Contractor"),
        "intern": _("Intern"),
        "apprentice": _("Apprentice"),
        "trainee": _("Trainee"),
    }


def period_text(period: int, _: Says) -> str:
    """`2026`, `2026 Q3`, or all of it."""
    if not period:
        return _("All the time")
    return str(period) if period < 10_000 else _("%(year)s Q%(quarter)s", year=period // 10, quarter=period % 10)


def share(part: int, whole: int) -> str:
    """`83.3 %`, rounded down; of nothing: a dash."""
    if whole <= 0:
        return "—"
    mille = min(1000, max(0, part) * 1000 // whole)
    return f"{mille // 10}.{mille % 10} %"


def hours(ms: int) -> str:
    """Hours by the clock with one decimal, rounded down."""
    tenths = max(0, ms) * 10 // HOUR_MS
    return f"{tenths // 10}.{tenths % 10}"


def tables(board: Board, lines: Sequence[Line], _: Says) -> list[Table]:
    """Units below, employment kinds, purposes, quarters: those of them that there is something in."""
    found = []
    if lines:
        found.append(
            Table(
                "units", _("Units"), (_("Unit"), *_full_head(_)),
                tuple(Row(one.name, _full(one.sums), one.unit_id) for one in lines),
                _coverage([(one.name, one.sums) for one in lines], _, name="units-chart"),
            )
        )  # fmt: skip
    if board.kinds:
        said = [(kinds(_)[kind], sums) for kind, sums in board.kinds.items()]
        found.append(
            Table(
                "kinds", _("By employment"), (_("Employment"), *_full_head(_)),
                (*(Row(name, _full(sums)) for name, sums in said),
                 Row(_("Together"), _full(sum(board.kinds.values(), Sums())))),
                _coverage(said, _, name="kinds-chart"),
            )
        )  # fmt: skip
    if board.purposes:
        found.append(
            Table(
                "purposes", _("By purpose"), (_("Purpose"), *_training_head(_)),
                tuple(Row(purposes(_)[one], _training(sums)) for one, sums in board.purposes.items()),
            )
        )  # fmt: skip
    if board.quarters:
        found.append(
            Table(
                "quarters", _("By quarter"), (_("Quarter"), *_training_head(_)),
                tuple(Row(period_text(one, _), _training(sums)) for one, sums in board.quarters.items()),
                _trend(board.quarters, _),
            )
        )  # fmt: skip
    return found


def facts(sums: Sums, _: Says) -> list[tuple[str, str, str]]:
    """Name of a figure, its value, and what it is of."""
    return [
        (_("People"), str(sums.people), _("placed here today")),
        (_("Coverage of people"), share(sums.trained, sums.people), _of(sums.trained, sums.people, _)),
        (_("Training done"), share(sums.done, sums.assigned), _of(sums.done, sums.assigned, _)),
        (_("Hours learned"), hours(sums.credited_ms), _("credited, by the clock")),
        (_("Overdue"), str(sums.overdue), _("assignments after their day")),
        (_("Must leave the post"), str(sums.barred), _leaving(sums, _)),
        (_("Certificates held"), share(sums.holding, sums.asked), _held(sums, _)),
        (_("Certificates that run out"), str(sums.expiring), _("within 90 days")),
    ]


def _leaving(sums: Sums, _: Says) -> str:
    if not sums.unqualified:
        return _("people, until they are trained")
    return _("people; %(count)s of them without the certificate the post asks for", count=sums.unqualified)


def _held(sums: Sums, _: Says) -> str:
    said = _of(sums.holding, sums.asked, _)
    return said + _("; %(count)s have until a day", count=sums.until) if sums.until else said


def _of(part: int, whole: int, _: Says) -> str:
    return _("%(part)s of %(whole)s", part=part, whole=whole) if whole else _("nothing to count yet")


def _training_head(_: Says) -> tuple[str, ...]:
    return (
        _("Trained"), _("Assigned"), _("Done"), _("Progress"), _("Overdue"), _("Must leave the post"),
        _("Hours learned"),
    )  # fmt: skip


def _training(sums: Sums) -> tuple[str, ...]:
    numbers = (sums.trained, sums.assigned, sums.done)
    rest = (share(sums.done, sums.assigned), str(sums.overdue), str(sums.barred), hours(sums.credited_ms))
    return (*(str(one) for one in numbers), *rest)


def _full_head(_: Says) -> tuple[str, ...]:
    return (_("People"), _("Coverage of people"), *_training_head(_), _("Certificates held"))


def _full(sums: Sums) -> tuple[str, ...]:
    held = f"{sums.holding} / {sums.asked}" if sums.asked else "—"
    return (str(sums.people), share(sums.trained, sums.people), *_training(sums), held)


def _coverage(said: Sequence[tuple[str, Sums]], _: Says, *, name: str) -> str:
    rows = [
        charts.Bar(
            label, sums.trained, sums.people, f"{share(sums.trained, sums.people)} · {sums.trained}/{sums.people}"
        )
        for label, sums in said
        if sums.people
    ][:CHARTED]
    if not rows:
        return ""
    spoken = "; ".join(f"{one.label}: {one.said}" for one in rows)
    return charts.bars(_("Coverage: people trained, of all people"), spoken, rows, name=name)


def _trend(quarters: Mapping[int, Sums], _: Says) -> str:
    rows = [
        charts.Column(f"{one // 10 % 100:02}Q{one % 10}", sums.credited_ms, hours(sums.credited_ms))
        for one, sums in quarters.items()
    ]
    spoken = "; ".join(f"{period_text(one, _)}: {row.said}" for one, row in zip(quarters, rows, strict=True))
    return charts.columns(_("Credited hours by quarter"), spoken, rows, name="quarters-chart")
