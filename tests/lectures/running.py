"""The lecture scripts: where they are, how they become tapegrad's, how to run one and read what it
printed."""

import io
import os
import runpy
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import tapegrad

HERE = Path(__file__).parent
HOME = Path(tapegrad.__file__).parents[1]  # the scripts read tapegrad/data/iris.csv from here
EXPECTED = HERE / "expected"
SCRIPTS = {path.stem: path for path in sorted((HERE / "scripts").glob("*.py"))}

# All that changes from torch to tapegrad: whole lines.
IMPORTS = {
    "import torch": "import tapegrad as torch",
    "import torch.nn.functional as F": "import tapegrad.nn.functional as F",
    "from torch.autograd import grad": "from tapegrad.autograd import grad",
}


def ported(source: str) -> str:
    """A script for torch as one for tapegrad."""
    return "\n".join([IMPORTS.get(line, line) for line in source.split("\n")])


def run(path: Path) -> tuple[str, dict[str, Any]]:
    """What a script prints, and its names at its end."""
    out, before = io.StringIO(), os.getcwd()
    os.chdir(HOME)
    try:
        with redirect_stdout(out):
            names = runpy.run_path(str(path), run_name="__main__")
    finally:
        os.chdir(before)
    return out.getvalue(), names
