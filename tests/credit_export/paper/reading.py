"""Reads PDFs as others would: their text, the files in them, the QR codes on their pages."""

from __future__ import annotations

import pypdfium2
import zxingcpp


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document).replace("\r", "")


def files_of(pdf: bytes) -> dict[str, bytes]:
    document = pypdfium2.PdfDocument(pdf)
    attached = [document.get_attachment(number) for number in range(document.count_attachments())]
    return {one.get_name(): bytes(one.get_data()) for one in attached}


def codes_of(pdf: bytes) -> list[str]:
    """What a phone reads from the pages, seen at 180 dpi. QR codes alone: lines of a seal may pass for another kind."""
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        bitmap = page.render(scale=2.5, grayscale=True)
        pixels = memoryview(bitmap.buffer).cast("B").cast("B", shape=(bitmap.height, bitmap.stride))
        found += [
            code.text for code in zxingcpp.read_barcodes(pixels, formats=zxingcpp.barcode_formats_from_str("QRCode"))
        ]
    return found


def pages_of(pdf: bytes) -> int:
    return len(pypdfium2.PdfDocument(pdf))
