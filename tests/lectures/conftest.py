"""What the tests of the lectures share."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import tapegrad
from tests.lectures.running import SCRIPTS, ported, run


@pytest.fixture(autouse=True)
def _stream_as_found() -> Iterator[None]:
    """Lectures seed the default stream; other tests find it as they left it."""
    state = tapegrad.get_rng_state()
    yield
    tapegrad.set_rng_state(state)


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a script, by its name, rewritten for tapegrad."""
    folder = tmp_path_factory.mktemp("lectures")

    def path(name: str) -> Path:
        target = folder / f"{name}.py"
        target.write_text(ported(SCRIPTS[name].read_text(encoding="utf-8")), encoding="utf-8")
        return target

    return path


@pytest.fixture(scope="session")
def lecture(port: Callable[[str], Path]) -> Callable[[str], tuple[str, dict[str, Any]]]:
    """What a script prints on tapegrad, and its names at its end; each runs once."""
    return cache(lambda name: run(port(name)))
