"""Servers to try things on, and child processes to kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from elearn import embedded
from tests.embedded.processes import Child


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(data_dir: Path, *, uid: int | None = None) -> Child:
        made.append(Child(data_dir, uid=uid))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture(scope="session")
def shared_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared") / "data"


@pytest.fixture(scope="session")
def servers(shared_data_dir: Path) -> Iterator[embedded.Services]:
    with embedded.services(shared_data_dir, durable=False) as services:
        yield services
