"""Every op under every transform, over its samples: nothing is left out but what the lists here name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import tapegrad as torch
from tapegrad import func
from tapegrad.testing.differences import directions
from tapegrad.testing.samples import ROWS, Array, Call, Row, random
from tests.ops.comparing import array, attempt, is_tensor, leaves_of, real
from tests.ops.test_gradients import finish, forms, samples

RANDOM = {row.name for row in random.ROWS}  # see test_random.py
N = 3  # entries of a batch

# Their results have a shape that depends on values, or are Python values: vmap runs their entries one by one.
LOOPING = {
    *("allclose", "arange", "as a number", "as a real number", "bool ", "contains", "equal", "float "),
    *("argwhere", "index", "int ", "is_nonzero", "item", "linspace", "lobpcg", "nonzero_static"),
    *("masked_select", "nonzero", "numpy", "repeat_interleave", "segment_reduce", "tolist", "unique"),
    *("embedding_bag", "one_hot.counted"),
    *("bincount", "histc", "histogram", "histogramdd", "unique_consecutive", "ctc_loss"),
}
# So do masks as indices, where(condition) alone, and tensor([...]) of tensors.
MASK = re.compile(r"(getitem|setitem|index_put_?)\(.*bool\[|where\(\w+\[[^\]]*\][^,]*\)$|tensor\(\[")


class Sample:
    """A sample in float64 as a function of its tensors alone."""

    def __init__(self, op: Callable[..., Any], c: Call) -> None:
        self.op = op
        self.call = c.map(Array, Array.in_doubles)
        self.arrays = self.call.arrays()
        self.floats = [i for i, a in enumerate(self.arrays) if a.is_float and a.grad]

    def tensors(self, seed: int) -> list[Any]:
        """Its tensors, of other values for another seed."""
        return [a.make(torch, 100 * seed + i + 1, False) for i, a in enumerate(self.arrays)]

    def __call__(self, *tensors: Any) -> tuple[Any, ...]:
        """The tensors among its results."""
        given = iter(tensors)
        c = self.call.map(Array, lambda a: next(given))
        _, built = c.build(torch)
        return tuple([t for t in leaves_of(self.op(torch, *built.args, **built.kwargs)) if is_tensor(t)])

    def of_floats(self, tensors: Sequence[Any]) -> Callable[..., tuple[Any, ...]]:
        """The float64 results as a function of the float tensors, the others as given."""

        def f(*floats: Any) -> tuple[Any, ...]:
            every = list(tensors)
            for i, x in zip(self.floats, floats, strict=True):
                every[i] = x
            return tuple([t for t in self(*every) if t.dtype in (torch.float64, torch.complex128)])

        return f


def all_samples(row: Row) -> Iterator[tuple[str, Sample]]:
    """The samples of a row that give a result, in each form."""
    for form, op in forms(row):
        for c in samples(row):
            s = Sample(op, c)
            if s.arrays and not attempt(lambda s=s: s(*s.tensors(1))).error:
                yield f"{form}{c}", s


def close(a: Any, b: Any, scale: float = 1e-12) -> bool:
    """Whether arrays agree to rounding errors."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    size = max(1.0, float(np.max(np.abs(b), initial=0, where=np.isfinite(b)))) if a.dtype.kind in "fc" else 0
    return bool(np.allclose(a, b, rtol=scale, atol=scale * size, equal_nan=True))


def along(xs: Sequence[Any], ys: Sequence[Any]) -> float:
    """The sum of products; of complex numbers, of those of the real and those of the imaginary parts."""
    return sum(float((array(x).conj() * array(y)).sum().real) for x, y in zip(xs, ys, strict=True))


def like(tensors: Sequence[Any], seed: int) -> tuple[Any, ...]:
    """Directions: tensors of these shapes."""
    return tuple([torch.tensor(w) for w in directions([tuple(t.shape) for t in tensors], seed, tensors)])


def bindings(count: int) -> list[tuple[int | None, ...]]:
    """in_dims: all tensors batched, and each alone."""
    alone = [tuple([0 if i == k else None for i in range(count)]) for k in range(count)] if count > 1 else []
    return [(0,) * count, *alone]


def differing_shapes(results: Sequence[Any]) -> bool:
    """Whether they cannot be stacked."""
    return len({str([tuple(t.shape) for t in r]) for r in results}) > 1


def check_vmap(s: Sample) -> str:
    """How vmap differs from the loop."""
    entries = [s.tensors(k) for k in range(N)]
    for dims in bindings(len(s.arrays)):
        args = [
            entries[0][i] if d is None else torch.stack([e[i] for e in entries]) for i, d in enumerate(dims)
        ]
        one_by_one = [
            attempt(
                lambda k=k, dims=dims: s(*[entries[0 if d is None else k][i] for i, d in enumerate(dims)])
            )
            for k in range(N)
        ]
        if any(o.error for o in one_by_one) or differing_shapes([o.value for o in one_by_one]):
            continue  # other values may be out of the op's domain, or a mask selects another number
        found = attempt(lambda args=args, dims=dims: func.vmap(s, in_dims=dims)(*args))
        if found.error:
            return f"vmap {dims}: {found.error!r:.300}"
        for k, got in enumerate(found.value):
            wanted = np.stack([array(o.value[k]) for o in one_by_one])
            if not close(array(got), wanted):
                return f"vmap {dims}: result {k} is {array(got)!r:.200} and by the loop {wanted!r:.200}"
    return ""


def check_jvp(s: Sample) -> str:
    """How <u, J v> differs from <J^T u, v>, and the tangents inside of vmap from those outside."""
    tensors = s.tensors(1)
    xs = tuple([tensors[i] for i in s.floats])
    f = s.of_floats(tensors)
    if not f(*xs):
        return ""
    vs = like(xs, 3)
    ys, ts = func.jvp(f, xs, vs)
    if not all(np.isfinite(array(y)).all() for y in ys):
        return ""
    us = like(ys, 5)
    _, back = func.vjp(f, *xs)
    gs = back(us)
    if not all(np.isfinite(array(g)).all() for g in gs):
        return ""
    forward, backward = along(us, ts), along(gs, vs)
    size = 1 + sum(float(np.abs(array(u) * array(t)).sum()) for u, t in zip(us, ts, strict=True))
    if abs(forward - backward) > 1e-12 * size:
        return f"jvp: <u, Jv> is {forward} and <J^T u, v> {backward}"
    many = func.vmap(lambda *vs: func.jvp(f, xs, vs)[1])(*[torch.stack([v, v * 2]) for v in vs])
    for t, m in zip(ts, many, strict=True):
        if not close(array(m), np.stack([array(t), array(t) * 2]), 1e-11):
            return f"vmap of jvp: {array(m)!r:.200} and {array(t)!r:.200}"
    return ""


def scalar(f: Callable[..., tuple[Any, ...]]) -> Callable[..., Any]:
    """A weighted sum of the results' sines: its second derivatives are none that vanish."""

    def g(*xs: Any) -> Any:
        ys = f(*xs)
        return sum(real((y.sin() * w).sum()) for y, w in zip(ys, like(ys, 7), strict=True))

    return g


def check_second(s: Sample) -> str:
    """jvp of grad against grad of grad (second derivatives are symmetric), and vmap of grad against the
    loop."""
    tensors = s.tensors(1)
    xs = tuple([tensors[i] for i in s.floats])
    f = scalar(s.of_floats(tensors))
    every = tuple(range(len(xs)))
    if not isinstance(f(*xs), torch.Tensor):
        return ""
    g = func.grad(f, argnums=every)
    vs = like(xs, 3)
    gs, forward = func.jvp(g, xs, vs)
    _, back = func.vjp(g, *xs)
    backward = back(vs)
    many = func.vmap(g)(*[torch.stack([x, x]) for x in xs])
    for a, b, c, d in zip(forward, backward, gs, many, strict=True):
        if np.isfinite(array(b)).all() and not close(array(a), array(b), 1e-10):
            return f"second: forward over reverse {array(a)!r:.200}, reverse over reverse {array(b)!r:.200}"
        if not close(array(d), np.stack([array(c)] * 2), 1e-11):
            return f"vmap of grad: {array(d)!r:.200} and {array(c)!r:.200}"
    return ""


@pytest.fixture
def loops(monkeypatch):
    """Where vmap ran entries one by one."""
    found: list[str] = []
    monkeypatch.setattr("tapegrad.func.batches._say_that_it_loops", lambda needed: found.append(needed.what))
    return found


@pytest.mark.parametrize("name", [n for n in ROWS if n not in LOOPING and n not in RANDOM])
def test_vmap_is_the_loop_and_does_not_loop(name, loops):
    lines = []
    for what, s in all_samples(ROWS[name]):
        lines += [f"{what}: {text}" for text in [check_vmap(s)] if text]
        lines += [f"{what}: it loops for {needed}" for needed in loops if not MASK.search(what)]
        loops.clear()
    finish(lines)


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if row.derivative and n not in RANDOM])
def test_tangents_and_second_derivatives(name, loops):
    lines = []
    for what, s in all_samples(ROWS[name]):
        if not s.call.smooth or not s.floats:
            continue
        for check in (check_jvp, check_second):
            found = attempt(lambda s=s, check=check: check(s))
            text = repr(found.error)[:400] if found.error else found.value
            lines += [f"{what}: {text}"] if text else []
        lines += [f"{what}: it loops for {needed}" for needed in loops]
        loops.clear()
    finish(lines)
