"""Promises that hold for every view, setting, message and package."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from babel.messages.extract import extract_from_dir
from flask import Flask

from elearn import locale
from elearn.credit_export.exam_system.openapi import OPERATIONS
from elearn.db import Base, Ledger
from elearn.settings import SECRETS, Settings
from tests.conftest import scalar

ROOT = Path(__file__).parents[2]
PACKAGES = [path.parent for path in sorted((ROOT / "elearn").rglob("__init__.py"))] + [ROOT / "media"]


def test_every_view_says_who_may_call_it(app: Flask) -> None:
    silent = [name for name, view in app.view_functions.items() if not getattr(view, "allowed", None)]
    assert silent == []


def test_every_changing_view_asks_for_a_csrf_token_or_says_why_it_need_not(app: Flask) -> None:
    exempt = {name for name, view in app.view_functions.items() if getattr(view, "csrf_exempt", False)}
    assert all(name.startswith(("elearn.exam.", "elearn.xapi.")) for name in exempt), (
        "only doors that prove themselves by a bearer token or key"
    )


def test_no_page_says_within_its_view_how_large_a_form_may_be() -> None:
    """Its form is read before, for the token: `web.takes_up_to` is heard in time. A raw body is read by the view."""
    late = "request.max_content_length ="
    pages = sorted((ROOT / "elearn/pages").glob("*.py"))
    assert {page.name for page in pages if late in page.read_text("utf-8")} == {"page_desk.py"}


def test_every_setting_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    source = (ROOT / "elearn" / "settings.py").read_text()
    variables = {*SECRETS, *re.findall(r'"((?:ELEARN|DATABASE|REDIS)_[A-Z_]+)"', source)}
    assert dataclasses.fields(Settings)
    assert sorted(name for name in variables if f"`{name}`" not in readme) == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_has_a_tour(package: Path) -> None:
    tour = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    assert len(tour) >= 40


def test_structs_are_read_by_decoders_that_one_thread_has_made() -> None:
    """msgspec.json.decode(type=...) prepares a Struct at its first use; two threads that do so end the process."""
    by_the_way = []
    for path in sorted((ROOT / "elearn").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        module = importlib.import_module(name)
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("json.decode"):
                kinds = [getattr(module, ast.unparse(each.value), None) for each in call.keywords if each.arg == "type"]
                by_the_way += [f"{path.name}: {kind}" for kind in kinds if hasattr(kind, "__struct_fields__")]
    assert by_the_way == []


def messages() -> set[str]:
    """Every message id in Python and in templates, and the sentences of errors."""
    found = set()
    methods = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
    keywords = {
        **dict.fromkeys(["_", "gettext"]),
        **dict.fromkeys(
            ["Malformed", "NotSignedIn", "Forbidden", "NotFound", "Conflict", "TooLarge", "TooMany", "Unavailable",
             "DomainError"]
        ),
    }  # fmt: skip
    for _, _, message, _, _ in extract_from_dir(str(ROOT / "elearn"), methods, keywords=keywords):
        found.add(message if isinstance(message, str) else message[0])
    return {message for message in found if message}


def test_every_message_is_told_in_chinese() -> None:
    known = locale.catalogue("zh")
    assert sorted(message for message in messages() if message not in known) == []


def test_a_translation_keeps_the_places_of_its_message() -> None:
    places = re.compile(r"%\(\w+\)s|\{\w+\}")
    broken = {
        message: text
        for message, text in locale.catalogue("zh").items()
        if sorted(places.findall(message)) != sorted(places.findall(text))
    }
    assert broken == {}


def test_every_ledger_is_guarded_in_the_database(app: Flask) -> None:
    from elearn.db import db

    with app.app_context():
        for mapper in Base.registry.mappers:
            if issubclass(mapper.class_, Ledger):
                name = f"elearn.{sa.inspect(mapper.class_).local_table.description}"
                guards = scalar(
                    db.session(),
                    "SELECT count(*) FROM pg_trigger "
                    "WHERE tgrelid = CAST(:name AS regclass) AND tgname LIKE 'append_only%'",
                    name=name,
                )
                assert guards == 2, f"{name} has no guard against bulk statements"


def test_the_description_of_the_doors_names_real_routes(app: Flask) -> None:
    rules = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    described = {(path, method) for path, operations in OPERATIONS.items() for method in operations}
    assert described - rules == set()
    exam = {one for one in rules if one[0].startswith("/exam/") and one[1] not in ("head", "options")}
    assert exam - described == set()


def test_importing_the_clock_does_not_load_the_product() -> None:
    loaded = "sorted(m for m in sys.modules if m.startswith('elearn.'))"
    code = f"import sys, json; import elearn.clock; print(json.dumps({loaded}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == ["elearn.clock"]


@pytest.mark.parametrize(
    ("begins", "without"),
    [
        ("import elearn.demo", ("alembic", "elearn.pages", "flask", "psycopg", "redis", "sqlalchemy")),
        ("import elearn.cli", ("alembic", "elearn.pages", "flask", "psycopg", "redis", "sqlalchemy")),
        ("from elearn import serving, extension, pages", ("alembic", "av", "openpyxl")),
    ],
)
def test_what_a_first_page_does_not_need_is_not_loaded_before_it(begins: str, without: tuple[str, ...]) -> None:
    """The demonstration's own process until its page is there, and what `elearn serve` imports to begin with."""
    code = f"{begins}\nimport sys, json; print(json.dumps([one for one in {without!r} if one in sys.modules]))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == []


def test_nothing_committed_names_a_registry_or_this_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.fail("these promises are about a git checkout")
    forbidden = re.compile(
        "|".join(["registry" + r"\.npmjs", "pypi" + r"\.org", "/work/" + "(main|shared)", "PRIVATE" + " KEY"])
    )
    named = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".mp4", ".png", ".jpg", ".webp"} or not path.is_file():
            continue
        if forbidden.search(path.read_text(errors="replace")):
            named.append(name)
    assert named == []
