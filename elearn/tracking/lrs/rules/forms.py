"""The forms of xAPI's simple values: IRIs, UUIDs, timestamps, durations, language tags, media types. Pure.

Each function answers whether (or what) a value is; it never raises, whatever it is given. "Data n" means that
section of xAPI 1.0.3, part two.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

# RFC 3987 as far as it can be told without knowing the scheme: a scheme, then none of the characters that an
# IRI must escape. Data 2.2 leaves the rest of IRI checking to best effort.
_ESCAPED = r"\x00-\x20\x7f-\x9f\ufdd0-\ufdef\ufff0-\uffff<>\"{}|\\^`"
_IRI = re.compile(rf"[A-Za-z][A-Za-z0-9+.\-]*:[^{_ESCAPED}]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MBOX = re.compile(rf"mailto:[^{_ESCAPED}@?#,]+@[^{_ESCAPED}@?#,]+")
_SHA1 = re.compile(r"[0-9a-fA-F]{40}")
_SHA2 = re.compile(r"(?:[0-9a-fA-F]{56}|[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})")
_MEDIA_TYPE = re.compile(
    r"[\w!#$&^.+\-]+/[\w!#$&^.+\-]+"
    r"(?:[ \t]*;[ \t]*[\w!#$&^.+\-]+=(?:[\w!#$&^.+\-'*%]+|\"(?:[^\"\\\x00-\x1f]|\\.)*\"))*",
    re.ASCII,
)
_USUAL = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:[0-5]\d(?:\.\d+)?(?:Z|(?!-00:00)[+-]\d\d:[0-5]\d)", re.ASCII
)  # what both versions take and Python reads as it is
_ISO_8601 = re.compile(
    r"(\d{4})(?:-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?"  # extended: 2026-11-22T03:00:00
    r"|(\d\d)(\d\d)[Tt](\d\d)(\d\d)(?:(\d\d)(?:[.,](\d+))?)?)"  # basic: 20261122T030000
    r"(?:[Zz]|([+-]\d\d)(?::?(\d\d))?|($))",
    re.ASCII,
)
_RFC_3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-]\d\d):(\d\d))", re.ASCII
)
_DURATION = re.compile(
    r"P(?:\d+(?:[.,]\d+)?W"
    r"|(?=\d|T\d)(?:\d+(?:[.,]\d+)?Y)?(?:\d+(?:[.,]\d+)?M)?(?:\d+(?:[.,]\d+)?D)?"
    r"(?:T(?=\d)(?:\d+(?:[.,]\d+)?H)?(?:\d+(?:[.,]\d+)?M)?(?:\d+(?:[.,]\d+)?S)?)?)",
    re.ASCII,
)
_BEYOND = re.compile(r"([.,]\d\d)\d+(?=S)", re.ASCII)
_EARLY_FRACTION = re.compile(r"[.,]\d+[A-Z].", re.ASCII)
_LANGUAGE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"  # language and extended language
    r"(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"  # script, region
    r"(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*"  # variants
    r"(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*"  # extensions
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+"
    r"|en-gb-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)|sgn-(?:be-fr|be-nl|ch-de)",
    re.ASCII | re.IGNORECASE,
)


KNOWN_CHARACTERS = 200
"""What is remembered of statements is no longer, so that nobody fills the memory with it."""


def is_iri(value: object) -> bool:
    """Data 4.3; with a scheme (2.2). IRLs are read by the same rule."""
    return type(value) is str and (_known_iri if len(value) <= KNOWN_CHARACTERS else _reads_as_iri)(value)


def _reads_as_iri(value: str) -> bool:
    return _IRI.fullmatch(value) is not None


_known_iri = lru_cache(maxsize=8192)(_reads_as_iri)


def is_uri(value: object) -> bool:
    """RFC 3986: an IRI of ASCII characters alone (Data 2.4.2.3 asks it of an OpenID)."""
    return is_iri(value) and str(value).isascii()


def is_uuid(value: object) -> bool:
    """Data 4.4: the standard form, in either case."""
    return type(value) is str and _UUID.fullmatch(value) is not None


def is_mbox(value: object) -> bool:
    """Data 2.4.2.3: "mailto:" and one address, an IRI: of any script, and with its odd signs escaped."""
    return type(value) is str and _MBOX.fullmatch(value) is not None


def is_sha1(value: object) -> bool:
    return type(value) is str and _SHA1.fullmatch(value) is not None


def is_sha2(value: object) -> bool:
    """Data 2.4.11: SHA-224, 256, 384 or 512 in hexadecimal."""
    return type(value) is str and _SHA2.fullmatch(value) is not None


def is_media_type(value: object) -> bool:
    """RFC 2046, with parameters."""
    return type(value) is str and _MEDIA_TYPE.fullmatch(value) is not None


def is_duration(value: object) -> bool:
    """Data 4.6: ISO 8601:2004 section 4.4.3.2, a fraction only in the smallest part that is named."""
    return type(value) is str and _DURATION.fullmatch(value) is not None and not _EARLY_FRACTION.search(value)


def is_language(value: object) -> bool:
    """Data 4.2: an RFC 5646 tag by the lengths of its parts."""
    return type(value) is str and len(value) <= KNOWN_CHARACTERS and _known_language(value)


@lru_cache(maxsize=512)
def _known_language(tag: str) -> bool:
    return _LANGUAGE.fullmatch(tag) is not None


def read_timestamp(value: object, *, zone_needed: bool = False) -> datetime | None:
    """The moment in UTC, whole microseconds; None when it is not a timestamp (Data 4.5).

    `zone_needed`: by xAPI 2.0, which wants RFC 3339: zone and seconds, and a point before the fraction. xAPI 1.0.3
    takes ISO 8601's calendar dates in extended or basic form and only recommends the zone: without one UTC is
    taken. "-00:00" says that the zone is not known, and neither version has such a thing. A leap second is the last
    moment before it.
    """
    if type(value) is not str:
        return None
    return (_just_read if len(value) <= KNOWN_CHARACTERS else _read)(value, zone_needed)


def _read(value: str, zone_needed: bool) -> datetime | None:
    if _USUAL.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    return _read_unusual(value, zone_needed=zone_needed)


_just_read = lru_cache(maxsize=64)(_read)  # judged, compared and stored by: each is read three times in a row


def _read_unusual(value: str, *, zone_needed: bool) -> datetime | None:
    match = _RFC_3339.fullmatch(value)
    if match is not None:
        year, month, day, hour, minute, second, fraction, zone, zone_minute = match.groups()
    elif zone_needed or (match := _ISO_8601.fullmatch(value)) is None:
        return None
    else:
        groups = match.groups()
        year, zone, zone_minute = groups[0], groups[13], groups[14]
        month, day, hour, minute, second, fraction = groups[1:7] if groups[1] else groups[7:13]
    if zone == "-00" and zone_minute in (None, "00"):
        return None
    second, microsecond = int(second or 0), int(f"{fraction or '':0<6.6}")
    if second == 60:
        second, microsecond = 59, 999_999
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), second, microsecond, tzinfo=UTC)
        if zone is None:
            return moment
        if int(zone[1:]) > 23 or int(zone_minute or 0) > 59:
            return None
        return moment - timedelta(hours=int(zone), minutes=int(zone[0] + (zone_minute or "00")))
    except (ValueError, OverflowError):
        return None


def cut_duration(duration: str) -> str:
    """`duration` as it is compared: no digits beyond 0.01 seconds (Data 4.6; 2.0: 4.2.7). Else it is a text."""
    beyond = _BEYOND.search(duration)
    return duration if beyond is None else duration[: beyond.end(1)] + duration[beyond.end() :]


def show_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, so that what is shown is the moment that is sorted by."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
