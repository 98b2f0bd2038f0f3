"""Connectionist temporal classification: how probable a sequence of labels is, over all its alignments.

x [steps, N, classes] are log-probabilities. labels [N, L] are the labels of each sequence with a blank
before, between and behind them; jump [N, L] is 0 where a path may come from two places before, -inf
elsewhere; steps and ends are how many steps and places each sequence has. Sums of probabilities are
logarithms in float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless


def _sum(a: Any, b: Any, c: Any) -> Any:
    """log(exp(a) + exp(b) + exp(c))."""
    top = np.maximum(np.maximum(a, b), c)
    safe = np.where(top == -np.inf, 0.0, top)
    total = np.exp(a - safe)
    total += np.exp(b - safe)
    total += np.exp(c - safe)
    return np.log(total) + safe


def _before(a: Any, n: int) -> Any:
    """a [N, L] moved by n places to the right, or -n to the left."""
    y = np.full_like(a, -np.inf)
    if n > 0:
        y[:, n:] = a[:, :-n]
    else:
        y[:, :n] = a[:, -n:]
    return y


def _at_labels(x: Any, labels: Any) -> Any:
    """The log-probabilities of the labels, [steps, N, L]."""
    return np.take_along_axis(x, labels[None], 2).astype("f8")


def _forwards(p: Any, jump: Any) -> Any:
    """The log-probability of all paths to each place at each step."""
    a = np.full_like(p, -np.inf)
    a[0, :, :2] = p[0, :, :2]
    for t in range(1, len(p)):
        last = a[t - 1]
        a[t] = _sum(last, _before(last, 1), _before(last, 2) + jump) + p[t]
    return a


def ctc(xs: Any, labels: Any, jump: Any, steps: Any, ends: Any, forgive: bool) -> tuple[tuple[Any], Any]:
    """((the negative log-probability of each sequence,), the paths). forgive: 0 where there is no path."""
    (x,) = xs
    paths = _forwards(_at_labels(x, labels), jump)
    nll = _loss(paths, steps, ends)
    if forgive:
        nll[nll == np.inf] = 0
    return (nll.astype(x.dtype),), paths


def _loss(paths: Any, steps: Any, ends: Any) -> Any:
    """The negative log-probability of each sequence, by the last places of its paths."""
    last = paths[np.maximum(steps - 1, 0), np.arange(len(steps))]
    total = np.logaddexp(_picked(last, ends - 1), np.where(ends > 1, _picked(last, ends - 2), -np.inf))
    return -np.where(steps == 0, np.where(ends == 1, 0.0, -np.inf), total)


def _picked(a: Any, at: Any) -> Any:
    return a[np.arange(len(at)), np.maximum(at, 0)]


def _backwards(p: Any, jump: Any, steps: Any, ends: Any) -> Any:
    """The log-probability of all paths from each place at each step, that one's own counted."""
    b = np.full_like(p, -np.inf)
    places = np.arange(p.shape[2])
    final = (places == ends[:, None] - 1) | (places == ends[:, None] - 2)
    start = np.where(final, 0.0, -np.inf)
    onward = _before(jump, -2)
    for t in range(len(p) - 1, -1, -1):
        then = b[t + 1] if t + 1 < len(p) else start
        step = _sum(then, _before(then, -1), _before(then, -2) + onward)
        b[t] = np.where((t == steps - 1)[:, None], start, step) + p[t]
        b[t, t >= steps] = -np.inf
    return b


def ctc_back(
    need: Any, gs: Any, paths: Any, xs: Any, labels: Any, jump: Any, steps: Any, ends: Any, forgive: bool
) -> list[Any]:
    """The cotangent of x, as torch has it: that of what log_softmax is taken of."""
    (x,) = xs
    nll, p = _loss(paths, steps, ends), _at_labels(x, labels)
    both = paths + _backwards(p, jump, steps, ends) - p + nll[:, None]
    count, n, classes = x.shape
    where = (np.arange(count)[:, None, None] * n + np.arange(n)[:, None]) * classes + labels
    share = np.bincount(where.ravel(), np.exp(both).ravel(), x.size).reshape(x.shape)
    g = (np.exp(x) - share) * gs[0][:, None]
    lost = nll == np.inf
    g[:, lost] = 0.0 if forgive else np.nan
    g[np.arange(count)[:, None] >= steps] = 0.0
    return [g.astype(x.dtype)]


nameless(globals())
