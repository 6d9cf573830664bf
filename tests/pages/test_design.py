"""The page of the design system: every pair of colours can be read, in each theme; the page itself is for staff."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from elearn.pages import assets, design
from elearn.people.models import Account
from tests.pages.conftest import Browser, World

Opens = Callable[[Account | None], Browser]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", "#ffffff", 21.0), ("#fff", "#fff", 1.0), ("#777777", "#ffffff", 4.48), ("#767676", "#fff", 4.54)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert design.contrast(one, other) == design.contrast(other, one) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark", "sun"])
def test_all_text_can_be_read_on_what_it_stands_on(theme: str) -> None:
    css = (assets.STATIC / "build" / "app.css").read_text(encoding="utf-8")
    found = design.pairs(design.themes(css)[theme])
    assert len(found) == len(design.PAIRS)
    assert [one for one in found if one.ratio < design.LEAST[theme]] == []


def test_a_style_sheet_without_a_theme_is_an_error() -> None:
    with pytest.raises(LookupError, match="dark"):
        design.themes(":root{--ground:#fff}")


def test_sizes_and_room_are_those_of_the_style_sheet() -> None:
    css = "h1{font-size:2rem}h2{font-size:1rem}body{font:1rem/1.5 x}.quiet{color:red;font-size:.9rem}"
    css += ".button.small{font-size:.8rem}.badge{font-size:.7rem}@media(min-width:800px){h1{font-size:3rem}}"
    css += ".log h1{font-size:9rem}"
    assert design.sizes(css)["h1"] == ("2rem", "3rem"), "on a phone, and on a wide screen"
    assert design.sizes(css)["body"] == ("1rem/1.5",)
    assert design.room(":root{--gap:16px;--touch:44px;--radius:14px;--radius-s: 9px}")["radius-s"] == "9px"
    with pytest.raises(LookupError, match="h2"):
        design.sizes(css.replace("h2{", "h4{"))
    with pytest.raises(LookupError, match="touch"):
        design.room(":root{--gap:16px}")


def test_staff_see_every_part_and_learners_are_not_sent_there(world: World, browser: Opens) -> None:
    page = browser(world.manager).get("/design")
    assert page.status_code == 200
    said = re.findall(r"<h2[^>]*>([^<]+)</h2>", page.text)
    assert said == ["Colours", "Type and room", "Buttons", "Forms", "Badges and notices", "Rings and numbers", "Tables",
                    "Empty, loading, wrong, without network"]  # fmt: skip
    assert len(re.findall(r"\d\.\d : 1", page.text)) >= 3 * len(design.PAIRS)
    css = (assets.STATIC / "build" / "app.css").read_text(encoding="utf-8")
    for size in (*(" · ".join(one) for one in design.sizes(css).values()), *design.room(css).values()):
        assert f"<dd>{size}</dd>" in page.text, "as the style sheet has it"
    for state in (
        'class="empty"',
        'class="empty small"',
        'class="loading"',
        'class="notice bad summary"',
        'class="away"',
    ):
        assert state in page.text, state
    assert 'href="/design"' in browser(world.operator).get("/me").text
    learner = browser(world.worker)
    assert learner.get("/design").status_code == 403
    assert 'href="/design"' not in learner.get("/me").text
