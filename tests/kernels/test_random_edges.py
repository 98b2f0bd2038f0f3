"""The random kernels at their edges: errors, no values, extreme parameters, threads, rounding, import."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tapegrad.kernels import random as K
from tapegrad.kernels import random_integers, rounding
from tapegrad.kernels.generator import Stream

INF, NAN = math.inf, math.nan
WEIGHTS = np.array([1.0, 2.0, 0.0])


@pytest.fixture(autouse=True)
def every_floating_point_event_is_an_error() -> Any:
    """A kernel must not let NumPy warn, whatever the user has set."""
    with np.errstate(all="raise"):
        yield


# (the kernel, its arguments after the stream, the same mistake in torch)
ERRORS: list[tuple[str, tuple[Any, ...], str]] = [
    ("normal", (3, 0.0, -1.0), "torch.empty(3).normal_(0, -1)"),
    ("normal", (3, 0.0, NAN), "torch.empty(3).normal_(0, nan)"),
    ("normal", (0, 0.0, -1.0), "torch.empty(0).normal_(0, -1)"),
    ("normal", (3, 0.0, 1.0, "int64"), "torch.empty(3, dtype=torch.int64).normal_()"),
    ("normal", (3, 0.0, 1.0, "bool"), "torch.empty(3, dtype=torch.bool).normal_()"),
    ("log_normal", (3, 0.0, 0.0), "torch.empty(3).log_normal_(0, 0)"),
    ("log_normal", (3, 0.0, 1.0, "int64"), "torch.empty(3, dtype=torch.int64).log_normal_()"),
    ("uniform", (3, 1.0, 0.0), "torch.empty(3).uniform_(1, 0)"),
    ("uniform", (0, 1.0, 0.0), "torch.empty(0).uniform_(1, 0)"),
    ("uniform", (3, NAN, 0.0), "torch.empty(3).uniform_(nan, 0)"),
    ("uniform", (3, 0.0, INF), "torch.empty(3).uniform_(0, inf)"),
    ("uniform", (3, 0.0, 70000.0, "float16"), "torch.empty(3, dtype=torch.float16).uniform_(0, 70000)"),
    ("uniform", (3, -3e38, 3e38), "torch.empty(3).uniform_(-3e38, 3e38)"),
    ("uniform", (3, -1e308, 1e308, "float64"), "torch.empty(3, dtype=torch.float64).uniform_(-1e308, 1e308)"),
    ("uniform", (0, 0.0, 1.0, "int64"), "torch.empty(0, dtype=torch.int64).uniform_()"),
    ("exponential", (3, 0.0), "torch.empty(3).exponential_(0)"),
    ("exponential", (3, NAN), "torch.empty(3).exponential_(nan)"),
    ("exponential", (3, 1.0, "int64"), "torch.empty(3, dtype=torch.int64).exponential_()"),
    ("cauchy", (3, 0.0, 0.0), "torch.empty(3).cauchy_(0, 0)"),
    ("cauchy", (3, 0.0, 1.0, "int64"), "torch.empty(3, dtype=torch.int64).cauchy_()"),
    ("geometric", (3, 0.0), "torch.empty(3).geometric_(0)"),
    ("geometric", (3, 1.0), "torch.empty(3).geometric_(1)"),
    ("geometric", (3, 0.5, "bool"), "torch.empty(3, dtype=torch.bool).geometric_(0.5)"),
    ("bernoulli", (3, 1.5), "torch.empty(3).bernoulli_(1.5)"),
    ("bernoulli", (0, -0.1), "torch.empty(0).bernoulli_(-0.1)"),
    ("bernoulli", (3, NAN), "torch.empty(3).bernoulli_(nan)"),
    ("bernoulli", (3, 0.5, "complex64"), "torch.empty(3, dtype=torch.complex64).bernoulli_(0.5)"),
    ("bernoulli", (3, 0.5, "uint16"), "torch.empty(3, dtype=torch.uint16).bernoulli_(0.5)"),
    ("bernoulli_from", (np.array([0.5, -0.1]),), "torch.bernoulli(torch.tensor([0.5, -0.1]))"),
    ("bernoulli_from", (np.array([0.5, NAN]),), "torch.bernoulli(torch.tensor([0.5, nan]))"),
    ("bernoulli_from", (np.array([0, 1]),), "torch.bernoulli(torch.tensor([0, 1]))"),
    ("bernoulli_from", (np.zeros(2), np.zeros(3)), "torch.empty(3).bernoulli_(torch.zeros(2))"),
    ("randint", (3, 5, 5), "torch.randint(5, 5, (3,))"),
    ("randint", (0, 6, 5), "torch.randint(6, 5, (0,))"),
    ("randint", (3, 0, 300, "uint8"), "torch.randint(0, 300, (3,), dtype=torch.uint8)"),
    ("randint", (3, -1, 3, "uint8"), "torch.randint(-1, 3, (3,), dtype=torch.uint8)"),
    ("randint", (3, 0, 3, "bool"), "torch.randint(0, 3, (3,), dtype=torch.bool)"),
    ("randint", (3, 0, 2**63), "torch.randint(0, 2**63, (3,))"),
    ("randint", (3, 0, 5, "complex64"), "torch.randint(0, 5, (3,), dtype=torch.complex64)"),
    ("randint", (3, 0, 65506, "float16"), "torch.randint(0, 65506, (3,), dtype=torch.float16)"),
    ("randint", (3, 2**24, None, "float32"), "torch.empty(3).random_(2**24, None)"),
    ("randint", (3, -(2**63), None, "bool"), "torch.empty(3, dtype=torch.bool).random_(-(2**63), None)"),
    ("randint", (3, -(2**63), None, "int32"), "torch.empty(3, dtype=torch.int32).random_(-(2**63), None)"),
    ("randint", (3, 0, None, "uint64"), "torch.empty(3, dtype=torch.uint64).random_(0, None)"),
    ("randint", (3, 0.5, 2), "torch.empty(3).random_(0.5, 2)"),
    ("random_integers", (3, "uint16"), "torch.empty(3, dtype=torch.uint16).random_()"),
    ("random_integers", (3, "complex64"), "torch.empty(3, dtype=torch.complex64).random_()"),
    ("randperm", (-1,), "torch.randperm(-1)"),
    ("randperm", (257, "uint8"), "torch.randperm(257, dtype=torch.uint8)"),
    ("randperm", (2050, "float16"), "torch.randperm(2050, dtype=torch.float16)"),
    ("randperm", (3, "bool"), "torch.randperm(3, dtype=torch.bool)"),
    ("multinomial", (np.ones((2, 2, 2)), 1), "torch.multinomial(torch.ones(2, 2, 2), 1)"),
    ("multinomial", (np.ones(()), 1), "torch.multinomial(torch.ones(()), 1)"),
    ("multinomial", (np.ones(3, int), 1), "torch.multinomial(torch.ones(3, dtype=torch.int64), 1)"),
    ("multinomial", (WEIGHTS, 0), "torch.multinomial(torch.tensor([1.0, 2.0, 0.0]), 0)"),
    ("multinomial", (WEIGHTS, 4), "torch.multinomial(torch.tensor([1.0, 2.0, 0.0]), 4)"),
    ("multinomial", (-WEIGHTS, 1), "torch.multinomial(torch.tensor([-1.0, -2.0, 0.0]), 1)"),
    ("multinomial", (WEIGHTS * NAN, 1), "torch.multinomial(torch.tensor([nan, 1.0]), 1)"),
    ("multinomial", (np.array([INF, 1]), 1, True), "torch.multinomial(torch.tensor([inf, 1.0]), 1, True)"),
    ("multinomial", (np.zeros((2, 3)), 1), "torch.multinomial(torch.zeros(2, 3), 1)"),
    ("multinomial", (np.zeros(0), 1, True), "torch.multinomial(torch.zeros(0), 1, True)"),
]


@pytest.mark.parametrize(("kernel", "arguments", "torch_call"), ERRORS, ids=[call for _, _, call in ERRORS])
def test_errors(kernel: str, arguments: tuple[Any, ...], torch_call: str) -> None:
    """torch's exception class, a message of the design's form, and nothing drawn."""
    stream = Stream(1)
    before = stream.get_state()
    with pytest.raises((RuntimeError, ValueError, TypeError)) as ours:
        getattr(K, kernel)(stream, *arguments)
    assert stream.get_state().tobytes() == before.tobytes()
    if ours.type is not TypeError:  # Python words those
        assert re.fullmatch(r"[a-z_]+: .+; .+\.", str(ours.value)), str(ours.value)
    torch = pytest.importorskip("torch")
    with pytest.raises((RuntimeError, ValueError, TypeError)) as theirs:
        eval(torch_call, {"torch": torch, "nan": NAN, "inf": INF})
    assert ours.type is theirs.type


def test_a_draw_of_nothing_takes_nothing() -> None:
    stream = Stream(1)
    K.normal(stream, 3)
    before = stream.get_state()
    draws: list[Callable[[], Any]] = [
        lambda: K.uniform(stream, 0, -1, 3),
        lambda: K.uniform(stream, 0, dtype="float16"),
        lambda: K.normal(stream, 0),
        lambda: K.normal(stream, 0, contiguous=False),
        lambda: K.normal(
            stream, 0, dtype="int64"
        ),  # torch lets these dtypes pass if there is nothing to draw
        lambda: K.log_normal(stream, 0),
        lambda: K.exponential(stream, 0, dtype="int64"),
        lambda: K.cauchy(stream, 0),
        lambda: K.geometric(stream, 0, 0.5),
        lambda: K.bernoulli(stream, 0),
        lambda: K.bernoulli_from(stream, np.empty((2, 0))),
        lambda: K.bernoulli_from(stream, np.array([2.0]), np.empty(0)),
        lambda: K.randint(stream, 0, 0, 5),
        lambda: K.random_integers(stream, 0, "complex64"),
        lambda: K.randperm(stream, 0),
        lambda: K.randperm(stream, 1),
        lambda: K.multinomial(stream, np.empty((0, 3)), 2),
    ]
    for draw in draws:
        draw()
    assert stream.get_state().tobytes() == before.tobytes()


def test_extreme_parameters_give_no_warning() -> None:
    """The values are torch's too: test_random compares them where torch is installed."""
    stream = Stream(1)
    for dtype in ("float16", "float32", "float64"):
        for mean in (0.0, NAN, INF, 1e300, 1e-310, -3.0):
            for std in (0.0, 1e-320, 1e-30, 1.0, 1e300, INF):
                for n in (3, 40):
                    assert K.normal(stream, n, mean, std, dtype).dtype == dtype
        assert (K.normal(stream, 20, 2.0, 0.0, dtype) == 2).all()
        assert (K.uniform(stream, 20, 2.0, 2.0, dtype) == 2).all()
        assert K.uniform(stream, 20, 0.0, 1e-7, dtype).max() <= 1.2e-7
        for rate in (1e-320, 1e-308, 1e-300, 1e300):
            assert K.exponential(stream, 20, rate, dtype).dtype == dtype
        assert (K.exponential(stream, 20, INF, dtype) == 0).all()
        assert np.isinf(K.log_normal(stream, 20, 1000.0, 1.0, dtype)).all()
        assert np.isnan(K.cauchy(stream, 20, NAN, 1.0, dtype)).all()
        assert (K.geometric(stream, 20, 1e-300, "float32") > 1e38).any() or dtype != "float32"
        assert not K.bernoulli(stream, 20, 0.0, dtype).any() and K.bernoulli(stream, 20, 1.0, dtype).all()
    K.geometric(stream, 20, 1e-300, "uint8")
    for most in (np.full((2, 9), 6e4, "float16"), np.full(9, 3e38, "float32"), np.full(9, 1e308)):
        for replacement in (True, False):
            assert K.multinomial(stream, most, 4, replacement).shape[-1] == 4


def test_zeros_of_the_uniform_numbers() -> None:
    """A uniform number of 0 is rare, and its logarithm infinite."""
    stream = Stream()
    state = stream.get_state()
    state[8:12].view(np.int32)[0], state[24 : 24 + 4992] = 624, 0
    for kernel, expected in (("uniform", 0), ("normal", 0), ("exponential", 0), ("log_normal", math.e)):
        stream.set_state(state)
        for n in (3, 100):
            values = getattr(K, kernel)(stream, n, dtype="float64")
            assert np.allclose(values, expected) and not np.signbit(values).any(), kernel
    stream.set_state(state)
    assert np.isinf(K.geometric(stream, 70, 0.3, "float64")).all()
    assert (K.cauchy(stream, 70, dtype="float64") < -1e16).all()


# ---- threads and import


@pytest.mark.usefixtures("eager_switching")
def test_threads_never_mix_within_a_draw() -> None:
    """Whatever the order of the draws, each is one that a single thread could have made there."""
    stream, size, rounds = Stream(9), 20_000, 12
    drawn: list[bytes] = []

    def work() -> None:
        drawn.extend(K.uniform(stream, size).tobytes() for _ in range(rounds))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = Stream(9)
    assert sorted(drawn) == sorted(K.uniform(alone, size).tobytes() for _ in range(4 * rounds))


def test_threads_hand_over_the_pending_normal() -> None:
    stream, alone = Stream(9), Stream(9)
    drawn: list[float] = []

    def work() -> None:
        for _ in range(200):
            drawn.extend(K.normal(stream, 1, dtype="float64"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == sorted(float(K.normal(alone, 1, dtype="float64")[0]) for _ in range(800))


def test_import_leaves_numpy_random_alone() -> None:
    """It takes some 10 ms to import, which the first draw can wait for and `import tapegrad` cannot."""
    code = "import sys, tapegrad.kernels.random; assert 'numpy.random' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- the parts


def test_fma64_rounds_once() -> None:
    choice = np.random.default_rng(1)
    a = np.concatenate(
        [choice.random(400), -choice.random(300), choice.standard_normal(300) * 1e-8, [0.0, 1.0]]
    )
    for b, c in (
        (0.37, 1.5),
        (1 + 1e-7, -0.3),
        (1e-3, 5.0),
        (1.0, -0.3),
        (5.0, 1e-17),
        (1e200, 1e190),
        (0.0, -2.0),
    ):
        exact = [float(Fraction(x) * Fraction(b) + Fraction(c)) for x in a.tolist()]
        assert rounding.fma64(a, b, c).tolist() == exact


def test_fma32_rounds_once() -> None:
    """Also where the float64 sum is rounded to exactly between two float32."""
    choice = np.random.default_rng(1)
    a = choice.random(2000).astype(np.float32)
    for b, c in ((0.37, 1.5), (1.0, -0.3), (3.0, 2.0**30), (1 + 2**-23, 2.0**29), (1.5, 2.0**31)):
        b, c = float(np.float32(b)), float(np.float32(c))
        a[:1000] = np.float32(1) + choice.integers(0, 50, 1000).astype(np.float32) * np.float32(2**-23)
        for x, y in zip(a.tolist(), rounding.fma32(a, b, c), strict=True):
            exact = Fraction(x) * Fraction(b) + Fraction(c)
            error = abs(exact - Fraction(float(y)))
            for other in (np.nextafter(y, np.float32(-INF)), np.nextafter(y, np.float32(INF))):
                assert error <= abs(exact - Fraction(float(other)))


@pytest.mark.parametrize("name", ["log", "log1p", "exp", "sin", "cos", "tan"])
@pytest.mark.parametrize("agrees", [True, False])
def test_functions_of_the_c_library(name: str, agrees: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's, where it agrees with them, or else Python's."""
    if not agrees:
        monkeypatch.setattr(rounding, "_numpy_agrees", lambda *_: False)
    x = np.random.default_rng(2).random((50, 40)) * (-1 if name == "log1p" else 1)
    expected = [getattr(math, name)(value) for value in x.ravel().tolist()]
    function = getattr(rounding, name)
    assert function(x).ravel().tolist() == expected
    assert function(x[0]).tolist() == expected[:40]
    for size in (1, 100):
        assert (
            np.isinf(rounding.log(np.zeros(size))).all() and np.isinf(rounding.exp(np.full(size, 1e3))).all()
        )


def test_randperm_without_a_loop_swaps_as_the_loop_does() -> None:
    choice = np.random.default_rng(4)
    for n in (2, 3, 7, 100, 1000, 5000):
        for spread in (n, 2, 1):
            step = np.arange(n - 1)
            partners = np.minimum(step + choice.integers(0, spread, n - 1), n - 1).astype(np.uint32)
            order = list(range(n))
            for i, j in enumerate(partners.tolist()):
                order[i], order[j] = order[j], order[i]
            assert random_integers._swapped(partners).tolist() == order


def test_randperm_of_huge_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's algorithm from n = 214748364 on, as its source describes it, on a short one."""
    monkeypatch.setattr(random_integers, "_LONG_SHUFFLE", 50)
    words, order = Stream(3).long_words(60).tolist(), list(range(60))
    for i, word in enumerate(words):
        order[i] = order[word % (i + 1)]
        order[word % (i + 1)] = i
    ours = K.randperm(Stream(3), 60)
    assert ours.tolist() == order and sorted(order) == list(range(60))


def test_long_words_are_two_words_the_high_one_first() -> None:
    words, long_words = Stream(3).words(2000).tolist(), Stream(3).long_words(1000).tolist()
    assert long_words == [high << 32 | low for high, low in zip(words[0::2], words[1::2], strict=True)]


def test_words_do_not_depend_on_how_they_are_asked_for() -> None:
    whole, choice = Stream(8).words(60_000), np.random.default_rng(1)
    stream, parts = Stream(8), []
    while sum(map(len, parts)) < 60_000 - 9000:
        parts.append(stream.words(int(choice.choice([0, 1, 5, 623, 624, 625, 1248, 9000]))).copy())
    joined = np.concatenate(parts)
    assert (joined == whole[: joined.size]).all()
