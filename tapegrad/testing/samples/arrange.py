"""The elements in another order or several times; joins, grids, overlays, and copies of what views show."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Call, Name, Row, call, kink, x
from tapegrad.testing.samples.index import at
from tapegrad.testing.samples.kinds import DTYPES, SHAPES, laid_out


def every(*args: Any, shape: tuple[int, ...] = (4, 5), **kwargs: Any) -> tuple[Call, ...]:
    """The same arguments on every layout and dtype."""
    arrays = [
        x(*shape),
        *[a for a in laid_out(shape) if a.shape == shape],
        *[x(*shape, dtype=d) for d in DTYPES],
    ]
    return tuple([call(a, *args, **kwargs) for a in arrays])


def on(shapes: Any, *args: Any) -> tuple[Call, ...]:
    return tuple([call(x(*s), *args) for s in shapes])


def named(name: str, samples: tuple[Call, ...], errors: tuple[Call, ...] = (), **facts: Any) -> Row:
    return Row(name, samples, errors=errors, method=False, **facts)


_NAN = Array((2, 2), values=[[1.0, float("nan")], [float("inf"), -0.0]])
_ORDER = (
    Row(
        "flip",
        (
            *every(0),
            *every((0, 1)),
            *on(SHAPES, ()),
            call(x(2, 3, 4), (0, -1)),
            call(x(2, 3, 4), [1]),
            call(x(2, 3), dims=(1,)),
            call(x(), (0,)),
            call(x(0, 3), (0,)),
        ),
        errors=(call(x(2, 3), (0, 0)), call(x(2, 3), (2,)), call(x(2, 3)), call(x(2, 3), (1.5,))),
        function=False,
    ),
    Row(
        "flip ",
        (call(x(2, 3), (0,)), call(x(2, 3), dims=[0, 1])),
        how=lambda torch, *a, **k: torch.flip(*a, **k),
    ),
    Row("fliplr", every(), errors=(call(x(3)), call(x()))),
    Row("flipud", (*every(), call(x(3))), errors=(call(x()),)),
    Row(
        "roll",
        (
            *every(2),
            *every(-1, 0),
            *every((1, 2), (0, 1)),
            *on(SHAPES, 1),
            call(x(2, 3, 4), (1, -1), (2, 0)),
            call(x(2, 3), 7, -1),
            call(x(2, 3), (1, 1), (0, 0)),
            call(x(2, 3), shifts=(1,), dims=1),
            call(x(0, 3), 1, 0),
        ),
        errors=(
            call(x(2, 3), (1, 2)),
            call(x(2, 3), (1, 2), 0),
            call(x(2, 3), 1, 2),
            call(x(), 1, 0),
            call(x(2, 3), 1.5),
            call(x(2, 3), ()),
        ),
    ),
    Row(
        "rot90",
        (
            *[c for k in range(-1, 5) for c in every(k)],
            call(x(2, 3, 4), 1, (2, 0)),
            call(x(2, 3)),
            call(x(2, 3), dims=(1, 0)),
            call(x(2, 3, 4), k=3, dims=[0, -1]),
        ),
        errors=(
            call(x(3)),
            call(x(2, 3), 1, (0, 0)),
            call(x(2, 3), 1, (0, -2)),
            call(x(2, 3), 1, (0, 1, 1)),
            call(x(2, 3), 1, (0, 5)),
        ),
    ),
    Row(
        "repeat",
        (
            *every(2, 3),
            call(x(2, 3), (1, 1)),
            call(x(2, 3), [2, 1, 3]),
            call(x(3), 2),
            call(x(3), 0),
            call(x(), 2),
            call(x(), 2, 3),
            call(x(2, 0), 2, 2),
            call(x(2, 3), repeats=(2, 1)),
        ),
        errors=(call(x(2, 3), 2), call(x(2, 3), 2, -1), call(x(3), 1.5), call(x())),
        function=False,
    ),
    Row(
        "tile",
        (
            *every((2, 3)),
            call(x(2, 3), (2,)),
            call(x(2, 3), ()),
            call(x(3), (2, 1)),
            call(x(), (2,)),
            call(x(2, 3), dims=(2, 1)),
        ),
        errors=(call(x(2, 3), (-2,)), call(x(2, 3), (1.5,))),
    ),
    Row(
        "repeat_interleave",
        (
            *every(2),
            *every(3, 0),
            *every(2, -1),
            call(x(2, 3), 0),
            call(x(), 3),
            call(x(2, 3), at(1, 2), 0),
            call(x(2, 3), at(1, 0, 3), 1),
            call(x(2, 3), at(2)),
            call(x(2, 3), Array((), "int64", values=2), 0),
            call(x(2, 3), at(1, 2, 0, 1, 2, 3)),
            call(x(2, 3), at(1, 2, dtype="int32"), dim=0),
            call(x(2, 3), at(1, 2), dim=0, output_size=3),
            call(x(2, 3), 2, dim=0, output_size=4),
            call(x(3), repeats=2),
            call(at(1, 0, 3)),
            call(at(1, 0, 3, dtype="int32")),
            call(at(1, 0, 3), output_size=4),
            call(x(0), 2),
        ),
        errors=(
            call(x(3), -1),
            call(x(3), at(-1, 1, 1)),
            call(x(3), at(1, 1)),
            call(x(3), at(1.0, 1.0, 2.0, dtype="float32")),
            call(x(3), at([1, 1, 2])),
            call(x(3), 2, 1),
            call(x(3), [1, 2, 3]),
            call(x(3), True),
            call(x(3), 2, 0, output_size=7),
            call(x(3), at(1, 2, 3), output_size=7),
            call(x(3)),
            call(x(), 2, 0),
        ),
    ),
)

_TRIANGLES = tuple(
    [
        Row(
            name,
            (
                *[c for k in (0, 1, -2, 9, -9) for c in every(k)],
                call(x(2, 3, 4)),
                call(x(3, 3), diagonal=1),
                call(x(0, 3)),
                call(x(2, 0, 3)),
                kink(_NAN),
                kink(_NAN, 1),
            ),
            errors=(call(x(3)), call(x()), call(x(2, 2), 1.5)),
            inplace=True,
            out=True,
        )
        for name in ("tril", "triu")
    ]
)
_DIAGONALS = (
    *_TRIANGLES,
    *[
        named(
            name,
            (
                *[
                    call(n, m, k)
                    for n, m in ((3, 4), (4, 3), (0, 2), (2, 0), (3, 3))
                    for k in (-9, -1, 0, 1, 9)
                ],
                call(row=2, col=2, offset=1),
                call(3, 3, dtype=Name("int32")),
            ),
            errors=(
                call(-1, 2),
                call(2, -1),
                call(2, 2, dtype=Name("float32")),
                call(2, 2, requires_grad=True),
            ),
        )
        for name in ("tril_indices", "triu_indices")
    ],
    Row(
        "diag",
        (
            *[c for k in (0, 1, -2, 9) for c in every(k)],
            *every(1, shape=(5,)),
            call(x(3), -2),
            call(x(3), diagonal=1),
            call(x(0)),
            call(x(2, 0)),
        ),
        errors=(call(x()), call(x(2, 3, 4))),
        out=True,
    ),
    Row(
        "diag_embed",
        (
            *every(),
            *every(-1),
            call(x(3), 2),
            call(x(2, 3), 0, 0, 1),
            call(x(2, 3), 1, 0, -1),
            call(x(2, 3), 0, 2, 0),
            call(x(2, 3), offset=1, dim1=1, dim2=0),
            call(x(0)),
        ),
        errors=(call(x()), call(x(3), 0, 0, 0), call(x(3), 0, 0, 3)),
    ),
    Row("diagflat", (*every(), call(x(3), 1), call(x(), -1), call(x(0)), call(x(2, 3), offset=-2))),
)


_LAYOUTS = ("transposed", "strided", "offset", "computed")


def _overlaid(
    name: str, shown: tuple[int, ...], *args: Any, errors: tuple[Call, ...], more: tuple[Call, ...] = ()
) -> Row:
    return Row(
        name,
        (
            *[call(x(4, 5, layout=k), x(*shown, layout=k), *args) for k in ("plain", *_LAYOUTS)],
            *[call(x(4, 5, dtype=d), x(*shown, dtype=d), *args) for d in DTYPES],
            call(x(4, 5), x(*shown, dtype="float64"), *args),
            call(x(4, 5), x(*shown, dtype="int64"), *args),
            call(x(4, 5, grad=False), x(*shown), *args),
            call(x(4, 5), x(*shown, grad=False), *args),
            *more,
        ),
        errors=(call(x(4, 5), x(9), *args), call(x(4, 5), 1.0, *args), *errors),
    )


_OVERLAYS = (
    _overlaid(
        "select_scatter",
        (5,),
        0,
        2,
        errors=(call(x(4, 5), x(5), 0, 9), call(x(4, 5), x(), 0, 1), call(x(4, 5), x(5), 3, 0)),
        more=(call(x(4, 5), x(4), 1, -1), call(x(3), x(), dim=0, index=1)),
    ),
    _overlaid(
        "slice_scatter",
        (2, 5),
        0,
        1,
        3,
        errors=(
            call(x(4, 5), x(1, 5), 0, 1, 3),
            call(x(4, 5), x(4, 5), 0, 0, 4, 0),
            call(x(4, 5), x(4, 5), 2),
            call(x(), x(2, 5), 0, 1, 3),
        ),
        more=(
            call(x(4, 5), x(4, 5)),
            call(x(4, 5), x(4, 3), 1, 0, 5, 2),
            call(x(4, 5), x(4, 2), dim=1, start=-2),
            call(x(4, 5), x(0, 5), 0, 3, 1),
        ),
    ),
    _overlaid(
        "diagonal_scatter",
        (4,),
        errors=(call(x(4, 5), x(4), 0, 0, 0), call(x(4, 5), x(4), 1, 0, 9)),
        more=(
            call(x(4, 5), x(3), -1),
            call(x(2, 3, 4), x(3, 2), offset=1, dim1=0, dim2=2),
            call(x(4, 5), x(0), 9),
        ),
    ),
    Row(
        "as_strided_scatter",
        (
            call(x(4, 5), x(2, 2), (2, 2), (5, 1)),
            call(x(4, 5), x(3), (3,), (6,), 1),
            call(x(4, 5), x(3, dtype="float64"), (3,), (6,), 1),
            call(x(4, 5, dtype="int64"), x(3, dtype="int64"), (3,), (6,)),
            call(x(5), x(), (), ()),
        ),
        errors=(
            call(x(4, 5), x(3), (2,), (1,)),
            call(x(4, 5), x(3), (3,), (20,)),
            call(x(4, 5), x(2), (2,), (1, 1)),
        ),
    ),
    Row(
        "fill_diagonal_",
        (
            *[call(x(*s), 2.5) for s in ((3, 3), (2, 4), (5, 2), (3, 3, 3), (0, 3))],
            *[call(x(n, 3), 7, wrap=True) for n in (3, 4, 5, 8, 9)],
            call(x(4, 5, layout="transposed"), 2.0),
            call(x(2, 2, dtype="int64"), 7.5),
            call(x(3, 3), True),
            call(x(3, 3), fill_value=1.0),
        ),
        errors=(
            call(x(3), 1.0),
            call(x(2, 2, 3), 1.0),
            call(x(), 1.0),
            call(x(2, 2), "x"),
            call(x(2, 2), 1j),
        ),
        how=lambda torch, a, *args, **kwargs: a.fill_diagonal_(*args, **kwargs),
        writes=True,
    ),
)
_SHUFFLES = (
    named(
        "pixel_shuffle",
        (*every(2, shape=(4, 2, 3)), call(x(2, 9, 1, 2), 3), call(x(4, 2, 3), 1), call(x(0, 4, 2, 3), 2)),
        errors=(call(x(3, 2, 2), 2), call(x(3, 2), 2), call(x(4, 2, 2), 0), call(x(4, 2, 2), -2)),
    ),
    named(
        "pixel_unshuffle",
        (*every(2, shape=(3, 2, 4)), call(x(2, 1, 3, 6), 3), call(x(4, 2, 3), 1)),
        errors=(call(x(3, 2, 3), 2), call(x(4, 2), 2), call(x(4, 2, 2), 0)),
    ),
    named(
        "channel_shuffle",
        (*every(2, shape=(1, 4, 2)), call(x(2, 6, 2, 2), 3), call(x(2, 6, 1, 2), 1), call(x(0, 4, 2), 2)),
        errors=(call(x(1, 5, 2), 2), call(x(4, 4), 2), call(x(1, 4, 2), 0)),
    ),
    named(
        "constant_pad_nd",
        (
            *every((1, 2)),
            *every((1, -1, 0, 2), 2.5),
            call(x(2, 3), (-1, -1)),
            call(x(2, 3), ()),
            call(x(2, 3, 4), (0, 1, 1, 0, 2, 2), -1.0),
            call(x(3), pad=(1, 1), value=True),
            call(x(0), (1, 1), 3.0),
        ),
        errors=(
            call(x(2, 3), (1,)),
            call(x(3), (1, 1, 1, 1)),
            call(x(2, 3), (-2, -2)),
            call(x(3), (1, 1), "x"),
            call(x(3), (1, 1), 1j),
        ),
    ),
    named(
        "vander",
        (
            *[call(x(3, dtype=d)) for d in DTYPES if d != "bool"],
            *[call(x(3), n, up) for n in (0, 1, 2, 4) for up in (False, True)],
            call(x(3), N=2),
        ),
        errors=(call(x(2, 3)), call(x(3), -1), call(x())),
        ulps=2,
    ),
    Row(
        "linalg.vander",
        (
            call(x(3)),
            call(x(2, 3), N=4),
            call(x(2, 2, 3, layout="transposed"), N=2),
            *[call(x(3, dtype=d)) for d in ("int64", "int32", "uint8", "float64")],
        ),
        errors=(call(x(2, 3), N=1), call(x()), call(x(3, dtype="bool"))),
        how=lambda torch, *args, **kwargs: torch.linalg.vander(*args, **kwargs),
        ulps=2,
    ),
    named(
        "unravel_index",
        (
            call(at(5, 11), (4, 3)),
            call(at([-1, 12]), (4, 3)),
            call(Array((), "int64", values=5), 12),
            call(at(1, dtype="int32"), [4, 3]),
            call(at(1), ()),
        ),
        errors=(call(x(3), (4, 3)), call(at(1), (-4, 3)), call(at(1), at(4, 3)), call(at(1), 1.5)),
    ),
)

# name, the arguments for a [4, 5] tensor, calls that fail
_COPIES: tuple[tuple[str, tuple[Any, ...], tuple[Call, ...]], ...] = (
    ("alias_copy", (), (call(1.0),)),
    ("as_strided_copy", ((2, 2), (1, 2)), (call(x(3), (2,), (9,)), call(x(3), (2,), (1, 1)))),
    ("diagonal_copy", (1,), (call(x(3)), call(x(3, 3), 0, 1, 1))),
    ("expand_copy", ((2, 4, 5),), (call(x(2, 3), (2, 2)), call(x(3), ()))),
    ("narrow_copy", (1, 1, 2), (call(x(3), 0, 2, 2), call(x(3), 0, 5, 1), call(x(), 0, 0, 1))),
    ("permute_copy", ((1, 0),), (call(x(2, 3), (0, 0)), call(x(2, 3), (0,)))),
    ("select_copy", (0, 1), (call(x(3), 0, 5), call(x(), 0, 0))),
    ("slice_copy", (0, 1, 4, 2), (call(x(3), 0, 0, 2, 0), call(x(3), 2), call(x(), 0, 0, 1))),
    ("split_copy", (3, 1), (call(x(3), -1), call(x()))),
    ("split_with_sizes_copy", ([1, 3],), (call(x(3), [1, 1]), call(x(3), [4, -1]))),
    ("squeeze_copy", (), (call(x(1, 3), 5),)),
    ("t_copy", (), (call(x(2, 3, 4)),)),
    ("transpose_copy", (0, 1), (call(x(2, 3), 0, 2),)),
    ("unbind_copy", (1,), (call(x()), call(x(3), 2))),
    ("unfold_copy", (0, 2, 1), (call(x(3), 0, 4, 1), call(x(3), 0, 1, 0))),
    ("unsqueeze_copy", (1,), (call(x(3), 4),)),
    ("view_copy", ((2, 10),), (call(x(3), (2,)), call(x(3), (-1, -1)))),
)
_MORE: dict[str, tuple[Call, ...]] = {
    "squeeze_copy": (
        call(x(1, 3, 1)),
        call(x(1, 3, 1), 0),
        call(x(1, 3, 1), (0, 2)),
        call(x(1, 3), 1),
        call(x()),
    ),
    "view_copy": (call(x(2, 3), (6,)), call(x(2, 3), (-1,))),
    "expand_copy": (call(x(1, 3), (2, -1)), call(x(3), (3,)), call(x(), (2,))),
    "t_copy": (call(x(3)), call(x())),
    "alias_copy": (call(x()), call(x(2, 0))),
    "select_copy": (call(x(3), 0, -1),),
    "narrow_copy": (call(x(4, 5), 0, -1, 1), call(x(4, 5), 0, 0, 0)),
    "unfold_copy": (call(x(5), 0, 3, 2),),
}


def _copied(name: str, args: tuple[Any, ...], errors: tuple[Call, ...]) -> Row:
    calls = every(*args)
    if name == "as_strided_copy":
        calls = tuple([c for c in calls if c.args[0].layout in ("plain", "offset", "computed")])
    many = name in ("split_copy", "split_with_sizes_copy", "unbind_copy")
    return Row(
        name, (*calls, *_MORE.get(name, ())), errors=errors, method=name == "narrow_copy", out=not many
    )


_SIZES = (
    Row("ndimension", on(SHAPES), function=False),
    Row(
        "dim_order",
        (*on(SHAPES), *[call(a) for a in laid_out()], call(x(2, 3, 4, layout="transposed"))),
        function=False,
    ),
)


def _relaid(name: str, samples: tuple[Call, ...], errors: tuple[Call, ...]) -> Row:
    """A view function in place: the tensor itself gets another shape."""

    def how(torch: Any, a: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(a, name)(*args, **kwargs)

    return Row(name, samples, errors=errors, how=how, writes=True)


_RELAID = (
    _relaid("t_", on(((2, 3), (3,), (), (0, 2))), (call(x(2, 3, 4)),)),
    *[
        _relaid(n, (call(x(2, 3), 0, 1), call(x(2, 3, 4), -1, 0)), (call(x(2, 3), 0, 2),))
        for n in ("transpose_", "swapaxes_", "swapdims_")
    ],
    _relaid(
        "squeeze_",
        (call(x(1, 3, 1)), call(x(1, 3), 0), call(x(1, 3), 1), call(x(1, 3, 1), (0, 2)), call(x(2, 3))),
        (call(x(1, 3), 4),),
    ),
    _relaid("unsqueeze_", (call(x(2, 3), 1), call(x(), 0), call(x(3), -1)), (call(x(3), 5),)),
    _relaid(
        "as_strided_", (call(x(4, 5), (2, 2), (5, 1)), call(x(6), (2, 3), (3, 1))), (call(x(3), (2,), (9,)),)
    ),
)
ROWS = (*_RELAID, *_ORDER, *_DIAGONALS, *_OVERLAYS, *_SHUFFLES, *[_copied(*row) for row in _COPIES], *_SIZES)
