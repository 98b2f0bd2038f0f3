"""Activations of networks."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, kink, x
from tapegrad.testing.samples.kinds import one


def _row(name: str, *more: Call, errors: tuple[Call, ...] = (), **facts: Any) -> Row:
    """An activation: the samples of every elementwise op, and some of its own."""
    samples = (*one(-4, 4), *more)
    return Row(name, samples, errors, function=False, method=False, functional=True, ulps=4, **facts)


ROWS = (
    _row("relu6", kink(x(3, values=[0.0, 6.0, -0.0])), functional_writer=True),
    _row("leaky_relu", call(x(4, 5), 0.2), call(x(3), negative_slope=-0.5), functional_writer=True),
    _row(
        "hardtanh",
        call(x(4, 5), -0.7, 1.2),
        call(x(4, 5, dtype="int64"), 0, 1),
        kink(x(2, values=[-1.0, 1.0])),
        errors=(call(x(3), 2.0, 1.0),),
        functional_writer=True,
    ),
    _row("elu", call(x(4, 5), 2.5), call(x(3), alpha=0.0), functional_writer=True),
    _row("silu", functional_writer=True),
    _row("mish", functional_writer=True),
    _row("hardswish", kink(x(2, values=[-3.0, 3.0])), functional_writer=True),
    _row("hardsigmoid", kink(x(2, values=[-3.0, 3.0])), functional_writer=True),
    _row(
        "gelu",
        *[call(x(*s), approximate="tanh") for s in ((), (3,), (4, 5), (0,))],
        kink(x(5, values=[0.0, -0.0, float("inf"), float("-inf"), float("nan")]), approximate="tanh"),
        errors=(call(x(3), approximate="no"),),
        whole=True,
    ),
    _row("softplus", call(x(4, 5), 2.0, 1.3), call(x(3), beta=0.5, threshold=1)),
    _row("logsigmoid"),
    _row("softshrink", call(x(4, 5), 1.25), call(x(3), 0.0), errors=(call(x(3), -1.0),)),
    _row("softsign"),
    _row("tanhshrink", whole=True),
    Row(
        "softmin",
        (call(x(4, 5), 1), call(x(4, 5), dim=0), call(x(3), -1), call(x(), 0)),
        (call(x(3), 1), call(x(3, dtype="int64"), 0)),
        function=False,
        method=False,
        functional=True,
        ulps=4,
        whole=True,
    ),
    Row(
        "glu",
        (
            *[call(x(*s)) for s in ((4,), (3, 4), (2, 3, 6), (0, 4), (3, 0))],
            *[call(x(4, 6, layout=at), 0) for at in ("plain", "transposed", "strided", "expanded")],
            *[call(x(4, 6, dtype=d), dim=1) for d in ("float64", "float16")],
        ),
        (
            call(x()),
            call(x(3)),
            call(x(4), 1),
            call(x(4, dtype="int64")),
            call(x(4, 3), -1),
        ),
        function=False,
        method=False,
        functional=True,
        ulps=4,
    ),
)
