"""The guides of docs/guides show pages that there are, and name buttons and pages as these call themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs/guides").glob("*.md"))
PICTURE = re.compile(r"!\[[^\]]+\]\(\.\./screenshots/([a-z-]+)-(phone|desk)-(zh|en)\.webp\)")


@pytest.fixture(scope="module")
def words() -> set[str]:
    """What pages say in Chinese."""
    found: set[str] = set()
    for path in (ROOT / "elearn/translations/zh").glob("*.po"):
        with path.open("rb") as file:
            found |= {str(one.string) for one in read_po(file) if one.id}
    return found


def test_there_is_a_guide_for_each_who_works_with_it() -> None:
    assert {"worker", "clerk", "institution", "exam-operator"} <= {one.stem for one in GUIDES}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_has_few_steps_each_with_a_picture_that_is_there(guide: Path) -> None:
    text = guide.read_text("utf-8")
    pictures = PICTURE.findall(text)
    assert 6 <= text.count("\n## ") <= 10
    assert len(pictures) == text.count("\n## ") == text.count("](../screenshots/")
    missing = {
        name
        for name, size, language in pictures
        if not (ROOT / f"docs/screenshots/{name}-{size}-{language}.webp").exists()
    }
    assert missing == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_what_a_guide_tells_to_press_is_called_so_on_the_page(guide: Path, words: set[str]) -> None:
    pressed = set(re.findall("「([^」]+)」", guide.read_text("utf-8")))
    assert pressed
    assert pressed - words == set()
