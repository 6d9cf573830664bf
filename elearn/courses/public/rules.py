"""Pure: why a course may not be opened to everybody; what a notice or a campaign must say, and where it stands.

Who may write: the managers of an institution, for what it teaches is what is opened here, and the officers of a
region, who answer for its campaigns (安全生产月, 五进). An enterprise does not: what it says to its own people are
messages, and the public home speaks for who teaches and who supervises. An officer keeps what institutions of the
region write as well, so an institution with one manager finds its second person there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from elearn.courses.centres import Centre
from elearn.errors import Conflict, Malformed


class PostKind(StrEnum):
    NOTICE = "notice"
    CAMPAIGN = "campaign"
    """Has dates, courses and a code to hang up."""


class PostState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class NotOpen(StrEnum):
    """Why a course may not be opened."""

    CENTRE = "centre"
    ITEM = "item"
    IN_CLASS = "in_class"
    SHARED = "shared"
    NO_VIDEO = "no_video"


WHY_NOT: Mapping[NotOpen, str] = {
    NotOpen.CENTRE: "Only a course of the centre “Public safety education” can be opened to everybody.",
    NotOpen.ITEM: "This course teaches an item of an outline, so classes study it. Make a course for no outline.",
    NotOpen.IN_CLASS: "This course is offered in a class, where its time counts.",
    NotOpen.SHARED: "A video of this course is also in a course whose time may count. Send the video here anew.",
    NotOpen.NO_VIDEO: "Publish a video of this course first.",
}
"""Sentence (message id) for each."""

LANGUAGES: Mapping[str, str] = {"zh": "中文", "en": "English"}
MAX_TITLE, MAX_TEXT, MAX_ISSUER, MAX_COURSES = 100, 5000, 100, 20
MOST_DAYS = 366
"""Of a campaign."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to know of a course before it is opened."""

    centre: Centre
    has_item: bool
    in_class: bool
    shared: bool
    """A video of it is published in a course that may be credited."""
    offers_video: bool


def why_not_open(course: Standing) -> NotOpen | None:
    """None: it may be opened."""
    if course.centre is not Centre.PUBLIC:
        return NotOpen.CENTRE
    if course.has_item:
        return NotOpen.ITEM
    if course.in_class:
        return NotOpen.IN_CLASS
    if course.shared:
        return NotOpen.SHARED
    return None if course.offers_video else NotOpen.NO_VIDEO


def refusal(why: NotOpen) -> Conflict:
    """Why it is refused, in words."""
    return Conflict(WHY_NOT[why], code=why.value)


def state_of(published_at: datetime | None, withdrawn_at: datetime | None) -> PostState:
    if withdrawn_at is not None:
        return PostState.WITHDRAWN
    return PostState.DRAFT if published_at is None else PostState.PUBLISHED


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody writes in a notice or a campaign."""

    kind: PostKind
    language: str
    title: str
    text: str
    from_on: date | None
    until_on: date | None
    issuer: str


def checked(said: Said, *, today: date) -> Said:
    """The same, tidied. Raises Malformed; its code is the name of the field."""
    title, issuer = " ".join(said.title.split()), " ".join(said.issuer.split())
    text = said.text.replace("\r\n", "\n").strip()
    if said.language not in LANGUAGES:
        raise Malformed("Choose the language of the text.", code="language")
    if not 0 < len(title) <= MAX_TITLE or not title.isprintable():
        raise Malformed("A title has 1 to 100 characters.", code="title")
    if not 0 < len(text) <= MAX_TEXT:
        raise Malformed("The text has 1 to 5000 characters.", code="text")
    if not 0 < len(issuer) <= MAX_ISSUER or not issuer.isprintable():
        raise Malformed("Say who speaks here, in 1 to 100 characters.", code="issuer")
    if said.from_on is None:
        raise Malformed("Say from which day it is shown.", code="from_on")
    if said.until_on is None and said.kind is PostKind.CAMPAIGN:
        raise Malformed("A campaign has a last day.", code="until_on")
    if said.until_on is not None and said.until_on < max(said.from_on, today):
        raise Malformed("The last day is not before the first, nor over already.", code="until_on")
    if said.kind is PostKind.CAMPAIGN and said.until_on and (said.until_on - said.from_on).days > MOST_DAYS:
        raise Malformed("A campaign lasts a year at most.", code="until_on")
    return Said(said.kind, said.language, title, text, said.from_on, said.until_on, issuer)
