"""Recurrent layers over whole sequences, forwards and back.

The rows of a batch's time steps lie one behind the other: x [rows, inputs] and `sizes`, how many rows each
step has, which never grow (sequences are sorted by length, as in a PackedSequence). A state is one array
[batch, hidden], of which step t uses and replaces the first sizes[t] rows; so sequences that have ended keep
their last state, and backwards in time those that have not begun keep their first.

One product serves the inputs of all steps. What the backward needs of each step stays in `work`, one array
that `_cut` cuts into parts. Sigmoids are computed as tanh(x / 2) / 2 + 1 / 2: all gates of a step are then
one call, if weights and biases of those gates are halved before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.linalg import mm, product_into
from tapegrad.kernels.reduce import sum as total

Sizes = tuple[int, ...]


def _steps(sizes: Sizes, reverse: bool) -> Iterator[tuple[int, slice]]:
    """(rows, where they are) of each step, in the order in which they are taken."""
    order, at = [], 0
    for n in sizes:
        order.append((n, slice(at, at + n)))
        at += n
    return iter(order[::-1] if reverse else order)


def _cut(work: Any, rows: int, *widths: int) -> list[Any]:
    """work as arrays [rows, width]."""
    parts, at = [], 0
    for n in widths:
        parts.append(work[at : at + rows * n].reshape(rows, n))
        at += rows * n
    return parts


def _state(given: Any, batch: int, width: int, dtype: Any) -> Any:
    return np.zeros((batch, width), dtype) if given is None else given.copy()


def _inputs(x: Any, w: Any, b: Any, scale: Any, out: Any) -> None:
    """The input's part of all gates of all steps."""
    if scale is not None:
        w, b = w * scale[:, None], None if b is None else b * scale
    product_into(out, x, w.T, b)


def _both(b_ih: Any, b_hh: Any) -> Any:
    return b_ih if b_hh is None else b_hh if b_ih is None else b_ih + b_hh


def _columns(w: Any, scale: Any = None) -> Any:
    """w transposed, as rows in memory: small products with it are faster so."""
    return np.ascontiguousarray(w.T) if scale is None else w.T * scale


def _gradients(need: Any, x: Any, w_ih: Any, gx: Any, gh: Any, before: Any) -> list[Any]:
    """The cotangents of x, both weights and both biases, from those of the gates' two parts."""
    bias = None if need[3] is None and need[4] is None else total(gx, (0,))
    return [
        None if need[0] is None else mm(gx, w_ih),
        None if need[1] is None else mm(gx.T, x),
        None if need[2] is None else mm(gh.T, before),
        None if need[3] is None else bias,
        None if need[4] is None else bias.copy() if gh is gx and bias is not None else total(gh, (0,)),
    ]


# ---- plain


def _rnn_widths(hidden: int, _: int) -> tuple[int, ...]:
    return hidden, hidden


def rnn(xs: Any, sizes: Sizes, reverse: bool, relu: bool) -> tuple[tuple[Any, ...], Any]:
    """((outputs, last state), work) of h = tanh(x w_ih^T + b_ih + h w_hh^T + b_hh), or relu."""
    x, w_ih, w_hh, b_ih, b_hh, _, h0, _ = xs
    rows, hidden = x.shape[0], w_hh.shape[1]
    work = np.empty(rows * 2 * hidden, x.dtype)
    y, before = _cut(work, rows, *_rnn_widths(hidden, 0))
    _inputs(x, w_ih, _both(b_ih, b_hh), None, y)
    h, w, new = _state(h0, sizes[0], hidden, x.dtype), _columns(w_hh), np.empty((sizes[0], hidden), x.dtype)
    zero = x.dtype.type(0)
    for n, at in _steps(sizes, reverse):
        before[at] = h[:n]
        s = y[at]
        s += np.dot(h[:n], w, new[:n])
        if relu:
            np.maximum(s, zero, out=s)
        else:
            np.tanh(s, s)
        h[:n] = s
    return (y.copy(), h), work


def rnn_back(need: Any, gs: Any, work: Any, xs: Any, sizes: Sizes, reverse: bool, relu: bool) -> list[Any]:
    """The cotangents of what rnn is given, from those of its results."""
    x, w_ih, w_hh, *_ = xs
    rows, hidden = x.shape[0], w_hh.shape[1]
    y, before = _cut(work, rows, *_rnn_widths(hidden, 0))
    slope = (y > 0).astype(y.dtype) if relu else 1 - y * y
    g, gh = np.empty_like(y), _state(gs[1], sizes[0], hidden, y.dtype)
    for n, at in _steps(sizes, not reverse):
        if gs[0] is not None:
            gh[:n] += gs[0][at]
        step = np.multiply(gh[:n], slope[at], g[at])
        np.dot(step, w_hh, gh[:n])
    return [*_gradients(need, x, w_ih, g, g, before), None, gh, None]


# ---- long short-term memory: gates i, f, g, o


def _lstm_widths(hidden: int, out: int) -> tuple[int, ...]:
    return 4 * hidden, hidden, hidden, out


def _scale(hidden: int, dtype: Any) -> Any:
    """What the gates i, f, g, o are multiplied with before tanh and behind it."""
    scale = np.full((4, hidden), 0.5, dtype)
    scale[2] = 1
    return scale.reshape(-1)


def lstm(xs: Any, sizes: Sizes, reverse: bool) -> tuple[tuple[Any, ...], Any]:
    """((outputs, last state, last cells), work)."""
    x, w_ih, w_hh, b_ih, b_hh, w_hr, h0, c0 = xs
    rows, out, hidden, dtype = x.shape[0], w_hh.shape[1], w_hh.shape[0] // 4, x.dtype
    widths = _lstm_widths(hidden, out)
    work = np.empty(rows * sum(widths), dtype)
    gates, tanh_c, before_c, before_h = _cut(work, rows, *widths)
    scale = _scale(hidden, dtype)
    more = 1 - scale
    _inputs(x, w_ih, _both(b_ih, b_hh), scale, gates)
    w, p = _columns(w_hh, scale), None if w_hr is None else _columns(w_hr)
    h, c = _state(h0, sizes[0], out, dtype), _state(c0, sizes[0], hidden, dtype)
    new, part = np.empty((sizes[0], 4 * hidden), dtype), np.empty((sizes[0], hidden), dtype)
    y = np.empty((rows, out), dtype)
    for n, at in _steps(sizes, reverse):
        s, m, k = gates[at], part[:n], c[:n]
        before_h[at], before_c[at] = h[:n], k
        s += np.dot(h[:n], w, new[:n])
        np.tanh(s, s)
        s *= scale
        s += more
        k *= s[:, hidden : 2 * hidden]
        k += np.multiply(s[:, :hidden], s[:, 2 * hidden : 3 * hidden], m)
        t = np.tanh(k, tanh_c[at])
        if p is None:
            h[:n] = np.multiply(s[:, 3 * hidden :], t, y[at])
        else:
            h[:n] = np.dot(np.multiply(s[:, 3 * hidden :], t, m), p, y[at])
    return (y, h, c), work


def lstm_back(need: Any, gs: Any, work: Any, xs: Any, sizes: Sizes, reverse: bool) -> list[Any]:
    """The cotangents of what lstm is given, from those of its results."""
    x, w_ih, w_hh, _, _, w_hr, *_ = xs
    rows, out, hidden, dtype = x.shape[0], w_hh.shape[1], w_hh.shape[0] // 4, x.dtype
    gates, tanh_c, before_c, before_h = _cut(work, rows, *_lstm_widths(hidden, out))
    i, f, g, o = [gates[:, k * hidden : (k + 1) * hidden] for k in range(4)]
    # The gates' slopes, by what is multiplied with them: the cells' cotangents, for o the outputs'.
    slopes = np.empty((rows, 4, hidden), dtype)
    for k, (gate, times) in enumerate(((i, g), (f, before_c), (g, i), (o, tanh_c))):
        s = slopes[:, k]
        np.multiply(gate, gate, s)
        np.subtract(1 if k == 2 else gate, s, s)
        s *= times
    down = tanh_c * tanh_c
    np.subtract(1, down, down)
    down *= o
    back = np.empty((rows, 4, hidden), dtype)
    gh, gc = _state(gs[1], sizes[0], out, dtype), _state(gs[2], sizes[0], hidden, dtype)
    part, outs = np.empty((sizes[0], hidden), dtype), None if w_hr is None else np.empty((rows, out), dtype)
    for n, at in _steps(sizes, not reverse):
        d, k, s, b = gh[:n], gc[:n], slopes[at], back[at]
        if gs[0] is not None:
            d += gs[0][at]
        if outs is not None:
            outs[at] = d
            d = d @ w_hr
        k += np.multiply(d, down[at], part[:n])
        np.multiply(s[:, :3], k[:, None], b[:, :3])
        np.multiply(s[:, 3], d, b[:, 3])
        k *= f[at]
        np.dot(b.reshape(n, 4 * hidden), w_hh, gh[:n])
    flat = back.reshape(rows, 4 * hidden)
    found = _gradients(need, x, w_ih, flat, flat, before_h)
    return [*found, None if outs is None or need[5] is None else outs.T @ (o * tanh_c), gh, gc]


# ---- gated recurrent units: gates r, z, n


def _gru_widths(hidden: int, _: int) -> tuple[int, ...]:
    return 3 * hidden, hidden, hidden


def gru(xs: Any, sizes: Sizes, reverse: bool) -> tuple[tuple[Any, ...], Any]:
    """((outputs, last state), work)."""
    x, w_ih, w_hh, b_ih, b_hh, _, h0, _ = xs
    rows, hidden, dtype = x.shape[0], w_hh.shape[1], x.dtype
    widths = _gru_widths(hidden, 0)
    work = np.empty(rows * sum(widths), dtype)
    gates, inner, before = _cut(work, rows, *widths)
    scale = np.full(3 * hidden, 0.5, dtype)
    scale[2 * hidden :] = 1
    _inputs(x, w_ih, b_ih, scale, gates)
    w, b = _columns(w_hh, scale), None if b_hh is None else b_hh * scale
    h, new = _state(h0, sizes[0], hidden, dtype), np.empty((sizes[0], 3 * hidden), dtype)
    y, half = np.empty((rows, hidden), dtype), dtype.type(0.5)
    for n, at in _steps(sizes, reverse):
        s, q, a = gates[at], inner[at], new[:n]
        before[at] = h[:n]
        np.dot(h[:n], w, a)
        if b is not None:
            a += b
        rz, m = s[:, : 2 * hidden], s[:, 2 * hidden :]
        rz += a[:, : 2 * hidden]
        np.tanh(rz, rz)
        rz *= half
        rz += half
        q[...] = a[:, 2 * hidden :]
        m += np.multiply(s[:, :hidden], q, a[:, :hidden])
        np.tanh(m, m)
        t = np.subtract(h[:n], m, y[at])
        t *= s[:, hidden : 2 * hidden]
        t += m
        h[:n] = t
    return (y, h), work


def gru_back(need: Any, gs: Any, work: Any, xs: Any, sizes: Sizes, reverse: bool) -> list[Any]:
    """The cotangents of what gru is given, from those of its results."""
    x, w_ih, w_hh, *_ = xs
    rows, hidden, dtype = x.shape[0], w_hh.shape[1], x.dtype
    gates, inner, before = _cut(work, rows, *_gru_widths(hidden, 0))
    r, z, m = [gates[:, k * hidden : (k + 1) * hidden] for k in range(3)]
    rest = 1 - z
    by_m = (1 - m * m) * rest
    by_r = (r - r * r) * inner * by_m
    by_z = (before - m) * z * rest
    # The cotangents of the input's part of the gates, and of the state's, which differ in the last.
    gx, gh = np.empty((rows, 3 * hidden), dtype), np.empty((rows, 3 * hidden), dtype)
    d, part = _state(gs[1], sizes[0], hidden, dtype), np.empty((sizes[0], hidden), dtype)
    for n, at in _steps(sizes, not reverse):
        k, b = d[:n], gh[at]
        if gs[0] is not None:
            k += gs[0][at]
        np.multiply(k, by_r[at], b[:, :hidden])
        np.multiply(k, by_z[at], b[:, hidden : 2 * hidden])
        last = np.multiply(k, by_m[at], gx[at, 2 * hidden :])
        np.multiply(last, r[at], b[:, 2 * hidden :])
        k *= z[at]
        k += np.dot(b, w_hh, part[:n])
    gx[:, : 2 * hidden] = gh[:, : 2 * hidden]
    return [*_gradients(need, x, w_ih, gx, gh, before), None, d, None]


KERNELS = {"rnn": (rnn, rnn_back), "lstm": (lstm, lstm_back), "gru": (gru, gru_back)}


nameless(globals())
