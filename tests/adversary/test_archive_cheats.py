"""Archives with something beside their files, signed as something else, or so large that a library gives up."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import openpyxl
import pytest
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from elearn.courses.teachers import assigning
from elearn.credit_export.archive import signing, verifying
from elearn.credit_export.exam_system.package_files import KEYS, MANIFEST, SIGNATURE, detached
from elearn.credit_export.exam_system.package_verifying import PackageRefused, require_signature
from elearn.credit_export.exam_system.signing import Signer
from elearn.db import db
from tests.builders_people import KEYS as HOUSE_KEYS
from tests.builders_teachers import a_teacher, assigned
from tests.conftest import statements
from tests.credit_export.archive.school import NOW, SIGNER, Archived, an_archived_class
from tests.credit_export.archive.test_archive import resealed

OTHER = Signer.from_seed(b"z" * 32)
BELIEVED = KeySet.import_key_set(json.loads(json.dumps(SIGNER.key_set())))


@pytest.fixture
def archived(session: Session) -> Archived:
    return an_archived_class(session, learners=3)


def beside(content: bytes, before: bytes = b"", behind: bytes = b"") -> bytes:
    return before + content + behind


def a_zip(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(name, content)
    return out.getvalue()


def with_note(content: bytes) -> bytes:
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as packed:
        packed.comment = b"hours: 48"
    return out.getvalue()


HIDDEN: dict[str, Callable[[bytes], bytes]] = {
    "a page before it": lambda content: beside(content, before=b"%PDF-1.7 forged"),
    "a file that readers from the front take for the index": lambda content: beside(
        content, before=a_zip("index.pdf", b"forged")
    ),
    "a comment": with_note,
}


def test_nothing_hides_beside_the_files_of_an_archive(archived: Archived) -> None:
    content = archived.made()
    verifying.verify(io.BytesIO(content), thumbprint=SIGNER.kid)
    for name, hide in HIDDEN.items():
        with pytest.raises(PackageRefused) as refused:
            verifying.verify(io.BytesIO(hide(content)), thumbprint=SIGNER.kid)
        assert refused.value.reason == "form", name


def signed_as_a_package(files: dict[str, bytes]) -> None:
    files[SIGNATURE] = detached(SIGNER.sign_bytes(files[MANIFEST], kind="elearn-package+jws")).encode()


def keys_of_another(files: dict[str, bytes]) -> None:
    files[KEYS] = json.dumps(OTHER.key_set()).encode()


def test_a_signature_of_something_else_and_the_keys_of_another_make_no_archive(archived: Archived) -> None:
    content = archived.made()
    for change, reason in ((signed_as_a_package, "signature"), (keys_of_another, "key")):
        with pytest.raises(PackageRefused) as refused:
            verifying.verify(resealed(content, change), trusted=BELIEVED)
        assert refused.value.reason == reason


@pytest.mark.parametrize("size", [90_000, 1_000_000])
def test_an_archive_of_a_thousand_signatures_is_still_known_as_ours(size: int) -> None:
    manifest = b"x" * size
    signature = detached(SIGNER.sign_bytes(manifest, kind="k"))
    assert require_signature(signature, manifest, BELIEVED, kind="k") == SIGNER.kid
    with pytest.raises(PackageRefused, match="does not belong"):
        require_signature(signature, manifest + b"x", BELIEVED, kind="k")


def test_who_signed_twice_is_one_who_signed(archived: Archived) -> None:
    archived.sign(0)
    content = archived.made()

    def again(files: dict[str, bytes]) -> None:
        found = json.loads(files["data/signoffs.json"])
        files["data/signoffs.json"] = json.dumps([*found, {**found[0], "number": 2}]).encode()

    assert verifying.verify(resealed(content, again, signer=SIGNER), thumbprint=SIGNER.kid).holding == 1


def test_proofs_of_many_are_opened_with_one_query(session: Session, archived: Archived) -> None:
    def asked(many: int) -> int:
        kept = [archived.sign(who) for who in range(many)]
        loaded = [(one.person_id, one.proof_sealed) for one in kept]
        assert len(loaded) == many
        with statements(session) as sent:
            assert len(signing.proofs(db.session(), kept, HOUSE_KEYS)) == many
        return len(sent)

    assert (asked(1), asked(3)) == (1, 1)


def test_a_teacher_who_was_taken_out_leaves_a_trace(session: Session, archived: Archived) -> None:
    acting, by = [archived.school.institution_id], archived.school.manager.person_id
    teacher = a_teacher(session, acting[0], name="冒名者")
    entry = assigned(session, archived.held.id, teacher, acting[0], from_on=archived.held.starts_on)
    assigning.remove(session, entry.id, acting=acting, by=by, at=NOW)
    with zipfile.ZipFile(io.BytesIO(archived.made())) as made:
        told = json.loads(made.read("data/teachers.json"))
        rows = openpyxl.load_workbook(io.BytesIO(made.read("archive.xlsx")))["教师"].iter_rows(values_only=True)
    assert [(one["name"], one["removed_at"][:10]) for one in told["taken_out"]] == [("冒名者", "2026-07-10")]
    assert [row[0] for row in rows if row[6]] == ["姓名", "冒名者"]
