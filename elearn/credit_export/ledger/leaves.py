"""What the log says, leaf by leaf: RFC 8785 JSON of at most 65,535 bytes, whole numbers only, no personal data.

    credit    a block of watched time between two passed checks          \
    attend    hours attended offline, entered by two people               }  one chain per subject: n, prev, total
    void      takes one of these back, by two officers                   /
    evidence  the root of all that was heard in a minute; a credit leaf names one that covers its end
    unit      a version of a lesson, as long as the server measured it; what it counts towards
    policy    the rules of watching in force
    key       the log signs with another key from now on: the old one says so

There is one way to write each leaf, and `read` takes no other: what is read is written again to the byte. Every member
is there, none beside them. A digest is `sha256:` and hex; a time is UTC to the second, or to the millisecond when it
has any; `sub` is 16 bytes in base64url without padding.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, get_args, get_type_hints

import rfc8785

from elearn.credit_export.ledger.leaf_members import (
    Code,
    Count,
    Day,
    Digest,
    Kind,
    Link,
    Positive,
    Rule,
    Signature,
    Stretch,
    Subject,
    Time,
    TwoPeople,
    Urn,
    UrnOrNone,
    Vkey,
    digest,
    digest_bytes,
    write_time,
)
from elearn.credit_export.ledger.notes import Note, NoteRefused, SignatureLine, Signer, Verifier
from elearn.credit_export.ledger.plain_text import base64_bytes, base64_text
from elearn.credit_export.ledger.tiles import ENTRY_BYTES_MAX

__all__ = [
    "LEAF_BYTES_MAX",
    "Attend",
    "Chained",
    "Credit",
    "Evidence",
    "Key",
    "Leaf",
    "LeafRefused",
    "Policy",
    "Unit",
    "Void",
    "digest",
    "digest_bytes",
    "encode",
    "read",
]

LEAF_BYTES_MAX = ENTRY_BYTES_MAX
"""What an entry bundle of C2SP tlog-tiles can hold."""
VERSION = 1


class LeafRefused(ValueError):
    """Not a leaf: not canonical JSON, a member too many or too few, or a value of the wrong form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Media [a, b) of a unit was watched, and the check after it passed."""

    n: Positive
    """1, 2, 3 ... in the chain of the subject."""
    sub: Subject
    unit: Urn
    """What a unit leaf before it says."""
    span: Stretch
    ms: Positive
    """What it adds."""
    day: Day
    """The regulator's local day of the learning."""
    total: Count
    """All of the subject with this modality and kind, with this."""
    prev: Link
    ev: Digest
    """Root of an evidence leaf before it that covers the end of the block."""
    pol: Digest
    at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Attend:
    """Somebody was there for that long, offline. `doc` is the digest of the signed attendance list."""

    n: Positive
    sub: Subject
    class_: Urn
    kind: Kind
    from_: Time
    to: Time
    ms: Positive
    day: Day
    total: Count
    prev: Link
    doc: Digest
    by: TwoPeople
    at: Time

    def __post_init__(self) -> None:
        _require_order(self.from_, self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """The leaf with the digest `ref` counts no longer; `total` is what is left of its modality and kind."""

    n: Positive
    sub: Subject
    ref: Digest
    total: Count
    prev: Link
    why: Code
    by: TwoPeople
    at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Root of the tree of all reports, deliveries and check results of [from_, to); so many rows."""

    root: Digest
    count: Count
    from_: Time
    to: Time

    def __post_init__(self) -> None:
        _require_order(self.from_, self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A version of a lesson, which credit leaves after it may name."""

    unit: Urn
    lesson: Urn
    version: Positive
    ms: Positive
    """Its duration as the server measured it."""
    hash: Digest
    """Digest of its content."""
    item: UrnOrNone
    """The outline item that it counts towards, if any."""
    kind: Kind
    at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The digest of the rules of watching in force."""

    pol: Digest
    at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Two verifier keys of the log (notes): it will sign with `new`; `old` signed that."""

    old: Vkey
    new: Vkey
    sig: Signature
    at: Time

    @classmethod
    def rotation(cls, old: Signer, new: Verifier, at: datetime) -> Key:
        """A rotation signed by the old key."""
        text = _rotation_text(old.verifier.vkey, new.vkey, at)
        return cls(old=old.verifier.vkey, new=new.vkey, sig=base64_text(old.sign(text, _seconds(at)).signature), at=at)

    def require_signed(self) -> None:
        """The old key signed it, or LeafRefused."""
        try:
            old = Verifier.from_vkey(self.old)
            line = SignatureLine(old.name, old.key_id, base64_bytes(self.sig))
            old.time_of(Note(_rotation_text(self.old, self.new, self.at), (line,)))
        except NoteRefused as error:
            raise LeafRefused(f"the rotation of a key is not signed by the old one: {error}") from None


Chained = Credit | Attend | Void
"""Leaves of a subject's chain."""
Leaf = Credit | Attend | Void | Evidence | Unit | Policy | Key


def encode(leaf: Leaf) -> bytes:
    """The one way to write it; raises LeafRefused for what could not be read again."""
    form = _FORMS[type(leaf)]
    value: dict[str, Any] = {"v": VERSION, "t": form.name}
    for member in form.members:
        value[member.name] = member.write(getattr(leaf, member.field))
    data = rfc8785.dumps(value)
    if len(data) > LEAF_BYTES_MAX:
        raise LeafRefused(f"a leaf has at most {LEAF_BYTES_MAX} bytes")
    return data


def read(data: bytes) -> Leaf:
    """The leaf that these bytes are, or LeafRefused."""
    if len(data) > LEAF_BYTES_MAX:
        raise LeafRefused(f"a leaf has at most {LEAF_BYTES_MAX} bytes")
    try:
        value = json.loads(data.decode(), parse_float=_no_float, parse_constant=_no_float)
        canonical = rfc8785.dumps(value)
    except (ValueError, RecursionError):
        raise LeafRefused("it is not JSON of whole numbers and text") from None
    if canonical != data:
        raise LeafRefused("it is not canonical JSON")
    form = _NAMED.get(value["t"]) if isinstance(value, dict) and isinstance(value.get("t"), str) else None
    if form is None:
        raise LeafRefused("its type is not known")
    if value.keys() != form.names:
        raise LeafRefused(f"it has not exactly the members of a leaf of type {form.name}")
    if type(value["v"]) is not int or value["v"] != VERSION:
        raise LeafRefused("its version is not known")
    return form.make(**{member.field: member.read(value[member.name]) for member in form.members})


def _require_order(begin: datetime, end: datetime) -> None:
    if not begin < end:
        raise LeafRefused("it ends before it begins")


def _no_float(text: str) -> object:
    raise ValueError(f"{text} is no whole number")


def _rotation_text(old: str, new: str, at: datetime) -> str:
    return f"elearn key rotation v1\n{old}\n{new}\n{write_time(at)}\n"


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


class _Member(NamedTuple):
    """A member of the JSON object, the field of the class that holds it, and its rule."""

    name: str
    field: str
    rule: Rule

    def read(self, value: Any) -> Any:
        try:
            return self.rule.read(value)
        except (TypeError, ValueError):
            raise LeafRefused(f"its member {self.name} has not the form it should have") from None

    def write(self, value: Any) -> Any:
        try:
            written = self.rule.write(value)
        except (TypeError, ValueError):
            raise LeafRefused(f"its member {self.name} cannot be written") from None
        self.read(written)
        return written


class _Form(NamedTuple):
    """How a leaf of one type stands in JSON."""

    name: str
    make: type[Leaf]
    members: tuple[_Member, ...]
    names: frozenset[str]


def _form(make: type[Leaf]) -> _Form:
    """By the rules of the class's fields. A name that Python keeps for itself has a stroke behind it there."""
    rules = {field: hint.__metadata__[0] for field, hint in get_type_hints(make, include_extras=True).items()}
    members = tuple(_Member(field.rstrip("_"), field, rule) for field, rule in rules.items())
    return _Form(make.__name__.lower(), make, members, frozenset({"v", "t", *(member.name for member in members)}))


_FORMS = {make: _form(make) for make in get_args(Leaf)}
_NAMED = {form.name: form for form in _FORMS.values()}
