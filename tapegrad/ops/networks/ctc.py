"""Connectionist temporal classification."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

import tapegrad.kernels.ctc as C
from tapegrad._errors import describe, sizes
from tapegrad.define import cast, offer, results
from tapegrad.dtypes import F4, F8
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.create import zeros
from tapegrad.ops.gather import gather
from tapegrad.ops.losses import check_reduction
from tapegrad.ops.pointwise import where
from tapegrad.ops.shape import cat, squeeze, stack, unsqueeze
from tapegrad.ops.statistics import logsumexp
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap

_LOW = -1e30  # in place of -inf, whose derivatives are nan


def _body(x: Tensor, labels: Any, jump: Any, steps: Any, ends: Any, forgive: bool) -> tuple[Tensor]:
    """The loss in terms of other ops. torch's gradient is that of what log_softmax is taken of: as if the sum
    of all probabilities were added to the loss, whose value it does not have."""
    count, n, _ = x.shape
    width = labels.shape[1]
    at, extra = wrap(labels), wrap(np.maximum(jump, _LOW))
    kind, x = x._kind, cast(x, F8)  # as in the kernel

    def before(a: Tensor, k: int) -> Tensor:
        return cat([zeros(n, k, dtype=x.dtype) + _LOW, a], 1)[:, :width]

    places = np.arange(width)
    a = where(wrap(np.broadcast_to(places < 2, labels.shape)), gather(x[0], 1, at), _LOW)
    for t in range(1, count):
        last = stack([a, before(a, 1), before(a, 2) + extra])
        a = where(wrap(t < steps[:, None]), logsumexp(last, 0) + gather(x[t], 1, at), a)
    final = (places == ends[:, None] - 1) | (places == ends[:, None] - 2)
    loss = -logsumexp(where(wrap(final), a, _LOW), 1)
    live = wrap(np.arange(count)[:, None] < steps)
    total = where(unsqueeze(live, 2), x.exp(), 0).sum((0, 2))
    loss = where(loss > -_LOW / 2, 0.0 if forgive else inf, loss + (total - total.detach()))
    nothing = wrap((steps == 0) & (ends == 1))
    return (cast(where(nothing, 0.0, loss), kind),)


_ctc = results("ctc_loss", 1, 1, (C.ctc, C.ctc_back), _body)


def _listed(name: str, given: Any) -> list[int]:
    """Lengths as a list. Raises: TypeError or RuntimeError for what are no integers."""
    if isinstance(given, Tensor):
        if given._kind.kind not in "iu":
            raise RuntimeError(f"ctc_loss: {name} is {describe(given)}; integers are needed.")
        return given.reshape(-1).tolist()  # type: ignore[no-any-return] # of one dimension
    if not isinstance(given, (list, tuple)) or any(not isinstance(n, int) for n in given):
        raise TypeError(f"ctc_loss: {name} is {describe(given)}; integers are needed.")
    return list(given)


def _lengths(name: str, listed: list[int], batch: int) -> Any:
    """Lengths as an array. Raises: RuntimeError for another number of them."""
    if len(listed) != batch or min(listed, default=0) < 0:
        raise RuntimeError(f"ctc_loss: {name} is {listed}; {batch} lengths of 0 or more are needed.")
    return np.array(listed, np.int64)


def _labels(targets: Tensor, lengths: Any, blank: int, classes: int) -> tuple[Any, Any]:
    """(the labels with blanks around each, where a path may skip one: 0, elsewhere -inf).

    Raises: RuntimeError for targets that do not fit.
    """
    n, longest = len(lengths), int(lengths.max(initial=0))
    given = np.array(targets.tolist(), np.int64).reshape(targets._a.shape)
    fits = given.shape == (lengths.sum(),) if given.ndim < 2 else len(given) == n
    if given.ndim > 2 or not fits or (given.ndim == 2 and given.shape[1] < longest):
        raise RuntimeError(
            f"ctc_loss: targets is {sizes(given.shape)} and target_lengths {lengths.tolist()}; [N, S], or "
            "all targets one behind the other, is needed."
        )
    real = np.arange(longest) < lengths[:, None]
    rows = np.zeros((n, longest), np.int64)
    rows[real] = given[:, :longest][real] if given.ndim == 2 else given
    if rows.size and not 0 <= rows.min() <= rows.max() < classes:
        raise RuntimeError(
            f"ctc_loss: targets has {rows.max()} or {rows.min()}; 0 to {classes - 1} is needed."
        )
    labels = np.full((n, 2 * longest + 1), blank)
    labels[:, 1::2] = rows
    jump = np.full(labels.shape, -inf)
    jump[:, 3::2][rows[:, 1:] != rows[:, :-1]] = 0
    return labels, jump


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The negative log-probability of target sequences, summed over all their alignments with the inputs.

    Shapes: log_probs [T, N, C], or [T, C]; targets [N, S], or all of them one behind the other; lengths [N].
    "mean" divides each loss by its target's length first. zero_infinity: no loss where there is no alignment.
    The gradient is torch's: that of what log_softmax was taken of, to get log_probs.
    Raises: RuntimeError for what does not fit together, IndexError for a number, ValueError for another
    reduction, TypeError for lengths that are no integers.
    Source: A. Graves et al., "Connectionist Temporal Classification" (2006).
    """
    check_reduction("ctc_loss", reduction)
    x = need_tensor(log_probs, "ctc_loss")
    steps_of, lengths_of = _listed("input_lengths", input_lengths), _listed("target_lengths", target_lengths)
    if not x._a.ndim:
        raise IndexError(f"ctc_loss: log_probs is {describe(x)}; [T, N, C] is needed.")
    alone = x._a.ndim == 2
    x = unsqueeze(x, 1) if alone else x
    if x._a.ndim != 3 or not x._a.size:
        raise RuntimeError(f"ctc_loss: log_probs is {describe(log_probs)}; [T, N, C] is needed.")
    if x._kind is not F4 and x._kind is not F8:
        raise NotImplementedError(f"ctc_loss: log_probs is {x.dtype}; float32 or float64 is needed.")
    count, n, classes = x._a.shape
    steps, lengths = _lengths("input_lengths", steps_of, n), _lengths("target_lengths", lengths_of, n)
    if not 0 <= blank < classes or steps.max() > count:
        raise RuntimeError(
            f"ctc_loss: log_probs is {sizes(log_probs._a.shape)}, blank {blank} and input_lengths "
            f"{steps.tolist()}; blank must be a class, and no length more than {count}."
        )
    labels, jump = _labels(need_tensor(targets, "ctc_loss", "targets"), lengths, blank, classes)
    each: Tensor = _ctc((x,), labels, jump, steps, 2 * lengths + 1, zero_infinity)[0]
    if reduction == "mean":
        shares: Tensor = each / wrap(np.maximum(lengths, 1).astype(x._kind))
        return shares.mean()
    return each.sum() if reduction == "sum" else squeeze(each, 0) if alone else each


offer(globals(), functions="ctc_loss", namespace="nn")
nameless(globals())
