"""Normalisations of networks."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Row, call, x

_FORM: dict[str, Any] = {"function": False, "method": False, "functional": True, "ulps": 8, "whole": True}
_RUNNING = (x(4, grad=False), x(4, low=1, high=3, grad=False))

ROWS = (
    Row(
        "layer_norm",
        (
            *[call(x(*s), s[-1:]) for s in ((4,), (3, 4), (2, 3, 4))],
            *[call(x(*s), s[-1:], x(s[-1]), x(s[-1])) for s in ((4,), (3, 4), (2, 3, 4), (8, 16))],
            call(x(2, 3, 4), (3, 4), x(3, 4), x(3, 4), 0.1),
            call(x(3, 4), [4], x(4)),
            call(x(3, 4), (4,), None, x(4)),
            *[call(x(3, 4, dtype=d), (4,), x(4, dtype=d), x(4, dtype=d)) for d in ("float64", "float16")],
            *[call(x(3, 4, layout=at), (4,), x(4), x(4)) for at in ("transposed", "strided")],
            call(x(3, 4, grad=False), (4,), x(4), x(4)),
            call(x(3, 4), (4,), x(4, grad=False), x(4, grad=False)),
        ),
        (
            call(x(3, 4), (3,)),
            call(x(3, 4), (4,), x(3)),
            call(x(3, 4), ()),
            call(x(3, 4), (4,), x(4), x(3)),
            call(x(3, 4), (2, 3, 4)),
        ),
        **_FORM,
    ),
    Row(
        "rms_norm",
        (
            *[call(x(*s), s[-1:]) for s in ((4,), (3, 4), (2, 3, 4))],
            *[call(x(*s), s[-1:], x(s[-1])) for s in ((4,), (3, 4), (2, 3, 4))],
            call(x(2, 3, 4), (3, 4), x(3, 4), 0.1),
            call(x(3, 4, dtype="float64"), (4,), x(4, dtype="float64")),
        ),
        (call(x(3, 4), (3,)), call(x(3, 4), (4,), x(3))),
        **_FORM,
    ),
    Row(
        "group_norm",
        (
            *[call(x(*s), 2, x(4), x(4)) for s in ((2, 4, 3), (2, 4, 2, 3))],
            call(x(3, 12), 2, x(12), x(12)),
            call(x(2, 4, 3), 1),
            call(x(2, 4, 3), 4, x(4), None, 0.1),
            call(x(2, 4, 3, dtype="float64"), 2, None, x(4, dtype="float64")),
        ),
        (call(x(4), 2), call(x(2, 5, 3), 2), call(x(2, 4, 3), 2, x(3)), call(x(1, 1), 1)),
        **_FORM,
    ),
    Row(
        "batch_norm",
        (
            *[call(x(*s), None, None, x(4), x(4), True) for s in ((3, 4), (2, 4, 3), (2, 4, 2, 3))],
            call(x(3, 4), None, None, None, None, True),
            call(x(3, 4), None, None, x(4), None, True, 0.1, 0.1),
            call(x(3, 4), *_RUNNING, x(4), x(4)),
            call(x(2, 4, 3), *_RUNNING),
            call(x(3, 4, dtype="float64"), None, None, training=True),
        ),
        (
            call(x(1, 4), None, None, None, None, True),
            call(x(3, 4), None, None),
            call(x(3, 4), *_RUNNING, x(3)),
            call(x(3, 4), None, None, None, None, True, 0.1, 0.0),
            call(x(3, 4), *_RUNNING, eps=-1.0),
        ),
        **_FORM,
    ),
    Row(
        "instance_norm",
        (
            *[call(x(*s), None, None, x(4), x(4)) for s in ((2, 4, 3), (2, 4, 2, 3))],
            call(x(2, 4, 3)),
            call(x(2, 4, 3), *_RUNNING, use_input_stats=False),
        ),
        (call(x(2, 4, 1)), call(x(2, 4, 3), None, None, x(3))),
        **_FORM,
    ),
    Row(
        "local_response_norm",
        (
            *[call(x(*s), 2) for s in ((2, 4, 3), (2, 4, 3, 2), (2, 3, 2, 2, 2))],
            call(x(2, 4, 3), 3, 0.5, 0.5, 2.0),
        ),
        (call(x(3, 4), 2),),
        **_FORM,
    ),
)
