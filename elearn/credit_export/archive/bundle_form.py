"""What bundles are called and made of, for whoever writes one and whoever verifies one. Pure."""

from __future__ import annotations

from dataclasses import dataclass

INDEX, INDEX_EN, BOOK = "index.pdf", "index-en.pdf", "archive.xlsx"


@dataclass(frozen=True, slots=True)
class Form:
    format: str
    type: str
    """Of the signature (RFC 7515, `typ`): one of another kind of file is none of this."""
    sections: tuple[str, ...]

    def names(self) -> set[str]:
        return {INDEX, INDEX_EN, BOOK, *(section_name(one) for one in self.sections)}


PERSON = Form(
    "elearn-person-archive/1",
    "elearn-person-archive+jws",
    ("person", "placements", "assignments", "levels", "hours", "elsewhere", "certificates"),
)
ENTERPRISE = Form(
    "elearn-enterprise-archive/1",
    "elearn-enterprise-archive+jws",
    ("enterprise", "people", "assignments", "hours", "certificates", "figures"),
)
FORMS = {one.format: one for one in (PERSON, ENTERPRISE)}


def section_name(section: str) -> str:
    return f"data/{section}.json"
