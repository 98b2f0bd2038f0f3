"""The pages are true: their programs print what they show, and what they refer to exists."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tapegrad import _errors
from tests.docs import references
from tests.docs.references import ROOT
from tests.docs.runner import check

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*DOCS, ROOT / "README.md"]
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)


def test_the_pages_are_found() -> None:
    assert {"architecture.md", "errors.md", "from_scratch.md", "README.md"} <= {p.name for p in PAGES}


@every_page
def test_programs_print_what_is_shown(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_errors, "_said", set())  # other tests may have heard what is said only once
    check(path.name, path.read_text(encoding="utf-8"))
    for picture in tmp_path.glob("*.svg"):
        assert picture.read_text() == (ROOT / "docs" / "images" / picture.name).read_text(), (
            "run the page again"
        )


@every_page
def test_links_files_and_names_exist(path: Path) -> None:
    assert references.broken_links(path) == []
    assert references.missing_files(path) == []
    assert references.missing_names(path) == []


@every_page
def test_commands_are_understood(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("tapegrad.__main__") is None:
        pytest.skip("there is no command line yet")
    parser = import_module("tapegrad.__main__").parser()
    monkeypatch.chdir(tmp_path)
    for arguments in references.commands(path.name, path.read_text(encoding="utf-8")):
        for folder in [Path(a).parent for a in arguments if not a.startswith("-")]:
            folder.mkdir(parents=True, exist_ok=True)  # the parser refuses to write into one that is missing
        try:
            parser.parse_args(arguments)
        except SystemExit as end:
            assert not end.code, f"{path.name}: python -m tapegrad {' '.join(arguments)}"


@every_page
def test_prose_is_wrapped(path: Path) -> None:
    text = references.prose(path.name, path.read_text(encoding="utf-8"))
    assert [line for line in text.splitlines() if len(line) > 110 and not line.startswith("|")] == []


def test_every_dependency_has_a_row() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for extra in project["project"]["optional-dependencies"].values():
        needed += extra
    names = {re.match(r"[\w-]+", need)[0] for need in needed} - {"tapegrad"}  # type: ignore[index] # each has one
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert names == set(re.findall(r"^\| ([\w-]+)(?: [=>][^|]*)? \|", page, re.MULTILINE)) - {"dependency"}


def test_the_site_has_every_page() -> None:
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^ +- .+: (\w+\.md)$", nav, re.MULTILINE)) == [p.name for p in DOCS]
