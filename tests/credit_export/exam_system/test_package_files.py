"""A package as a file: what stands in it, that it can be checked offline, and that every change is found."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress

import jwt
import openpyxl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import KeySet

from elearn.credit_export.exam_system.mapping import default_profile
from elearn.credit_export.exam_system.package_files import detached
from elearn.credit_export.exam_system.package_verifying import PackageRefused, verify
from elearn.credit_export.exam_system.signing import Signer
from tests.credit_export.exam_system.builders import SIGNER, a_package, a_row, known_keys

A_PACKAGE = a_package([a_row()])


def members(package: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(files: dict[str, bytes]) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    out.seek(0)
    return out


def sheet(package: bytes) -> list[tuple[object, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(members(package)["records.xlsx"]))
    return list(book.worksheets[0].iter_rows(values_only=True))


def column(rows: list[tuple[object, ...]], header: str) -> list[object]:
    place = rows[0].index(header)
    return [row[place] for row in rows[1:]]


def test_the_first_row_holds_the_chinese_headers_in_their_fixed_order_and_the_columns_for_the_receipt() -> None:
    headers = [str(one) for one in sheet(a_package([a_row()]))[0]]
    assert headers[:5] == ["序号", "姓名", "性别", "证件类型", "证件号码"]
    assert headers[-4:] == ["受理结果", "退回代码", "退回原因", "受理日期"]


def test_document_numbers_stay_text_to_the_last_digit() -> None:
    rows = sheet(a_package([a_row(document_number="999999199001010018"), a_row(2, document_number="000012345")]))
    assert column(rows, "证件号码")[:2] == ["999999199001010018", "000012345"]


def test_the_last_row_adds_up_exactly() -> None:
    rows = sheet(a_package([a_row(n, online_theory="0.1") for n in range(1, 11)]))
    assert rows[-1][0] == "合计"
    assert column(rows, "线上理论学时")[-1] == 1.0
    assert rows[-1][1] == "10 条"


def test_words_are_the_receivers() -> None:
    rows = sheet(a_package([a_row(outcome="ineligible", reasons=["HOURS_THEORY_SHORT", "CLASS_NOT_FILED", "NEW"])]))
    assert column(rows, "学时结论")[0] == "学时未满足"
    assert column(rows, "未满足原因")[0] == "理论学时不足；开班未备案；NEW"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://x\")", "\t=1", "{=1}", "http://example.com", "0012", "1e5"],
)  # fmt: skip
def test_no_text_becomes_a_formula_a_link_or_a_number(text: str) -> None:
    package = a_package([a_row(name=text)])
    book = openpyxl.load_workbook(io.BytesIO(members(package)["records.xlsx"]))
    (cell,) = [cell for cell in book.worksheets[0][2] if cell.column == 2]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)
    assert cell.quotePrefix
    with zipfile.ZipFile(io.BytesIO(members(package)["records.xlsx"])) as inner:
        assert b"<f>" not in b"".join(inner.read(name) for name in inner.namelist())


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=60))
def test_any_name_comes_out_as_it_went_in_and_the_package_holds(name: str) -> None:
    package = a_package([a_row(name=name)])
    assert json.loads(members(package)["records.json"])["rows"][0]["NAME"] == name
    assert verify(io.BytesIO(package), trusted=known_keys()).known


def test_the_json_says_the_same_rows() -> None:
    data = json.loads(members(a_package([a_row(), a_row(2, class_to="2026-06-30")]))["records.json"])
    assert [one["HOURS_DONE"] for one in data["rows"]] == ["148.0", "148.0"]
    assert [one["DATE_END"] for one in data["rows"]] == [None, "2026-06-30"]
    assert [one["column"] for one in data["columns"]] == list(data["rows"][0])


def test_the_manifest_says_what_it_is_for_whom_and_names_the_files() -> None:
    manifest = json.loads(members(a_package([a_row(), a_row(2, outcome="ineligible")]))["manifest.json"])
    assert manifest["issuer"] == "http://localhost"
    assert manifest["receiver"] == {"client_id": "exam-1", "name": "考试中心"}
    assert manifest["period"]["since"] == "2026-06-01"
    assert manifest["counts"] == {"rows": 2, "eligible": 1, "ineligible": 1}
    assert {one["name"] for one in manifest["files"]} == {"records.xlsx", "records.json"}
    assert manifest["profile"]["sha256"] == default_profile().sha256


def test_an_independent_library_verifies_the_signature() -> None:
    files = members(a_package([a_row()]))
    head, empty, signature = files["manifest.json.jws"].decode().split(".")
    assert empty == ""
    payload = base64.urlsafe_b64encode(files["manifest.json"]).rstrip(b"=").decode()
    (key,) = json.loads(files["keys.json"])["keys"]
    reader = jwt.PyJWS()
    reader.register_algorithm("Ed25519", jwt.algorithms.OKPAlgorithm())  # it knows the older name EdDSA only
    public = jwt.algorithms.OKPAlgorithm.from_jwk(json.dumps(key))
    assert isinstance(public, Ed25519PublicKey)
    assert reader.decode(f"{head}.{payload}.{signature}", public, algorithms=["Ed25519"]) == files["manifest.json"]


def test_a_package_is_checked_against_keys_or_a_thumbprint_that_one_knows() -> None:
    package = a_package([a_row()])
    assert verify(io.BytesIO(package), trusted=known_keys()).known
    assert verify(io.BytesIO(package), thumbprint=SIGNER.kid).known
    alone = verify(io.BytesIO(package))
    assert (alone.known, alone.signed_by) == (False, SIGNER.kid)


def test_a_package_signed_by_somebody_else_is_refused_although_it_is_whole() -> None:
    package = a_package([a_row()])
    others = KeySet.import_key_set(Signer.from_seed(b"o" * 32).key_set())  # type: ignore[arg-type]
    with pytest.raises(PackageRefused) as refused:
        verify(io.BytesIO(package), trusted=others)
    assert refused.value.reason == "key"
    with pytest.raises(PackageRefused) as refused:
        verify(io.BytesIO(package), thumbprint="A" * 43)
    assert refused.value.reason == "key"


def _flip(data: bytes) -> bytes:
    return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]


Change = Callable[[dict[str, bytes]], None]


def _edit(name: str, change: Callable[[bytes], bytes]) -> Change:
    def edit(files: dict[str, bytes]) -> None:
        files[name] = change(files[name])

    return edit


def _sign_by_another(files: dict[str, bytes]) -> None:
    files["keys.json"] = json.dumps(Signer.from_seed(b"o" * 32).key_set()).encode()


def _signed_as(kind: str) -> Change:
    """By the same key, as what `kind` says."""

    def edit(files: dict[str, bytes]) -> None:
        files["manifest.json.jws"] = detached(SIGNER.sign_bytes(files["manifest.json"], kind=kind)).encode()

    return edit


def _by_the_signer(name: str, change: Callable[[bytes], bytes]) -> Change:
    """Signed anew, so that only what the file itself says is wrong."""

    def edit(files: dict[str, bytes]) -> None:
        files[name] = change(files[name])
        manifest = json.loads(files["manifest.json"])
        for one in manifest["files"]:
            content = files[one["name"]]
            one |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        files["manifest.json"] = json.dumps(manifest).encode()
        _signed_as("elearn-package+jws")(files)

    return edit


def _inside(name: str, content: bytes) -> Callable[[bytes], bytes]:
    """An XLSX with one of its files replaced."""

    def change(xlsx: bytes) -> bytes:
        return packed(members(xlsx) | {name: content}).getvalue()

    return change


def _shorter_row(xlsx: bytes) -> bytes:
    """The first row of people ends after two cells, and the sheet does not say how wide it is."""
    inner = members(xlsx)
    name = "xl/worksheets/sheet1.xml"
    text = re.sub(rb"<dimension [^>]*/>", b"", inner[name])
    row = re.search(rb'<row r="2"[^>]*>.*?</row>', text, re.DOTALL)
    assert row is not None
    cells = re.findall(rb"<c .*?</c>|<c [^>]*/>", row[0], re.DOTALL)
    assert len(cells) > 10
    short = row[0].replace(b"".join(cells[2:]), b"")
    assert short != row[0]
    return packed(inner | {name: text.replace(row[0], short)}).getvalue()


def _bomb(xlsx: bytes) -> bytes:
    """A third of a megabyte that unpacks to 310 MB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, content in members(xlsx).items():
            package.writestr(name, content)
        for number in range(31):
            package.writestr(f"xl/media/{number}", bytes(10_000_000))
    return out.getvalue()


def _without_json(files: dict[str, bytes]) -> None:
    del files["records.json"]


CHANGES: list[tuple[str, Change, str]] = [
    ("an hour in the JSON", _edit("records.json", lambda b: b.replace(b'"148.0"', b'"149.0"')), "file"),
    ("a byte of the XLSX", _edit("records.xlsx", _flip), "file"),
    ("a count in the manifest", _edit("manifest.json", lambda b: b.replace(b'"rows": 1', b'"rows": 2')), "signature"),
    ("whitespace in the manifest", _edit("manifest.json", lambda b: b + b" "), "signature"),
    ("the signature", _edit("manifest.json.jws", lambda b: b[:-5] + b"AAAAA"), "signature"),
    ("the keys that came along", _sign_by_another, "key"),
    ("a file more", lambda files: files.update({"extra.txt": b""}), "file"),
    ("a file less", _without_json, "file"),
    ("no signature in the signature's place", _edit("manifest.json.jws", lambda b: b"x..y"), "signature"),
    ("keys that are none", _edit("keys.json", lambda b: b'{"keys": [{"kty": "none"}]}'), "form"),
    ("an XLSX that is none, signed", _by_the_signer("records.xlsx", lambda b: b"none"), "form"),
    ("a sheet that is no XML, signed", _by_the_signer("records.xlsx", _inside("xl/workbook.xml", b"<")), "form"),
    ("a book without a sheet, signed", _by_the_signer("records.xlsx", _inside("xl/workbook.xml", b"<a/>")), "form"),
    (
        "hours that are no number, signed",
        _by_the_signer("records.json", lambda b: b.replace(b'"148.0"', b'"x"')),
        "form",
    ),
    ("a row that ends early, signed", _by_the_signer("records.xlsx", _shorter_row), "rows"),
    ("an XLSX that unpacks to gigabytes, signed", _by_the_signer("records.xlsx", _bomb), "form"),
    ("an hour in the JSON, signed", _by_the_signer("records.json", lambda b: b.replace(b'"148.0"', b'"9"')), "rows"),
    ("the signature of a class archive", _signed_as("elearn-class-archive+jws"), "signature"),
    ("a signature with its payload", _edit("manifest.json.jws", lambda b: b.replace(b"..", b".eA.")), "signature"),
]


@pytest.mark.parametrize(("what", "change", "reason"), CHANGES, ids=[one[0] for one in CHANGES])
def test_whoever_changes_anything_is_found(what: str, change: Change, reason: str) -> None:
    files = members(a_package([a_row()]))
    change(files)
    with pytest.raises(PackageRefused) as refused:
        verify(packed(files))
    assert refused.value.reason == reason, what


def _with_a_comment(package: bytes) -> bytes:
    out = io.BytesIO(package)
    with zipfile.ZipFile(out, "a") as opened:
        opened.comment = b"hours: 148"
    return out.getvalue()


HIDDEN: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("a page before it", lambda package: b"%PDF-1.7 forged" + package),
    ("other rows for readers from the front", lambda package: packed({"records.xlsx": b"forged"}).getvalue() + package),
    ("a comment", _with_a_comment),
]


@pytest.mark.parametrize(("what", "hide"), HIDDEN, ids=[one[0] for one in HIDDEN])
def test_nothing_hides_beside_the_files_of_a_package(what: str, hide: Callable[[bytes], bytes]) -> None:
    with pytest.raises(PackageRefused) as refused:
        verify(io.BytesIO(hide(A_PACKAGE)), trusted=known_keys())
    assert refused.value.reason == "form", what


def test_the_keys_that_come_along_are_those_of_whoever_signed_also_when_others_are_believed() -> None:
    files = members(A_PACKAGE)
    _sign_by_another(files)
    with pytest.raises(PackageRefused) as refused:
        verify(packed(files), trusted=known_keys())
    assert refused.value.reason == "key"


@given(places=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_damaged_package_is_refused_and_nothing_else_goes_wrong(places: list[tuple[int, int]]) -> None:
    damaged = bytearray(A_PACKAGE)
    for place, byte in places:
        damaged[place % len(damaged)] = byte
    with suppress(PackageRefused):  # a few bytes of a ZIP say nothing: there it may still hold
        assert verify(io.BytesIO(bytes(damaged))).manifest == verify(io.BytesIO(A_PACKAGE)).manifest


def test_a_package_that_asks_for_a_password_is_refused() -> None:
    locked = A_PACKAGE.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    assert locked != A_PACKAGE
    with pytest.raises(PackageRefused) as refused:
        verify(io.BytesIO(locked))
    assert refused.value.reason == "form"


def test_an_algorithm_that_is_none_is_refused() -> None:
    files = members(a_package([a_row()]))
    for algorithm in ("none", "HS256", "EdDSA"):
        head = base64.urlsafe_b64encode(
            json.dumps({"alg": algorithm, "typ": "elearn-package+jws", "kid": SIGNER.kid}).encode()
        ).rstrip(b"=")
        files["manifest.json.jws"] = head + b".." + files["manifest.json.jws"].split(b".")[2]
        with pytest.raises(PackageRefused, match="signature"):
            verify(packed(files))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_package_is_refused_as_such(content: bytes) -> None:
    with pytest.raises(PackageRefused):
        verify(io.BytesIO(content))


def test_a_package_without_rows_is_one_too() -> None:
    assert verify(io.BytesIO(a_package([]))).manifest["counts"] == {"rows": 0}
