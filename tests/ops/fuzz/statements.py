"""The kinds of statements that programs are made of, and how often each comes."""

from __future__ import annotations

from collections.abc import Callable

from tests.ops.fuzz.drawing import Pick
from tests.ops.fuzz.running import Run, Statement
from tests.ops.fuzz.writing import Variable, Writer

CONDITIONS = (
    "{x}.sum() > 0.137",
    "({x} > 0.3).any()",
    "{x}.numel() > 4",
    "torch.isnan({x}).any()",
    "{x}.abs().max() < 1.7 if {x}.numel() else {x}.dim() > 1",
)
OWN = "[g if g is None else g.clone() for g in {}]"  # torch's may be expanded, or handed out twice
HOOKS = (
    "lambda g: g * 2",
    "lambda g: seen[{k}].append(g.clone())",
    "lambda g: None",
    "lambda g: g.clamp(-1.0, 1.0)",
    "lambda g: (seen[{k}].append(g.clone()), g * 0.3)[1]",
)


def _op(w: Writer, v: str) -> str:
    return f"{v} = {w.op()}"


def _view(w: Writer, v: str) -> str:
    return f"{v} = {w.view()}"


def _write(w: Writer, v: str) -> str:
    text = w.write()
    return text if "] = " in text or not w.pick.rarely(4) else f"{v} = {text}"


def _leaf(w: Writer, v: str) -> str:
    return f"{v} = {w.leaf()}"


def _mode(w: Writer, v: str) -> str:
    """Something in no_grad, or in enable_grad inside of it."""
    mode = w.pick.of(("with torch.no_grad():", "with torch.no_grad(), torch.enable_grad():"))
    inner = w.pick.of((_write, _view, _op))(w, v)
    return f"{mode}\n    {inner}"


def _branch(w: Writer, v: str) -> str:
    condition = w.pick.of(CONDITIONS).format(x=w.some().ref)
    first, second = (w.pick.of((_op, _view, _write))(w, v) for _ in range(2))
    return f"if {condition}:\n    {first}\nelse:\n    {second}"


def _loop(w: Writer, v: str) -> str:
    x = w.some()
    body = _on(w, v, x)
    if w.pick.rarely(3):
        leave = f"    if ({v}.abs() > 1.5).any():\n        break"
        return f"{v} = {x.ref}\nfor _ in range(4):\n{leave}\n    {v} = {v} * 2 + 0.1"
    return f"{v} = {x.ref}\nfor _ in range({1 + w.pick.below(3)}):\n    {v} = {body}"


def _on(w: Writer, v: str, x: Variable) -> str:
    """An expression over the new variable v, which is like x, and others."""
    y = w.some(lambda u: u.shape == x.shape).ref
    return str(w.pick.of((f"{v} * {y}", f"torch.sin({v}) + {y}", w.op(type(x.ref)(v)), f"{v}.sum() * {y}")))


def _hook(w: Writer, v: str) -> str:
    return f"{v} = {w.wanting().ref}.register_hook({w.pick.of(HOOKS).format(k=w.count)})"


def _watch(w: Writer, v: str) -> str:
    return f"{w.wanting().ref}.retain_grad()"


def _own(w: Writer, v: str) -> str:
    """Something about a tensor's own place in the graph."""
    x = w.some()
    leaf = w.some(lambda u: u.t.is_leaf)
    return str(
        w.pick.of(
            (
                f"{v} = {x.ref}.detach().clone().requires_grad_()",
                f"{leaf.ref}.requires_grad_()",
                f"{leaf.ref}.requires_grad_(False)",
                f"{x.ref}.detach_()",
                f"{leaf.ref}.grad = None",
                f"{v} = {leaf.ref}.grad",
                f"{v} = {leaf.ref}.grad * 2",
                f"{leaf.ref}.grad.zero_()",
                f"{v} = {x.ref}.clone()",
            )
        )
    )


# ---- sweeps


def _root(w: Writer) -> str:
    x = w.wanting()
    return f"{x.ref}.sum()" if x.t.numel() != 1 or w.pick.rarely(3) else x.ref


def _options(w: Writer) -> str:
    graph = w.pick.of(("retain_graph=True", "retain_graph=True", "create_graph=True", ""))
    return f", {graph}" if graph else ""


def _backward(w: Writer, v: str) -> str:
    x, options = w.wanting(), _options(w)
    way = w.pick.below(6)
    if way == 4:
        y = w.some(lambda u: u.shape == x.shape).ref
        return f"{x.ref}.backward({y}.detach().clone(){options})"
    if way == 5:
        y = w.wanting().ref
        return f"torch.autograd.backward([{x.ref}.sum(), {y}.sum()]{options})"
    inputs = f"inputs=[{w.wanting().ref}]" if way == 3 else ""
    return f"{_root(w)}.backward({', '.join([s for s in (options[2:], inputs) if s])})"


def _grad(w: Writer, v: str) -> str:
    x, options = w.wanting(), _options(w)
    inputs = ", ".join(dict.fromkeys([w.wanting().ref for _ in range(1 + w.pick.below(2))]))
    more = w.pick.of((", allow_unused=True", ", allow_unused=True", ", materialize_grads=True", ""))
    if w.pick.rarely(4):
        y = w.some(lambda u: u.shape == x.shape).ref
        found = f"torch.autograd.grad({x.ref}, [{inputs}], {y}.detach().clone(){options}{more})"
    else:
        found = f"torch.autograd.grad({_root(w)}, [{inputs}]{options}{more})"
    return f"{v} = {OWN.format(found)}"


def _double(w: Writer, v: str) -> str:
    """A gradient of a gradient in one statement."""
    x, y = w.wanting().ref, w.wanting().ref
    first = f"torch.autograd.grad({x}.sum(), [{y}], create_graph=True)[0]"
    second = f"torch.autograd.grad(({first} ** 2).sum(), [{y}], create_graph=True, allow_unused=True)"
    return f"{v} = {OWN.format(second)}"


# kind -> (how often it comes, what writes it; v is a new name)
KINDS: dict[str, tuple[int, Callable[[Writer, str], str]]] = {
    "op": (14, _op),
    "view": (6, _view),
    "write": (6, _write),
    "leaf": (1, _leaf),
    "mode": (2, _mode),
    "branch": (1, _branch),
    "loop": (1, _loop),
    "hook": (1, _hook),
    "watch": (1, _watch),
    "own": (2, _own),
    "backward": (2, _backward),
    "grad": (2, _grad),
    "double": (1, _double),
}
_DRAWN = [kind for kind, (n, _) in KINDS.items() for _ in range(n)]


def statement(w: Writer) -> Statement:
    """A statement for the tensors that are there."""
    w.look()
    kind, v = w.pick.of(_DRAWN), w.name()
    return Statement(KINDS[kind][1](w, v), kind, v)


def ending(w: Writer) -> Statement | None:
    """A backward from the last of all that requires grad; None if nothing does."""
    w.look()
    last = [v for v in w.variables if v.t.requires_grad and v.t.is_floating_point()][-6:]
    terms = [f"{v.ref}.sum() * {1 + i / 8}" for i, v in enumerate(last)]
    return Statement(f"({' + '.join(terms)}).backward()", "end") if terms else None


def beginning(pick: Pick, run: Run) -> tuple[Writer, list[Statement]]:
    """The writer of a program, and the leaves that it starts with."""
    w = Writer(pick, run, double=pick.rarely(2))
    names = [w.name() for _ in range(2 + pick.below(4))]
    return w, [Statement(f"{v} = {w.leaf(12 if i else 11)}", "leaf", v) for i, v in enumerate(names)]
