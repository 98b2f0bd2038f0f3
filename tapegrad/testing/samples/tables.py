"""Tables of vectors, and numbers as rows of zeros and a one."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Row, call, kink, x


def _n(values: Any, dtype: str = "int64") -> Array:
    shape: tuple[int, ...] = ()
    v = values
    while isinstance(v, list):
        shape, v = (*shape, len(v)), v[0] if v else 0
    return x(*shape, dtype=dtype, values=values)


_TWO, _ONE = _n([[0, 1, 1], [4, 0, 2]]), _n([0, 1, 1, 4])
_MODES = ("sum", "mean", "max")
_FORM: dict[str, Any] = {"function": False, "method": False, "functional": True}

ROWS = (
    Row(
        "embedding",
        (
            *[call(i, x(5, 3)) for i in (_TWO, _ONE, _n(3), _n([]), _n([[[1]]]), _n([1, 2], "int32"))],
            *[call(_TWO, x(5, 3, dtype=d)) for d in ("float64", "float16")],
            *[call(_TWO, x(5, 3, layout=at)) for at in ("transposed", "strided", "offset")],
            *[kink(_TWO, x(5, 3), padding_idx=p) for p in (0, 1, -1)],
            kink(_TWO, x(5, 3), 3),
            call(_TWO, x(5, 0)),
            call(_TWO, x(5, 3), sparse=False),
            call(x(3, 40, dtype="int64", low=0, high=7), x(7, 6)),
        ),
        (
            call(_n([0, 5]), x(5, 3)),
            call(_n([-1]), x(5, 3)),
            call(x(2), x(5, 3)),
            call(_TWO, x(5)),
            call(_TWO, x(5, 3), padding_idx=5),
            call(_TWO, x(5, 3), padding_idx=-6),
        ),
        **_FORM,
    ),
    Row(
        "embedding_bag",
        (
            *[call(_TWO, x(5, 3), mode=m) for m in _MODES],
            *[call(_TWO, x(5, 3, dtype="float64"), mode=m, padding_idx=1) for m in _MODES],
            *[call(_ONE, x(5, 3), _n([0, 2, 2]), mode=m) for m in _MODES],
            *[call(_ONE, x(5, 3), _n([0, 2, 4]), mode=m, include_last_offset=True) for m in _MODES],
            call(_TWO, x(5, 3)),
            call(_TWO, x(5, 3), mode="sum", per_sample_weights=x(2, 3)),
            call(_ONE, x(5, 3), _n([0, 3]), mode="sum", per_sample_weights=x(4), padding_idx=0),
            kink(_TWO, x(5, 2, values=[[1, 1], [1, 2], [1, 2], [3, 1], [1, 2]]), mode="max"),
        ),
        (
            call(_ONE, x(5, 3)),
            call(_TWO, x(5, 3), _n([0, 1])),
            call(_TWO, x(5, 3), mode="no"),
            call(_TWO, x(5)),
            call(_TWO, x(5, 3), mode="mean", per_sample_weights=x(2, 3)),
            call(_TWO, x(5, 3), mode="sum", per_sample_weights=x(2)),
            call(_n([[0, 5]]), x(5, 3)),
            call(_ONE, x(5, 3), _n([1, 2])),
            call(_ONE, x(5, 3), _n([0, 9])),
        ),
        ulps=2,
        **_FORM,
    ),
    Row(
        "one_hot",
        (
            *[call(i, n) for i in (_TWO, _ONE, _n(3)) for n in (5, 7)],
            call(_n([]), 3),
            call(_n([]), num_classes=2),
        ),
        (
            call(_TWO, 4),
            call(_n([-1]), 3),
            call(_n([])),
            call(x(3), 3),
            call(_n([1], "int32"), 3),
            call(_TWO, 0),
        ),
        derivative=False,
        **_FORM,
    ),
    Row(
        "one_hot.counted",
        (call(_TWO), call(_ONE, -1)),
        how=lambda torch, *args: torch.nn.functional.one_hot(*args),
        derivative=False,
    ),
)
