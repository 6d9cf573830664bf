"""What a sent file is, by its bytes and by how its name ends: both have to say the same."""

from __future__ import annotations

import io
import zipfile

import pytest

from elearn.courses.sent_files import DOC, DOCX, JPEG, OLE, PDF, PNG, PPTX, WEBP, WORD_STREAM, document_type, plain_name


def packed(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name in names:
            package.writestr(name, "x")
    return out.getvalue()


WORD = packed("[Content_Types].xml", "word/document.xml")
SLIDES = packed("[Content_Types].xml", "ppt/presentation.xml")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.pdf", b"%PDF-1.7", PDF),
        ("教案.PDF", b"%PDF-1.7", PDF),
        ("a.png", b"\x89PNG\r\n\x1a\n", PNG),
        ("a.jpeg", b"\xff\xd8\xff", JPEG),
        ("a.webp", b"RIFF0000WEBP", WEBP),
        ("a.docx", WORD, DOCX),
        ("a.pptx", SLIDES, PPTX),
        ("a.doc", OLE + WORD_STREAM, DOC),
        ("a.docx", SLIDES, None),
        ("a.pdf", WORD, None),
        ("a.doc", OLE, None),
        ("a.docm", WORD, None),
        ("a", b"%PDF-1.7", None),
        ("a.pdf.exe", b"%PDF-1.7", None),
        ("a.pdf", b"MZ", None),
        ("a.docx", packed("word/document.xml"), None),
        ("a.docx", packed("[Content_Types].xml", "xl/workbook.xml"), None),
        ("a.docx", WORD[:-30], None),
        ("a.docx", b"PK\x03\x04", None),
        ("a.pdf", b"", None),
    ],
)
def test_a_document_is_what_its_bytes_and_its_name_say(name: str, content: bytes, found: str | None) -> None:
    assert document_type(name, content) == found


def test_a_name_has_no_folders_and_nothing_that_cannot_be_read() -> None:
    assert plain_name("..\\..\\etc/教案\u202e.pdf") == "教案.pdf"
    assert plain_name("x" * 200 + ".pdf") == "x" * 116 + ".pdf"
