"""Losses of networks."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Row, call, x

_HOW = ("mean", "sum", "none")
_FORM: dict[str, Any] = {"function": False, "method": False, "functional": True, "ulps": 8, "whole": True}
_SIGNS = [1.0, -1.0, -1.0, 1.0]
_BAD = (call(x(3), x(4)), call(x(3), x(3), reduction="no"))


def _p(*shape: int, **facts: Any) -> Array:
    """Probabilities."""
    return x(*shape, low=0, high=1, **facts)


def _signs(n: int = 4) -> Array:
    return x(n, values=_SIGNS[:n], grad=False)


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
)
