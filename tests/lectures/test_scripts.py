"""The lecture scripts print on tapegrad what they print on torch, to the character; only imports change."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lectures.running import EXPECTED, HOME, IMPORTS, SCRIPTS, ported, run

NAMES = list(SCRIPTS)
ALL = """
import runpy, sys
for path in sys.argv[1:]:
    print(">", path)
    runpy.run_path(path, run_name="__main__")
assert "torch" not in sys.modules
"""


def need_pandas(*names: str) -> None:
    """Skip where pandas is missing and one of the scripts reads Iris with it."""
    if any("import pandas" in SCRIPTS[name].read_text(encoding="utf-8") for name in names):
        pytest.importorskip("pandas")


def expected(name: str) -> str:
    return (EXPECTED / f"{name}.txt").read_text(encoding="utf-8")


def test_every_script_is_recorded() -> None:
    assert sorted(path.stem for path in EXPECTED.glob("*.txt")) == NAMES
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_only_the_imports_change(name: str) -> None:
    before = SCRIPTS[name].read_text(encoding="utf-8").split("\n")
    after = ported("\n".join(before)).split("\n")
    assert len(before) == len(after)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert changed
    assert all(IMPORTS[a] == b for a, b in changed)
    assert not any(line.startswith(("import torch", "from torch")) for line in after)


@pytest.mark.parametrize("name", NAMES)
def test_prints_what_torch_printed(name: str, lecture: Callable) -> None:
    need_pandas(name)
    assert lecture(name)[0] == expected(name)


@pytest.mark.parametrize("name", NAMES)
def test_prints_what_torch_prints_here(name: str) -> None:
    torch = pytest.importorskip("torch")
    need_pandas(name)
    state = torch.get_rng_state()
    try:
        assert run(SCRIPTS[name])[0] == expected(name)
    finally:
        torch.set_rng_state(state)


def test_prints_the_same_in_a_new_process_without_torch(port: Callable[[str], Path]) -> None:
    need_pandas(*NAMES)
    paths = [str(port(name)) for name in NAMES]
    environment = {**os.environ, "PYTHONPATH": str(HOME), "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALL, *paths],
        cwd=HOME,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "".join(
        f"> {path}\n{expected(name)}" for path, name in zip(paths, NAMES, strict=True)
    )
