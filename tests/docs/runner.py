"""Runs the examples of a Markdown page and compares what they print with what the page shows.

    ```python           runs; all blocks of a page share one namespace, from top to bottom
    ```python raises    runs, and must end with an exception, which is shown as the last line of its output
    ```python torch     runs where PyTorch is installed
    ```python no-run    is only shown
    ```output           what the python block before it prints; it is the next fence after that block

A block's code is a file named example.py whose first line is the block's first, so that messages which name a
source line do not change when the page grows. `python -m tests.docs.runner docs/errors.md` runs pages by
hand; with `--write` it replaces their output blocks by what was printed.
"""

from __future__ import annotations

import re
import sys
import traceback
import warnings
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from difflib import unified_diff
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# Any other language is an error: a block marked `pyhton` would never run, and nobody would notice.
SHOWN = frozenset({"console", "make", "text", "toml"})
MODES = ((), ("no-run",), ("raises",), ("torch",))
FENCE = re.compile(r"( *)(`{3,}|~{3,})(.*)")


class PageError(Exception):
    """What is wrong with a page, and where: `page.md:12: ...`."""


@dataclass(frozen=True)
class Block:
    """A fenced block. `line` and `end` are the numbers of its fences' lines, counted from 1."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int
    end: int


@dataclass(frozen=True)
class Example:
    """A python block that runs, and the output block after it, if there is one."""

    code: Block
    output: Block | None


def blocks(page: str, markdown: str) -> list[Block]:
    """The fenced blocks of a page. Raises: PageError for a fence that the runner would not see as one."""
    found: list[Block] = []
    inside: list[str] = []
    opened: tuple[str, str, int] | None = None
    for number, line in enumerate(markdown.splitlines(), 1):
        fence = FENCE.fullmatch(line)
        if opened is not None:
            marks, info, start = opened
            if fence is not None and fence[2].startswith(marks) and not fence[1] and not fence[3].strip():
                language, *words = info.split() or [""]
                found.append(Block(language, tuple(words), "\n".join(inside), start, number))
                opened = None
            else:
                inside.append(line)
        elif fence is not None:
            if fence[1] or fence[2].startswith("~"):
                raise PageError(f"{page}:{number}: a fence must be of backticks and start its line.")
            opened, inside = (fence[2], fence[3], number), []
    if opened is not None:
        raise PageError(f"{page}:{opened[2]}: this fence is never closed.")
    return found


def examples(page: str, markdown: str) -> list[Example]:
    """The blocks that run, in order. Raises: PageError for marks that mean nothing."""
    found: list[Example] = []
    before: Block | None = None
    for block in blocks(page, markdown):
        at = f"{page}:{block.line}"
        if block.language == "python":
            if block.words not in MODES:
                raise PageError(f"{at}: `python {' '.join(block.words)}` has no meaning here.")
            if block.words != ("no-run",):
                found.append(Example(block, None))
        elif block.words:
            raise PageError(f"{at}: only python takes words such as {block.words[0]!r}.")
        elif block.language == "output":
            if before is None or before.language != "python" or before.words == ("no-run",):
                raise PageError(f"{at}: this output block does not follow a python block that runs.")
            found[-1] = Example(found[-1].code, block)
        elif block.language not in SHOWN:
            known = ", ".join(sorted({"python", "output"} | SHOWN))
            raise PageError(f"{at}: {block.language!r} is no language of our pages ({known}).")
        before = block
    return found


def runnable(page: str, markdown: str) -> list[Example]:
    """The examples of a page that can run here."""
    torch = find_spec("torch") is not None
    return [e for e in examples(page, markdown) if torch or e.code.words != ("torch",)]


def run(page: str, example: Example, namespace: dict[str, Any]) -> str:
    """Run one block in the page's namespace; what it prints, and the exception if it is to raise one.

    Raises: PageError for an exception that is not announced, and for an announced one that does not come.
    """
    code, printed = example.code, StringIO()
    file = f"{page}:{code.line}/example.py"
    try:
        with redirect_stdout(printed):
            exec(compile(code.text, file, "exec"), namespace)
    except (Exception, SystemExit) as error:
        if code.words != ("raises",):
            lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
            line = code.line + (lines[-1] or 0) if lines else code.line
            raise PageError(f"{page}:{line}: {type(error).__name__}: {error}") from error
        printed.write(f"{type(error).__name__}: {error}\n")
    else:
        if code.words == ("raises",):
            raise PageError(f"{page}:{code.line}: this block is marked `raises` and raises nothing.")
    return "\n".join(line.rstrip() for line in printed.getvalue().rstrip().splitlines())


def check(page: str, markdown: str) -> int:
    """Run a page; the number of blocks that ran. Raises: PageError at the first block that is not as
    shown."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    found = runnable(page, markdown)
    for example in found:
        printed = run(page, example, namespace)
        output = example.output
        if output is None:
            if printed:
                raise PageError(
                    f"{page}:{example.code.line}: no output block shows what this prints:\n{printed}"
                )
        elif printed != output.text:
            shown = output.text.splitlines()
            diff = "\n".join(unified_diff(shown, printed.splitlines(), "shown", "printed", lineterm="", n=1))
            raise PageError(f"{page}:{output.line}: the output is not as shown:\n{diff}")
    return len(found)


def rewritten(page: str, markdown: str) -> str:
    """The page with every output block as the code prints it now, missing ones added."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    lines = markdown.splitlines()
    edits: list[tuple[int, int, list[str]]] = []  # from line, to line (0-based, exclusive), what comes there
    for example in runnable(page, markdown):
        printed = run(page, example, namespace)
        shown = ["```output", *printed.splitlines(), "```"] if printed else []
        old = example.output
        if old is not None:
            edits.append((old.line - 1, old.end, shown))
        elif shown:
            edits.append((example.code.end, example.code.end, ["", *shown]))
    for start, end, shown in reversed(edits):
        lines[start:end] = shown
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """The command line: pages, and `--write`. Returns 1 if a page is not as shown."""
    warnings.simplefilter("error")
    failed = 0
    for name in [a for a in arguments if a != "--write"]:
        path = Path(name).resolve()
        try:
            with TemporaryDirectory() as folder, chdir(folder):  # for the files that programs write
                if "--write" in arguments:
                    path.write_text(rewritten(path.name, path.read_text()))
                else:
                    check(path.name, path.read_text())
        except PageError as error:
            failed = 1
            sys.stderr.write(f"{error}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
