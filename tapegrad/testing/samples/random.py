"""Random draws: from the same seed, torch's numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tapegrad.testing.samples.base import Call, Name, Row, call, x

_SEED = 20_26


def _function(name: str) -> Callable[..., Any]:
    """torch.name(...) right after seeding."""

    def draw(torch: Any, *args: Any, **kwargs: Any) -> Any:
        torch.manual_seed(_SEED)
        return getattr(torch, name)(*args, **kwargs)

    return draw


def _method(name: str) -> Callable[..., Any]:
    """x.name(...) right after seeding."""

    def draw(torch: Any, a: Any, *args: Any, **kwargs: Any) -> Any:
        torch.manual_seed(_SEED)
        return getattr(a, name)(*args, **kwargs)

    return draw


def _drawn(name: str, *samples: Call, errors: tuple[Call, ...] = (), derivative: bool = True) -> Row:
    """The function `name`. Its numbers change with its parameters, and the derivative is 0 all the same."""
    rough = tuple([replace(c, smooth=False) for c in samples])
    return Row(name, rough, errors=errors, how=_function(name), derivative=derivative)


def _drawing(name: str, *samples: Call, errors: tuple[Call, ...] = ()) -> Row:
    """The in-place draw `name`, on small and large targets of every layout."""
    targets = [x(), x(3), x(4, 5), x(4, 5, dtype="float64"), x(0), x(3, 4, 5)]
    targets += [x(4, 5, layout=layout) for layout in ("transposed", "strided", "offset")]
    each = [call(a) for a in targets]
    return Row(name, (*each, *samples), errors=errors, how=_method(name), writes=True)


_SIZES = (
    *[call(3), call(4, 5), call((2, 3)), call(()), call(0), call(16), call(17)],
    *[call(20, dtype=Name("float64")), call(3, requires_grad=True)],
)
_BAD_SIZES = (call(-1), call(2.0), call("x"), call(), call(3, dtype=Name("int64")))
_MODELS = (
    *[call(x(3)), call(x(4, 5, dtype="float64")), call(x(3), dtype=Name("float64")), call(x())],
    *[call(x(4, 5, layout=layout)) for layout in ("transposed", "strided", "expanded", "offset")],
)
_PROBABILITIES = x(4, 5, low=0, high=1)

ROWS = (
    _drawn("rand", *_SIZES, errors=_BAD_SIZES),
    _drawn("randn", *_SIZES, errors=_BAD_SIZES),
    _drawn("rand_like", *_MODELS, errors=(call(x(3, dtype="int64")),)),
    _drawn("randn_like", *_MODELS, errors=(call(x(3, dtype="int64")),)),
    _drawn(
        "randint",
        *[call(10, (3,)), call(5, 10, (4, 5)), call(-3, 3, (20,)), call(10, (3,), dtype=Name("int32"))],
        *[call(high=10, size=(3,)), call(2, (3,), dtype=Name("float32")), call(2**40, (3,)), call(10, ())],
        errors=(call(0, (3,)), call(5, 5, (3,)), call(10), call(10, (-1,)), call((3,))),
    ),
    _drawn(
        "randperm", call(10), call(0), call(1), call(100), call(5, dtype=Name("int32")), errors=(call(-1),)
    ),
    _drawn(
        "normal",
        *[call(0.0, 1.0, (3,)), call(2.0, 3.0, (4, 5)), call(0, 1, (20,), dtype=Name("float64"))],
        *[call(x(3), 2.0), call(0.0, x(3, low=1, high=3))],
        *[call(x(20), x(20, low=1, high=3)), call(x(20))],
        errors=(call(0.0, -1.0, (3,)), call(0.0, 1.0), call(x(3), -1.0)),
    ),
    _drawn(
        "bernoulli",
        call(_PROBABILITIES),
        call(x(low=0, high=1)),
        errors=(call(x(3, low=2, high=3)),),
    ),
    _drawing("uniform_", call(x(4, 5), 2.0, 3.0), errors=(call(x(3), 3.0, 2.0), call(x(3, dtype="int64")))),
    _drawing(
        "normal_", call(x(4, 5), 2.0, 3.0), call(x(3), mean=1.0, std=0.5), errors=(call(x(3), 0.0, -1.0),)
    ),
    _drawing(
        "random_",
        *[call(x(4, 5), 10), call(x(4, 5, dtype="int64"), 2, 7), call(x(3, dtype="uint8")), call(x(3), 5, 6)],
        errors=(call(x(3), 0), call(x(3), 5, 5)),
    ),
    _drawing(
        "bernoulli_",
        *[call(x(4, 5), 0.25), call(x(4, 5), replace(_PROBABILITIES, grad=False)), call(x(3, dtype="int64"))],
        errors=(call(x(3), 1.5), call(x(3), -0.5)),
    ),
    _drawing("exponential_", call(x(4, 5), 2.0), errors=(call(x(3), 0.0), call(x(3, dtype="int64")))),
    _drawing("cauchy_", call(x(4, 5), 2.0, 3.0), errors=(call(x(3), 0.0, -1.0), call(x(3, dtype="int64")))),
    _drawing("log_normal_", call(x(4, 5), 0.5, 0.25), errors=(call(x(3), 0.0, -1.0),)),
    Row(
        "geometric_",
        (call(x(4, 5), 0.3), call(x(20, dtype="int64"), 0.01), call(x(), 0.9), call(x(0), 0.5)),
        errors=(call(x(3), 1.5), call(x(3), 0.0), call(x(3))),
        how=_method("geometric_"),
        writes=True,
    ),
    *[
        Row(
            f"{name} in training",
            tuple([call(a, training=True) for a in (x(4, 5), x(17, dtype="float64"), x(0), x())]),
            errors=(call(x(3), 0.5, 0.25, training=True),),
            how=_function(name),
            writes=name == "rrelu_",
            ulps=1,  # torch multiplies by the slope before that is rounded
        )
        for name in ("rrelu", "rrelu_")
    ],
    _drawn(
        "randint_like",
        *[
            call(x(3), 5),
            call(x(4, 5, dtype="int64"), 2, 7),
            call(x(3), 5, dtype=Name("int32")),
            call(x(), 9),
        ],
        *[call(x(4, 5, layout="transposed"), 9), call(x(3), low=2, high=7), call(x(3), high=7)],
        errors=(call(x(3)), call(x(3), 0), call(x(3), 5, 5), call(x(3), 1, 2, 3)),
    ),
    _drawn(
        "poisson",
        *[call(x(low=1, high=9)), call(x(20, low=0, high=40))],
        *[call(x(4, 5, low=0, high=3, dtype="float64")), call(x(0))],
        *[call(x(4, 5, low=0, high=90, layout="transposed"))],
        errors=(call(x(3, low=-3, high=-1)), call(x(3, dtype="int64"))),
    ),
    _drawn(
        "binomial",
        *[call(x(3, 4, low=1, high=90), x(3, 4, low=0, high=1))],
        *[
            call(
                x(20, low=1, high=9, dtype="float64"),
                x(dtype="float64", low=0, high=1),
            )
        ],
        *[call(x(3, low=-3, high=-1), x(3, low=0, high=1))],
        *[call(x(3, low=1), x(3, low=2, high=3))],
        errors=(call(x(3, low=1), x(4, low=0, high=1)),),
        derivative=False,
    ),
    _drawn(
        "multinomial",
        *[call(x(9, low=0, high=3), 4), call(x(9, low=0, high=3), 20, True)],
        *[call(x(4, 9, low=0, high=3), 3), call(x(4, 9, low=0, high=3), 30, True)],
        *[call(x(5, low=0, high=3, dtype="float64"), 1)],
        errors=(
            call(x(3, low=1), 4),
            call(x(3, low=-3, high=-1), 1),
            call(x(2, 2, 2, low=1), 1),
            call(x(3, low=1), 0),
            call(x(3, dtype="int64"), 1),
        ),
    ),
)
