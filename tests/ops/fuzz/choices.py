"""What torch leaves open, looked at: which of equal elements was chosen, where in what is not sorted.

A departure asks here whether the arguments of the call are such, so that no wrong index passes for a choice.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

CHOOSING = ("sort", "argsort", "kthvalue", "median", "nanmedian", "mode", "topk")


def _calls(run: Any, *names: str, text: str | None = None) -> Iterator[list[Any]]:
    """The positional arguments, the tensor of a method as the first, of the calls of these functions in the
    last statement, or in another one: torch's values."""
    known = run.theirs.names

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<argument>", "eval"), known)

    for node in ast.walk(ast.parse(run.done[-1].text if text is None else text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
            owner = value(node.func.value)
            yield [*([owner] if hasattr(owner, "data_ptr") else []), *map(value, node.args)]


def _array(t: Any) -> Any:
    return np.asarray(t._a) if hasattr(t, "_a") else t.detach().numpy(force=True)


def equal_elements(run: Any) -> bool:
    """Whether the indices differ only by which of equal elements they name."""
    results = [
        (_array(run.ours.tensor(ref)), _array(run.theirs.tensor(ref)))
        for ref in run.refs
        if ref.partition("[")[0] == run.done[-1].binds
    ]
    return any(
        all(_same_elements(_array(x), i, j) for i, j in results if j.dtype.kind == "i")
        for x, *_ in _calls(run, *CHOOSING)
    )


def equal_at_first(run: Any) -> bool:
    """Whether what the loop that is the last statement begins with has equal elements."""
    start = ast.parse(run.done[-1].text).body[0]
    x = _array(run.theirs.tensor(start.value.id)) if isinstance(start, ast.Assign) else np.empty(0)
    return len(np.unique(x)) < x.size


def _same_elements(x: Any, i: Any, j: Any) -> bool:
    """Whether indices i and j name equal elements of x, along one of its dimensions, and as many."""
    if i.shape != j.shape:
        return False
    for d in range(x.ndim):
        a, b = (k if k.ndim == x.ndim else np.expand_dims(k, d) for k in (i, j))
        n = x.shape[d]
        if a.size and any(k.min() < 0 or k.max() >= n for k in (a, b)):
            continue
        if any(p != q for e, (p, q) in enumerate(zip(a.shape, x.shape, strict=True)) if e != d):
            continue
        found = [np.take_along_axis(x, k, d) for k in (a, b)]
        once = [(np.diff(np.sort(k, d), axis=d) > 0).all() for k in (a, b)]
        if np.array_equal(*found, equal_nan=x.dtype.kind == "f") and once[0] == once[1]:
            return True
    return not x.ndim


def equal_gradients(run: Any) -> bool:
    """Whether every gradient differs only by which of equal elements of its tensor it went to."""
    for what, ref, g, h in run.pairs():
        if what != "gradient" or g is None or h is None or not ref.endswith(".grad"):
            continue
        x, a, b = (_array(t).reshape(-1) for t in (run.theirs.tensor(ref[:-5]), g, h))
        _, group = np.unique(x, return_inverse=True)
        ours, theirs = (np.bincount(group, k) for k in (a, b))
        if not np.allclose(ours, theirs, rtol=1e-5, atol=1e-6, equal_nan=True):
            return False
    return True


def unsorted(run: Any) -> bool:
    """Whether what is searched in does not ascend."""
    where = [args[0] for args in _calls(run, "searchsorted")]
    where += [args[1] for args in _calls(run, "bucketize")]
    return any(not _ascends(_array(x), False) for x in where)


def unordered_bins(run: Any) -> bool:
    """Whether edges of bins do not ascend."""
    for args in _calls(run, "histogram", "histogramdd"):
        edges = args[1] if len(args) > 1 else None
        given = edges if isinstance(edges, (tuple, list)) else [edges]
        if any(hasattr(e, "data_ptr") and not _ascends(_array(e), True) for e in given):
            return True
    return False


def _ascends(x: Any, strictly: bool) -> bool:
    low, high = x[..., :-1], x[..., 1:]
    return bool((low < high if strictly else low <= high).all())


def within(most: float) -> Callable[[Any], bool]:
    """Whether all tensors differ by this at most, relatively to the largest element."""

    def near(run: Any) -> bool:
        pairs = [(_array(a), _array(b)) for _, _, a, b in run.pairs() if a is not None and b is not None]
        return all(
            x.shape == y.shape and np.allclose(x, y, 0, most * max(1, _largest(y)), equal_nan=True)
            for x, y in pairs
        )

    return near


def units(most: float) -> Callable[[Any], bool]:
    """Whether all tensors differ by so many units in the last place of the program's largest number, or
    of 1."""

    def near(run: Any) -> bool:
        pairs = [(_array(a), _array(b)) for _, _, a, b in run.pairs() if a is not None and b is not None]
        largest = max([1.0, *[_largest(y) for _, y in pairs if y.dtype.kind == "f"]])
        return all(
            x.shape == y.shape and np.allclose(x, y, 8 * least, most * least * largest, equal_nan=True)
            for x, y in pairs
            for least in [np.finfo(y.dtype).eps if y.dtype.kind == "f" else 0]
        )

    return near


def equal_results(most: float) -> Callable[[Any], bool]:
    """Whether `within(most)`, and what differs is in tapegrad's result the same number several times."""

    def equal(run: Any) -> bool:
        last = run.done[-1].binds
        for ref in run.refs:
            x, y = _array(run.ours.tensor(ref)), _array(run.theirs.tensor(ref))
            if ref.partition("[")[0] == last and x.size:
                _, which, counts = np.unique(x, return_inverse=True, return_counts=True)
                if (
                    (counts[which].reshape(x.shape) < 2) & ~np.isclose(x, y, 1e-6, 1e-6, equal_nan=True)
                ).any():
                    return False
        return within(most)(run)

    return equal


def of_equals(name: str) -> Callable[[Any], bool]:
    """Whether what the last call of a function got is one number, several times."""

    def equals(run: Any) -> bool:
        return any(np.ptp(_array(x)) == 0 for x, *_ in _calls(run, name))

    return equals


def _largest(x: Any) -> float:
    return float(np.max(np.abs(x), initial=0, where=np.isfinite(x)))


def not_finite(run: Any) -> bool:
    """Whether the results differ only where both are inf or nan."""
    pairs = [(_array(a), _array(b)) for _, _, a, b in run.pairs() if a is not None and b is not None]
    return all(
        x.shape == y.shape
        and not (np.isfinite(x) | np.isfinite(y))[~np.isclose(x, y, 1e-5, equal_nan=True)].any()
        for x, y in pairs
    )


def zero(run: Any) -> bool:
    """Whether the results of the last statement, in the libraries that gave any, are all 0, or None."""
    given = [side for side in (run.ours, run.theirs) if side.error is None]
    found = [side.names.get(run.done[-1].binds) for side in given]
    each = [t for f in found for t in (f if isinstance(f, (tuple, list)) else [f])]
    return bool(given) and all(t is None or not _array(t).any() for t in each)


def no_gradients(run: Any) -> bool:
    """Whether torch's last statement found no gradient at all."""
    found = run.theirs.names.get(run.done[-1].binds)
    return isinstance(found, list) and all(g is None or not _array(g).any() for g in found)


def no_further(run: Any) -> bool:
    """Whether each tensor that has a graph in one library only has no gradient there but 0, or, beside
    infinite numbers, what is not finite."""
    strictly = not (with_inf(run) or with_nan(run))
    for _, _, a, b in run.pairs():
        if a is None or b is None or a.requires_grad == b.requires_grad:
            continue
        side, t = (run.ours, a) if a.requires_grad else (run.theirs, b)
        given = [x for x in map(side.tensor, run.refs) if x is not t and x.requires_grad]
        found = [_array(g) for g in _gradients(side, t, given) if g is not None]
        if any(g[strictly | np.isfinite(g)].any() for g in found):
            return False
    return True


def nanmedian_of_expanded(run: Any) -> bool:
    """Whether the last statement looks for the median of a tensor with elements at one place in memory."""
    return any(0 in x.stride() for x, *_ in _calls(run, "nanmedian"))


def retained_zeros(run: Any) -> bool:
    """Whether each gradient that one library has alone is 0."""
    found = [(getattr(a, "grad", None), getattr(b, "grad", None)) for _, _, a, b in run.pairs()]
    return not any(_array(p if q is None else q).any() for p, q in found if (p is None) != (q is None))


def _gradients(side: Any, t: Any, given: list[Any]) -> list[Any]:
    """Those of t by leaves; if what lies between was written since, by each tensor for itself, as far as the
    way goes. One that is 1 if there is no way at all."""

    def by(inputs: list[Any]) -> list[Any]:
        found = side.lib.autograd.grad(t.sum(), inputs, retain_graph=True, allow_unused=True)
        return [g for g in found if g is not None]

    if not (leaves := [x for x in given if _is_leaf(x)]):
        return []
    try:
        return by(leaves)
    except (RuntimeError, TypeError) as error:  # TypeError: torch calls a hook with None
        if "is not implemented" in str(error):
            return []
    found: list[Any] = []
    for x in given:
        with suppress(RuntimeError, TypeError):
            found += by([x])
    return found or [side.lib.tensor(1.0)]


def _is_leaf(t: Any) -> bool:
    try:
        return bool(t.is_leaf)
    except RuntimeError:  # torch looks whether a view may still be used
        return False


def roomy(run: Any) -> bool:
    """Whether torch has a tensor in memory that is larger than it needs, and tapegrad not."""
    return any(
        np.asarray(run.ours.tensor(ref)._a).nbytes < run.theirs.tensor(ref).untyped_storage().nbytes()
        for ref in run.refs
        if not run.ours.tensor(ref)._is_view()
    )


def more_views(run: Any) -> bool:
    """Whether torch has a view that is none here."""
    return any(run.theirs.tensor(ref)._is_view() and not run.ours.tensor(ref)._is_view() for ref in run.refs)


def hooked_views(run: Any) -> bool:
    """Whether a tensor with a hook is a view in torch."""
    return any(t._is_view() for t in _hooked(run))


def _hooked(run: Any) -> list[Any]:
    """torch's tensors with hooks."""
    refs = {ref for s in run.done for ref in re.findall(r"(\S+)\.register_hook", s.text)}
    return [run.theirs.tensor(ref) for ref in run.refs if ref in refs]


def hooked_inputs(run: Any) -> bool:
    """Whether a tensor with a hook is among those by which the last statement's grad() differentiates."""
    one = r"v\d+(?:\[\d\])?"
    inputs = re.findall(rf"\[((?:{one}(?:, )?)+)\]", run.done[-1].text)
    refs = re.findall(one, " ".join(inputs))
    return any(run.theirs.tensor(ref) is t for ref in refs if ref in run.refs for t in _hooked(run))


def retained_views(run: Any) -> bool:
    """Whether torch has a view that retains its gradient."""
    return any(t._is_view() and t.retains_grad for t in map(run.theirs.tensor, run.refs))


def with_nan(run: Any) -> bool:
    """Whether the program has a nan."""
    arrays = (_array(run.theirs.tensor(ref)) for ref in run.refs)
    return any(a.dtype.kind in "fc" and bool(np.isnan(a).any()) for a in arrays)


def repeated_places(run: Any) -> bool:
    """Whether the last statement puts several values at one place, and what differs are such values."""
    pairs = [(_array(run.ours.tensor(ref)), _array(run.theirs.tensor(ref))) for ref in run.refs]
    return any(
        len(np.unique(_array(index) % max(x.numel(), 1))) < index.numel()
        and all(np.isin([a[a != b], b[a != b]], _array(source)).all() for a, b in pairs if a.shape == b.shape)
        for x, index, source, *_ in _calls(run, "put_", "put")
    )


def far_places(run: Any) -> bool:
    """Whether images are read so far away that the place has no digits left for the pixel."""
    return any(
        bool((np.abs(_array(at)) * np.finfo(_array(at).dtype).eps > 1e-3).any())
        for _, at, *_ in _calls(run, "grid_sample")
    )


def with_inf(run: Any) -> bool:
    """Whether the program has an infinite number."""
    arrays = (_array(run.theirs.tensor(ref)) for ref in run.refs)
    return any(a.dtype.kind in "fc" and bool(np.isinf(a).any()) for a in arrays)


def equal_in_segments(run: Any) -> bool:
    """Whether something was reduced by segments that has equal elements."""
    for s in run.done:
        for x, *_ in _calls(run, "segment_reduce", text=s.text):
            a = _array(x)
            if len(np.unique(a)) < a.size:
                return True
    return False


def with_numbers(run: Any) -> bool:
    """Whether the program has a tensor of one element."""
    return any(_array(run.theirs.tensor(ref)).size == 1 for ref in run.refs)


def with_nothing(run: Any) -> bool:
    """Whether the program has a tensor without elements, or cuts one in its last statement."""
    return "[:0]" in run.done[-1].text or any(not _array(run.theirs.tensor(ref)).size for ref in run.refs)


def mixed(run: Any) -> bool:
    """Whether the program has floats of several dtypes."""
    kinds = {_array(run.theirs.tensor(ref)).dtype for ref in run.refs}
    return len([k for k in kinds if k.kind == "f"]) > 1


def cut_views(run: Any) -> bool:
    """Whether torch has a view that requires grad without a graph: it was cut where none was recorded."""
    return any(t._is_view() and t.requires_grad for t in map(run.theirs.tensor, run.refs) if _is_leaf(t))


def views_that_ask(run: Any) -> bool:
    """Whether torch has a view that is a leaf and requires grad, of a base that requires none."""
    views = [t for t in map(run.theirs.tensor, run.refs) if t._is_view()]
    return any(t.requires_grad and _is_leaf(t) and not t._base.requires_grad for t in views)


def views_without(run: Any) -> bool:
    """Whether torch has a view with a graph whose base has none any more."""
    views = [t for t in map(run.theirs.tensor, run.refs) if t._is_view()]
    return any(t.requires_grad and not t._base.requires_grad for t in views)


def weightless(run: Any) -> bool:
    """Whether the draws differ only among elements whose weight is 0."""
    i, j = (_array(side.tensor(run.done[-1].binds)) for side in (run.ours, run.theirs))
    return any(
        i.shape == j.shape and not np.take_along_axis(_array(weights), i, -1)[i != j].any()
        for _, weights, *_ in _calls(run, "how")
    )
