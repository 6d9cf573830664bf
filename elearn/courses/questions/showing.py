"""Pure: what a learner's browser is given of a question, and what its answer means.

Nothing here depends on what is right: options come shuffled by the seed and the question's id alone, lines of an
ordering question are sorted before they are shuffled, of blanks only their number is told. So the same seed shows the
same thing whatever the key is, and the seed stays on the server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, cast

from elearn.courses.questions.kinds import (
    Answer,
    Case,
    Content,
    Fill,
    Multiple,
    Option,
    Ordering,
    Single,
    kind_of,
    lines_of,
)


def shown(content: Content, seed: bytes, name: str, image_url: Callable[[str], str]) -> dict[str, Any]:
    """The JSON for the browser: kind, stem, image, and options, the number of blanks, or parts. `name`: its id."""
    found: dict[str, Any] = {"kind": kind_of(content).value, "stem": content.stem}
    if content.image:
        found["image"] = image_url(content.image)
    if isinstance(content, Case):
        found["parts"] = [shown(part, seed, f"{name}/{place}", image_url) for place, part in enumerate(content.parts)]
    elif isinstance(content, Single | Multiple | Ordering):
        lines = lines_of(content)
        found["options"] = [_option(lines[place], image_url) for place in order_of(content, seed, name)]
    elif isinstance(content, Fill):
        found["blanks"] = len(content.blanks)
    return found


def _option(option: Option, image_url: Callable[[str], str]) -> dict[str, str]:
    return {"text": option.text, **({"image": image_url(option.image)} if option.image else {})}


def order_of(content: Single | Multiple | Ordering, seed: bytes, name: str) -> list[int]:
    """The stored place of each option in the order shown."""
    lines = lines_of(content)
    places = list(range(len(lines)))
    if isinstance(content, Ordering):
        # Their stored order is the answer: start from one that does not know it.
        places.sort(key=lambda place: (lines[place].text, lines[place].image or ""))
    ranked = sorted(
        range(len(places)), key=lambda rank: hashlib.sha256(b"%s\0%s\0%d" % (seed, name.encode(), rank)).digest()
    )
    return [places[rank] for rank in ranked]


def stored_answer(content: Content, answer: Answer, seed: bytes, name: str) -> Answer:
    """The answer in stored places, of one in shown places."""
    return _mapped(content, answer, seed, name, lambda order: order)


def shown_answer(content: Content, answer: Answer, seed: bytes, name: str) -> Answer:
    """The answer in shown places, of one in stored places: what the browser sent."""

    def inverse(order: Sequence[int]) -> list[int]:
        back = [0] * len(order)
        for rank, place in enumerate(order):
            back[place] = rank
        return back

    return _mapped(content, answer, seed, name, inverse)


def _mapped(
    content: Content, answer: Answer, seed: bytes, name: str, way: Callable[[list[int]], Sequence[int]]
) -> Answer:
    if answer is None or not isinstance(content, Case | Single | Multiple | Ordering):
        return answer
    if isinstance(content, Case):
        parts = zip(content.parts, cast(list[Answer], answer), strict=True)
        return [_mapped(part, one, seed, f"{name}/{place}", way) for place, (part, one) in enumerate(parts)]
    order = way(order_of(content, seed, name))
    if isinstance(content, Single):
        assert isinstance(answer, int)
        return order[answer]
    assert isinstance(answer, list)
    found = [order[place] for place in answer if isinstance(place, int)]
    return sorted(found) if isinstance(content, Multiple) else found
