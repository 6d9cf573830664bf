"""What the demonstration made, as it is kept beside its data: loaded before anything else of the product is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(slots=True)
class SignIn:
    """How somebody of the demonstration signs in."""

    who: str
    name: str
    password: str


@dataclass(slots=True)
class Example:
    """What the demonstration made; kept as JSON in the data directory, readable by its owner only."""

    sign_ins: list[SignIn]
    worker_ids: list[str]
    worker_documents: list[str]
    institution_id: str
    class_id: str
    course_id: str
    lesson_ids: list[str]
    client_id: str
    client_secret: str
    unit_ids: list[str]
    small_institution_id: str = ""
    """Of the example of a category (`admission.py`): who teaches it."""
    small_lesson_id: str = ""
    """Its one lesson is the one that is walked."""
    small_unit_id: str = ""
    enterprise_id: str = ""
    """Whose workers they are, once it has its units, its posts and what it trains in (`enterprise.py`)."""
    base: str = ""
    """Where it is served: the log of hours is called by that address."""

    def save(self, path: Path) -> None:
        fresh = path.with_suffix(".fresh")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1))
        fresh.replace(path)  # whoever reads it meanwhile reads one or the other

    @classmethod
    def load(cls, path: Path) -> Example | None:
        if not path.exists():
            return None
        kept = json.loads(path.read_text())
        return cls(**{**kept, "sign_ins": [SignIn(**one) for one in kept["sign_ins"]]})
