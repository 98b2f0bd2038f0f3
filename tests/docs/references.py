"""What a page refers to besides its code: links, files, names in the package, shell commands."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

from tests.docs.runner import blocks

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tapegrad"
# Files that pages speak of and that are not there: a user's programs.
IMAGINED = frozenset({"example.py", "train.py"})

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w./-]+\.(?:py|pyi|md|toml|yml)|(?:[\w-]+/)+")
DOTTED = re.compile(r"([a-z_]\w*(?:\.\w+)+)(?:\(\))?")


def prose(page: str, markdown: str) -> str:
    """The page without its fenced blocks."""
    lines = markdown.splitlines()
    for block in blocks(page, markdown):
        lines[block.line - 1 : block.end] = [""] * (block.end - block.line + 1)
    return "\n".join(lines)


def anchors(page: str, markdown: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    titles = re.findall(r"^#+ (.+)$", prose(page, markdown), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).strip().replace(" ", "-") for t in titles}


def broken_links(path: Path) -> list[str]:
    """Relative links of a page to files or headings that do not exist."""
    text = path.read_text(encoding="utf-8")
    broken = []
    for link in LINK.findall(prose(path.name, text)):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        titles = anchors(name, target.read_text(encoding="utf-8")) if target.is_file() else {""}
        if not target.exists() or (anchor and anchor not in titles):
            broken.append(link)
    return broken


def missing_files(path: Path) -> list[str]:
    """Files and folders named in code type that are neither in the repository nor in the package."""
    spans = CODE.findall(prose(path.name, path.read_text(encoding="utf-8")))
    named = {s for s in spans if FILE.fullmatch(s)} - IMAGINED
    made = {f"{word}/" for word in (ROOT / ".gitignore").read_text(encoding="utf-8").replace("/", "").split()}
    return sorted(s for s in named - made if not (ROOT / s).exists() and not (PACKAGE / s).exists())


def missing_names(path: Path) -> list[str]:
    """Dotted names in code type that begin with a module of the package and lead nowhere."""
    modules = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    spans = CODE.findall(prose(path.name, path.read_text(encoding="utf-8")))
    found = [DOTTED.fullmatch(s) for s in spans if not FILE.fullmatch(s)]
    names = {m[1] for m in found if m is not None and m[1].partition(".")[0] in modules}
    return sorted(name for name in names if not _resolves(name))


def _resolves(name: str) -> bool:
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        try:
            found = import_module(f"tapegrad.{'.'.join(parts[:k])}")
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[k:]:
                found = getattr(found, part)
        except AttributeError:
            continue
        return True
    return False


def commands(page: str, markdown: str) -> list[list[str]]:
    """The arguments of every `python -m tapegrad ...` of a page, in console blocks and in code type."""
    lines = [line for b in blocks(page, markdown) if b.language == "console" for line in b.text.splitlines()]
    lines += CODE.findall(prose(page, markdown))
    found = []
    for line in lines:
        command = line.strip().removeprefix("$ ")
        if command.startswith("python -m tapegrad "):
            words = shlex.split(re.split(r"[|&;>]", command)[0], comments=True)
            found.append(words[3:])
    return found
