"""python -m tapegrad run: programs written for torch, run as they are."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tapegrad.cli.names import absent_uses
from tapegrad.cli.notebook import cells, python
from tests.lectures.running import EXPECTED, HOME, SCRIPTS

WITHOUT_IPYTHON = """
import sys
import tapegrad.cli.notebook as notebook
notebook.find_spec = lambda name: None
from tapegrad.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def start(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # IPython warns where another virtual environment is active than the one it runs in.
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, env=environment)


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return start("-m", "tapegrad", "run", *arguments, cwd=cwd)


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "program.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write


@pytest.fixture
def notebook(tmp_path: Path):
    def notebook(*sources: str) -> Path:
        path = tmp_path / "lesson.ipynb"
        code = [{"cell_type": "code", "source": s.splitlines(keepends=True)} for s in sources]
        text = {"cell_type": "markdown", "source": ["# Lesson"]}
        path.write_text(json.dumps({"cells": [text, *code], "nbformat": 4}), encoding="utf-8")
        return path

    return notebook


def test_a_script_finds_torch_and_itself(write):
    write("import torch\nANSWER = torch.tensor(42)\n", "beside.py")
    program = write("""
        import pickle, sys
        import torch
        import torch.nn.functional as F
        from torch import nn, optim
        from torch.optim.lr_scheduler import StepLR
        from beside import ANSWER

        class Kept: pass

        print(sys.argv[1:], __name__, torch.__version__, torch.version.__version__)
        print(ANSWER, torch.nn.functional is F, nn.Linear.__module__)
        print(type(pickle.loads(pickle.dumps(Kept()))))
        raise SystemExit(7)
    """)
    done = run(program, "a", "--b", "-h")
    assert done.stdout.splitlines() == [
        "['a', '--b', '-h'] __main__ 2.13.0 2.13.0",
        "tensor(42) True tapegrad.nn.modules.linear",
        "<class '__main__.Kept'>",
    ]
    assert (done.returncode, done.stderr) == (7, "")


def test_a_lecture_runs_as_it_is():
    name = sorted(SCRIPTS)[0]
    done = run(SCRIPTS[name], cwd=HOME)
    assert done.stdout == (EXPECTED / f"{name}.txt").read_text(encoding="utf-8")
    assert done.returncode == 0


def test_absent_names_say_so_in_one_line_and_a_list(write):
    program = write("""
        import torch
        import torch.nn as nn
        from torch import fx

        def later():
            nn.Quux()
            torch.sparse_coo_tensor()
    """)
    done = run(program.name, cwd=program.parent)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "program.py:4: torch of tapegrad has no 'fx'.",
        "Names of torch in this program that tapegrad lacks:",
        "  torch.fx  (program.py:4)",
        "  torch.nn.Quux  (program.py:7)",
        "  torch.sparse_coo_tensor  (program.py:8): sparse tensors. Tensors here are dense; sum over indices "
        "with index_add or scatter_add.",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("torch.nn.Quux", "torch.nn of tapegrad has no 'Quux'."),
        ("import torch.foo.bar", "torch.foo: tapegrad has no such module."),
        ("torch.ones(2).to_sparse()", "Tensor of tapegrad has no 'to_sparse' (sparse tensors)."),
    ],
)
def test_the_line_of_an_absent_name(write, line, said):
    done = run(write(f"import torch\n{line}\n"))
    assert done.stderr.splitlines()[0].startswith(f"{write('').parent / 'program.py'}:2: {said}")


def test_errors_are_the_programs(write):
    program = write("""
        import torch
        def wrong():
            return torch.ones(2) @ torch.ones(3)
        wrong()
    """)
    done = run(program)
    lines = done.stderr.splitlines()
    assert lines[:2] == ["Traceback (most recent call last):", f'  File "{program}", line 5, in <module>']
    assert lines[-1].startswith("RuntimeError: ")
    assert done.returncode == 1


def test_a_syntax_error_is_shown_with_its_line(write):
    done = run(write("import torch\nx = = 1\n"))
    assert "line 2" in done.stderr
    assert done.stderr.rstrip().endswith("SyntaxError: invalid syntax")


@pytest.mark.parametrize("name", ["absent.py", "."])
def test_no_such_file(name):
    done = run(name)
    assert done.returncode == 2
    assert done.stderr == f"run: {name} is no file; the path of a script or a notebook is needed.\n"


CELLS = (
    "%matplotlib inline\nimport torch\nprint('imported')",
    "x = torch.arange(3.)\nx",
    "x * 2;",
    "y = (7\n% 4)\ny",
    "!echo from a shell",
)


def test_a_notebook_without_ipython(notebook):
    done = start("-c", WITHOUT_IPYTHON, "run", notebook(*CELLS))
    assert done.stdout.splitlines() == ["imported", "tensor([0., 1., 2.])", "3"]
    assert done.stderr.splitlines() == [
        "lesson.ipynb, cell 1: %matplotlib inline is skipped; it needs IPython.",
        "lesson.ipynb, cell 5: !echo from a shell is skipped; it needs IPython.",
    ]
    assert done.returncode == 0


def test_a_notebook_with_ipython(notebook):
    pytest.importorskip("IPython")
    done = run(notebook(*CELLS))
    assert done.stdout.splitlines() == [
        "imported",
        "Out[2]: tensor([0., 1., 2.])",
        "Out[4]: 3",
        "from a shell",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_a_notebook_stops_at_an_error(notebook):
    done = start(
        "-c", WITHOUT_IPYTHON, "run", notebook("import torch", "torch.ones(2).quux", "print('never')")
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert 'File "lesson.ipynb, cell 2", line 1' in done.stderr or "cell 2:1: " in done.stderr


def test_what_is_no_notebook(write):
    for text in ("no json", "[]", "{}"):
        path = write(text, "wrong.ipynb")
        with pytest.raises(ValueError, match=r"run: .*wrong\.ipynb is no notebook: "):
            cells(path)
    assert "is no notebook" in run(path).stderr


def test_lines_of_ipython():
    assert python("%%time\nx = 1") == ("", ["%%time"])
    assert python("if x:\n    !ls\ny") == ("if x:\n    pass\ny", ["!ls"])
    assert python("(7\n% 4)") == ("(7\n% 4)", [])


def test_absent_names_of_a_notebook(notebook):
    (use,) = absent_uses(notebook("import torch as t", "%time\nt.nn.quux()"))
    assert (use.name, use.cell) == ("torch.nn.quux", "cell 2")


def test_a_module_whose_package_is_not_there_is_listed(write):
    program = write("import sys\nsys.modules['tensorboardX'] = None\nimport torch.utils.tensorboard\n")
    done = run(program)
    assert "tensorboardX is missing" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("  torch.utils.tensorboard  (")


def test_as_torch():
    done = start(
        "-c",
        "import tapegrad.as_torch as a, tapegrad, sys\n"
        "import torch, torch.nn as nn\n"
        "assert nn is tapegrad.nn is torch.nn and nn.__spec__.name == 'tapegrad.nn'\n"
        "assert torch.__version__ == torch.version.__version__ == '2.13.0' != tapegrad.__version__\n"
        "assert dir(torch) == dir(tapegrad)\n"
        "a.install(); a.uninstall(); a.uninstall()\n"
        "assert 'torch' not in sys.modules\n"
        "sys.modules['torch'] = tapegrad\n"
        "try: a.install()\n"
        "except ImportError as e: print(e)\n",
    )
    assert done.stderr == ""
    assert done.stdout == "as_torch: torch is imported already; import tapegrad.as_torch before it.\n"
