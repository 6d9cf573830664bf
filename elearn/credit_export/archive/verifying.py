"""Whether a file is an archive as `writing.py` makes it, and whether its hours add up. Needs no database.

In this order: the manifest's signature, every file's hash, each entry against its leaf byte for byte, the sums by
adding all entries up again, each lesson plan against its row, each signature against
what it says was signed. What is found first is named.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidSignature
from fido2.webauthn import AttestedCredentialData, AuthenticatorData, CollectedClientData
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from elearn import unpacking
from elearn.credit_export.archive.form import (
    BOOK,
    FORMAT,
    INDEX,
    INDEX_EN,
    LESSON_PLANS,
    SECTIONS,
    TYPE,
    lesson_plan_name,
    section_name,
)
from elearn.credit_export.exam_system.package_files import KEYS, MANIFEST, SIGNATURE
from elearn.credit_export.exam_system.package_verifying import (
    PackageRefused,
    Verified,
    require_nothing_beside,
    signed_manifest,
)
from elearn.credit_export.ledger.leaves import Attend, Credit, LeafRefused, Void, read
from elearn.people.signatures import unbase64url

LARGEST_BYTES = 400_000_000
"""Of all files unpacked; a class of a thousand learners takes 60 MB."""
MOST_FILES = 20_000
SIGNATURES = "signatures/"
LEAF_PREFIX = b"\x00"
"""RFC 6962, section 2.1."""


@dataclass(frozen=True, slots=True)
class VerifiedArchive(Verified):
    entries: int
    without_leaf: int
    """Entries that are older than the log: added up, and compared with nothing."""
    total_ms: int
    holding: int
    """People whose signature holds: what was signed is what the archive says now."""


def verify(
    source: Path | IO[bytes], *, trusted: KeySet | None = None, thumbprint: str | None = None
) -> VerifiedArchive:
    """Raises PackageRefused; its reason is one of form, key, signature, file, hours, lesson_plan, signoff."""
    try:
        with zipfile.ZipFile(source) as package:
            names = [one.filename for one in package.infolist()]
            if len(names) > MOST_FILES or len(set(names)) != len(names):
                raise PackageRefused("form", "It holds more files than an archive does, or one of them twice.")
            if sum(one.file_size for one in package.infolist()) > LARGEST_BYTES:
                raise PackageRefused("form", "It holds more than an archive does.")
            require_nothing_beside(package)
            files = {name: package.read(name) for name in names}
        kid, manifest = signed_manifest(
            files.__getitem__, kind=TYPE, form=FORMAT, trusted=trusted, thumbprint=thumbprint
        )
        _require_files(files, manifest)
        found = {name: json.loads(files[section_name(name)]) for name in SECTIONS}
        entries, without_leaf, total_ms = require_hours(found["hours"], found["roster"], manifest)
        _require_lesson_plans(found["class"], files)
        holding = _require_signoffs(found["signoffs"], found["hours"], found["class"], files)
    except (JoseError, RecursionError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        raise PackageRefused("form", "The archive cannot be read: %(why)s", why=repr(error)) from error
    except unpacking.BROKEN_ZIP as error:
        raise PackageRefused("form", "The archive cannot be read: %(why)s", why=repr(error)) from error
    known = trusted is not None or thumbprint is not None
    return VerifiedArchive(manifest, kid, known, entries, without_leaf, total_ms, holding)


def _require_files(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    named = {one["name"]: one for one in manifest["files"]}
    there = files.keys() - {MANIFEST, SIGNATURE, KEYS}
    if there != named.keys():
        other = ", ".join(sorted(there ^ named.keys()))
        raise PackageRefused("file", "The manifest names other files than the archive has: %(names)s", names=other)
    ours = {INDEX, INDEX_EN, BOOK, *(section_name(one) for one in SECTIONS)}
    if ours - there or any(not name.startswith((LESSON_PLANS, SIGNATURES)) for name in there - ours):
        raise PackageRefused("file", "It holds other files than an archive does.")
    require_hashes(files, manifest)


def require_hashes(files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
    """The manifest names these files and no others, each as it is. Raises PackageRefused."""
    named = {one["name"]: one for one in manifest["files"]}
    if files.keys() - {MANIFEST, SIGNATURE, KEYS} != named.keys():
        raise PackageRefused("file", "The manifest does not name the files that are there.")
    for name, one in named.items():
        if hashlib.sha256(files[name]).hexdigest() != one["sha256"] or len(files[name]) != one["bytes"]:
            raise PackageRefused("file", "%(name)s is not the file that was signed.", name=name)


def _require_lesson_plans(training: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Each is the one that its row names. Archives of before lesson plans were files have no rows."""
    named = set()
    for one in training.get("lesson_plans", ()):
        name = one["file"]
        data = files.get(name)
        said = (one["sha256"], one["size"], lesson_plan_name(one["sha256"], one["media_type"]))
        if data is None or said != (hashlib.sha256(data).hexdigest(), len(data), name):
            raise PackageRefused("lesson_plan", "Lesson plan %(name)s is not the file that was sent.", name=name)
        named.add(name)
    if named != {name for name in files if name.startswith(LESSON_PLANS)}:
        raise PackageRefused("lesson_plan", "Files are there that no lesson of the class names.")


# --- hours ------------------------------------------------------------------------------------------------------------


def require_hours(
    hours: Sequence[Mapping[str, Any]], roster: Mapping[str, Any], manifest: Mapping[str, Any]
) -> tuple[int, int, int]:
    """How many entries, how many of them without a leaf, and all their milliseconds."""
    if {one["person_id"] for one in hours} != {one["person_id"] for one in roster["people"]}:
        raise PackageRefused("hours", "The hours are of other people than the roster.")
    places: set[tuple[str, int]] = set()
    without_leaf = 0
    for one in hours:
        leaves = {entry["hash"]: entry for entry in one["entries"] if entry["leaf"] is not None}
        for entry in one["entries"]:
            if entry["leaf"] is None:
                without_leaf += 1
                continue
            place = (entry["origin"], entry["index"])
            if place in places:
                raise PackageRefused("hours", "Entry %(index)s of the log is counted twice.", index=place[1])
            places.add(place)
            _require_leaf(entry, leaves, one["subject"])
        _require_sums(one)
    entries = sum(len(one["entries"]) for one in hours)
    total_ms = sum(entry["ms"] for one in hours for entry in one["entries"])
    counts = manifest["counts"]
    if (entries, total_ms, len(hours)) != (counts["entries"], counts["total_ms"], counts["people"]):
        raise PackageRefused("hours", "The hours do not add up to what the manifest says.")
    return entries, without_leaf, total_ms


def _require_leaf(entry: Mapping[str, Any], leaves: Mapping[str, Mapping[str, Any]], subject: str | None) -> None:
    """The entry says what its leaf says, and the leaf is the one that its hash names."""
    raw = entry["leaf"].encode()
    index = entry["index"]
    if "sha256:" + hashlib.sha256(LEAF_PREFIX + raw).hexdigest() != entry["hash"]:
        raise PackageRefused("hours", "Entry %(index)s of the log is not the one that its hash names.", index=index)
    try:
        leaf = read(raw)
    except LeafRefused as refused:
        raise PackageRefused("hours", "Entry %(index)s of the log cannot be read: %(why)s", index=index,
                             why=str(refused)) from refused  # fmt: skip
    match leaf:
        case Credit():
            same = (leaf.ms, leaf.day.isoformat(), "online") == (entry["ms"], entry["earned_on"], entry["modality"])
        case Attend():
            said = (leaf.ms, leaf.day.isoformat(), "offline", leaf.kind)
            same = said == (entry["ms"], entry["earned_on"], entry["modality"], entry["kind"])
        case Void():
            taken = leaves.get(leaf.ref)
            same = taken is not None and taken["ms"] == -entry["ms"] and all(
                taken[name] == entry[name] for name in ("item", "modality", "kind", "earned_on")
            )  # fmt: skip
        case _:
            same = False
    if not same or (subject is not None and getattr(leaf, "sub", None) != subject):
        raise PackageRefused("hours", "Entry %(index)s says something else than its leaf of the log.", index=index)


def _require_sums(one: Mapping[str, Any]) -> None:
    added: dict[tuple[Any, ...], list[int]] = {}
    for entry in one["entries"]:
        line = added.setdefault((entry["item"], entry["modality"], entry["kind"]), [0, 0])
        line[0] += entry["ms"]
        line[1] += 1
    said = {(line["item"], line["modality"], line["kind"]): [line["ms"], line["entries"]] for line in one["sums"]}
    if said != added or len(said) != len(one["sums"]):
        raise PackageRefused("hours", "The hours of %(person)s do not add up.", person=one["person_id"])


# --- signatures -------------------------------------------------------------------------------------------------------


def _require_signoffs(
    signoffs: Iterable[Mapping[str, Any]],
    hours: Iterable[Mapping[str, Any]],
    training: Mapping[str, Any],
    files: Mapping[str, bytes],
) -> int:
    """Of how many people one holds."""
    sums = {one["person_id"]: [{name: line[name] for name in _LINE} for line in one["sums"]] for one in hours}
    proofs, holding = set(), set()
    for one in signoffs:
        said = json.loads(one["said"])
        person, fails = one["person_id"], PackageRefused(
            "signoff", "Signature %(number)s of %(person)s is not of what it says.",
            number=one["number"], person=one["person_id"],
        )  # fmt: skip
        if hashlib.sha256(one["said"].encode()).hexdigest() != one["digest"]:
            raise fails
        if (said["person"], said["class"]["id"]) != (person, training["id"]):
            raise fails
        if one["holds"]:
            holding.add(person)
            if said["hours"] != sums[person]:
                raise fails
        if one["proof"] is not None:
            proofs.add(one["proof"])
            proof = files[one["proof"]]
            if hashlib.sha256(proof).hexdigest() != one["proof_sha256"]:
                raise fails
            if one["method"] == "webauthn" and not _key_signed(json.loads(proof), one["digest"]):
                raise fails
    if proofs != {name for name in files if name.startswith(SIGNATURES)}:
        raise PackageRefused("signoff", "Drawings are there that belong to no signature.")
    return len(holding)


_LINE = ("item", "modality", "kind", "ms", "entries")


def _key_signed(proof: Mapping[str, str], digest: str) -> bool:
    """Whether the registered key answered to this statement, with its user verified (Web Authentication, 7.2)."""
    sent = ("client_data", "authenticator_data", "signature", "key")
    parts = {name: unbase64url(proof[name]) or b"" for name in sent}
    client, said = CollectedClientData(parts["client_data"]), AuthenticatorData(parts["authenticator_data"])
    asked = client.type == "webauthn.get" and client.challenge == bytes.fromhex(digest) and not client.cross_origin
    here = said.rp_id_hash == hashlib.sha256(proof["rp_id"].encode()).digest() and said.is_user_verified()
    try:
        AttestedCredentialData(parts["key"]).public_key.verify(bytes(said) + client.hash, parts["signature"])
    except InvalidSignature:
        return False
    return asked and here
