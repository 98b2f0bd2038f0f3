"""Maxima and means of windows in machine code: over one or two axes by the kernels (`windows`), over three as
two, and then one."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels import pooling as bodies
from tapegrad.kernels.errstate import nameless
from tapegrad.native import memory, runtime, target
from tapegrad.native.choice import fits, over
from tapegrad.native.ir import Type
from tapegrad.native.kernels import windows
from tapegrad.native.kernels.planes import dense

LEAST = 1  # elements; the smallest take half of NumPy's time, too
_GRAIN = 1 << 15  # elements for which another thread is worth waking


class _Windows(NamedTuple):
    planes: int
    sizes: tuple[int, ...]
    grain: int
    step: int
    out: tuple[int, ...]


@lru_cache(500)
def _windows(shape: tuple[int, ...], pool: bodies.Pool, t: Type) -> _Windows | None:
    """The windows on arrays of a shape; None for other than one or two axes, and for windows outside."""
    n = len(pool.kernel)
    if n > 2 or prod(shape[-2:]) >= 1 << 31 or not prod(shape) or not prod(pool.out):
        return None
    sizes = (shape[-n:], pool.out, pool.kernel, pool.stride, pool.padding, pool.dilation)
    fill = (1, 1, 1, 1, 0, 1)
    flat = [k for each, f in zip(sizes, fill, strict=True) for k in ((f,) * (2 - n) + tuple(each))]
    h, w, oh, ow, kh, kw, sh, sw, ph, pw, dh, dw = flat
    if not _meets(h, oh, kh, sh, ph, dh) or not _meets(w, ow, kw, sw, pw, dw):
        return None
    lanes = target.host().lanes(t)
    reach = (ow + lanes) * sw + (kw - 1) * dw + lanes
    width = max(pw + w, reach) + 16
    planes = prod(shape[:-n])
    return _Windows(
        planes, (*flat, width), max(1, _GRAIN // (h * w)), sw if sw < 3 else 0, (*shape[:-n], *pool.out)
    )


def _meets(n: int, m: int, k: int, s: int, p: int, d: int) -> bool:
    """Whether each window has an element on the axis: the outermost do."""
    return all(any(0 <= i * s - p + j * d < n for j in range(k)) for i in {0, m - 1}) and d <= n


def _room(p: _Windows, lines: int, kind: Any) -> Any:
    return memory.empty(runtime.threads() * (p.sizes[-1] * lines + 16), kind)


def _ready(x: Any, shape: tuple[int, ...], pool: Any, *others: Any) -> tuple[_Windows, Type] | None:
    t = fits(x, *others, least=LEAST)
    found = t and _windows(shape, pool, t)
    return (found, t) if t and found else None


def _side_by_side(p: _Windows, t: Type) -> int:
    """How many squares of 2 x 2 to take at a time; 0 for other windows, and those that reach outside."""
    h, w, rows, n = p.sizes[:4]
    if p.sizes[4:12] != (2, 2, 2, 2, 0, 0, 1, 1) or 2 * rows > h or 2 * n > w:
        return 0
    return next((k for k in (target.host().lanes(t), 4, 2) if k <= n), 0)


def _in_two(pool: Any) -> tuple[Any, Any]:
    """Windows over three axes as those over the last two, and then over the first, the others in one."""
    k, s, p, d, out = pool
    first = ((k[0], 1), (s[0], 1), (p[0], 0), (d[0], 1), (out[0], out[1] * out[2]))
    return bodies.Pool(k[1:], s[1:], p[1:], d[1:], out[1:]), bodies.Pool(*first)


def _flat(x: Any) -> Any:
    """The last two axes in one."""
    return x.reshape((*x.shape[:-2], x.shape[-2] * x.shape[-1]))


def _deep(x: Any, pool: Any) -> bool:
    """Whether there are three axes, and machine code for two."""
    return len(pool.kernel) == 3 and fits(x, least=LEAST) is not None and max(pool.dilation) == 1


@over(bodies.max_pool)
def max_pool(body: Any, x: Any, pool: Any) -> Any:
    """The kernel."""
    (x,) = dense(x)
    if _deep(x, pool):
        last, first = _in_two(pool)
        y = bodies.max_pool(_flat(bodies.max_pool(x, last)), first)
        return y.reshape((*x.shape[:-3], *pool.out))
    ready = _ready(x, x.shape, pool)
    if ready is None:
        return body(x, pool)
    p, t = ready
    y = memory.empty(p.out, x.dtype)
    if lanes := _side_by_side(p, t):
        windows.squares(t, lanes, False)(y, x, p.planes, p.grain, *p.sizes)
        return y
    windows.reducer(t, p.step, False)(y, x, _room(p, 1, x.dtype), p.planes, p.grain, 1.0, *p.sizes)
    return y


@over(bodies.max_pool_back)
def max_pool_back(body: Any, g: Any, x: Any, pool: Any) -> Any:
    """The kernel."""
    g, x = dense(g, x)
    if _deep(x, pool):
        last, first = _in_two(pool)
        y = bodies.max_pool(x, last)
        g = bodies.max_pool_back(_flat(g), _flat(y), first)
        return bodies.max_pool_back(g.reshape(y.shape), x, last)
    ready = _ready(x, x.shape, pool, g)
    if ready is None or max(pool.dilation) > 1 or g.shape != ready[0].out:
        return body(g, x, pool)
    p, t = ready
    z = memory.empty(x.shape, x.dtype)
    if lanes := _side_by_side(p, t):
        windows.squares(t, lanes, True)(z, x, g, p.planes, p.grain, *p.sizes)
        return z
    windows.finder(t, p.step, True)(z, x, g, _room(p, p.sizes[4], x.dtype), p.planes, p.grain, *p.sizes)
    return z


@over(bodies.max_pool_indices)
def max_pool_indices(body: Any, x: Any, pool: Any) -> Any:
    """The kernel."""
    (x,) = dense(x)
    if _deep(x, pool):
        return _deep_indices(x, pool)
    ready = _ready(x, x.shape, pool)
    if ready is None or max(pool.dilation) > 1:
        return body(x, pool)
    p, t = ready
    at = memory.empty(p.out, np.dtype(np.int64))
    windows.finder(t, p.step, False)(x, x, at, _room(p, p.sizes[4], x.dtype), p.planes, p.grain, *p.sizes)
    return at


def _deep_indices(x: Any, pool: Any) -> Any:
    last, first = _in_two(pool)
    found = bodies.max_pool_indices(x, last)
    which = _flat(bodies.max_pool_indices(_flat(bodies.max_pool(x, last)), first))
    within = np.take_along_axis(found.reshape((*x.shape[:-3], -1)), which, -1)
    slices = which // (pool.out[1] * pool.out[2]) * (x.shape[-2] * x.shape[-1])
    return (slices + within).reshape((*x.shape[:-3], *pool.out))


@over(bodies.avg_pool)
def avg_pool(body: Any, x: Any, pool: Any, padded: bool, override: int | None) -> Any:
    """The kernel; where the windows' divisors differ NumPy divides."""
    (x,) = dense(x)
    ready, deep = _ready(x, x.shape, pool), _deep(x, pool)
    if ready is None and not deep:
        return body(x, pool, padded, override)
    by = bodies.divisors(pool, x.shape[-len(pool.kernel) :], padded, override)
    one = by if type(by) is int else 1
    if ready is None:
        last, first = _in_two(pool)
        y = bodies.avg_pool(_flat(bodies.avg_pool(x, last, True, 1)), first, True, one)
        y = y.reshape((*x.shape[:-3], *pool.out))
    else:
        p, t = ready
        y = memory.empty(p.out, x.dtype)
        room = _room(p, 1, x.dtype)
        windows.reducer(t, p.step, True)(y, x, room, p.planes, p.grain, float(one), *p.sizes)
    if type(by) is not int:
        y /= by.astype(x.dtype)
    return y


@over(bodies.avg_pool_back)
def avg_pool_back(body: Any, g: Any, pool: Any, padded: bool, override: int | None, size: Any) -> Any:
    """The kernel; where the windows' divisors differ NumPy divides."""
    (g,) = dense(g)
    shape = (*g.shape[: -len(size)], *size)
    ready, deep = _ready(g, shape, pool), _deep(g, pool)
    if (ready is None and not deep) or g.shape[-len(size) :] != pool.out:
        return body(g, pool, padded, override, size)
    by = bodies.divisors(pool, tuple(size), padded, override)
    one = by if type(by) is int else 1
    if type(by) is not int:
        g = g / by.astype(g.dtype)
    if ready is None:
        (last, first), planes = _in_two(pool), pool.out[1:]
        g = bodies.avg_pool_back(_flat(g), first, True, one, (size[0], prod(planes)))
        return bodies.avg_pool_back(g.reshape((*shape[:-2], *planes)), last, True, 1, size[1:])
    p, t = ready
    z = memory.empty(shape, g.dtype)
    windows.spreader(t)(z, g, _room(p, 1, g.dtype), p.planes, p.grain, float(one), *p.sizes)
    return z


nameless(globals())
