"""Recurrent layers: one op per layer and direction, over the whole sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tapegrad.kernels.recurrent as R
from tapegrad._errors import describe, sizes
from tapegrad._state import autocast
from tapegrad.define import results
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.create import zeros
from tapegrad.ops.networks.dropout import dropout as dropped
from tapegrad.ops.nn import linear
from tapegrad.ops.parts import chunk, split_with_sizes, unbind
from tapegrad.ops.pointwise import relu, sigmoid, tanh
from tapegrad.ops.shape import cat, reshape, stack, transpose
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

Weights = Sequence[Tensor | None]  # w_ih, w_hh, b_ih, b_hh, w_hr; or those that there are
Sizes = tuple[int, ...]


# ---- one step, in terms of other ops: (x's part of the gates, state, weights, nonlinearity) -> state


def _rnn_step(part: Tensor, state: tuple[Tensor, ...], weights: Any, f: Any = tanh) -> tuple[Tensor, ...]:
    _, w_hh, _, b_hh, _ = weights
    return (f(part + linear(state[0], w_hh, b_hh)),)


def _lstm_step(part: Tensor, state: tuple[Tensor, ...], weights: Any) -> tuple[Tensor, ...]:
    (h, c), (_, w_hh, _, b_hh, w_hr) = state, weights
    i, f, g, o = chunk(part + linear(h, w_hh, b_hh), 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return h if w_hr is None else linear(h, w_hr), c


def _gru_step(part: Tensor, state: tuple[Tensor, ...], weights: Any) -> tuple[Tensor, ...]:
    (h,), (_, w_hh, _, b_hh, _) = state, weights
    (r, z, m), (hr, hz, hm) = chunk(part, 3, 1), chunk(linear(h, w_hh, b_hh), 3, 1)
    m = tanh(m + sigmoid(r + hr) * hm)
    return (m + sigmoid(z + hz) * (h - m),)


def _layer_body(step: Callable[..., Any], several: bool) -> Any:
    """A layer as a loop over time. It is called with what the op is: the input, the weights, the first state,
    how many rows each step has, the direction."""

    def body(x: Tensor, *given: Any) -> tuple[Tensor, ...]:
        weights, (h, c), (rows, reverse, *how) = given[:5], given[5:7], given[7:]
        w_ih, w_hh, b_ih, *_ = weights
        h = zeros(rows[0], w_hh.shape[1], dtype=x.dtype) if h is None else h
        state: tuple[Tensor, ...] = (h,)
        if several:
            width = w_hh.shape[0] // 4
            state = h, zeros(rows[0], width, dtype=x.dtype) if c is None else c
        parts = split_with_sizes(linear(x, w_ih, b_ih), rows)
        outs: list[Any] = [None] * len(rows)
        for t in reversed(range(len(rows))) if reverse else range(len(rows)):
            n = rows[t]
            now = step(parts[t], tuple([s[:n] for s in state]), weights, *how)
            outs[t] = now[0]
            state = now if n == rows[0] else tuple([cat([a, s[n:]]) for a, s in zip(now, state, strict=True)])
        return cat(outs), *state

    return body


def _rnn_body(*given: Any) -> tuple[Tensor, ...]:
    return _layer_body(_rnn_step, False)(*given[:-1], relu if given[-1] else tanh)  # type: ignore[no-any-return] # as above


_rnn = results("rnn", 8, 2, R.KERNELS["rnn"], _rnn_body)
_lstm = results("lstm", 8, 3, R.KERNELS["lstm"], _layer_body(_lstm_step, True))
_gru = results("gru", 8, 2, R.KERNELS["gru"], _layer_body(_gru_step, False))


# ---- layers


def _per_layer(params: Weights, biased: bool, n: int) -> list[tuple[Tensor | None, ...]]:
    """(w_ih, w_hh, b_ih, b_hh, w_hr) of each layer and direction."""
    step = len(params) // n
    found: list[tuple[Tensor | None, ...]] = []
    for at in range(0, step * n, step):
        own = params[at : at + step]
        biases = (own[2], own[3]) if biased else (None, None)
        projection = own[-1] if step in (3, 5) else None
        found.append((own[0], own[1], *biases, projection))
    return found


class _Run:
    """What all layers of a call share."""

    def __init__(self, op: Any, args: tuple[Any, ...], several: bool) -> None:
        self.op, self.args, self.several = op, args, several

    def layer(
        self, x: Tensor, rows: Sizes, states: Any, weights: Any, both: bool
    ) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
        """(the outputs of all directions, the last states of each)."""
        outs, last = [], []
        for reverse in (False, True) if both else (False,):
            h, c = states[int(reverse)] if self.several else (states[int(reverse)], None)
            y, *state = self.op((x, *weights[int(reverse)], h, c), rows, reverse, *self.args)
            outs.append(y)
            last.append(tuple(state))
        return cat(outs, 1) if both else outs[0], last


def _layers(
    run: _Run,
    x: Tensor,
    rows: Sizes,
    hx: Any,
    params: Weights,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> tuple[Tensor, ...]:
    """x [rows, inputs] through all layers: the outputs, and the last states of all layers."""
    directions = 2 if bidirectional else 1
    n = num_layers * directions
    weights = _per_layer(params, has_biases, n)
    parts = list(zip(*map(unbind, hx), strict=True)) if run.several else unbind(hx)
    last: list[tuple[Tensor, ...]] = []
    for k in range(0, n, directions):
        x, found = run.layer(x, rows, parts[k : k + directions], weights[k : k + directions], directions == 2)
        last += found
        if dropout and train and k + directions < n:
            x = dropped(x, dropout, True)
    return x, *[stack(states) for states in zip(*last, strict=True)]


def _called(name: str, run: _Run) -> Callable[..., tuple[Tensor, ...]]:
    """The function as torch has it, for packed data and for others."""

    def call(*given: Any) -> tuple[Tensor, ...]:
        if len(given) != 9:
            raise TypeError(
                f"{name}: {len(given)} arguments are given; (input, hx, params, has_biases, num_layers, "
                "dropout, train, bidirectional, batch_first), or (data, batch_sizes, hx, ...), is needed."
            )
        x = need_tensor(given[0], name)
        if isinstance(given[3], (tuple, list)):
            data, batch_sizes, *rest = given
            return _layers(run, data, tuple(batch_sizes.tolist()), *rest)
        _, *rest, batch_first = given
        if batch_first:
            x = transpose(x, 0, 1)
        steps, batch, width = x._a.shape
        if not steps:
            raise RuntimeError(f"{name}: input is {sizes(given[0]._a.shape)}; one step or more is needed.")
        y, *states = _layers(run, reshape(x, (steps * batch, width)), (batch,) * steps, *rest)
        y = reshape(y, (steps, batch, y._a.shape[1]))
        return transpose(y, 0, 1) if batch_first else y, *states

    call.__name__ = call.__qualname__ = name
    call.__doc__ = (
        "The outputs and the last states of (input, hx, params, has_biases, num_layers, dropout, train,\n"
        "    bidirectional, batch_first), or, of a PackedSequence, of (data, batch_sizes, hx, ...)."
        "\n\n    Shapes: input [L, N, inputs], hx [layers * directions, N, hidden]."
    )
    return call


lstm = _called("lstm", _Run(_lstm, (), True))
gru = _called("gru", _Run(_gru, (), False))
rnn_tanh = _called("rnn_tanh", _Run(_rnn, (False,), False))
rnn_relu = _called("rnn_relu", _Run(_rnn, (True,), False))


# ---- cells


def _check_cell(op: str, x: Tensor, w_ih: Tensor, w_hh: Tensor, *states: Tensor) -> None:
    """Raises: RuntimeError for sizes or dtypes that do not meet."""
    inputs, width = w_ih._a.shape[1], w_hh._a.shape[1]
    if x._a.shape[1] != inputs:
        raise RuntimeError(f"{op}: input is {describe(x)}; its last size must be {inputs}.")
    for h in states:
        if h._a.shape != (x._a.shape[0], width):
            raise RuntimeError(
                f"{op}: hx is {sizes(h._a.shape)} and input {sizes(x._a.shape)}; [{x._a.shape[0]}, {width}] "
                "is needed."
            )
    if any(t._kind is not w_ih._kind for t in (x, w_hh, *states)) and not autocast.on:
        raise RuntimeError(f"{op}: input is {x.dtype} and weights are {w_ih.dtype}; they must be equal.")


def _cell(name: str, op: Any, *args: Any) -> Callable[..., Tensor]:
    def call(
        input: Tensor,
        hx: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None = None,
        b_hh: Tensor | None = None,
    ) -> Tensor:
        x, h = need_tensor(input, name), need_tensor(hx, name, "hx")
        _check_cell(name, x, w_ih, w_hh, h)
        y: Tensor = op((x, w_ih, w_hh, b_ih, b_hh, None, h, None), (x._a.shape[0],), False, *args)[0]
        return y

    call.__name__ = call.__qualname__ = name
    call.__doc__ = "One step: the new state. Shapes: input [N, inputs], hx [N, hidden]."
    return call


gru_cell = _cell("gru_cell", _gru)
rnn_tanh_cell, rnn_relu_cell = _cell("rnn_tanh_cell", _rnn, False), _cell("rnn_relu_cell", _rnn, True)


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step: the new state and cells.

    Shapes: input [N, inputs], hx two of [N, hidden]. Raises: RuntimeError for other shapes.
    """
    x, (h, c) = need_tensor(input, "lstm_cell"), hx
    _check_cell("lstm_cell", x, w_ih, w_hh, h, c)
    _, h, c = _lstm((x, w_ih, w_hh, b_ih, b_hh, None, h, c), (x._a.shape[0],), False)
    return h, c


nameless(globals())
