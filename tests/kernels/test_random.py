"""The random kernels draw torch's numbers: recorded ones, and where torch is installed, live ones."""

from __future__ import annotations

import importlib.util
import json
import platform
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tapegrad.kernels import random as K
from tapegrad.kernels.generator import Stream

ROOT = Path(__file__).parents[2]


def load_recorder() -> Any:
    """tools/record_random_streams.py, which holds the table of draws."""
    spec = importlib.util.spec_from_file_location("recorder", ROOT / "tools" / "record_random_streams.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["recorder"] = module
    spec.loader.exec_module(module)
    return module


RECORDER = load_recorder()
CASES = RECORDER.CASES
RECORDED = json.loads(RECORDER.DATA.read_text())
EXACT = re.compile("uniform_|bernoulli|random_|randperm|multinomial.*True")  # no logarithm of the C library
IS_GLIBC = platform.libc_ver()[0] == "glibc"


@pytest.fixture(scope="module")
def torch() -> Any:
    """torch, where its build rounds as the kernels do."""
    module = pytest.importorskip("torch")
    if module.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("this torch was not compiled for AVX2, and rounds elsewhere")
    return module


@pytest.fixture(autouse=True)
def every_floating_point_event_is_an_error() -> Any:
    """A kernel must not let NumPy warn, whatever the user has set."""
    with np.errstate(all="raise"):
        yield


def same(ours: Any, theirs: Any) -> bool:
    """The same dtype, shape and bytes: also the same signs of zeros."""
    theirs = theirs.numpy()
    return bool(
        ours.dtype == theirs.dtype and ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes()
    )


def same_state(stream: Stream, generator: Any) -> bool:
    return stream.get_state().tobytes() == generator.get_state().numpy().tobytes()


# ---- recorded streams


@pytest.mark.parametrize("name", CASES)
def test_recorded(name: str) -> None:
    if not IS_GLIBC and not EXACT.match(name):
        pytest.skip("recorded with the logarithm of another C library")
    case, entry = CASES[name], RECORDED["cases"][name]
    for seed, hashes in zip(RECORDED["seeds"], entry["hashes"], strict=True):
        stream = Stream(seed)
        sizes = [n for n in RECORDED["sizes"] if n <= case.most]
        for i, (n, expected) in enumerate(zip(sizes, hashes.split(), strict=True)):
            values = case.ours(stream, n)
            if seed == RECORDED["seeds"][0]:
                assert str(values[-1]) == entry["last"].split()[i], n
            assert RECORDER.digest(values, stream.get_state()) == expected, (seed, n)


def test_recorded_file_is_small_and_complete() -> None:
    assert RECORDER.DATA.stat().st_size < 100_000
    assert list(RECORDED["cases"]) == list(CASES)


# ---- live torch


@pytest.mark.parametrize("family", sorted({name.split("(")[0] for name in CASES}))
def test_live(torch: Any, family: str) -> None:
    for name, case in CASES.items():
        for seed in (0, 7, 2**63) if name.startswith(family) else ():
            stream, generator = Stream(seed), torch.Generator().manual_seed(seed)
            for n in (1, 2, 3, 14, 15, 16, 17, 31, 32, 33, 100, 623, 9001):
                if n <= case.most:
                    ours, theirs = case.ours(stream, n), case.theirs(torch, generator, n)
                    assert same(ours, theirs), (name, seed, n)
            assert same_state(stream, generator), (name, seed)


def test_draws_of_all_kinds_interleaved(torch: Any) -> None:
    names = list(CASES)
    for seed in range(12):
        choice = np.random.default_rng(seed)
        stream, generator = Stream(seed), torch.Generator().manual_seed(seed)
        for _ in range(60):
            name, n = names[choice.integers(len(names))], int(choice.integers(1, 200))
            assert same(CASES[name].ours(stream, n), CASES[name].theirs(torch, generator, n)), (seed, name, n)
        assert same_state(stream, generator)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_parameters_over_many_magnitudes(torch: Any, dtype: str) -> None:
    choice = np.random.default_rng(3)
    for seed in range(150):
        a, b = (float(x) for x in choice.standard_normal(2) * 10.0 ** choice.integers(-9, 9, 2))
        b, n = abs(b), int(choice.integers(1, 40))
        stream, generator = Stream(seed), torch.Generator().manual_seed(seed)
        for kernel, arguments in (
            ("normal", (a, b)),
            ("normal", (0.0, b)),
            ("normal", (a, 1.0)),
            ("log_normal", (a, b)),
            ("cauchy", (a, b)),
            ("exponential", (b,)),
            ("geometric", (min(b, 1 / (1 + b)),)),
        ):
            ours = getattr(K, kernel)(stream, n, *arguments, dtype=dtype)
            holder = torch.empty(n, dtype=getattr(torch, dtype))
            theirs = getattr(holder, f"{kernel}_")(*arguments, generator=generator)
            assert same(ours, theirs), (seed, kernel, arguments)
        assert same_state(stream, generator)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_uniform_leaves_out_the_end(torch: Any, dtype: str) -> None:
    """With the largest words, where rounding reaches the end of the range."""
    words = np.array([2**32 - 1] * 40 + [0, 2**24 - 1, 2**24 - 2, 1, 2**23 - 1] * 20, np.uint64)
    state = RECORDER.state_that_says(words)
    choice = np.random.default_rng(5)
    stream, generator = Stream(), torch.Generator()
    for i in range(300):
        low, high = np.sort(choice.standard_normal(2) * 10.0 ** choice.integers(-4, 4)).tolist()
        low, high = (round(low, 2), round(high, 2)) if i % 2 else (low, high)
        stream.set_state(state)
        generator.set_state(torch.from_numpy(state))
        ours = K.uniform(stream, 50, low, high, dtype)
        theirs = torch.empty(50, dtype=getattr(torch, dtype)).uniform_(low, high, generator=generator)
        assert same(ours, theirs), (low, high)


def test_polynomials_on_a_sample_of_their_arguments(torch: Any) -> None:
    """The whole of the 2**24 arguments: tools/record_random_streams.py --exhaustive."""
    for first in (0, 2**23 - 15000, 2**24 - 30000):
        assert RECORDER.compare_groups(torch, first, 30000) == 0


def integer_ranges(count: int) -> list[tuple[int, int | None]]:
    choice = np.random.default_rng(8)
    edges = [0, 127, 255, 2048, 65504, 2**24, -(2**24), 2**28, 2**31, 2**32, 2**53, 2**54, -(2**53), 2**62]
    ranges: list[tuple[int, int | None]] = []
    for _ in range(count):
        low = int(choice.choice(edges)) + int(choice.integers(-3, 4))
        high = low + int(choice.integers(0, 2**62) >> choice.integers(62))
        ranges.append((low, None if choice.integers(6) == 0 else high))
    return ranges


@pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")  # torch's, about float ranges
def test_integer_ranges(torch: Any) -> None:
    integers = ["bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"]
    for seed, (low, high) in enumerate(integer_ranges(120)):
        for dtype in (*integers, "float16", "float32", "float64"):
            stream, generator = Stream(seed), torch.Generator().manual_seed(seed)
            holder = torch.empty(5, dtype=getattr(torch, dtype))
            try:
                theirs = holder.random_(low, high, generator=generator)
            except (RuntimeError, ValueError) as error:
                with pytest.raises(type(error)):
                    K.randint(stream, 5, low, high, dtype)
            else:
                assert same(K.randint(stream, 5, low, high, dtype), theirs), (low, high, dtype)
            assert same_state(stream, generator)


# ---- the state


@pytest.mark.parametrize("used", [0, 1, 2, 311, 623, 624, 625, 1248, 5000])
@pytest.mark.parametrize("pending", [False, True])
def test_state_goes_to_torch_and_back(torch: Any, used: int, pending: bool) -> None:
    stream, generator = Stream(77), torch.Generator().manual_seed(77)
    K.uniform(stream, used)
    if pending:
        K.normal(stream, 3)
    generator.set_state(torch.from_numpy(stream.get_state()))
    assert same_state(stream, generator)
    for n in (5, 700, 16, 1):
        assert same(K.normal(stream, n), torch.randn(n, generator=generator))
    returned = Stream(5)
    returned.set_state(generator.get_state().numpy())
    copy = returned.clone()
    for n in (3, 1000, 2):
        expected = torch.randn(n, generator=generator)
        assert same(K.normal(returned, n), expected)
        assert same(K.normal(copy, n), expected)
    assert same_state(returned, generator) and same_state(copy, generator)
    assert returned.initial_seed() == 77


def test_a_state_in_the_middle_of_a_block_is_kept_as_it_is(torch: Any) -> None:
    """left and next need not add up to a whole block: torch counts left down and then makes a new one."""
    state = Stream(3).get_state()
    state[8:12].view(np.int32)[0], state[16:24].view(np.uint64)[0] = 300, 100
    stream, generator = Stream(), torch.Generator()
    stream.set_state(state)
    generator.set_state(torch.from_numpy(state))
    for n in (10, 289, 1, 1000):
        assert same_state(stream, generator)
        assert same(K.uniform(stream, n), torch.rand(n, generator=generator))


def test_invalid_states_change_nothing() -> None:
    stream = Stream(11)
    K.normal(stream, 3)
    before = stream.get_state()

    def changed(field: slice, dtype: Any, value: int) -> Any:
        state = before.copy()
        state[field].view(dtype)[0] = value
        return state

    wrong: list[tuple[Any, type[Exception]]] = [
        (before[:-1], RuntimeError),
        (np.zeros(5056, np.uint8), RuntimeError),
        (changed(slice(8, 12), np.int32, 0), RuntimeError),
        (changed(slice(8, 12), np.int32, 625), RuntimeError),
        (changed(slice(12, 16), np.int32, 0), RuntimeError),
        (changed(slice(16, 24), np.uint64, 625), RuntimeError),
        (changed(slice(16, 24), np.uint64, 2**63), RuntimeError),
        (before.astype(np.float32), TypeError),
        (before.tobytes(), TypeError),
    ]
    for state, error in wrong:
        with pytest.raises(error, match=r"^set_state: .+\.$"):
            stream.set_state(state)
        assert stream.get_state().tobytes() == before.tobytes()
    stream.set_state(before.reshape(2, -1))
    assert stream.get_state().tobytes() == before.tobytes()


def test_seeds() -> None:
    for given, seed in ((-5, 2**64 - 5), (-(2**63), 2**63), (2**64 - 1, 2**64 - 1), (np.int64(3), 3)):
        stream = Stream(given)
        assert stream.initial_seed() == seed and type(stream.initial_seed()) is int
        assert K.uniform(stream, 3).tobytes() == K.uniform(Stream(seed % 2**32), 3).tobytes()
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match=r"^manual_seed: .+\.$"):
            Stream(seed)
    wrong: Any
    for wrong in (1.5, "1", None, True):
        with pytest.raises(RuntimeError, match=r"^manual_seed: .+\.$"):
            Stream(wrong)
    assert Stream().initial_seed() == 67280421310721
    assert stream.seed() == stream.initial_seed() != stream.seed()


def test_a_new_seed_forgets_the_pending_normal() -> None:
    stream = Stream(4)
    first = K.normal(stream, 3)
    assert stream.pending_normal is not None
    stream.manual_seed(4)
    assert stream.pending_normal is None
    assert K.normal(stream, 3).tobytes() == first.tobytes()


# ---- filling tensors that are not contiguous

LAYOUTS = {
    "whole": lambda a: a,
    "transposed": lambda a: a.reshape(20, 36).T,
    "columns": lambda a: a.reshape(20, 36)[:, 3:30],
    "every second": lambda a: a[::2],
    "rows": lambda a: a.reshape(20, 36)[2:11],
    "rows and columns": lambda a: a.reshape(20, 36)[1::3, 2::5],
    "permuted": lambda a: a.reshape(4, 9, 20).transpose(2, 0, 1),
    "permuted, cut": lambda a: a.reshape(4, 9, 20).transpose(1, 2, 0)[::2, 3:17, 1:],
    "reversed axes": lambda a: a.reshape(4, 9, 20).T,
    "channels last": lambda a: a.reshape(2, 3, 12, 10).transpose(0, 3, 1, 2),
    "with axes of 1": lambda a: a.reshape(20, 1, 36, 1).transpose(3, 2, 1, 0)[:, ::2],
    "few": lambda a: a.reshape(20, 36).T[:3, :4],
    "a column": lambda a: a.reshape(36, 20)[:, 4],
    "one": lambda a: a[7:8].reshape(()),
    "none": lambda a: a.reshape(20, 36)[:, :0].T,
    "five axes": lambda a: a.reshape(2, 3, 4, 5, 6).transpose(3, 1, 4, 0, 2)[1:, :, ::2],
}
FILLS: dict[str, tuple[str, Any, Any]] = {
    "uniform": (
        "float32",
        lambda s, n, _: K.uniform(s, n, -1, 2),
        lambda t, g: t.uniform_(-1, 2, generator=g),
    ),
    "normal": (
        "float32",
        lambda s, n, contiguous: K.normal(s, n, 1, 2, "float32", contiguous),
        lambda t, g: t.normal_(1, 2, generator=g),
    ),
    "complex normal": (
        "complex64",
        lambda s, n, contiguous: K.normal(s, n, 0, 1, "complex64", contiguous),
        lambda t, g: t.normal_(generator=g),
    ),
    "random": ("int64", lambda s, n, _: K.random_integers(s, n), lambda t, g: t.random_(generator=g)),
    "random to": (
        "uint8",
        lambda s, n, _: K.randint(s, n, 3, 9, "uint8"),
        lambda t, g: t.random_(3, 9, generator=g),
    ),
    "bernoulli": (
        "bool",
        lambda s, n, _: K.bernoulli(s, n, 0.3, "bool"),
        lambda t, g: t.bernoulli_(0.3, generator=g),
    ),
    "exponential": (
        "float64",
        lambda s, n, _: K.exponential(s, n, 2, "float64"),
        lambda t, g: t.exponential_(2, generator=g),
    ),
    "log normal": ("float32", lambda s, n, _: K.log_normal(s, n), lambda t, g: t.log_normal_(generator=g)),
}


@pytest.mark.parametrize("name", FILLS)
def test_fill(torch: Any, name: str) -> None:
    dtype, draw, torch_fill = FILLS[name]
    for layout, view in LAYOUTS.items():
        ours, theirs = np.zeros(720, dtype), np.zeros(720, dtype)
        stream, generator = Stream(6), torch.Generator().manual_seed(6)
        for _ in range(2):
            out = view(ours)
            assert np.shares_memory(out, ours) or out.size == 0
            K.fill(out, lambda n, out=out, stream=stream: draw(stream, n, out.flags.c_contiguous))
            torch_fill(torch.from_numpy(view(theirs)), generator)
            assert ours.tobytes() == theirs.tobytes(), layout
            assert same_state(stream, generator), layout


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bernoulli_from_fills_in_the_order_of_its_result(torch: Any, dtype: str) -> None:
    for layout, view in LAYOUTS.items():
        ours, theirs = np.zeros(720, "int32"), np.zeros(720, "int32")
        chances = view(RECORDER.probabilities(720, dtype))
        stream, generator = Stream(6), torch.Generator().manual_seed(6)
        drawn = K.bernoulli_from(stream, chances)
        assert same(drawn, torch.bernoulli(torch.from_numpy(chances), generator=generator)), layout
        out = view(ours)
        for p in (chances, np.full((1,) * out.ndim, 0.4, dtype)):
            K.bernoulli_from(stream, p, out)
            torch.from_numpy(view(theirs)).bernoulli_(torch.from_numpy(p), generator=generator)
            assert ours.tobytes() == theirs.tobytes(), layout
            assert same_state(stream, generator), layout


def test_multinomial_draws_in_the_order_of_its_weights(torch: Any) -> None:
    weights = RECORDER.weights(600, "float32").reshape(60, 10)
    for arranged in (weights, weights.T, weights[::2, 1:], weights.T[1:, ::3], weights[:0]):
        stream, generator = Stream(2), torch.Generator().manual_seed(2)
        for count, replacement in ((1, False), (4, False), (1, True), (7, True)):
            ours = K.multinomial(stream, arranged, count, replacement)
            theirs = torch.multinomial(torch.from_numpy(arranged), count, replacement, generator=generator)
            assert same(ours, theirs) and same_state(stream, generator)


def test_tensors_that_share_their_elements_are_refused() -> None:
    stream = Stream(1)
    before = stream.get_state()
    expanded = np.lib.stride_tricks.as_strided(np.zeros(4), (3, 4), (0, 8))
    with pytest.raises(RuntimeError, match=r"^normal_: the tensor is \[3, 4\] .+ Clone the tensor first\.$"):
        K.fill(expanded, lambda n: K.normal(stream, n, dtype="float64"), "normal_")
    with pytest.raises(RuntimeError, match=r"^bernoulli_: .+ Clone the tensor first\."):
        K.bernoulli_from(stream, np.full(4, 0.5), expanded)
    K.fill(expanded[:, :0], lambda n: K.uniform(stream, n))
    assert stream.get_state().tobytes() == before.tobytes() and not expanded.any()
