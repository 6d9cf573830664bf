"""What an archive is called and made of, for whoever writes one and whoever verifies one. Pure."""

FORMAT = "elearn-class-archive/1"
TYPE = "elearn-class-archive+jws"
"""Of the signature (RFC 7515, `typ`): one of a package for an exam system is none of an archive."""

INDEX, INDEX_EN, BOOK = "index.pdf", "index-en.pdf", "archive.xlsx"
SECTIONS = (
    "class", "units", "teachers", "roster", "attendance", "hours", "tests", "evidence", "signoffs", "recordings",
)  # fmt: skip


def section_name(section: str) -> str:
    return f"data/{section}.json"
