"""Record torch's random streams in tests/data/random_streams.json, or compare all normals with torch's.

    python tools/record_random_streams.py               write the file (needs the torch that the tests name)
    python tools/record_random_streams.py --exhaustive  feed all 2**24 uniform numbers to torch and to
    box_muller32

The tests load CASES from here, so that what is recorded, what is replayed and what runs live against torch is
one table. A case is a draw of n values, written once for our kernels and once for torch.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels import gaussian
from tapegrad.kernels import random as K
from tapegrad.kernels.generator import BLOCK, Stream

DATA = Path(__file__).parent.parent / "tests" / "data" / "random_streams.json"
SEEDS = (0, 1, 123, 42, 2**40 + 7, -5)
SIZES = (1, 15, 16, 17, 1000, 100003)


class Case(NamedTuple):
    """One draw: ours(stream, n), theirs(torch, generator, n), and the largest n for which it makes sense."""

    ours: Callable[[Stream, int], Any]
    theirs: Callable[[Any, Any, int], Any]
    most: int = SIZES[-1]


def probabilities(n: int, dtype: str) -> Any:
    """n numbers in [0, 1], with 0 and 1 among them."""
    p = (np.arange(n) * 619 % 1024 / 1024).astype(dtype)
    p[5::7] = 1
    p[3::7] = 0
    return p


def weights(n: int, dtype: str) -> Any:
    """n positive numbers."""
    return ((np.arange(n) * 619 % 1021 + 1) / 1024).astype(dtype)


def _method(kernel: str, method: str, dtype: str, *arguments: Any, most: int = SIZES[-1]) -> Case:
    """A draw K.kernel(stream, n, *arguments, dtype) that torch writes as empty(n).method(*arguments)."""

    def theirs(torch: Any, generator: Any, n: int) -> Any:
        return getattr(torch.empty(n, dtype=getattr(torch, dtype)), method)(*arguments, generator=generator)

    return Case(lambda stream, n: getattr(K, kernel)(stream, n, *arguments, dtype=dtype), theirs, most)


def _methods(kernel: str, method: str, dtypes: str, *arguments: Any) -> dict[str, Case]:
    name = f"{method}({', '.join(map(str, arguments))})"
    return {f"{name} {dtype}": _method(kernel, method, dtype, *arguments) for dtype in dtypes.split()}


def _range(low: int, high: int | None, dtypes: str) -> dict[str, Case]:
    return _methods("randint", "random_", dtypes, low, high)


def _permutation(dtype: str, most: int) -> Case:
    return Case(
        lambda stream, n: K.randperm(stream, n, dtype),
        lambda torch, generator, n: torch.randperm(n, dtype=getattr(torch, dtype), generator=generator),
        most,
    )


def _chances(dtype: str) -> Case:
    return Case(
        lambda stream, n: K.bernoulli_from(stream, probabilities(n, dtype)),
        lambda torch, generator, n: torch.bernoulli(
            torch.from_numpy(probabilities(n, dtype)), generator=generator
        ),
    )


def _choices(dtype: str, count: int, replacement: bool) -> Case:
    """Draws from n + count weights, so that n = 1 is enough of them."""
    return Case(
        lambda stream, n: K.multinomial(stream, weights(n + count, dtype), count, replacement),
        lambda torch, generator, n: torch.multinomial(
            torch.from_numpy(weights(n + count, dtype)), count, replacement, generator=generator
        ),
    )


def _transposed_normal(dtype: str) -> Case:
    """Not contiguous from n = 2 on, so made in pairs whatever n."""

    def theirs(torch: Any, generator: Any, n: int) -> Any:
        holder = torch.empty(n, 2, dtype=getattr(torch, dtype))
        return holder[:, 0].normal_(generator=generator)

    return Case(lambda stream, n: K.normal(stream, n, dtype=dtype, contiguous=False), theirs)


REAL = "float16 float32 float64"
CASES: dict[str, Case] = {
    **_methods("uniform", "uniform_", REAL + " complex64 complex128", 0.0, 1.0),
    **_methods("uniform", "uniform_", REAL + " complex64", -0.3, 0.7),
    **_methods("uniform", "uniform_", REAL, 2.5, 2.5),
    **_methods("uniform", "uniform_", REAL, 100.0, 100.1),
    **_methods("normal", "normal_", REAL + " complex64 complex128", 0.0, 1.0),
    **_methods("normal", "normal_", REAL + " complex64", 1.5, 0.37),
    **_methods("normal", "normal_", REAL, 0.0, 0.02),
    **_methods("normal", "normal_", REAL, 3.0, 0.0),
    **{f"normal_, not contiguous {dtype}": _transposed_normal(dtype) for dtype in REAL.split()},
    **_methods("log_normal", "log_normal_", REAL, 0.1, 0.7),
    **_methods("exponential", "exponential_", REAL, 1.0),
    **_methods("exponential", "exponential_", "float32 float64", 2.5),
    **_methods("cauchy", "cauchy_", REAL, 0.0, 1.0),
    **_methods("cauchy", "cauchy_", "float64", 1.0, 2.7),
    **_methods("geometric", "geometric_", REAL + " uint8 int8 int16 int32 int64", 0.3),
    **_methods("bernoulli", "bernoulli_", REAL + " bool uint8 int8 int16 int32 int64", 0.3),
    **{f"bernoulli(p) {dtype}": _chances(dtype) for dtype in REAL.split()},
    **_range(0, 2, "bool uint8 float16"),
    **_range(0, 10, REAL + " uint8 int8 int16 int32 int64 uint16 uint32 uint64"),
    **_range(-7, 64, REAL + " int8 int16 int32 int64"),
    **_range(0, 256, "uint8 uint16 int64"),
    **_range(0, 2**28 - 1, "int32 int64 float64"),
    **_range(0, 2**28, "int32 int64 uint32 uint64 float64"),
    **_range(-(10**12), 10**13, "int64 float64"),
    **_range(-(2**63), 2**63 - 1, "int64"),
    **_range(5, None, REAL + " uint8 int8 int16 int32 int64 uint16 uint32"),
    **_range(0, None, "bool"),
    **_range(-(2**63), None, "int64 float32 float64"),
    **_methods("random_integers", "random_", REAL + " bool uint8 int8 int16 int32 int64"),
    **{f"randperm {dtype}": _permutation(dtype, SIZES[-1]) for dtype in ("int32", "int64", "float32")},
    "randperm uint8": _permutation("uint8", 256),
    "randperm float16": _permutation("float16", 2049),
    **{
        f"multinomial({count}, {replacement}) {dtype}": _choices(dtype, count, replacement)
        for dtype in REAL.split()
        for count, replacement in ((1, False), (1, True), (9, False), (9, True))
        if dtype != "float16" or replacement or count == 1  # float16 ties, and then the order is not defined
    },
}


def digest(values: Any, state: Any) -> str:
    """A short hash of the bytes that a draw gave, and of the state that it left the generator in."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes() + state.tobytes()).hexdigest()[:12]


def record() -> None:
    """For each case and seed: one stream, from which all sizes are drawn, and a hash after each."""
    import torch

    torch.set_num_threads(1)
    data: dict[str, Any] = {"torch": torch.__version__, "seeds": SEEDS, "sizes": SIZES, "cases": {}}
    for name, case in CASES.items():
        rows, last = [], []
        for seed in SEEDS:
            generator = torch.Generator().manual_seed(seed)
            row = []
            for n in SIZES:
                if n <= case.most:
                    values = case.theirs(torch, generator, n).numpy()
                    row.append(digest(values, generator.get_state().numpy()))
                    if seed == SEEDS[0]:
                        last.append(str(values[-1]))
            rows.append(" ".join(row))
        data["cases"][name] = {"last": " ".join(last), "hashes": rows}
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(json.dumps(data, indent=0) + "\n")


# ---- choosing what torch's generator says next


def untemper(words: Any) -> Any:
    """The key from which the Mersenne Twister makes these words: the inverse of its output function."""
    y = np.asarray(words, np.uint32).copy()
    y ^= y >> 18
    y ^= (y << 15) & 0xEFC60000
    x = y.copy()
    for _ in range(4):
        x = y ^ ((x << 7) & 0x9D2C5680)
    y = x.copy()
    for _ in range(2):
        x = y ^ (x >> 11)
    return x


def state_that_says(words: Any) -> Any:
    """A generator state whose next words are these, at most 623."""
    state = Stream(0).get_state()
    key = np.zeros(BLOCK, np.uint64)
    key[: len(words)] = untemper(words)
    state[8:12].view(np.int32)[0] = BLOCK  # left: no step of the twister before the block is used up
    state[24 : 24 + 8 * BLOCK] = key.view(np.uint8)
    return state


def compare_groups(torch: Any, first: int, count: int) -> int:
    """How many normals differ if `count` uniform numbers k / 2**24 from `first` on are radii and angles.

    A mean of -0 keeps the sign of a zero visible.
    """
    per_state = 38 * 8  # 38 groups of 16 words fit into a block
    generator, different = torch.Generator(), 0
    for start in range(first, first + count, per_state):
        k = np.arange(start, start + per_state, dtype=np.uint64) % 2**24
        words = np.empty((38, 16), np.uint64)
        words[:, :8] = k.reshape(-1, 8)
        words[:, 8:] = (k * 2654435761 + 12345).reshape(-1, 8) % 2**24  # another order of the same numbers
        generator.set_state(torch.from_numpy(state_that_says(words.ravel())))
        theirs = torch.empty(words.size).normal_(-0.0, 1.0, generator=generator).numpy()
        ours = words.astype(np.float32) * np.float32(2**-24)
        gaussian.box_muller32(ours, -0.0, 1.0)
        different += int((ours.ravel().view(np.uint32) != theirs.view(np.uint32)).sum())
    return different


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exhaustive", action="store_true", help="compare all arguments of the polynomials")
    if parser.parse_args().exhaustive:
        import torch

        sys.stdout.write(f"{compare_groups(torch, 0, 2**24)} of 2**25 normals differ\n")
    else:
        record()
        sys.stdout.write(f"{DATA}: {DATA.stat().st_size} bytes, {len(CASES)} cases\n")


if __name__ == "__main__":
    main()
