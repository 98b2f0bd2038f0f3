"""Views beyond reshaping: parts and windows, patterns in memory, dimensions in another order."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, x
from tapegrad.testing.samples.kinds import DTYPES, laid_out


def _every(*args: Any, **kwargs: Any) -> tuple[Call, ...]:
    """The same arguments on a matrix in every layout and dtype."""
    shape = (4, 5)
    arrays = [a for a in laid_out(shape) if a.shape == shape] + [x(*shape, dtype=d) for d in DTYPES]
    return tuple([call(a, *args, **kwargs) for a in arrays])


_SWAPS = (call(x(2, 3), 0, 1), call(x(2, 3, 4), 0, -1), call(x(), 0, 0), call(x(3), 0, 0), *_every(0, 1))
_BAD_SWAPS = (call(x(2, 3), 0, 2), call(x(2, 3), -3, 1), call(x(), 0, 1))
_MOVES = (
    call(x(2, 3, 4), 0, 2),
    call(x(2, 3, 4), -1, 0),
    call(x(2, 3, 4), (0, 1), (1, 2)),
    call(x(2, 3, 4), (2, 0), (-3, -1)),
    call(x(2, 3), 0, 0),
    call(x(2, 3), (), ()),
    call(x(), 0, 0),
    call(x(2, 3, 4), source=1, destination=0),
    *_every(0, 1),
)
_BAD_MOVES = (
    call(x(2, 3, 4), (0, 1), (1,)),
    call(x(2, 3, 4), (0, 0), (1, 2)),
    call(x(2, 3, 4), (0, 1), (1, 1)),
    call(x(2, 3, 4), 3, 0),
    call(x(2, 3, 4), 0, (1,)),
)
_SIZES = (
    call(x(5), [2, 3]),
    call(x(4, 5), (2, 3), 1),
    call(x(4, 5), [0, 4]),
    call(x(4, 5, layout="transposed"), [1, 1, 3], -1),
)
_BAD_SIZES = (call(x(5), [2, 2]), call(x(5), [6, -1]), call(x(), [1]), call(x(5), 2))
_STEPS = (
    call(x(5), 2),
    call(x(4, 5), 3, 1),
    call(x(2, 0), 1, 1),
    call(x(4, 5), 10),
    call(x(4, 5, layout="transposed"), 2, -1),
)

ROWS = (
    Row(
        "as_strided",
        (
            call(x(6), (2, 3), (3, 1)),
            call(x(6), (2, 3), (1, 2)),
            call(x(6), (4, 3), (1, 1)),
            call(x(20), (3, 3), (4, 2), 3),
            call(x(6), (2,), (0,), 5),
            call(x(6), (), (), 3),
            call(x(2, 3), (3, 2), (1, 3)),
            call(x(2, 3), [2], [2], storage_offset=1),
            call(x(6), (0, 7), (1, 2)),
            call(x(), (1,), (1,)),
            call(x(), (), ()),
            call(x(layout="computed"), (3,), (0,)),
            call(x(2, 3, layout="offset"), (2, 2), (2, 1)),
            *[call(x(4, 5, dtype=d), (2, 2), (2, 1)) for d in DTYPES],
        ),
        errors=(
            call(x(6), (3, 3), (3, 1)),
            call(x(6), (2, 2), (-1, 2), 1),
            call(x(6), (2, 2), (1,)),
            call(x(6), (-2, 2), (1, 2)),
            call(x(6), (2,), (1,), -1),
            call(x(6), (2.0, 2), (1, 2)),
        ),
    ),
    Row(
        "unfold",
        (
            call(x(6), 0, 2, 2),
            call(x(6), 0, 3, 1),
            call(x(7), 0, 2, 3),
            call(x(2, 6), -1, 3, 1),
            call(x(3, 4, 2), 1, 2, 2),
            call(x(6), 0, 6, 1),
            call(x(6), 0, 0, 1),
            call(x(), 0, 1, 1),
            call(x(layout="computed"), 0, 1, 1),
            call(x(6), dimension=0, size=2, step=1),
            *_every(1, 2, 1),
        ),
        function=False,
        errors=(
            call(x(6), 0, 7, 1),
            call(x(6), 0, 2, 0),
            call(x(6), 0, -2, 1),
            call(x(6), 1, 2, 1),
        ),
    ),
    Row(
        "diagonal",
        (
            call(x(3, 4)),
            call(x(4, 3), 1),
            call(x(3, 4), -1),
            call(x(3, 4), 7),
            call(x(2, 3, 4), 0, 0, 2),
            call(x(2, 3, 4), offset=1, dim1=-1, dim2=-2),
            call(x(0, 3)),
            *_every(),
        ),
        errors=(call(x(3)), call(x(3, 4), 0, 1, 1), call(x(3, 4), 0, 0, 2)),
    ),
    Row(
        "select",
        (
            call(x(3, 4), 0, 1),
            call(x(3, 4), 1, -1),
            call(x(2, 3, 4), -2, 0),
            call(x(3), 0, 2),
            call(x(3, 4), dim=1, index=0),
            *_every(1, 2),
        ),
        errors=(call(x(3, 4), 1, 4), call(x(3, 4), 1, -5), call(x(), 0, 0), call(x(3), 1, 0)),
    ),
    Row(
        "narrow",
        (
            call(x(5), 0, 1, 3),
            call(x(5), 0, -2, 2),
            call(x(4, 5), 1, 0, 5),
            call(x(5), 0, 5, 0),
            call(x(4, 5), dim=-1, start=2, length=1),
            *_every(0, 1, 2),
        ),
        errors=(
            call(x(5), 0, 3, 3),
            call(x(5), 0, 3, -1),
            call(x(5), 0, 6, 0),
            call(x(5), 0, -6, 0),
            call(x(), 0, 0, 1),
            call(x(5), 0, x(values=1.0), 2),
            call(x(5), 1, 0, 2),
        ),
    ),
    Row("movedim", _MOVES, errors=_BAD_MOVES),
    Row("moveaxis", _MOVES, errors=_BAD_MOVES),
    Row("swapaxes", _SWAPS, errors=_BAD_SWAPS),
    Row("swapdims", _SWAPS, errors=_BAD_SWAPS),
    Row("adjoint", (call(x(2, 3)), call(x(2, 3, 4)), *_every()), errors=(call(x(3)),)),
    Row("mH", (call(x(2, 3)), call(x(2, 3, 4))), how=lambda torch, x: x.mH, errors=(call(x(3)),)),
    Row("H", (call(x(2, 3)), *_every()), how=lambda torch, x: x.H, errors=(call(x(3)), call(x(2, 3, 4)))),
    Row("split_with_sizes", _SIZES, errors=_BAD_SIZES),
    Row("unsafe_split_with_sizes", _SIZES, errors=_BAD_SIZES),
    Row("unsafe_split", _STEPS, errors=(call(x(5), 0), call(x(5), -1), call(x(), 1))),
    Row(
        "unsafe_chunk",
        (call(x(5), 2), call(x(4, 5), 2, 1), call(x(2, 0), 3, 1)),
        errors=(call(x(5), 0), call(x(), 1)),
    ),
    Row(
        "tensor_split",
        (
            call(x(7), 3),
            call(x(7), (1, 3)),
            call(x(7), (1, 30, -2)),
            call(x(2, 7), 3, dim=1),
            call(x(2, 7), [2, 4], -1),
            call(x(2, 0), 2, 1),
            call(x(2, 7), sections=2),
            call(x(2, 7), indices=(1,), dim=1),
            call(x(4, 5, layout="transposed"), 3),
        ),
        errors=(call(x(7), 0), call(x(), 1), call(x(7), 2, 1)),
    ),
    Row(
        "hsplit",
        (call(x(2, 6), 3), call(x(6), 2), call(x(2, 6), [1, 2])),
        errors=(call(x(), 1), call(x(2, 6), 4), call(x(2, 6), 0)),
    ),
    Row(
        "vsplit",
        (call(x(6, 2), 3), call(x(6, 2), (1,))),
        errors=(call(x(6), 3), call(x(6, 2), 4)),
    ),
    Row(
        "dsplit",
        (call(x(2, 3, 6), 3), call(x(2, 3, 6), [4])),
        errors=(call(x(2, 3), 3), call(x(2, 3, 6), 4)),
    ),
    Row(
        "view of bytes",
        (
            call(x(4, grad=False), "int32"),
            call(x(2, 2, grad=False), "int16"),
            call(x(2, 2, grad=False), "float64"),
            call(x(grad=False), "int32"),
            call(x(2, 3, dtype="uint8"), "bool"),
        ),
        how=lambda torch, x, dtype: x.view(getattr(torch, dtype)),
        errors=(
            call(x(2, 3), "float64"),
            call(x(4, 2, layout="transposed"), "int16"),
            call(x(), "float64"),
            call(x(4, 2, layout="offset"), "float64"),
        ),
        derivative=False,
    ),
)
