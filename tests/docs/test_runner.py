"""The runner of the pages on tiny pages: what must pass passes, and what must fail fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import references, runner
from tests.docs.runner import PageError, blocks, check, rewritten


def block(language: str, *lines: str) -> str:
    return "\n".join([f"```{language}", *lines, "```", ""])


def page(*parts: str) -> str:
    return "\n".join(parts)


PRINTS = block("python", "print(1)", "print(2)")

GOOD = {
    "nothing": ("Only prose.", 0),
    "silent": (block("python", "x = 1"), 1),
    "printed": (page(PRINTS, "Prose between.", block("output", "1", "2")), 1),
    "one namespace": (page(block("python", "x = 3"), block("python", "print(x)"), block("output", "3")), 2),
    "blanks at line ends": (page(block("python", "print('a  ')"), block("output", "a")), 1),
    "empty lines inside": (page(block("python", r"print('a\n\nb')"), block("output", "a", "", "b")), 1),
    "no-run": (block("python no-run", "1 / 0"), 0),
    "raises": (
        page(
            block("python raises", "print('before')", "1 / 0"),
            block("output", "before", "ZeroDivisionError: division by zero"),
        ),
        1,
    ),
    "other languages": (page(block("console", "rm -rf x"), block("text", "1 / 0")), 0),
    "a fence in a fence": (page("````text", "```python", "1 / 0", "```", "````"), 0),
    "functions and classes see the page": (
        page(
            block("python", "k = 2", "def f():", "    return k", "class C:", "    v = f()"),
            block("python", "print(f(), C.v)"),
            block("output", "2 2"),
        ),
        2,
    ),
    "lines of a block count from its first": (
        page(
            "# Title",
            block(
                "python", "import sys", "f = sys._getframe()", "print(f.f_code.co_filename[-11:], f.f_lineno)"
            ),
            block("output", "/example.py 3"),
        ),
        1,
    ),
}

BAD = {
    "wrong output": (page(PRINTS, block("output", "1", "3")), "p.md:6: the output is not as shown"),
    "one line too few": (page(PRINTS, block("output", "1")), "p.md:6: the output is not as shown"),
    "one line too many": (page(PRINTS, block("output", "1", "2", "3")), "p.md:6: the output is not"),
    "other order": (page(PRINTS, block("output", "2", "1")), "p.md:6: the output is not"),
    "no output block": (PRINTS, "p.md:1: no output block shows what this prints:\n1\n2"),
    "text instead of output": (page(PRINTS, block("text", "1", "2")), "p.md:1: no output block"),
    "output of a silent block": (
        page(block("python", "x = 1"), block("output", "1")),
        "p.md:5: the output is",
    ),
    "exception": (block("python", "x = 1", "1 / 0"), "p.md:3: ZeroDivisionError: division by zero"),
    "exception in a function of an earlier block": (
        page(block("python", "def f():", "    1 / 0"), block("python", "", "f()")),
        "p.md:8: ZeroDivisionError",
    ),
    "exit": (block("python", "raise SystemExit(0)"), "p.md:2: SystemExit: 0"),
    "does not compile": (block("python", "x = = 1"), "p.md:1: SyntaxError"),
    "warning": (block("python", "import warnings", "warnings.warn('w')"), "p.md:3: UserWarning: w"),
    "raises nothing": (block("python raises", "x = 1"), "p.md:1: this block is marked `raises`"),
    "raises something else": (
        page(block("python raises", "1 / 0"), block("output", "ValueError: 0")),
        "p.md:5: the output is not as shown",
    ),
    "raises without output": (block("python raises", "1 / 0"), "p.md:1: no output block"),
    "stops at the first": (page(block("python", "1 / 0"), block("python", "x = y")), "p.md:2: ZeroDiv"),
    "orphaned output": (block("output", "1"), "p.md:1: this output block does not follow"),
    "second output": (page(PRINTS, block("output", "1", "2"), block("output", "1")), "p.md:11: this output"),
    "output of no-run": (page(block("python no-run", "x"), block("output", "1")), "p.md:5: this output"),
    "misspelt language": (block("pyhton", "1 / 0"), "p.md:1: 'pyhton' is no language of our pages"),
    "no language": (block("", "1 / 0"), "p.md:1: '' is no language"),
    "capitals": (block("Python", "1 / 0"), "p.md:1: 'Python' is no language"),
    "unknown word": (block("python norun", "1 / 0"), "p.md:1: `python norun` has no meaning"),
    "two words": (block("python no-run raises", "1 / 0"), "has no meaning here"),
    "word after another language": (block("text raises", "x"), "p.md:1: only python takes words"),
    "never closed": (page("text", "```python", "x = 1"), "p.md:2: this fence is never closed"),
    "indented": (page("- item", "  ```python", "  x = 1", "  ```"), "p.md:2: a fence must be of backticks"),
    "tildes": (page("~~~python", "x = 1", "~~~"), "p.md:1: a fence must be of backticks"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_pages_pass(name: str) -> None:
    markdown, ran = GOOD[name]
    assert check("p.md", markdown) == ran


@pytest.mark.parametrize("name", BAD)
def test_bad_pages_fail(name: str) -> None:
    markdown, message = BAD[name]
    with pytest.raises(PageError) as error:
        check("p.md", markdown)
    assert message in str(error.value)


def test_torch_blocks_run_only_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    markdown = page(block("python torch", "print(1)"), block("output", "2"))
    monkeypatch.setattr(runner, "find_spec", lambda name: None)
    assert check("p.md", markdown) == 0
    monkeypatch.setattr(runner, "find_spec", lambda name: name)
    with pytest.raises(PageError):
        check("p.md", markdown)


def test_blocks_know_their_lines() -> None:
    (found,) = blocks("p.md", page("a", "```python raises", "x", "", "```"))
    assert (found.language, found.words, found.text, found.line, found.end) == (
        "python", ("raises",), "x\n", 2, 5
    )  # fmt: skip


def test_rewriting_makes_a_page_true() -> None:
    wrong = page(
        "Before.", "", PRINTS, "Then.", block("output", "1", "", "3"), block("python", "print(4)"), "End."
    )
    right = rewritten("p.md", wrong)
    assert check("p.md", right) == 2
    assert rewritten("p.md", right) == right
    assert right.startswith("Before.\n") and right.endswith("End.\n") and "\nThen.\n" in right
    assert "```output\n4\n```" in right and "3" not in right


def test_rewriting_drops_an_output_that_is_gone() -> None:
    assert (
        rewritten("p.md", page(block("python", "x = 1"), block("output", "1")))
        == block("python", "x = 1") + "\n"
    )


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "p.md"
    path.write_text(page(PRINTS, block("output", "5")))
    assert runner.main([str(path)]) == 1
    assert "p.md:6: the output is not as shown" in capsys.readouterr().err
    assert runner.main(["--write", str(path)]) == 0
    assert runner.main([str(path)]) == 0


# ---- references


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("[a](p.md) [b](#a-title-with-code) [c](https://example.org/x.md)", []),
        ("[a](q.md)", ["q.md"]),
        ("[a](#title)", ["#title"]),
        ("[a](p.md#title)", ["p.md#title"]),
        ("```text\n[a](q.md)\n```", []),
    ],
)
def test_links(tmp_path: Path, text: str, broken: list[str]) -> None:
    path = tmp_path / "p.md"
    path.write_text(f"## A title, with `code`\n\n{text}\n")
    assert references.broken_links(path) == broken


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`tape.py` `tapegrad/tape.py` `kernels/` `train.py` `build/` `a/b`", []),
        ("`tepe.py` `kernels/tape.py` `colonels/`", ["colonels/", "kernels/tape.py", "tepe.py"]),
    ],
)
def test_files(tmp_path: Path, text: str, missing: list[str]) -> None:
    path = tmp_path / "p.md"
    path.write_text(text)
    assert references.missing_files(path) == missing


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`tape.sweep` `views.Cold` `define.elementwise.inplace` `tensor.Tensor.item()`", []),
        ("`nn.Linear` `torch.nope` `x.grad` `np.nope` `sweep`", []),
        (
            "`tape.sweeep` `define.nothing.here` `nn.Linaer`",
            ["define.nothing.here", "nn.Linaer", "tape.sweeep"],
        ),
    ],
)
def test_names(tmp_path: Path, text: str, missing: list[str]) -> None:
    path = tmp_path / "p.md"
    path.write_text(text)
    assert references.missing_names(path) == missing


def test_commands() -> None:
    markdown = page(
        block(
            "console",
            "$ python -m tapegrad info  # versions",
            "make demo",
            "python -m tapegrad a 'b c' > out",
        ),
        block("text", "python -m tapegrad not this"),
        "Run `python -m tapegrad info --json`, or `python -m tapegrad`, or `python -m tapegradish x`.",
    )
    assert references.commands("p.md", markdown) == [["info"], ["a", "b c"], ["info", "--json"]]
