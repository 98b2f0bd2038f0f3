"""Elements and entries at places that indices and masks name."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Call, Row, call, kink, x
from tapegrad.testing.samples.index import at, mask
from tapegrad.testing.samples.kinds import DTYPES

_I = at([0, 1, 2], [2, 3, 0])  # places along dimension 0 of [4, 3]
_R = at([0, 0, 3], [3, 0, 0])  # the same, some twice
_J = at([0, 2], [1, 1], [2, 2], [0, 0])  # along dimension 1
_NONE = x(0, dtype="int64")
_MASK = mask(*[[(i + j) % 3 == 0 for j in range(3)] for i in range(4)])
_COLUMN = mask([True], [False], [True], [True])
_LAYOUTS = ("transposed", "strided", "expanded", "offset", "computed")


def _zero_d(*values: Any, dtype: str = "int64") -> Array:
    return Array((), dtype, values=values[0])


_GATHERED = (
    *[call(x(4, 3), 0, i) for i in (_I, _R, at([0, 1]), at([3], [2], [1], [1], [0]))],
    call(x(4, 3), 1, _J),
    call(x(4, 3), -1, at([2])),
    call(x(4, 3), dim=0, index=_I),
    call(x(2, 3, 4), 1, at([[0, 1], [2, 0]], [[1, 1], [0, 2]])),
    call(x(2, 3, 4), 2, at([[3], [0]])),
    call(x(2, 3, 4), 0, at([[1, 0, 1]])),
    call(x(5), 0, at(4, 0, 0)),
    call(x(5), 0, _zero_d(1)),
    call(x(), 0, _zero_d(0)),
    call(x(), -1, at(0, 0)),
    call(x(), 0, at(0)),
    call(x(4, 3), 0, x(0, 3, dtype="int64")),
    call(x(4, 3), 0, _NONE),
    call(x(0, 3), 1, x(0, 2, dtype="int64")),
    call(x(4, 3), 0, at([0, 1, 2], dtype="int32")),
    *[call(x(4, 3, dtype=d), 0, _R) for d in DTYPES],
    *[call(x(4, 3, layout=k), 0, _R) for k in _LAYOUTS],
    *[call(x(4, 3, layout=k), 1, _J) for k in _LAYOUTS],
    call(x(6, 50), 1, x(6, 40, dtype="int64", low=0, high=50)),
    call(x(60, 5), 0, x(7, 5, dtype="int64", low=0, high=60)),
)
_NOT_GATHERED = (
    call(x(4, 3), 0, at([4])),
    call(x(4, 3), 0, at([-1])),
    call(x(4, 3), 2, at([0])),
    call(x(4, 3), 0, at(0)),
    call(x(4, 3), 0, at([0, 0, 0, 0])),
    call(x(4, 3), 0, at([0.0], dtype="float32")),
    call(x(4, 3), 0, at([0], dtype="int16")),
    call(x(4, 3), 0, [[0]]),
    call(x(), 0, _zero_d(1)),
    call(x(60, 5), 0, x(7, 5, dtype="int64", low=-9, high=60)),
)


def _written(*more: Any, **kwargs: Any) -> tuple[Call, ...]:
    """What all that write the elements of a source at places have in common."""
    kind = kwargs.pop("kind", call)
    once = kind if kind is kink else call
    return (
        once(x(4, 3), 0, _I, x(2, 3), *more, **kwargs),
        once(x(4, 3), 1, at([0, 2], [1, 0]), x(2, 2), *more, **kwargs),
        once(x(4, 3), -2, at([3]), x(1, 1), *more, **kwargs),
        once(x(2, 3, 4), 1, at([[0, 1]], [[2, 0]]), x(2, 1, 2), *more, **kwargs),
        once(x(5), 0, at(4, 0), x(2), *more, **kwargs),
        once(x(5), 0, _zero_d(1), x(), *more, **kwargs),
        once(x(), 0, _zero_d(0), x(), *more, **kwargs),
        once(x(4, 3), 0, _NONE, x(4, 3), *more, **kwargs),
        once(x(4, 3), 0, at([0, 1, 2], dtype="int32"), x(1, 3), *more, **kwargs),
        *[once(x(4, 3, layout=k), 0, _I, x(2, 3, layout=k), *more, **kwargs) for k in _LAYOUTS],
        once(x(4, 3, grad=False), 0, _I, x(2, 3), *more, **kwargs),
        once(x(4, 3), 0, _I, x(2, 3, grad=False), *more, **kwargs),
    )


def _not_written(*more: Any, **kwargs: Any) -> tuple[Call, ...]:
    return (
        call(x(4, 3), 0, at([4]), x(1, 1), *more, **kwargs),
        call(x(4, 3), 0, at([-1]), x(1, 1), *more, **kwargs),
        call(x(4, 3), 2, at([0]), x(1, 1), *more, **kwargs),
        call(x(4, 3), 0, at(0), x(1), *more, **kwargs),
        call(x(4, 3), 0, at([0, 0, 0, 0]), x(1, 4), *more, **kwargs),
        call(x(4, 3), 0, at([0, 1]), x(1, 1), *more, **kwargs),
        call(x(4, 3), 0, at([0, 1]), x(2), *more, **kwargs),
        call(x(4, 3), 0, at([0, 1], [1, 0]), x(1), *more, **kwargs),
        *[call(x(*s), 0, at(*i), x(), *more, **kwargs) for s, i in (((4, 3), [[0, 1]]), ((5,), [0, 1]))],
        call(x(4, 3), 0, at([0]), x(1, 1, dtype="float64"), *more, **kwargs),
        call(x(4, 3), 0, at([0.0], dtype="float32"), x(1, 1), *more, **kwargs),
        call(x(4, 3), 0, [[0]], x(1, 1), *more, **kwargs),
    )


_BIG = (x(6, 50, low=1, high=4), 0, x(30, 50, dtype="int64", low=0, high=6), x(30, 50, low=1, high=4))


def _reduced(how: str) -> tuple[Call, ...]:
    """What all reductions at places have in common."""
    ties = Array((2, 3), values=[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    own = Array((4, 3), values=[[1.0, 2.0, 0.5]] * 4)
    numbers = [d for d in DTYPES if d != "bool"]
    return (
        *_written(how),
        *[call(x(4, 3), 0, _R, x(2, 3), how, include_self=s) for s in (True, False)],
        kink(own, 0, at([0, 1, 2], [0, 1, 2]), ties, how),
        kink(own, 0, at([0, 1, 2], [0, 1, 2]), ties, how, include_self=False),
        kink(
            x(3, values=[1.0, float("nan"), 2.0]), 0, at(0, 0, 1), x(3, values=[2.0, float("nan"), 1.0]), how
        ),
        *[call(x(4, 3, dtype=d), 0, _R, x(2, 3, dtype=d), how) for d in numbers],
        *[call(x(4, 3, dtype=d), 0, _R, x(2, 3, dtype=d), how, include_self=False) for d in numbers],
    )


_ZEROS = (
    call(x(3, values=[0.0, 2.0, 3.0]), 0, at(0, 1, 1, 2), x(4, values=[5.0, 0.0, 4.0, 1.5]), "prod"),
    call(
        x(3, values=[1.0, 0.0, 3.0]), 0, at(0, 1, 1), x(3, values=[0.0, 2.0, 4.0]), "prod", include_self=False
    ),
)
_ENTRIES = (
    call(x(4, 3), 0, at(2, 0)),
    call(x(4, 3), 1, at(2, 2, 1)),
    call(x(4, 3), -1, at(0)),
    call(x(2, 3, 4), 1, at(2, 0, 1)),
    call(x(2, 3, 4), 2, at(3, 3)),
    call(x(5), 0, at(1, 4)),
    call(x(5), 0, _zero_d(3)),
    call(x(4, 3), 0, _zero_d(3)),
    call(x(), 0, at(0)),
    call(x(), 0, _zero_d(0)),
    call(x(4, 3), 0, _NONE),
    call(x(4, 0), 0, at(1, 2)),
    *[call(x(4, 3, dtype=d), 0, at(1, 1)) for d in DTYPES],
    *[call(x(4, 3, layout=k), 1, at(0, 2)) for k in _LAYOUTS],
    call(x(60, 5), 0, x(40, dtype="int64", low=0, high=60)),
)


def _with_source(calls: tuple[Call, ...], *more: Any, **kwargs: Any) -> tuple[Call, ...]:
    """The same with a source that fits."""
    found = []
    for c in calls:
        a, dim, index = c.args
        i, n = dim % max(len(a.shape), 1), index.shape[0] if index.shape else 1
        shape = (*a.shape[:i], n, *a.shape[i + 1 :]) if a.shape else ()
        found.append(Call((a, dim, index, x(*shape, dtype=a.dtype), *more), {**c.kwargs, **kwargs}, c.smooth))
    return tuple(found)


_NO_ENTRIES = (
    call(x(4, 3), 0, at(4)),
    call(x(5), 0, at(5)),
    call(x(4, 3), 2, at(0)),
    call(x(4, 3), 0, at(0.0, dtype="float32")),
    call(x(4, 3), 0, at(0, dtype="int16")),
    call(x(4, 3), 0, [0]),
)
_ONCE = tuple(
    [
        c
        for c in _ENTRIES
        if c.args[2].values is not None and len(set(c.args[2].draw(0).reshape(-1))) == c.args[2].draw(0).size
    ]
)


def _not_fitting(*more: Any) -> tuple[Call, ...]:
    return (
        *[Call((*c.args, x(1, 3), *more)) for c in _NO_ENTRIES if c.args[0].shape == (4, 3)],
        call(x(5), 0, at(5), x(1), *more),
        call(x(5), 0, at(-1), x(1), *more),
        call(x(4, 3), 0, at(-1), x(1, 3), *more),
        call(x(4, 3), 0, at([1]), x(1, 3), *more),
        call(x(4, 3), 0, at(1), x(2, 3), *more),
        call(x(4, 3), 0, at(1), x(1, 2), *more),
        call(x(4, 3), 0, at(1), x(1, 3, dtype="float64"), *more),
        call(x(4, 3), 0, at(1), 2.0, *more),
        call(x(4, 3), 0, at(1), x(), *more),
        *[call(x(4, 3), d, at(1, 0), x(), *more) for d in (0, 1)],
        call(x(4, 3), 0, at(1, 0), x(3, 2), *more),
        call(x(), 0, at(0), x(1, 1), *more),
        call(x(), 0, at(0, 0), x(2, 3), *more),
    )


_MASKED = (
    *[call(x(4, 3, dtype=d), _MASK) for d in DTYPES],
    *[call(x(4, 3, layout=k), _MASK) for k in _LAYOUTS],
    call(x(4, 3), _COLUMN),
    call(x(4, 3), mask(True, False, True)),
    call(x(4, 3), _zero_d(True, dtype="bool")),
    call(x(3), mask(True, False, True)),
    call(x(), _zero_d(True, dtype="bool")),
    call(x(), _zero_d(False, dtype="bool")),
    call(x(0), x(0, dtype="bool")),
    call(x(2, 0, 3), x(2, 0, 3, dtype="bool")),
)
_WIDER = (call(x(3), _MASK), call(x(4, 1), _MASK))
_BAD_MASKS = (
    call(x(4, 3), mask(True, False)),
    call(x(4, 3), x(4, 3, dtype="uint8")),
    call(x(4, 3), x(4, 3, dtype="int64")),
    call(x(4, 3), x(4, 3)),
    call(x(4, 3), [True]),
)


def _and(calls: tuple[Call, ...], *more: Any) -> tuple[Call, ...]:
    return tuple([Call((*c.args, *more), c.kwargs, c.smooth) for c in calls])


_TAKEN = (
    *[call(x(4, 3, dtype=d), at([0, 11], [-2, 5])) for d in DTYPES],
    *[call(x(4, 3, layout=k), at(0, 0, 11, -12)) for k in _LAYOUTS],
    call(x(4, 3), _zero_d(7)),
    call(x(), at(0, -1)),
    call(x(), _zero_d(0)),
    call(x(5), _NONE),
    call(x(0), _NONE),
)
_NOT_TAKEN = (
    call(x(4, 3), at(12)),
    call(x(4, 3), at(-13)),
    call(x(0), at(0)),
    call(x(4, 3), at(0.0, dtype="float32")),
    call(x(4, 3), at(0, dtype="int32")),
    call(x(4, 3), [0]),
)
_FOUND = (
    *[call(x(4, 3, dtype=d, low=-1, high=1)) for d in ("int64", "bool", "uint8")],
    call(x(4, values=[0.0, -0.0, float("nan"), 2.0])),
    call(x()),
    call(_zero_d(0)),
    call(x(2, 3, 4, dtype="bool")),
    call(x(0)),
    call(x(2, 0, 3)),
    call(x(4, 3, layout="transposed")),
)

ROWS = (
    Row("gather", _GATHERED, errors=_NOT_GATHERED, out=True),
    Row(
        "scatter",
        (
            *_written(),
            *[
                call(x(4, 3), 0, _R, 2.5),
                call(x(4, 3), 1, at([0, 1]), -1),
                call(x(4, 3, dtype="int64"), 0, _R, 2),
            ],
            *[call(x(4, 3, dtype=d), 0, _I, x(2, 3, dtype=d)) for d in DTYPES],
            *[
                call(x(4, 3), 0, index=_I, value=2.0),
                call(x(4, 3), 0, _I, src=x(2, 3)),
                call(x(), 0, at(0), 1.0),
            ],
            call(x(4, 3), 0, at([0, 1]), x(2, 3)),
            *[call(x(4, 3, grad=False), 0, _R, x(2, 3, grad=False), reduce=r) for r in ("add", "multiply")],
            *[call(x(4, 3, grad=False), 0, _R, 2.0, reduce=r) for r in ("add", "multiply")],
            call(x(4, 3, dtype="int64"), 0, _R, 2, reduce="add"),
        ),
        errors=(
            *_not_written(),
            call(x(4, 3), 0, _I, 2.0, reduce="mean"),
            call(x(4, 3), 0, _I),
            call(x(4, 3), 0, _I, "x"),
            call(x(4, 3), 0, _I, value=x()),
        ),
        inplace=True,
        out=True,
    ),
    Row(
        "scatter_add",
        (
            *_written(),
            *[call(x(4, 3), 0, _R, x(2, 3))],
            *[call(x(4, 3, dtype=d), 0, _R, x(2, 3, dtype=d)) for d in DTYPES],
            call(*_BIG),
        ),
        errors=_not_written(),
        inplace=True,
        out=True,
        whole=True,
        ulps=2,
    ),
    *[
        Row(
            f"scatter_reduce {how}",
            (
                *_reduced(how),
                (kink if how[0] == "a" else call)(*_BIG, how),
                *(_ZEROS if how == "prod" else ()),
            ),
            errors=(
                *_not_written(how),
                call(x(4, 3), 0, _I, x(2, 3), "median"),
                call(x(4, 3), 0, _I, x(2, 3)),
            ),
            how=lambda torch, *args, **kwargs: torch.scatter_reduce(*args, **kwargs),
            ulps=2,
        )
        for how in ("sum", "prod", "mean", "amax", "amin")
    ],
    Row(
        "scatter_reduce",
        (*_written("sum"), call(x(4, 3, dtype="bool"), 0, _R, x(2, 3, dtype="bool"), "prod")),
        errors=(*_not_written("mean"), call(x(4, 3, dtype="bool"), 0, _R, x(2, 3, dtype="bool"), "mean")),
        inplace=True,
        out=True,
    ),
    Row(
        "take_along_dim",
        (
            call(x(4, 3), at([0, 1, 2]), 0),
            call(x(4, 3), at([-1], [5], [0], [1]), 1),
            call(x(4, 3), at([2]), 1),
            call(x(1, 3), at([0], [0], [0]), 1),
            call(x(4, 3), at(0, 11, 5)),
            call(x(4, 3), at([0, 11], [5, 5])),
            call(x(4, 3), _I, dim=0),
            call(x(), at(0)),
            call(x(5), at(4, 4), 0),
            call(x(4, 3, layout="transposed"), _J, 1),
        ),
        errors=(
            call(x(4, 3), at([0], [1]), 1),
            call(x(4, 3), at(0), 1),
            call(x(4, 3), at(12)),
            call(x(4, 3), at(-1)),
            call(x(4, 3), at([0], dtype="int32"), 0),
            call(x(4, 3), at([0]), 2),
            call(x(3), at([0]), 1),
            call(x(), at(0), 1),
        ),
        out=True,
    ),
    Row(
        "index_select",
        _ENTRIES,
        errors=(
            *_NO_ENTRIES,
            call(x(4, 3), 0, at(-1)),
            call(x(4, 3), 1, at(3)),
            call(x(), 0, at(0, 0)),
            call(x(4, 3), 0, at([0])),
        ),
        out=True,
    ),
    Row(
        "index_add",
        (
            *_with_source(_ENTRIES),
            *_with_source(_ENTRIES[:3], alpha=2),
            call(x(4, 3), 0, at(1, 1), x(2, 3), alpha=-0.5),
            call(x(4, 3, dtype="int64"), 0, at(1, 1), x(2, 3, dtype="int64"), alpha=3),
            call(x(4, 3), 0, at(1, dtype="int32"), x(1, 3)),
        ),
        errors=_not_fitting(),
        inplace=True,
        out=True,
        ulps=2,
        whole=True,
    ),
    Row(
        "index_copy",
        (
            *_with_source(_ONCE),
            call(x(5), 0, at(1), x()),
            call(x(dtype="int64"), 0, at(0, 0), x(2, dtype="int64")),
        ),
        errors=(*_not_fitting(), call(x(4, 3), 0, at(1), x(3, dtype="float64"))),
        inplace=True,
        out=True,
    ),
    Row(
        "index_fill",
        (
            *_and(_ENTRIES, 2),
            *_and(_ENTRIES[:6], 2.5),
            *_and(_ENTRIES[:6], x()),
            call(x(4, 3), 0, at(-1, 0), 1.0),
            call(x(4, 3), 0, at(1, 1), x(dtype="float64")),
            call(x(4, 3, dtype="int64"), 0, at(1), 2.5),
        ),
        errors=(
            *_and(_NO_ENTRIES, 1.0),
            call(x(4, 3), 0, at(1), x(1)),
            call(x(4, 3), 2, at(1), x(1)),
            call(x(4, 3), 0, at([1]), 1.0),
            call(x(4, 3), 0, at(-5), 1.0),
            call(x(4, 3), 0, at(1), 1j),
        ),
        inplace=True,
    ),
    *[
        Row(
            f"index_reduce {how}",
            (
                *[c for c in _with_source(_ENTRIES, how) if c.args[0].dtype != "bool"],
                *_with_source(_ENTRIES[:4], how, include_self=False),
                kink(x(3, values=[1.0, 2.0, 3.0]), 0, at(0, 0, 1), x(3, values=[1.0, 1.0, 2.0]), how),
            ),
            errors=(*_not_fitting(how), call(x(4, 3), 0, at(1), x(1, 3), "sum")),
            how=lambda torch, *args, **kwargs: torch.index_reduce(*args, **kwargs),
            ulps=2,
        )
        for how in ("prod", "mean", "amax", "amin")
    ],
    Row(
        "index_reduce",
        _with_source(_ENTRIES[:4], "prod"),
        errors=_not_fitting("mean"),
        inplace=True,
        out=True,
        ulps=2,
    ),
    Row(
        "masked_fill",
        (
            *_and(_MASKED, 2),
            *_and(_MASKED[:2], 2.5),
            *_and(_WIDER, 1.5),
            *_and(_MASKED[:1], x()),
            *_and(_WIDER, x(dtype="float64")),
            call(x(4, 3), mask=_MASK, value=-float("inf")),
            call(x(4, 3, dtype="int64"), _MASK, 1.5),
        ),
        errors=(
            *_and(_BAD_MASKS, 1.0),
            call(x(4, 3), _MASK, x(1)),
            call(x(4, 3), _MASK, "x"),
            call(x(4, 3), _MASK, 1j),
        ),
        inplace=True,
    ),
    Row("masked_select", (*_MASKED, *_WIDER), errors=_BAD_MASKS, out=True),
    Row(
        "masked_scatter",
        (
            *[Call((*c.args, x(15, dtype=c.args[0].dtype))) for c in _MASKED],
            *_and(_WIDER, x(15)),
            call(x(4, 3), _MASK, x(4, 3)),
            call(x(4, 3), _MASK, x(3, 5, layout="transposed")),
        ),
        errors=(
            *_and(_BAD_MASKS, x(12)),
            call(x(4, 3), _MASK, x(1)),
            call(x(4, 3), _MASK, x(12, dtype="float64")),
            call(x(4, 3), _MASK, 1.0),
        ),
        inplace=True,
    ),
    Row("take", _TAKEN, errors=_NOT_TAKEN, out=True),
    Row(
        "put",
        (
            *[
                Call((*c.args, x(*c.args[1].shape, dtype=c.args[0].dtype)))
                for c in _TAKEN
                if c.args[1].values is not None and c.args[1].shape != (4,) and c.args[0].shape
            ],
            *[Call((*c.args, x(*c.args[1].shape, dtype=c.args[0].dtype), True)) for c in _TAKEN],
            call(x(4, 3), at(0, 5), x(2, 1)),
            call(x(4, 3), at(1, 1), x(2), accumulate=True),
        ),
        errors=(
            *_and(_NOT_TAKEN, x(1)),
            call(x(4, 3), at(0), x(2)),
            call(x(4, 3), at(0), x(1, dtype="float64")),
        ),
        inplace=True,
    ),
    Row("nonzero", (*_FOUND, *[Call(c.args, {"as_tuple": True}) for c in _FOUND]), errors=(call([1]),)),
    Row("argwhere", _FOUND, errors=(call([1]),)),
    Row(
        "nonzero_static",
        tuple(
            [
                Call(c.args, k)
                for c in _FOUND
                for k in ({"size": 3}, {"size": 15, "fill_value": -7}, {"size": 0})
            ]
        ),
        errors=(call(x(3), size=-1), call(x(3))),
    ),
)
