"""Records what torch prints into tests/data/printing.json, so that tests/test_printing.py needs no torch.

Run `python tools/record_printing.py` where torch is installed. A case is a dict: values (repeated until
they fill shape; complex ones are [re, im] pairs), shape, and optionally dtype, default (the default dtype),
options (arguments of set_printoptions), suffix and prefix. What a case does not say is torch's default.
"""

import json
import math
from collections.abc import Iterator
from itertools import cycle, islice, product
from pathlib import Path
from typing import Any

import torch
from torch._tensor_str import printoptions

Case = dict[str, Any]
TARGET = Path(__file__).parents[1] / "tests" / "data" / "printing.json"
INF, NAN = math.inf, math.nan

# Each is written in every float dtype, rounded to it.
PALETTES: list[list[float]] = [
    [0.5], [-0.5], [0.0], [-0.0], [3.0], [-3.0], [NAN], [INF], [-INF], [1e-30], [6e-8], [65504.0],
    [0.0, -0.0], [1.0, 2.0, 3.0], [-1.0, 20.0, 300.0], [0.1, 0.25, -0.3], [0.1, 10.0, 99.0], [0.1, -0.0, 0.0],
    [1.0, -0.0, NAN], [1.0, INF, -INF], [0.5, NAN, 22.5], [0.5, INF, -INF], [NAN, INF], [0.0, NAN],
    [0.0, -INF], [1000.0, 1.0], [1001.0, 1.0], [1000.5, 1.0], [0.001, 1.0], [0.00099, 1.0], [1e-4, 0.05],
    [9.9e-5, 0.05], [1e4, 1e-4, NAN, INF, 0.0, -0.0], [2048.0, -0.5], [0.99999, 0.00012], [9.99996, 1.0],
    [1 / 3, 2 / 3, 1e-3],
]  # fmt: skip
WIDE: list[list[float]] = [  # beyond float16
    [1e8, 1e6], [1e8 + 8, 1e6], [1e8, 3e8], [1e20, -1e20], [123456.0, 0.5], [1e-38, 1e-45], [3e38, 1e-45],
    [16777216.0, 1e5, INF],
]  # fmt: skip
COMPLEX: list[list[list[float]]] = [
    [[1.0, 2.0]], [[1.5, -2.0]], [[0.0, -0.0], [-0.0, 0.0]], [[1.0, 0.5], [-10.0, 22.25]],
    [[NAN, NAN], [INF, -INF]], [[1e-6, 1.0], [1.0, 1e6]], [[1e10, 0.1], [1.0, -0.2]],
    [[0.5, NAN], [1.0, -1e5]], [[0.0, 100.0], [0.0, -0.5]],
]  # fmt: skip
INTS: list[list[int]] = [[0], [7], [1, 20, 100], [0, 127, 5]]
SHAPES: list[list[int]] = [[], [1], [3], [1, 1], [2, 3], [3, 1, 2], [2, 2, 2, 2], [1, 1, 1, 1, 1]]
EMPTY: list[list[int]] = [[0], [0, 3], [2, 0], [2, 0, 3], [0, 0, 0, 1]]
LARGE: list[list[int]] = [[1000], [1001], [6, 200], [7, 200], [200, 6], [200, 7], [11, 11, 11], [2, 1, 600]]
RAMP = [0.5 * i for i in range(-7, 6)]
LEAF, OP = "requires_grad=True", "grad_fn=<MulBackward0>"


def rounded(values: list[float], dtype: str) -> list[float]:
    """The values as that dtype holds them."""
    exact: list[float] = torch.tensor(values, dtype=torch.float64).to(getattr(torch, dtype)).tolist()
    return exact


def number_cases() -> Iterator[Case]:
    """Every kind of value in every dtype that holds it."""
    float16 = product(PALETTES, ["float16"])
    for values, dtype in [*float16, *product(PALETTES + WIDE, ["float32", "float64"])]:
        yield {"values": rounded(values, dtype), "shape": [len(values)], "dtype": dtype}
    for values in PALETTES[:12]:
        yield {"values": rounded(values, "float32"), "shape": []}
    for pairs, dtype in product(COMPLEX, ["complex64", "complex128"]):
        yield {"values": pairs, "shape": [len(pairs)], "dtype": dtype}
    yield {"values": COMPLEX[1], "shape": [], "dtype": "complex64"}
    for dtype in ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"):
        limits = torch.iinfo(getattr(torch, dtype))
        for ints in [*INTS, [limits.min, 0, limits.max]]:
            yield {"values": ints, "shape": [len(ints)], "dtype": dtype}
    for flags in ([True], [False], [True, False], [False, False, False]):
        yield {"values": flags, "shape": [len(flags)], "dtype": "bool"}


def layout_cases() -> Iterator[Case]:
    """Shapes, line filling, leaving out, and where the suffixes go."""
    for shape in SHAPES:
        yield {"values": RAMP, "shape": shape}
        yield {"values": [1, 2, 3], "shape": shape, "dtype": "int64"}
        yield {"values": COMPLEX[3], "shape": shape, "dtype": "complex64", "suffix": OP}
    for shape, dtype in product(EMPTY, ("float32", "float64", "int64", "bool", "complex64")):
        yield {"values": [], "shape": shape, "dtype": dtype}
    yield {"values": [], "shape": [0, 3], "dtype": "float64", "suffix": LEAF, "options": {"linewidth": 30}}
    for shape, suffix in product(LARGE, (None, LEAF)):
        yield {"values": RAMP, "shape": shape, "suffix": suffix}
    for shape, threshold, edge in product(([], [9], [5, 4], [3, 4, 5]), (0, 10), (0, 1, 2)):
        options = {"threshold": threshold, "edgeitems": edge}
        yield {"values": [1, 200, 3], "shape": shape, "dtype": "int32", "options": options}
    for size, value in product((30, 75), (0.0, -0.0, NAN, -INF)):  # these count as one character wide
        yield {"values": [value], "shape": [size]}
        yield {"values": [[value, value]], "shape": [size], "dtype": "complex64"}
    for size in range(5, 14):
        yield {"values": [0.5], "shape": [size], "suffix": LEAF}
        yield {"values": [0.5], "shape": [2, size], "suffix": OP, "dtype": "float64"}
    for options in ({"linewidth": width} for width in range(20, 60, 3)):
        yield {"values": RAMP, "shape": [8], "suffix": OP, "options": options}
        yield {"values": COMPLEX[3], "shape": [1, 5], "dtype": "complex64", "options": options}


def option_cases() -> Iterator[Case]:
    """Print options, default dtypes and names of subclasses."""
    for precision, sci_mode in product((0, 1, 2, 7), (None, True, False)):
        for values in ([0.125, 22.5], [3.0, -4.0, 0.0], [1e10, 1e-5, NAN]):
            options = {"precision": precision, "sci_mode": sci_mode}
            yield {"values": rounded(values, "float32"), "shape": [len(values)], "options": options}
    yield {"values": [0.0, NAN, INF], "shape": [3], "options": {"sci_mode": True}}
    for profile in ("default", "short", "full", "unknown"):
        yield {"values": RAMP, "shape": [20], "options": {"profile": profile}}
    for default, dtype in product(("float16", "float32", "float64"), ("float32", "float64", "int64", "bool")):
        for shape in ([1], [0]):
            yield {"values": [1.0] * len(shape), "shape": shape, "dtype": dtype, "default": default}
    for default, dtype in product(("float16", "float32", "float64"), ("complex64", "complex128")):
        yield {"values": COMPLEX[0], "shape": [2], "dtype": dtype, "default": default}
    for prefix in ("T(", "AVeryLongNameForATensor("):
        for suffix in (None, LEAF):
            yield {"values": RAMP, "shape": [13], "prefix": prefix, "suffix": suffix}
            yield {"values": RAMP, "shape": [2, 2], "prefix": prefix, "suffix": suffix}


def torch_text(case: Case) -> str:
    """What torch prints for the case."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, case.get("default", "float32")))
    try:
        with printoptions(**case.get("options", {})):
            return repr(torch_tensor(case))
    finally:
        torch.set_default_dtype(before)


def torch_tensor(case: Case) -> torch.Tensor:
    """The case's tensor, with a leaf flag or a grad_fn that leads to its suffix."""
    dtype, shape = getattr(torch, case.get("dtype", "float32")), case["shape"]
    values = islice(cycle(case["values"]), math.prod(shape))
    numbers = [complex(*pair) for pair in values] if dtype.is_complex else list(values)
    tensor = torch.tensor(numbers, dtype=dtype).reshape(shape)
    name = case.get("prefix", "tensor(").removesuffix("(")
    if name != "tensor":
        tensor = tensor.as_subclass(type(name, (torch.Tensor,), {}))
    suffix = case.get("suffix")
    if suffix is None:
        return tensor
    leaf = tensor.requires_grad_()
    return leaf if suffix == LEAF else with_grad_fn(leaf, suffix.removeprefix("grad_fn=<").removesuffix(">"))


def with_grad_fn(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """A copy whose grad_fn is a class of that name: torch takes it from a Function's, plus "Backward"."""
    if name == "MulBackward0":
        return tensor * 1
    methods = {"forward": staticmethod(lambda _, x: x.clone()), "backward": staticmethod(lambda _, g: g)}
    function: Any = type(name.removesuffix("Backward"), (torch.autograd.Function,), methods)
    copy: torch.Tensor = function.apply(tensor)
    return copy


def main() -> None:
    """Writes one case with its text per line."""
    cases = [*number_cases(), *layout_cases(), *option_cases()]
    lines = [json.dumps({**case, "text": torch_text(case)}, separators=(",", ":")) for case in cases]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
