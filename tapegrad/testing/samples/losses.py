"""Losses of networks."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Row, call, kink, x

_HOW = ("mean", "sum", "none")
_FORM: dict[str, Any] = {"function": False, "method": False, "functional": True, "ulps": 8, "whole": True}
_SIGNS = [1.0, -1.0, -1.0, 1.0]
_BAD = (call(x(3), x(4)), call(x(3), x(3), reduction="no"))


def _p(*shape: int, **facts: Any) -> Array:
    """Probabilities."""
    return x(*shape, low=0, high=1, **facts)


def _signs(n: int = 4) -> Array:
    return x(n, values=_SIGNS[:n], grad=False)


def _numbers(values: Any) -> Array:
    shape: tuple[int, ...] = ()
    v = values
    while isinstance(v, list):
        shape, v = (*shape, len(v)), v[0]
    return x(*shape, dtype="int64", values=values)


_LOGS = x(6, 2, 5, low=-3, high=-1)
_W = x(4, 5, low=1, high=3, grad=False)
_PAIRS = tuple([call(x(*s), x(*s), reduction=r) for r in _HOW for s in ((), (3,), (4, 5))])

ROWS = (
    Row(
        "l1_loss",
        (*_PAIRS, call(x(4, 5), x(5)), *[call(x(4, 5), x(4, 5), weight=_W, reduction=r) for r in _HOW]),
        (*_BAD, call(x(3), x(3), weight=x(2, grad=False))),
        **_FORM,
    ),
    Row(
        "smooth_l1_loss",
        (*_PAIRS, call(x(4, 5), x(5)), *[call(x(4, 5), x(4, 5), beta=b) for b in (0.0, 0.3, 2.0)]),
        (*_BAD, call(x(3), x(3), beta=-1.0)),
        **_FORM,
    ),
    Row(
        "huber_loss",
        (*_PAIRS, *[call(x(4, 5), x(4, 5), delta=d, weight=w) for d in (0.3, 2.0) for w in (None, _W)]),
        (*_BAD, call(x(3), x(3), delta=0.0), call(x(3), x(3), weight=x(2, grad=False))),
        **_FORM,
    ),
    Row(
        "binary_cross_entropy",
        (
            *[call(_p(*s), _p(*s, grad=False), reduction=r) for r in _HOW for s in ((), (3,), (4, 5))],
            call(_p(4, 5), _p(4, 5)),
            *[call(_p(4, 5), _p(4, 5), _W, reduction=r) for r in _HOW],
            call(_p(4, 5), _p(4, 5), x(5, low=1, high=3, grad=False)),
        ),
        (
            call(_p(3), _p(4)),
            call(x(3, values=[0.5, 1.5, 0.2]), _p(3)),
            call(_p(3), _p(3), reduction="no"),
            call(_p(3), _p(3, dtype="float64")),
        ),
        **_FORM,
    ),
    Row(
        "binary_cross_entropy_with_logits",
        (
            *[call(x(*s), _p(*s, grad=False), reduction=r) for r in _HOW for s in ((), (3,), (4, 5))],
            call(x(4, 5), _p(4, 5)),
            *[call(x(4, 5), _p(4, 5, grad=False), _W, reduction=r) for r in _HOW],
            *[
                call(x(4, 5), _p(4, 5, grad=False), w, pos_weight=x(5, low=1, high=3, grad=False))
                for w in (None, _W)
            ],
        ),
        (call(x(3), _p(4)), call(x(3), _p(3), reduction="no")),
        **_FORM,
    ),
    Row(
        "kl_div",
        (
            *[call(x(*s), _p(*s), reduction=r) for r in (*_HOW, "batchmean") for s in ((), (3,), (4, 5))],
            *[call(x(4, 5), x(4, 5), reduction=r, log_target=True) for r in (*_HOW, "batchmean")],
        ),
        (call(x(3), x(4)), call(x(3), x(3), reduction="no")),
        **_FORM,
    ),
    Row(
        "poisson_nll_loss",
        (
            *[call(x(4, 5), x(4, 5, low=0, high=4, grad=False), reduction=r) for r in _HOW],
            call(x(4, 5), x(4, 5, low=0, high=4, grad=False), full=True),
            call(x(4, 5, low=1, high=4), x(4, 5, low=0, high=4, grad=False), log_input=False),
        ),
        (call(x(3), x(4)), call(x(3), x(3), reduction="no")),
        **_FORM,
    ),
    Row(
        "gaussian_nll_loss",
        (
            *[call(x(4, 5), x(4, 5), x(4, 5, low=1, high=3), reduction=r) for r in _HOW],
            call(x(4, 5), x(4, 5), x(4, low=1, high=3), full=True),
            call(x(4, 5), x(4, 5), x(4, 1, low=1, high=3)),
            call(x(4, 5), x(4, 5), 2.0),
        ),
        (
            call(x(3), x(3), x(3, values=[-1.0, 1.0, 1.0])),
            call(x(4, 5), x(4, 5), x(3, low=1, high=3)),
            call(x(3), x(3), x(3, low=1, high=3), reduction="no"),
            call(x(3), x(3), -1.0),
        ),
        **_FORM,
    ),
    Row(
        "soft_margin_loss",
        tuple([call(x(4), _signs(), reduction=r) for r in _HOW]),
        (call(x(3), x(4)), call(x(3), x(3), reduction="no")),
        **_FORM,
    ),
    Row(
        "hinge_embedding_loss",
        (*[call(x(4), _signs(), reduction=r) for r in _HOW], call(x(4), _signs(), 0.3)),
        (call(x(3), x(4)), call(x(3), x(3), reduction="no")),
        **_FORM,
    ),
    Row(
        "margin_ranking_loss",
        (*[call(x(4), x(4), _signs(), reduction=r) for r in _HOW], call(x(4), x(4), _signs(), 0.3)),
        (call(x(3), x(4), x(3)), call(x(3), x(1, 3), x(3)), call(x(3), x(3), x(3), reduction="no")),
        **_FORM,
    ),
    Row(
        "cosine_embedding_loss",
        (
            *[call(x(4, 5), x(4, 5), _signs(), reduction=r) for r in _HOW],
            call(x(4, 5), x(4, 5), _signs(), 0.3),
            call(x(5), x(5), x(values=1.0, grad=False)),
        ),
        (call(x(4, 5), x(4, 5), x(4, 1)), call(x(4), x(4), _signs())),
        **_FORM,
    ),
    Row(
        "triplet_margin_loss",
        (
            *[call(x(4, 5), x(4, 5), x(4, 5), reduction=r) for r in _HOW],
            call(x(4, 5), x(4, 5), x(4, 5), 2.0, 1.0, swap=True),
            call(x(5), x(5), x(5)),
        ),
        (call(x(4, 5), x(5), x(4, 5)), call(x(5), x(5), x(5), -1.0)),
        **_FORM,
    ),
    Row(
        "triplet_margin_with_distance_loss",
        (
            *[call(x(4, 5), x(4, 5), x(4, 5), reduction=r) for r in _HOW],
            call(x(4, 5), x(4, 5), x(4, 5), margin=2.0, swap=True),
        ),
        (call(x(5), x(5), x(5), margin=-1.0),),
        **_FORM,
    ),
    Row(
        "multilabel_soft_margin_loss",
        (
            *[call(x(4, 5), _p(4, 5, grad=False), reduction=r) for r in _HOW],
            call(x(4, 5), _p(4, 5, grad=False), x(5, low=1, high=3, grad=False)),
        ),
        (call(x(4, 5), _p(4, 3)),),
        **_FORM,
    ),
    Row(
        "multi_margin_loss",
        (
            *[
                call(x(*s), _numbers(t), p, reduction=r)
                for s, t in (((4, 5), [0, 4, 1, 1]), ((5,), 2), ((5,), [3]))
                for p in (1, 2)
                for r in _HOW
            ],
            call(x(4, 5), _numbers([0, 4, 1, 1]), margin=0.3, weight=x(5, low=1, high=3, grad=False)),
            call(x(4, 5, dtype="float64", layout="transposed"), _numbers([0, 4, 1, 1])),
        ),
        (
            *[call(x(2, 3), _numbers(t)) for t in ([0, 3], [0, -1], [0], [[0, 1]])],
            *[call(x(2, 3), _numbers([0, 1]), **kw) for kw in ({"p": 3}, {"reduction": "no"})],
            *[call(x(2, 3), _numbers([0, 1]), weight=x(*s, grad=False)) for s in ((2,), (3, 1))],
            *[call(x(*s), _numbers([0, 1])) for s in ((2, 0), (2, 2, 3))],
            call(x(2, 3, dtype="int64"), _numbers([0, 1])),
            call(x(2, 3), x(2)),
        ),
        **_FORM,
    ),
    Row(
        "multilabel_margin_loss",
        (
            *[
                call(x(*s), _numbers(t), reduction=r)
                for s, t in (
                    ((3, 4), [[0, 1, -1, 2], [3, 3, -1, -1], [-1, 0, 0, 0]]),
                    ((4,), [2, 0, -1, -1]),
                    ((4,), [2, 0, 1, 3]),
                )
                for r in _HOW
            ],
            call(x(2, 3, dtype="float64"), _numbers([[0, -1, 0], [1, 2, -1]])),
        ),
        (
            *[call(x(3), _numbers(t)) for t in ([0, 3, -1], [0, -2, -1], [0, -1])],
            call(x(3), _numbers([0, 1, -1]), reduction="no"),
            call(x(3), x(3)),
            call(x(2, 2, 3), x(2, 2, 3, dtype="int64")),
        ),
        **_FORM,
    ),
    Row(
        "linear_cross_entropy",
        (
            *[call(x(3, 4), x(5, 4), _numbers([0, 4, 1]), reduction=r) for r in _HOW],
            call(
                x(3, 4), x(5, 4), _numbers([0, 4, 1]), linear_bias=x(5), ignore_index=1, label_smoothing=0.1
            ),
            call(x(3, 4), x(5, 2, 4), _numbers([[0, 4], [1, 1], [2, 0]]), linear_bias=x(5, 2)),
            call(x(4), x(5, 4), _numbers(2), weight=x(5, low=1, high=3, grad=False)),
            call(x(3, 4), x(5, 4), _p(3, 5)),
        ),
        (
            call(x(3, 4), x(5, 3), _numbers([0, 4, 1])),
            call(x(3, 4), x(4), _numbers([0, 4, 1])),
            call(x(2, 3, 4), x(5, 4), _numbers([0, 4])),
            call(x(3, 4), x(5, 4), _numbers([0, 4, 1]), linear_bias=x(4)),
            call(x(4), x(5, 2, 4), _numbers([0, 4])),
            call(x(3, 4), x(5, 4), _p(3, 5), ignore_index=1),
        ),
        **_FORM,
    ),
    Row(
        "ctc_loss",
        (
            *[
                kink(_LOGS, targets, steps, lengths, reduction=r)
                for targets, steps, lengths in (
                    (_numbers([[1, 2], [3, 3]]), (6, 5), (2, 2)),
                    (_numbers([[1, 2], [3, 3]]), _numbers([6, 6]), _numbers([0, 1])),
                    (_numbers([1, 2, 2]), (4, 6), (1, 2)),
                )
                for r in _HOW
            ],
            *[
                kink(_LOGS, _numbers([[1, 2], [3, 3]]), (1, 6), (2, 2), zero_infinity=True, reduction=r)
                for r in _HOW
            ],
            *[kink(_LOGS, _numbers([[1, 2], [3, 3]]), (0, 6), (n, 2), 0, "none", True) for n in (0, 1)],
            kink(x(6, 5, low=-3, high=-1), _numbers([4, 2]), (6,), (2,), 3, "none"),
            kink(x(6, 5, low=-3, high=-1, dtype="float64"), _numbers([4, 4]), _numbers(6), _numbers(2)),
        ),
        (
            *[call(_LOGS, _numbers([[1, 2], [3, 3]]), n, (2, 2)) for n in ((7, 6), (6,), (-1, 6))],
            *[call(_LOGS, _numbers([[1, 2], [3, 3]]), (6, 6), n) for n in ((3, 2), (2,), (-1, 2))],
            *[call(_LOGS, _numbers(t), (6, 6), (2, 2)) for t in ([1, 2, 3], [[1, 2]], [[[1]]])],
            *[call(_LOGS, _numbers([[1, 2], [3, 3]]), (6, 6), (2, 2), 5)],
            call(_LOGS, _numbers([[1, 2], [3, 3]]), (6, 6), (2, 2), reduction="no"),
            call(_LOGS, _numbers([[1, 2], [3, 3]]), 6, (2, 2)),
            call(x(6, 2, 5, dtype="float16"), _numbers([[1, 2], [3, 3]]), (6, 6), (2, 2)),
            call(x(6, 0, 5), x(0, 2, dtype="int64"), (), ()),
        ),
        **_FORM,
    ),
)
