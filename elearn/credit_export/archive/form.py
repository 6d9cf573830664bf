"""What an archive is called and made of, for whoever writes one and whoever verifies one. Pure."""

from elearn.courses.sent_files import ENDINGS

FORMAT = "elearn-class-archive/1"
TYPE = "elearn-class-archive+jws"
"""Of the signature (RFC 7515, `typ`): one of a package for an exam system is none of an archive."""

INDEX, INDEX_EN, BOOK = "index.pdf", "index-en.pdf", "archive.xlsx"
LESSON_PLANS = "lesson-plans/"
"""Files of lesson plans, each called by its SHA-256: one that was sent for two lessons is there once."""
SECTIONS = (
    "class", "units", "teachers", "roster", "attendance", "hours", "tests", "evidence", "signoffs", "recordings",
)  # fmt: skip


def lesson_plan_name(sha256: str, media_type: str) -> str:
    return f"{LESSON_PLANS}{sha256}{ENDINGS[media_type][0]}"


def section_name(section: str) -> str:
    return f"data/{section}.json"
