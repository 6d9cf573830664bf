"""Journeys say where they wait: what reads a page that is still on its way passes here and fails on a slow machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

JOURNEYS = [
    path
    for place in ("tests/journeys", "tests/pages", "elearn/demo", "docs")
    for path in sorted((Path(__file__).parents[2] / place).glob("*.py"))
]
LINK = re.compile(r"(?:^|[\s>])a(?:$|[.:#\[])[^\s]*$")
FORMS_BUTTON = re.compile(r"\bform\b(?!\[data-upload).*\bbutton\b")
"""Not the form of a video: a script sends it, and the page stays."""


def selector_of(call: ast.expr) -> str | None:
    """What is touched, where it is written as a selector; what a pattern puts in is left out."""
    if not (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"click", "tap"}
        and call.args
    ):
        return None
    (first, *_) = call.args
    parts = first.values if isinstance(first, ast.JoinedStr) else [first]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return re.sub(r" >> nth=\d+$", "", re.sub(r"\([^)]*\)|'[^']*'", "", "".join(texts)))


def touches_that_do_not_wait(source: str) -> list[str]:
    """Links that are not followed, and buttons of forms after which nothing is waited for; by line."""
    return list(_without_waiting(ast.parse(source), waited=False))


def _without_waiting(node: ast.AST, *, waited: bool) -> Iterator[str]:
    """`waited`: this is within `with page.expect_navigation():` or its like."""
    if isinstance(node, ast.With):
        waited = waited or any("expect_" in ast.unparse(item) for item in node.items)
    for name in ("body", "orelse", "finalbody", "handlers"):
        block = getattr(node, name, [])
        for place, statement in enumerate(block if isinstance(block, list) else []):
            yield from _without_waiting(statement, waited=waited)
            selector = selector_of(statement.value) if isinstance(statement, ast.Expr) and not waited else None
            if selector is None:
                continue
            after = "".join(map(ast.unparse, block[place + 1 : place + 2]))
            if LINK.search(selector) or (FORMS_BUTTON.search(selector) and not re.search("wait_|yield|expect_", after)):
                yield f"{statement.lineno}: {ast.unparse(statement)}"


@pytest.mark.parametrize("path", JOURNEYS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_journey_waits_for_the_page_it_goes_to(path: Path) -> None:
    assert touches_that_do_not_wait(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "waits"),
    [
        ("page.click('a')\nx()", False),
        ("page.click('nav a[href*=overdue]')\npage.wait_for_selector('table')", False),
        ("page.click(f\"tbody a:has-text('{name} b')\")", False),
        ("page.click('ul.steps a >> nth=1')", False),
        ("with page.expect_navigation():\n    page.click('nav a')", True),
        ("page.click('form.card button')\nread(page)", False),
        ("page.click('form.card button')\npage.wait_for_selector('progress')", True),
        ("page.click('[data-next]')", True),
        ("page.click('.card')", True),
    ],
)
def test_what_waits(source: str, waits: bool) -> None:
    assert (touches_that_do_not_wait(source) == []) is waits
