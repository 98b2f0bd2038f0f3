"""Ops that move elements: views, copies, joins, cuts."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, x
from tapegrad.testing.samples.kinds import DTYPES, SHAPES, laid_out


def _every(*args: Any, shape: tuple[int, ...] = (4, 5), **kwargs: Any) -> tuple[Call, ...]:
    """The same arguments on every layout and dtype."""
    arrays = [
        x(*shape),
        *[a for a in laid_out(shape) if a.shape == shape],
        *[x(*shape, dtype=d) for d in DTYPES],
    ]
    return tuple([call(a, *args, **kwargs) for a in arrays])


def _plain(name: str) -> tuple[Call, ...]:
    return (*[call(x(*s)) for s in SHAPES], *_every())


_T = tuple([call(x(*s)) for s in ((2, 3), (4, 5), (2, 3, 4), (2, 0, 3), (0, 2))])
_LISTS = (
    call([x(2, 3), x(2, 3)]),
    call((x(2, 3), x(2, 3, layout="transposed"), x(2, 3, layout="expanded")), 1),
    call([x(4, 5), x(4, 5)], dim=-1),
    call([x(4, 5), x(4, 5, dtype="float64")]),
    call([x(4, 5, dtype="int64"), x(4, 5, dtype="bool")]),
    call([x(4, 5, dtype="int64"), x(4, 5)]),
    call([x(3), x(3, grad=False)]),
    call([x(3)]),
    call([x(0), x(0)]),
    call([x(2, 0), x(2, 0)], axis=1),
    call([x(2, 3), x(2, 3)], -2),
)
_BAD_LISTS = (call([]), call(x(3)), call([x(3), 2]), call([x(3)], 2), call([x(3)], -3))


def _sized(name: str, **facts: Any) -> Row:
    """view and reshape: sizes apart, in a tuple, in a list; what layouts allow."""
    samples = (
        call(x(2, 3), 3, 2),
        call(x(2, 3), (3, 2)),
        call(x(2, 3), [6]),
        call(x(2, 3), -1),
        call(x(4, 5), 2, -1, 5),
        call(x(4, 5), (20,)),
        call(x(), 1),
        call(x(), (1, 1)),
        call(x(1), ()),
        call(x(2, 0), 0, 7),
        call(x(2, 3, 4), 6, 4),
        call(x(0), -1),
        call(x(2, 3), 2, 3),
        call(x(4, 1, 5, layout="transposed"), 5, 4),
        call(x(4, 5, layout="strided"), 20),
        call(x(4, 5, layout="strided"), 2, 2, 5),
        call(x(4, 5, layout="expanded"), 2, 2, 5),
        call(x(4, 5, layout="transposed"), 4, 5, 1),
        call(x(4, 6, layout="transposed"), 4, 2, 3),
        call(x(1, 5, layout="transposed"), 5),
        call(x(4, 5, layout="offset"), 20),
        call(x(), ()),
        call(x(layout="computed"), 1, 1),
    )
    errors = (
        call(x(2, 3), 4, 2),
        call(x(2, 3), -1, -1),
        call(x(2, 3), -2, 3),
        call(x(2, 3), 4, -1),
        call(x(2, 0), -1, 0),
        call(x(2, 3), 2.0, 3),
        call(x(2, 3), "x"),
        call(x(4, 5, layout="transposed"), 20),
        call(x(0), 0, -1),
        call(x(2, 3), (2, 3), 1),
    )
    return Row(name, samples, errors=errors, **facts)


ROWS = (
    _sized("view", function=False),
    _sized("reshape", function=False),
    Row(
        "reshape ",
        (call(x(2, 3), (3, 2)), call(x(2, 3), [-1]), call(x(), (1,))),
        how=lambda torch, *a: torch.reshape(*a),
        errors=(call(x(2, 3), (4,)),),
    ),
    Row(
        "view_as",
        (call(x(2, 3), x(3, 2)), call(x(4, 5), x(20))),
        function=False,
        errors=(call(x(2, 3), x(4)),),
    ),
    Row(
        "reshape_as",
        (call(x(2, 3), x(3, 2)), call(x(4, 5, layout="transposed"), x(20))),
        function=False,
        errors=(call(x(2, 3), x(4)),),
    ),
    Row(
        "flatten",
        (
            *_plain("flatten"),
            *_every(0, 1),
            call(x(2, 3, 4), 1),
            call(x(2, 3, 4), 0, 1),
            call(x(2, 3, 4), start_dim=-2, end_dim=-1),
            call(x(2, 3, 4), 1, 1),
            call(x(), 0, -1),
        ),
        errors=(call(x(2, 3), 1, 0), call(x(2, 3), 2), call(x(2, 3), 0, 2)),
    ),
    Row("ravel", _plain("ravel")),
    Row(
        "unflatten",
        (
            call(x(6), 0, (2, 3)),
            call(x(6, 4), 0, (2, -1)),
            call(x(4, 6), -1, [3, 2]),
            call(x(4, 5, 6), 2, (2, 3)),
            call(x(2, 0), 1, (0, 3)),
            call(x(4, 6), dim=1, sizes=(2, 3)),
        ),
        errors=(
            call(x(6), 0, (4, 2)),
            call(x(6), 1, (2, 3)),
            call(x(6), 0, (-1, -1)),
            call(x(6), 0, ()),
            call(x(6), 0, (4, -1)),
            call(x(), 0, (1, 1)),
            call(x(), 1, (1, 1)),
        ),
    ),
    Row(
        "squeeze",
        (
            *_plain("squeeze"),
            call(x(1, 3, 1)),
            call(x(1, 3, 1), 0),
            call(x(1, 3, 1), -1),
            call(x(1, 3, 1), 1),
            call(x(1, 3, 1), (0, 2)),
            call(x(1, 3, 1), (0, 1)),
            call(x(), 0),
            call(x(1, 20), 0),
            call(x(1, 3), dim=0),
        ),
        errors=(call(x(1, 3), 2), call(x(1, 3), (0, 0)), call(x(), 1)),
    ),
    Row(
        "unsqueeze",
        (
            call(x(3), 0),
            call(x(3), 1),
            call(x(3), -1),
            call(x(3), -2),
            call(x(), 0),
            call(x(), -1),
            call(x(layout="computed"), 0),
            call(x(2, 0), 1),
            call(x(3), dim=1),
            *_every(1),
        ),
        errors=(call(x(3), 2), call(x(3), -3), call(x(3), "x")),
    ),
    Row(
        "expand",
        (
            call(x(3), 2, 3),
            call(x(3), (2, 3)),
            call(x(1, 3), 4, -1),
            call(x(3, 1), -1, 7),
            call(x(), 3),
            call(x(), (4, 5)),
            call(x(3), 3),
            call(x(3, 1), 2, 3, 4),
            call(x(1), 0),
            call(x(0), 2, 0),
            call(x(1, 5, layout="strided"), 4, 5),
            call(x(), ()),
        ),
        function=False,
        errors=(call(x(3), 4), call(x(2, 3), 3), call(x(3), -1, 3), call(x(3), 2, -2), call(x(3), "x")),
    ),
    Row("expand_as", (call(x(3), x(2, 3)), call(x(), x(4, 5))), function=False, errors=(call(x(3), x(4)),)),
    Row(
        "broadcast_to",
        (call(x(3), (2, 3)), call(x(), (4, 5)), call(x(1, 3), (4, -1)), call(x(3), [3])),
        errors=(call(x(3), (4,)), call(x(2, 3), (3,))),
    ),
    Row(
        "transpose",
        (
            call(x(2, 3), 0, 1),
            call(x(2, 3, 4), 0, -1),
            call(x(2, 3, 4), 1, 1),
            call(x(), 0, 0),
            call(x(), -1, 0),
            call(x(3), 0, 0),
            call(x(2, 3), dim0=0, dim1=1),
            *_every(0, 1),
        ),
        errors=(call(x(2, 3), 0, 2), call(x(2, 3), -3, 1), call(x(), 0, 1)),
    ),
    Row(
        "t",
        (call(x()), call(x(3)), call(x(layout="computed")), *_T[:2], call(x(0, 2)), *_every()),
        errors=(call(x(2, 3, 4)),),
    ),
    Row("T", (call(x(3)), *_T[:2], *_every()), how=lambda torch, x: x.T),
    Row("mT", (call(x()), *_T, *_every()), how=lambda torch, x: x.mT, errors=(call(x(3)),)),
    Row(
        "permute",
        (
            call(x(2, 3, 4), (2, 0, 1)),
            call(x(2, 3), (1, 0)),
            call(x(2, 3), (0, 1)),
            call(x(2, 3, 4), (-1, 0, 1)),
            call(x(), ()),
            call(x(2, 3), dims=(1, 0)),
            *_every((1, 0)),
            call(x(2, 3, 4), [1, 2, 0]),
        ),
        errors=(
            call(x(2, 3), (0, 0)),
            call(x(2, 3), (0,)),
            call(x(2, 3), (0, 2)),
            call(x(2, 3), (0, 1, 2)),
            call(x(), (0,)),
        ),
    ),
    Row(
        "permute ",
        (call(x(2, 3, 4), 2, 0, 1), call(x(2, 3), -1, 0)),
        how=lambda torch, x, *dims: x.permute(*dims),
    ),
    Row("clone", _plain("clone")),
    Row("contiguous", _plain("contiguous"), function=False),
    Row(
        "cat",
        (
            *_LISTS,
            call([x(2, 3), x(4, 3)]),
            call([x(2, 3), x(2, 1), x(2, 0)], 1),
            call([x(0), x(2, 3)]),
            call([x(0), x(0)], -2),
            call([x(2, 3), x(0)], 1),
            call([x(0), x(2, 3, dtype="float64")]),
        ),
        method=False,
        errors=(
            *_BAD_LISTS,
            call([x(2, 3), x(2, 4)]),
            call([x(2, 3), x(3)]),
            call([x(), x()]),
            call([x(3), x()], 1),
        ),
        out=True,
    ),
    Row(
        "stack",
        (
            *_LISTS,
            call([x(), x()]),
            call([x(layout="computed"), x()]),
            call([x(3), x(3)], 1),
            call([x(4, 5), x(4, 5)], 2),
        ),
        method=False,
        errors=(*_BAD_LISTS, call([x(2, 3), x(2, 4)])),
        out=True,
    ),
    Row(
        "split",
        (
            call(x(5), 2),
            call(x(4, 5), 3, 1),
            call(x(4, 5), [1, 3]),
            call(x(4, 5), (2, 3), dim=1),
            call(x(4, 5), [0, 4]),
            call(x(2, 0), 1, 1),
            call(x(4, 5), 10),
            call(x(4, 5, layout="transposed"), 2, -1),
        ),
        errors=(
            call(x(5), 0),
            call(x(5), -1),
            call(x(5), [2, 2]),
            call(x(5), [6, -1]),
            call(x(5), 2, 1),
            call(x(), 1),
        ),
    ),
    Row(
        "chunk",
        (
            call(x(5), 2),
            call(x(5), 3),
            call(x(4, 5), 2, 1),
            call(x(4, 5), 7),
            call(x(2, 0), 3, 1),
            call(x(4, 5), chunks=2, dim=-1),
        ),
        errors=(call(x(5), 0), call(x(5), 2, 1), call(x(), 1)),
    ),
    Row(
        "unbind",
        (
            call(x(3)),
            call(x(2, 3)),
            call(x(4, 5), 1),
            call(x(0, 2)),
            call(x(2, 3), dim=-1),
            call(x(4, 5, layout="transposed")),
        ),
        errors=(call(x()), call(x(2, 3), 2)),
    ),
)
