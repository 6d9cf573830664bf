"""Templates and data to PDF/A-3: the only module that runs typst. Pure but for reading its own templates and fonts.

Fonts travel in a package of their own (Noto Sans SC and Noto Serif SC, OFL) and no other is looked for, so a sheet is
the same on every machine and Chinese is always embedded. PDF/A refuses a letter that no font has; such a letter, rare
in names, is written by its number in Unicode. Control characters, which a form can bring along, become spaces.
"""

from __future__ import annotations

import functools
import io
import json
import re
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import segno

if TYPE_CHECKING:
    import typst

STANDARD: Final = "a-3b"
"""PDF/A-3: for archives, and it may hold other files, which the proof of the log is."""
MOST_RARE = 30
"""Letters that are looked for one by one; where there are more, all go that are no common ones."""
UNCOMMON = re.compile(r"[^\x00-\xff\u2010-\u2027\u3001-\u30ff\u4e00-\u9fa5\uff01-\uff5e]")
CONTROL = dict.fromkeys([*range(10), *range(11, 32), *range(0x7F, 0xA0)], " ")
MISSING = re.compile(r"the text `(\".*\")` could not be displayed", re.DOTALL)
ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
LARGEST_QR_BYTES = 2_900
"""What fits into one QR code at its lowest correction (40-L holds 2,953)."""


@functools.cache
def _fonts() -> typst.Fonts:
    import pylopdf_fonts_zh_cn
    import typst

    where = Path(pylopdf_fonts_zh_cn.__file__).parent
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[where])


def pdf(template: str, data: Mapping[str, Any], *, at: datetime) -> bytes:
    """The sheet `template` filled with `data`, dated `at`. The same twice is the same bytes."""
    import typst

    source = str(files(__package__) / "templates" / f"{template}.typ")
    text = json.dumps(_without_control(data), ensure_ascii=False)
    for tried in range(MOST_RARE + 1):
        try:
            return typst.compile(
                source,
                font_paths=_fonts(),
                sys_inputs={"data": text},
                format="pdf",
                pdf_standards=STANDARD,
                timestamp=int(at.timestamp()),
            )
        except typst.TypstError as error:
            missing = MISSING.search(str(error))
            if missing is None:
                raise
            named = ESCAPED.sub(lambda found: chr(int(found[1], 16)), missing[1][1:-1])
            rare = {letter for letter in (named if tried < MOST_RARE - 1 else UNCOMMON.findall(text))
                    if ord(letter) > 0xFF}  # fmt: skip
            if not rare:
                raise
            for letter in rare:
                text = text.replace(letter, f"[U+{ord(letter):04X}]")
    raise ValueError("a sheet has too many letters that no font has")


def _without_control(value: Any) -> Any:
    match value:
        case str():
            return value.translate(CONTROL)
        case Mapping():
            return {name: _without_control(one) for name, one in value.items()}
        case list() | tuple():
            return [_without_control(one) for one in value]
    return value


def qr(content: str, *, light: bool = False) -> str:
    """A QR code as SVG, black on white, with its quiet zone. `light`: for much content, at the lowest correction."""
    made = segno.make_qr(content, error="l" if light else "m", boost_error=not light)
    out = io.BytesIO()
    made.save(out, kind="svg", border=4, light="white", xmldecl=False, svgns=True)
    return out.getvalue().decode()
