"""How the log of hours stands: what is published, and how the signer and each witness are. For operator and auditor.

Whoever learns loses nothing while somebody here is away; what counts waits for them. What is wrong is said by
`ledger/trouble.py` and `ledger/stamp_standing.py`, here, on the page of exam systems and in `/healthz`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from elearn import web
from elearn.clock import from_ms, utcnow
from elearn.credit_export.ledger.doors import desk
from elearn.credit_export.ledger.naming import log_name, year_and_series
from elearn.credit_export.ledger.quorum import Trust
from elearn.credit_export.ledger.stamp_standing import read_stamping
from elearn.credit_export.ledger.standing import Part, Standing, all_standings
from elearn.credit_export.ledger.trouble import (
    SENTENCES,
    Code,
    Level,
    Trouble,
    of_job,
    of_log,
    read_running,
    state_of,
    troubles,
)
from elearn.locale import gettext as _
from elearn.pages import shown
from elearn.people.permissions import AUDITOR, OPERATOR
from elearn.runtime import runtime


def install(bp: Blueprint) -> None:
    bp.add_url_rule("/log", "log_standing", log_standing)


@dataclass(frozen=True, slots=True)
class Line:
    """The signer, or a witness."""

    name: str
    part: Part | None
    """None: it was never asked."""
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is wrong, in the reader's language."""

    level: Level
    sentences: list[tuple[str, str]]
    """Each with what the program saw, in English."""


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a year."""

    standing: Standing
    name: str
    """As its public files are called."""
    cosigned_at: datetime | None
    """When its newest cosignatures were made."""
    told: Told
    lines: list[Line]


def state_texts() -> dict[str, str]:
    return {
        "ok": _("well"),
        "away": _("does not answer; is asked again"),
        "refuses": _("refuses: somebody has to look"),
        "waits": _("waits"),
        "alarm": _("has stopped: somebody has to look"),
    }


@web.allow(OPERATOR, AUDITOR)
def log_standing() -> ResponseReturnValue:
    """Each year's log, the newest first."""
    at, now = desk(), utcnow()
    return render_template(
        "elearn/log.html",
        logs=[_log(one, at.trust, now) for one in reversed(all_standings(at.ledger_dir))],
        job=_told(of_job(read_running(at.ledger_dir), now)),
        stamps=stamps(),
        takes=takes(at.trust),
        states=state_texts(),
    )


def trouble() -> Told:
    """All that is wrong with the log of hours."""
    return _told(troubles(desk().ledger_dir, utcnow()))


def trouble_text(one: Trouble) -> str:
    return _(SENTENCES[one.code], **one.facts(shown.moment(one.since) if one.since else "—"))


def stamps() -> tuple[bool, str, list[str]]:
    """How it stands with time stamps: whether it is as it should be, that in words, and what is not, in English."""
    if runtime().settings.ledger_tsa is None:
        return True, _("No time stamp authority stamps the log: ELEARN_LEDGER_TSA names none."), []
    standing = read_stamping(desk().ledger_dir)
    newest = standing.newest
    when = shown.moment(newest) if newest else _("never")
    if standing.state == "ok":
        return True, _("A time stamp authority stamps the log once an hour; newest stamp: %(when)s.", when=when), []
    bad = _("The time stamp authority needs a look. Hours do not wait for it. Newest stamp: %(when)s.", when=when)
    return False, bad, standing.sentences()


def takes(trust: Trust) -> str:
    """Which witnesses it takes, in words."""
    if trust.quorum is None:
        return _("none: records say that their hours are not witnessed")
    group = trust.groups.get(trust.quorum)
    if group is None:
        return trust.quorum
    facts = {"least": group.least, "all": len(group.members), "names": ", ".join(group.members)}
    return _("%(least)s of %(all)s: %(names)s", **facts)


def _lines(one: Standing, trust: Trust) -> list[Line]:
    """The signer, those whom the policy names now, and nobody who was taken out of it."""
    witnesses = [Line(name, one.witnesses.get(name), witness.url) for name, witness in trust.witnesses.items()]
    return [Line(_("signer"), one.signer), *witnesses]


def _told(found: Sequence[Trouble]) -> Told:
    return Told(state_of(found), [(trouble_text(one), one.detail) for one in found])


def _log(one: Standing, trust: Trust, now: datetime) -> Log:
    found = of_log(one, now)
    # What signer and witnesses answered stands in their lines.
    said = [(trouble_text(each), each.detail if each.code is Code.LOG_CONTRADICTS else "") for each in found]
    return Log(
        standing=one,
        name=log_name(*year_and_series(one.origin.rpartition("/")[2])),
        cosigned_at=from_ms(one.published_ms) if one.published_ms else None,
        told=Told(state_of(found), said),
        lines=_lines(one, trust),
    )
