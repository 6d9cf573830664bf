"""The built wheel is the whole product: installed outside the checkout it starts, migrates and serves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import elearn
from elearn.demo.transport import HttpTransport
from tests.journeys.running import RunningProduct, clean_environment, running

ROOT = Path(elearn.__file__).parents[1]

pytestmark = pytest.mark.xdist_group("wheel")


def run(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the build backend as `pip wheel .` does."""
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=ROOT)
    (built,) = out.glob("elearn-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it, and of this one only what the wheel depends on.

    A plain line in a .pth file puts our packages behind its own without reading our .pth files, so that the
    checkout, which is installed here as editable, cannot be seen from there.
    """
    place = tmp_path_factory.mktemp("elsewhere") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", place, cwd=place.parent)
    fresh = place / "bin" / "python"
    run(sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps", "--python", fresh, wheel, cwd=place)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "zz-dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh


@pytest.fixture(scope="module")
def installed(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProduct]:
    """The installed product, brought up by its own commands and serving."""
    product = RunningProduct(tmp_path_factory.mktemp("data"), processes=1, elearn=(str(python.parent / "elearn"),))
    assert "the schema is at" in product.run("db", "upgrade")
    with running(product):
        yield product


@pytest.mark.parametrize(
    "wanted",
    [
        r"elearn/_migrations/env\.py",
        r"elearn/_migrations/versions/0001_\w+\.py",
        r"elearn/pages/templates/elearn/base\.html",
        r"elearn/pages/static/build/player\.js",
        r"elearn/pages/static/build/app\.css",
        r"elearn/pages/static/build/licences\.txt",
        r"elearn/pages/static/icon\.svg",
        r"elearn/credit_export/exam_system/national\.yaml",
        r"elearn/credit_export/paper/templates/proof\.typ",
        r"elearn/translations/zh/\w+\.po",
        r"elearn/demo/assets/lesson-source\.mp4",
        r"elearn/demo/assets/example-requirements\.yaml",
        r"media/package\.py",
        r"elearn-[\d.]+\.dist-info/licenses/LICENSE",
    ],
)
def test_the_wheel_holds(wheel: Path, wanted: str) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(re.fullmatch(wanted, name) for name in names)


def test_every_migration_travels(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("elearn/_migrations/versions/0")}
    here = {f"elearn/_migrations/versions/{path.name}" for path in (ROOT / "migrations/versions").glob("0*.py")}
    assert inside == here


def test_the_wheel_brings_no_tests_and_nothing_of_node(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if re.match(r"tests/|bench/|frontend/|.*node_modules|.*__pycache__", name)]


def test_the_installed_program_is_the_wheel_s_and_says_its_version(python: Path, tmp_path: Path) -> None:
    where = run(python, "-c", "import elearn, media; print(elearn.__file__, media.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where.replace(str(python.parents[1]), "")
    assert re.fullmatch(r"elearn, version \d+\.\d+\.\d+\n", run(python.parent / "elearn", "--version", cwd=tmp_path))


def test_a_server_that_was_never_upgraded_says_which_command_to_run(python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [python.parent / "elearn", "worker", "--until-done"],
        env=clean_environment(ELEARN_DATA_DIR=str(tmp_path / "fresh")),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "elearn db upgrade" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_serves_health_pages_and_static_files(installed: RunningProduct) -> None:
    browser = HttpTransport(installed.base)

    def get(path: str) -> tuple[int, bytes]:
        answer = browser("GET", path, headers={"Accept": "text/html"}, body=None)
        return answer.status, answer.body

    assert get("/healthz")[0] == 200
    status, page = get("/signin")
    assert status == 200
    assert b'name="csrf_token"' in page
    sheets = re.findall(rb'<link[^>]+href="([^"]+\.css[^"]*)"', page)
    assert sheets, "a page has a style sheet"
    for sheet in sheets:
        assert get(sheet.decode())[0] == 200
    assert get("/exam/v1/openapi.json")[0] == 200


def test_a_page_speaks_chinese_from_the_wheel_s_own_translations(installed: RunningProduct) -> None:
    browser = HttpTransport(installed.base)
    answer = browser("GET", "/signin", headers={"Accept": "text/html", "Accept-Language": "zh-CN"}, body=None)
    assert "登录" in answer.body.decode()


def test_its_data_directory_is_closed_to_others(installed: RunningProduct) -> None:
    assert os.stat(installed.data_dir / "secrets.json").st_mode & 0o077 == 0
