"""Kernels on arrays between pages that nobody may touch: an access beyond an array ends the process."""

import ctypes
import mmap
import subprocess
import sys

import numpy as np
import pytest

from tapegrad import tiers
from tapegrad.kernels import arrange as A
from tapegrad.kernels import convolution as C
from tapegrad.kernels import cumulative as D
from tapegrad.kernels import embedding as E
from tapegrad.kernels import gathering as G
from tapegrad.kernels import linalg as L
from tapegrad.kernels import normalise as N
from tapegrad.kernels import pooling as P
from tapegrad.kernels import reduce as R
from tapegrad.kernels import shape as S

RUNS = 60


class Guarded:
    """Arrays at the end, or at the beginning, of memory between two such pages."""

    def __init__(self):
        self.at_end, self.libc = True, ctypes.CDLL(None)

    def empty(self, shape, kind):
        kind, page = np.dtype(kind), mmap.PAGESIZE
        size = int(np.prod(shape)) * kind.itemsize
        if not size:
            return np.empty(shape, kind)
        room = max(page, -(-size // page) * page)
        memory = mmap.mmap(-1, room + 2 * page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for place in (start, start + page + room):
            assert self.libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(page), 0) == 0
        at = page + (room - size if self.at_end else 0)
        return np.frombuffer(memory, kind, size // kind.itemsize, at).reshape(shape)

    def normal(self, rng, shape, kind):
        a = self.empty(shape, kind)
        a[...] = rng.normal(size=shape)
        return a


def several(rng, n, low, high):
    return tuple(int(k) for k in rng.integers(low, high, n))


def convolve(made, rng, n, kind):
    """A convolution and its cotangents; its input."""
    size = several(rng, n, 1, (60, 24, 10)[n - 1])
    kernel, stride = several(rng, n, 1, 5), several(rng, n, 1, 4)
    dilation, padding = several(rng, n, 1, 3), several(rng, n, 0, 4)
    groups, inputs, outputs, images = several(rng, 4, 1, 4)
    outputs *= groups * 3
    x = made.normal(rng, (images, groups * inputs, *size), kind)
    w, b = made.normal(rng, (outputs, inputs, *kernel), kind), made.normal(rng, (outputs,), kind)
    out = C.result_size(size, kernel, stride, padding, dilation)
    if min(out) > 0:
        g = made.normal(rng, (images, outputs, *out), kind)
        how = (stride, padding, dilation, groups)
        C.convolved(x, w, b, *how)
        C.convolved_back(g, w, None, *how, size)
        C.convolved_weight(g, x, *how, kernel)
    return x


def pool(made, rng, x):
    n, size = x.ndim - 2, x.shape[2:]
    kernel, stride = several(rng, n, 1, 4), several(rng, n, 1, 4)
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    for k, s, p in ((kernel, stride, padding), ((2,) * n, (2,) * n, (0,) * n)):
        windows = P.Pool(k, s, p, (1,) * n, C.result_size(size, k, s, p, (1,) * n))
        if min(windows.out) > 0:
            g = made.normal(rng, (*x.shape[:2], *windows.out), x.dtype)
            P.max_pool(x, windows)
            P.max_pool_indices(x, windows)
            P.max_pool_back(g, x, windows)
            P.avg_pool(x, windows, True, None)
            P.avg_pool_back(g, windows, True, None, size)


class Moments(N.Moments):
    """What is found lies between such pages, too."""

    def __init__(self, made):
        super().__init__()
        self.made = made

    def room(self, shape, kind):
        self.mean, self.var, self.rstd = found = [self.made.empty(shape, kind) for _ in range(3)]
        return found


def by_running(x, w, shape):
    args = x, w, w, w, w, shape, 1e-5
    N.by_running(*args)
    N.by_running_vjp((1, None, None, 1, 1), x, *args)


def normalise(made, rng, x):
    axes, shape = (0, *range(2, x.ndim)), (1, x.shape[1], *(1,) * (x.ndim - 2))
    known, w = Moments(made), made.normal(rng, x.shape[1:2], x.dtype)
    N.affine(x, w, w, x.shape, axes, shape, 1e-5, known)
    N.affine_vjp((1, 1, 1), x, x, w, w, x.shape, axes, shape, 1e-5, known)
    by_running(x, w, shape)


def normalise_columns(made, rng, kind):
    """Those of a matrix."""
    n, c = int(rng.integers(2, 90)), int(rng.integers(1, 90))
    x, w = made.normal(rng, (n, c), kind), made.normal(rng, (c,), kind)
    known = Moments(made)
    N.affine(x, w, w, x.shape, (0,), (1, c), 1e-5, known)
    N.affine_vjp((1, 1, 1), x, x, w, w, x.shape, (0,), (1, c), 1e-5, known)
    by_running(x, w, (1, c))


def multiply(made, rng, kind):
    """Products of matrices whose rows or columns are contiguous."""
    m, n, k = (int(rng.integers(low, 90)) for low in (8, 16, 1))
    for turned in range(4):
        a = made.normal(rng, (k, m), kind).T if turned & 1 else made.normal(rng, (m, k), kind)
        b = made.normal(rng, (n, k), kind).T if turned & 2 else made.normal(rng, (k, n), kind)
        L.linear(a, b.T, made.normal(rng, (n,), kind))
    thin = made.normal(rng, (m, 1 + k % 8), kind)
    L.linear(thin, made.normal(rng, (n, thin.shape[1]), kind), made.normal(rng, (n,), kind))


def turn(made, rng, kind):
    """Narrow arrays, turned and written out."""
    from tapegrad.native import narrow

    for k in range(2, narrow.MOST + 1):
        x = made.normal(rng, (int(rng.integers(1, 90)), k), kind)
        columns = narrow.columns(x)
        narrow.rows_of(columns, x.shape)
        narrow.repeated(made.normal(rng, len(x), kind), k)
        narrow.tiled(x, int(rng.integers(1, 40)))


def pick(made, rng, kind):
    """Rows and elements by their places, or where a mask holds; differences."""
    n, k = int(rng.integers(2, 300)), int(rng.integers(1, 20))
    x = made.normal(rng, (n, k), kind)
    entries, elements = made.empty((n,), np.dtype("i8")), made.empty((n, 1), np.dtype("i8"))
    entries[:], elements[:] = rng.integers(0, n, n), rng.integers(0, k, (n, 1))
    mask = made.empty((n,), np.dtype("?"))
    mask[:] = rng.random(n) < 0.5
    E.take_rows(x, entries)
    S.spread(x, (entries,), x.shape)
    S.spread(S.fetch(x, (mask,)), (mask,), x.shape)
    G.gather(x, elements, 1)
    R.place(made.normal(rng, (n, 1), kind), elements, 1, True, x.shape)
    for dim in (0, 1):
        if x.shape[dim] > 1:
            D.undiff(D.diff(x, dim), dim, x.shape[dim])


def border(made, rng, kind):
    """Rows with something around them, or less of them."""
    shape = several(rng, 3, 1, 40)
    x = made.normal(rng, shape, kind)
    before, after = (tuple([max(int(rng.integers(-2, 3)), -(n // 2)) for n in shape]) for _ in range(2))
    A.pad(x, before, after, 1.0)


def copy_steps(made, rng, kind):
    """Copies of what has steps: by a kernel alone, so with the tier on only."""
    from tapegrad.native.copying import copy

    n = int(rng.integers(2, 300))
    for step in range(1, 12):
        flat = made.normal(rng, ((n - 1) * step + 1,), kind)
        copy(made.empty((n,), kind), flat[::step])


def multiply_small(made, rng, kind):
    """Products with few columns or rows, and of many small matrices."""
    m, k, few = (int(rng.integers(1, high)) for high in (200, 90, 13))
    L.mm(made.normal(rng, (m, k), kind), made.normal(rng, (few, k), kind).T)
    L.mm(made.normal(rng, (m, few), kind).T, made.normal(rng, (m, k), kind))
    L.matmul(made.normal(rng, (m, few, 3), kind), made.normal(rng, (m, 3, k), kind))


def run():
    """All kernels on guarded arrays, results and scratch included."""
    tiers.wake()
    from tapegrad.native import framing, memory, narrow  # not before the tier is awake
    from tapegrad.native.kernels import (
        batchnorm,
        channelnorm,
        differences,
        featurenorm,
        few,
        folded,
        folded_weight,
        gathering,
        masks,
        padding,
        picking,
        products,
        slim,
    )

    made, rng = Guarded(), np.random.default_rng(0)
    memory.empty = channelnorm.empty = products.empty = narrow.empty = made.empty
    batchnorm.empty = featurenorm.empty = framing.empty = made.empty
    few.empty = slim.empty = differences.empty = gathering.empty = masks.empty = picking.empty = made.empty
    products.LEAST = products.LEAST_THIN = few.LEAST = slim.LEAST = differences.LEAST = 1
    gathering.LEAST = gathering.LEAST_SINGLE = gathering.LEAST_SHORT = gathering.LEAST_ROWS = 1
    masks.LEAST = picking.LEAST = padding.LEAST = 1
    for k in range(RUNS):
        made.at_end = k % 2 == 0
        folded.cost = folded_weight.cost = lambda *_, k=k: 0.0 if k % 3 else float("inf")
        x = convolve(made, rng, 1 + k % 3, "f4" if k % 4 < 2 else "f8")
        pool(made, rng, x)
        normalise(made, rng, x)
        normalise_columns(made, rng, x.dtype)
        multiply(made, rng, x.dtype)
        multiply_small(made, rng, x.dtype)
        pick(made, rng, x.dtype)
        border(made, rng, x.dtype)
        if not tiers.native_state().startswith("on"):
            continue
        copy_steps(made, rng, x.dtype)
        if k < 8:
            turn(made, rng, x.dtype)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mprotect as Linux has it")
def test_nothing_outside_is_touched():
    given = [sys.executable, "-X", "faulthandler", "-c", f"from {__name__} import run; run()"]
    done = subprocess.run(given, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
