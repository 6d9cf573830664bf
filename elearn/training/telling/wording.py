"""What messages say, in the caller's language; in a job, which nobody calls, in Chinese. A title, and lines below it.

The same words stand on the page, in an e-mail and in a text message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from babel.dates import format_date

from elearn.locale import gettext as _
from elearn.locale import language
from elearn.training.telling.messages import Kind
from elearn.zone import LOCAL_ZONE


@dataclass(frozen=True, slots=True)
class Said:
    title: str
    lines: tuple[str, ...] = ()


def length(ms: int) -> str:
    """How long: `1 h 20 min`, `12 min`, `1 min 30 s` under ten minutes, `45 s`. Rounded down."""
    seconds = max(0, ms) // 1000
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        text = _("%(hours)s h", hours=hours)
        return f"{text} {_('%(minutes)s min', minutes=minutes)}" if minutes else text
    if minutes >= 10 or (minutes and not seconds):
        return _("%(minutes)s min", minutes=minutes)
    text = _("%(seconds)s s", seconds=seconds)
    return f"{_('%(minutes)s min', minutes=minutes)} {text}" if minutes else text


def day(on: date | datetime) -> str:
    """A day: `2026年7月1日`, `Jul 1, 2026`. A moment is shown as its day in China."""
    if isinstance(on, datetime):
        on = on.astimezone(LOCAL_ZONE).date()
    return format_date(on, "long" if language() == "zh" else "medium", locale=language())


def said(kind: Kind, facts: Mapping[str, Any]) -> Said:
    """The words of one message."""
    days = {name: day(date.fromisoformat(value)) for name, value in facts.items() if name.endswith("_on") and value}
    known: dict[str, Any] = {**facts, **days}
    if kind is Kind.ASSIGNED:
        lines = [_asked(facts["left_ms"], days.get("due_on"))]
        if facts["bars_post"]:
            lines.append(_("You may take up the post once it is done."))
        return Said(_("New training: %(programme)s", **known), tuple(lines))
    if kind is Kind.DUE:
        more = [_("and %(count)s more of them", count=facts["more"])] if facts["more"] else []
        return Said(_("Training to finish"), (*map(_due_line, facts["lines"]), *more))
    if kind is Kind.SENDING_FAILED:
        return Said(
            _("%(count)s reminders could not be sent", **known),
            (_("%(organisation)s: these people have no message by phone or e-mail.", **known),),
        )
    if kind in (Kind.NOT_QUALIFIED, Kind.ASSESSMENT_DUE):
        return _post(kind, {**known, "work": facts["work" if language() == "zh" else "work_en"]})
    if kind is Kind.POSTS_WITHOUT:
        return _posts_without(known)
    return _plain(kind, known)


def _post(kind: Kind, known: Mapping[str, Any]) -> Said:
    """The own post asks for a certificate that is not in the register."""
    no_course = _("A training that your enterprise gives does not replace it.")
    if kind is Kind.ASSESSMENT_DUE:
        return Said(
            _("Pass the assessment by %(by_on)s", **known),
            (_("%(work)s at %(organisation)s: you need the assessment certificate by then.", **known), no_course),
        )
    title = _("You may not work at this post now: %(work)s", **known)
    if known["by_on"]:
        late = _(
            "The assessment was due by %(by_on)s. Leave the post until %(organisation)s has your certificate.", **known
        )
        return Said(title, (late, no_course))
    return Said(
        title,
        (
            _("Leave the post until %(organisation)s has a valid certificate of yours for this work.", **known),
            _("You hold one? Show it to your training office. You hold none? Ask there how to get it."),
        ),
    )


def _posts_without(known: Mapping[str, Any]) -> Said:
    """To who keeps the people."""
    lines = (
        (known["leave"], _("%(organisation)s: %(leave)s of them may not work at their post now.", **known)),
        (known["until"], _("%(organisation)s: %(until)s of them must pass the assessment within 90 days.", **known)),
    )
    return Said(
        _("%(count)s people lack the certificate their post asks for", **known),
        tuple(text for many, text in lines if many),
    )


def _asked(left_ms: int, due: str | None) -> str:
    """How long something takes, and until when."""
    if due is None:
        return _("Takes %(length)s.", length=length(left_ms))
    return _("Takes %(length)s, to be done by %(day)s.", length=length(left_ms), day=due)


def _due_line(line: Mapping[str, Any]) -> str:
    """`line` is one of the `lines` of DUE."""
    known = {"programme": line["programme"], "left": length(line["left_ms"]), "day": ""}
    if line["due_on"]:
        known["day"] = day(date.fromisoformat(line["due_on"]))
    if line["overdue"] and line["bars_post"]:
        return _("%(programme)s: overdue since %(day)s. Leave the post until it is done; still %(left)s.", **known)
    if line["overdue"]:
        return _("%(programme)s: still %(left)s, was due on %(day)s.", **known)
    if line["left_ms"] <= 0:
        return _("%(programme)s: only the test is left, by %(day)s.", **known)
    return _("%(programme)s: still %(left)s, by %(day)s.", **known)


def _plain(kind: Kind, known: Mapping[str, Any]) -> Said:
    """Kinds whose facts stand in the sentence as they are."""

    def say(title: str, *lines: str) -> Said:
        return Said(title % known, tuple(line % known for line in lines))

    match kind:
        case Kind.LEAVE_POST:
            return say(
                _("Leave your post until the training is done"),
                _("%(programme)s was due on %(due_on)s. Whoever is not trained does not work at this post."),
            )
        case Kind.DONE:
            return say(_("Done: %(programme)s"), _("The hours are credited, and nothing of it is left to do."))
        case Kind.CERTIFICATE_EXPIRING:
            return say(_("Your certificate runs out: %(title)s"), _("Valid until %(to_on)s. Renew it before that day."))
        case Kind.CERTIFICATES_EXPIRING:
            return say(
                _("%(count)s certificates run out within %(days)s days"),
                _("%(organisation)s: see whose in the register."),
            )
        case Kind.CERTIFICATE_DIFFERS:
            return say(
                _("Please check your certificate: %(title)s"),
                _("%(organisation)s looked it up, and it is not as the register says."),
            )
        case Kind.PLAN_WAITING:
            return say(_("A training plan waits for your approval"), _("%(organisation)s, %(year)s."))
        case Kind.PLAN_APPROVED:
            return say(_("The training plan is approved"), _("%(organisation)s, %(year)s."))
        case Kind.PLAN_RETURNED:
            return say(_("The training plan came back"), _("%(organisation)s, %(year)s: %(why)s"))
        case Kind.SESSION:
            return say(
                _("Come to the training on site: %(title)s"),
                _("%(held_on)s, %(begins)s to %(ends)s, %(place)s."),
                _("Scan the code there when you come and when you go: only then the time counts."),
            )
        case Kind.SESSION_GIVEN:
            return say(
                _("You give a session on site: %(title)s"),
                _("%(held_on)s, %(begins)s to %(ends)s, %(place)s."),
                _("Everybody scans the code on your screen there."),
            )
        case Kind.SESSION_CANCELLED:
            return say(
                _("Cancelled: %(title)s"), _("It does not take place on %(held_on)s at %(begins)s. Why: %(why)s")
            )
        case Kind.SURVEY:
            return say(
                _("What training do you need? %(organisation)s asks"),
                _("%(title)s: a minute, until %(ends_on)s."),
                *([_("No name stands in the answers.")] if known["anonymous"] else []),
            )
        case Kind.APPRENTICESHIP_BEGUN:
            return say(_("An apprenticeship begins"), _("%(organisation)s: from %(from_on)s to %(to_on)s at least."))
        case Kind.APPRENTICESHIP_SIGN:
            return say(
                _("Please sign the apprenticeship"), _("%(organisation)s: it lasted until %(to_on)s. Both sign.")
            )
        case Kind.JOIN_ASKED:
            return say(_("%(count)s people ask to join"), _("%(organisation)s: confirm or refuse them."))
        case Kind.JOINED:
            return say(_("You belong to %(organisation)s now"), _("See under My employments what it can see."))
        case Kind.JOIN_REFUSED:
            return say(_("You were not taken in"), _("%(organisation)s did not confirm that you work there."))
        case Kind.LEFT:
            return say(
                _("Somebody left of their own accord"),
                _("%(organisation)s: %(last_on)s is their last day. See under People who."),
            )
        case Kind.ROSTER_DONE:
            return say(
                _("The roster was taken in"), _("%(organisation)s: %(taken)s people, %(left_out)s rows left out.")
            )
        case Kind.ARCHIVE_READY:
            return say(_("The archive is ready"), _("%(organisation)s: fetch it within a few days."))
        case Kind.PASSWORD_SET:
            return say(
                _("Your password was set anew"),
                _(
                    "On %(set_on)s, by a code to your phone; every other browser was signed out. Was it not you? Ask"
                    " your enterprise's clerk for a one-time password at once."
                ),
            )
        case Kind.INVITED:
            invited = say(
                _("%(organisation)s: your safety training"),
                _("Open %(address)s and have a code sent to this phone."),
                _("You need the last six characters of your document number."),
            )
            return Said(f"{known['name']} · {invited.title}", invited.lines) if known["name"] else invited
        case _:
            raise ValueError(f"no words for {kind}")
