"""Records what the lecture scripts print on torch into tests/lectures/expected: the tests need no torch.

Run `python -m tools.record_lectures` where torch and pandas are installed.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[1]
LECTURES = ROOT / "tests" / "lectures"
LINEAR = [
    (123, 2, 1),
    (0, 1, 1),
    (1, 3, 5),
    (2**40 + 7, 17, 2),
    (42, 40, 30),
]  # seed, in_features, out_features


def printed(path: Path) -> str:
    """What a script prints, in a process of its own and with warnings as errors."""
    run = [sys.executable, "-W", "error", str(path)]
    return subprocess.run(run, cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def bits(t: torch.Tensor) -> list[int]:
    """The elements' bits as integers."""
    found: list[int] = t.detach().view(torch.int32).flatten().tolist()
    return found


def linear(seed: int, inputs: int, outputs: int) -> dict[str, Any]:
    """A fresh nn.Linear: its weights bit by bit, and as they print."""
    torch.manual_seed(seed)
    layer = torch.nn.Linear(inputs, outputs)
    return {
        "arguments": [seed, inputs, outputs],
        "weight": bits(layer.weight),
        "bias": bits(layer.bias),
        "text": [repr(layer.weight), repr(layer.bias)],
    }


def main() -> None:
    """Writes one text per script, and linear.json."""
    folder = LECTURES / "expected"
    folder.mkdir(exist_ok=True)
    for path in sorted((LECTURES / "scripts").glob("*.py")):
        (folder / f"{path.stem}.txt").write_text(printed(path), encoding="utf-8", newline="\n")
    lines = [json.dumps(linear(*case), separators=(",", ":")) for case in LINEAR]
    (folder / "linear.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
