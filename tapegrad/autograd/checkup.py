"""Why a model does not train: one call around a training step."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import Any

from tapegrad import naming
from tapegrad._errors import describe, line_of, place
from tapegrad._tables import html
from tapegrad.autograd.flow import Cut, Flow
from tapegrad.autograd.leaks import reachable, shape_of
from tapegrad.tape import AccumulateGrad, Freed, Node
from tapegrad.tensor import Tensor
from tapegrad.views import fresh

__all__ = ["Checkup", "Finding", "doctor"]

_LISTED = 6  # names, or lines, in one finding


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: its kind, the parameters or modules that it is about, the line where it
    happens ("" if none is known), what it is, and the cure.

    kind: "no graph", "no gradient", "zero gradient", "not finite", "not zeroed", "no backward", "no step",
    "rebound", "not registered", "frozen", "optimizer" or "mode".
    """

    kind: str
    names: tuple[str, ...]
    line: str
    text: str
    cure: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text} {self.cure}"


def doctor(model: Any, loss: Any = None, optimizer: Any = None) -> Checkup:
    """Examine a training step: parameters that get no gradient and where their path was cut, gradients that
    are never zeroed, and what else keeps a model from training.

    model: a Module, or its parameters (a list or dict of Tensors). loss: a function that computes it, or does
    a whole step, which is run once and watched; or the loss itself, before or after its backward, of which
    only the graph can be examined; or nothing: then the result is a context manager for the step.
    Raises: TypeError for anything else.
    """
    checkup = Checkup(model, optimizer)
    if isinstance(loss, Tensor):
        checkup._look_at(loss)
    elif callable(loss):
        checkup._whole = False
        with checkup:
            made = loss()
            checkup._loss = made if isinstance(made, Tensor) else None
    elif loss is not None:
        raise TypeError(
            f"doctor: loss is {type(loss).__name__}; a Tensor, a function that computes it, or None is "
            "needed. Pass the optimizer as optimizer=."
        )
    return checkup


class Checkup:
    """What `doctor` found, in `findings`; `unknown` says what could not be examined. As a context manager it
    watches the block, and has its findings at the end."""

    def __init__(self, model: Any, optimizer: Any) -> None:
        self.findings: tuple[Finding, ...] = ()
        self.unknown: tuple[str, ...] = ()
        self._model, self._optimizer = model, optimizer
        self._members = _members(model)
        self._modules = list(model.named_modules()) if hasattr(model, "named_modules") else []
        self._modes: list[Finding] | None = None
        self._loss: Tensor | None = None
        self._whole = True
        self._flow: Flow | None = None
        if optimizer is not None and not hasattr(optimizer, "param_groups"):
            raise TypeError(f"doctor: optimizer is {type(optimizer).__name__}; an Optimizer is needed.")

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __bool__(self) -> bool:
        return True  # also without findings: `if d:` would be read as its contrary

    def __repr__(self) -> str:
        if not self._done:
            return f"doctor: {self._subject()}, not examined yet"
        n = len(self.findings)
        lines = [f"doctor: {self._subject()}: {n or 'no'} finding{'' if n == 1 else 's'}"]
        for i, f in enumerate(self.findings, 1):
            lines += [f"{i}. {f.kind}: {f.text}", f"   {f.cure}"]
        return "\n".join([*lines, *[f"not known: {u}" for u in self.unknown]])

    def _repr_html_(self) -> str:
        rows = [[f.kind, ", ".join(f.names), f.line, f.text, f.cure] for f in self.findings]
        return html(["finding", "of", "line", "what", "cure"], rows)

    def _subject(self) -> str:
        what = type(self._model).__name__ if self._modules else "parameters"
        return f"{what} with {len(self._members)} parameters"

    # ---- watching

    _done = False

    def __enter__(self) -> Checkup:
        self._flow = Flow(list(self._members.values()), self._check_modes)
        self._flow.__enter__()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        assert self._flow is not None
        self._flow.__exit__()
        self._examine(error)
        self._flow.forget()
        self._flow = self._loss = None
        if isinstance(error, RuntimeError) and self.findings:
            error.add_note(repr(self))

    def _check_modes(self) -> None:
        if self._modes is None:
            self._modes = list(_modes(self._modules))

    def _examine(self, error: BaseException | None) -> None:
        """After the watch: what the step did."""
        flow = self._flow
        assert flow is not None
        loss, found = self._loss, []
        reached, node = flow.reached, None if loss is None else _node_of(loss)
        if node is not None:
            reached |= flow.connected(node)
        if loss is not None and node is None:
            text = f"the loss, {describe(loss)}, has no graph, so backward() has nothing to go back through."
            found.append(Finding("no graph", (), "", text, "See where the paths were cut, below."))
        if not flow.backwards and self._whole and error is None:
            text = "no backward() ran in this block."
            found.append(Finding("no backward", (), "", text, "Call loss.backward(), or widen the block."))
        elif loss is not None or flow.backwards or error is not None:
            came = flow.came | (flow.known(loss._a)[0] if loss is not None else 0)
            found += _cuts(flow, self._members, reached, came)
        found += self._after_backward(flow)
        self._check_modes()
        self._finish(found)

    def _after_backward(self, flow: Flow) -> Iterator[Finding]:
        def names(bits: int) -> tuple[str, ...]:
            return tuple([k for i, k in enumerate(self._members) if bits >> i & 1])

        if dead := names(flow.reached & ~flow.nonzero & ~flow.broken):
            text = f"every element of the gradient of {_listed(dead)} is 0."
            cure = "Look for a dead relu, a saturated sigmoid or tanh, or a factor that is 0."
            yield Finding("zero gradient", dead, "", text, cure)
        if bad := names(flow.broken):
            text = f"the gradient of {_listed(bad)} has nan or inf."
            yield Finding("not finite", bad, "", text, "Run the step in autograd.trace_nonfinite().")
        if old := names(flow.stale):
            text = f"the gradient of {_listed(old)} was added to that of an earlier step."
            cure = "Call optimizer.zero_grad() before each backward(), unless you accumulate on purpose."
            yield Finding("not zeroed", old, "", text, cure)
        held = [p for p in _held(self._optimizer) if p._node and flow.bits.get(p._node, 0) & flow.reached]
        if held and not any(flow.changed(p, flow.ended) for p in held):
            text = "backward() ran, but no parameter changed after it."
            yield Finding("no step", (), "", text, "Call optimizer.step() after backward().")

    # ---- without watching

    def _look_at(self, loss: Tensor) -> None:
        """What the graph of a loss tells."""
        found, unknown, node = [], [], _node_of(loss)
        below = reachable([node]) if node is not None else set()
        suspects = _suspects(self._modules, below)
        hint = f" Lines that may cut it: {'; '.join(suspects[:_LISTED])}." if suspects else ""
        if node is None:
            text = f"the loss, {describe(loss)}, has no graph, so backward() has nothing to go back through."
            cure = f"Compute it from the parameters, with operations, outside no_grad().{hint}"
            found.append(Finding("no graph", (), "", text, cure))
        lost = {k: t for k, t in self._members.items() if t._node is not None and t._node not in below}
        if lost:
            names = tuple(lost)
            text = f"the loss does not depend on {_listed(names)} ({_made(lost.values())})."
            cure = f"Find where the path is cut, or that the layer is never called.{hint}"
            found.append(Finding("no gradient", names, "", text, cure))
            unknown.append("where the paths are cut; doctor(model, lambda: ..., optimizer) runs and watches")
        if any(type(n.saved) is Freed for n in below):
            unknown.append("whether gradients are zeroed before each backward; `with doctor(model):` watches")
        elif old := tuple([k for k, t in self._members.items() if _grown(t, below)]):
            text = f"{_listed(old)} had a gradient before this loss went back."
            cure = "Call optimizer.zero_grad() before each backward(), unless you accumulate on purpose."
            found.append(Finding("not zeroed", old, "", text, cure))
        self._finish(found, unknown)

    def _finish(self, found: list[Finding], unknown: Iterable[str] = ()) -> None:
        frozen = tuple([k for k, t in self._members.items() if t._node is None])
        if frozen:
            text = f"{_listed(frozen)} {'does' if len(frozen) == 1 else 'do'} not require grad."
            found.append(
                Finding("frozen", frozen, "", text, "If it is to be trained, call requires_grad_().")
            )
        found += _strays(self._modules, self._members)
        found += _optimizer(self._optimizer, self._members)
        found += _modes(self._modules) if self._modes is None else self._modes
        self.findings, self.unknown, self._done = tuple(found), tuple(unknown), True


# ---- what a model has


def _members(model: Any) -> dict[str, Tensor]:
    """The parameters by name. Raises: TypeError if model has none."""
    if hasattr(model, "named_parameters"):
        return dict(model.named_parameters())
    if isinstance(model, Mapping):
        found = dict(model)
    elif isinstance(model, (list, tuple)):
        found = {naming.name_of(t) or f"[{i}]": t for i, t in enumerate(model)}
    else:
        found = {"": model}
    for t in found.values():
        if not isinstance(t, Tensor) or "" in found:
            raise TypeError(
                f"doctor: model is {type(model).__name__}; a Module, or a list or dict of Tensors, is needed."
            )
    return found


def _node_of(t: Tensor) -> Node | None:
    if t._cold is not None:
        fresh(t)
    return t._node


def _held(optimizer: Any) -> list[Tensor]:
    return [] if optimizer is None else [p for g in optimizer.param_groups for p in g["params"]]


def _grown(t: Tensor, below: set[Node]) -> bool:
    g = t.grad if isinstance(t._node, AccumulateGrad) and t._node in below else None
    return g is not None and bool(g._a.any())


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{k}`" for k in names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"


def _made(tensors: Iterable[Tensor]) -> str:
    lines = dict.fromkeys(place(t._node.code, t._node.lasti) for t in tensors if t._node is not None)
    return f"made at {', '.join(lines)}"


def _strays(modules: list[tuple[str, Any]], members: Mapping[str, Tensor]) -> Iterator[Finding]:
    """Tensors that a model has as attributes and that are no parameters of it."""
    own = {id(t) for t in members.values()}
    leaves = {t._node for t in members.values()}
    attributes = [(f"{path}.{k}" if path else k, x) for path, m in modules for k, x in list(vars(m).items())]
    for name, t in attributes if modules else members.items():
        n = _node_of(t) if isinstance(t, Tensor) else None
        if n is not None and n.op is not None and _is_rebound(n, leaves if modules else set()):
            at = place(n.code, n.lasti)
            source = _source(n.code, n.lasti)
            text = f"`{name}` is the result of {n.op.name} at {at}, no parameter any more{source}."
            cure = "Change it in place under no_grad(), or let an optimizer do it."
            yield Finding("rebound", (name,), at, text, cure)
        elif n is not None and n.op is None and id(t) not in own:
            at = place(n.code, n.lasti)
            text = f"`{name}` requires grad and is no Parameter ({at}), so model.parameters() leaves it out."
            yield Finding("not registered", (name,), at, text, "Wrap it in nn.Parameter.")
    for name, x in attributes:
        inside = list(x.values() if isinstance(x, dict) else x) if isinstance(x, (dict, list, tuple)) else []
        if name.rpartition(".")[2].startswith("_") or not any(_unknown(y, own) for y in inside):
            continue
        text = (
            f"`{name}` is a {type(x).__name__} of parameters or modules, which model.parameters() leaves out."
        )
        yield Finding(
            "not registered", (name,), "", text, "Register them, e.g. in an nn.ModuleList or Sequential."
        )


def _is_rebound(n: Node, leaves: set[Any]) -> bool:
    """Whether n is an update of a former parameter: a leaf of its shape lies below, and none of today's."""
    below = reachable([n])
    old = [p for p in below if p.op is None]
    return bool(old) and not any(p in leaves for p in old) and any(shape_of(p) == shape_of(n) for p in old)


def _unknown(x: Any, own: set[int]) -> bool:
    """Whether x is a parameter, or a Module with one, that the model does not have."""
    if hasattr(type(x), "named_parameters"):
        return any(id(p) not in own for _, p in x.named_parameters())
    return isinstance(x, Tensor) and x._node is not None and x._node.op is None and id(x) not in own


def _optimizer(optimizer: Any, members: Mapping[str, Tensor]) -> Iterator[Finding]:
    """Where an optimizer and a model differ in what they hold."""
    if optimizer is None:
        return
    held = _held(optimizer)
    kind, ids = type(optimizer).__name__, {id(p) for p in held}
    missing = tuple([k for k, t in members.items() if t._node is not None and id(t) not in ids])
    if missing:
        text = f"{kind} does not hold {_listed(missing)}."
        cure = "Make it from model.parameters() as they are now, or call add_param_group()."
        yield Finding("optimizer", missing, "", text, cure)
    own = {id(t) for t in members.values()}
    if others := [p for p in held if id(p) not in own]:
        names = tuple([naming.name_of(p) for p in others])
        what = ", ".join(
            f"`{k}`" if k else f"a {describe(p)} tensor" for k, p in zip(names, others, strict=True)
        )
        text = f"{kind} holds {what}, which the model does not have ({_made(others)})."
        yield Finding(
            "optimizer", names, "", text, "Make the optimizer after the model, from its parameters."
        )


def _modes(modules: list[tuple[str, Any]]) -> Iterator[Finding]:
    """Modules that are not in training mode."""
    off = [path or "model" for path, m in modules if not getattr(m, "training", True)]
    if off and len(off) == len(modules):
        text = "the model is in evaluation mode."
        yield Finding("mode", ("model",), "", text, "Call model.train() before the step.")
    elif off:
        names = tuple(off)
        text = (
            f"{_listed(names)} {'is' if len(off) == 1 else 'are'} in evaluation mode, the rest is training."
        )
        yield Finding("mode", names, "", text, "Call model.train(), unless this is meant.")


# ---- where a path was cut

_CURES = {
    "no_grad": "Move it out of no_grad().",
    "integers": "An integer or bool has no derivative; stay in floating point, or choose with torch.where.",
    "detach()": "Leave detach() out where gradients are to flow.",
    "detach_()": "Leave detach_() out where gradients are to flow.",
    "data": "Leave .data out where gradients are to flow.",
}
_NUMBER = "A Python number or NumPy array carries no gradient; go on with the tensor itself."


def _source(code: CodeType, lasti: int) -> str:
    line = linecache.getline(code.co_filename, line_of(code, lasti)).strip()
    return f": {line}" if line else ""


def _cuts(flow: Flow, members: Mapping[str, Tensor], reached: int, came: int) -> Iterator[Finding]:
    """Why parameters got no gradient, those with the same cause together."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    cuts: dict[tuple[Any, ...], list[Cut]] = {}
    for i, (name, t) in enumerate(members.items()):
        if reached >> i & 1 or t._node is None or t._node not in flow.bits:
            continue
        mine = [c for c in flow.cuts.values() if c.lost >> i & 1]
        mine = [c for c in mine if came & c.mark] or mine
        key: tuple[Any, ...] = tuple([id(c) for c in mine]) or ("used", *flow.used.get(i, ()))
        groups.setdefault(key, []).append(name)
        cuts[key] = mine
    for key, names in groups.items():
        yield _explained(tuple(names), cuts[key], key[1:])


def _explained(names: tuple[str, ...], cuts: list[Cut], used: tuple[Any, ...]) -> Finding:
    verb = "gets" if len(names) == 1 else "get"
    if cuts:
        lines = [f"{place(c.code, c.lasti)} by {_how(c)}{_source(c.code, c.lasti)}" for c in cuts[:_LISTED]]
        text = f"{_listed(names)} {verb} no gradient: the path is cut at {'; and at '.join(lines)}."
        cure = " ".join(dict.fromkeys(_CURES.get(c.how, _NUMBER) for c in cuts[:_LISTED]))
        return Finding("no gradient", names, place(cuts[0].code, cuts[0].lasti), text, cure)
    if used:
        at = place(*used)
        text = f"{_listed(names)} {verb} no gradient: used at {at}{_source(*used)}, but not for the loss."
        return Finding("no gradient", names, at, text, "Use the result in the loss.")
    text = f"{_listed(names)} {verb} no gradient: no operation of this step used it."
    return Finding("no gradient", names, "", text, "Call the layer in forward(), or remove it.")


def _how(cut: Cut) -> str:
    if cut.how == "no_grad":
        return f"no_grad() ({cut.op})"
    return f"{cut.op}, whose result has no derivative" if cut.how == "integers" else cut.how


_SUSPECT = re.compile(
    r"\.(detach_?|item|numpy|tolist|long|int|bool|argmax|round)\(|\.data\b|no_grad|inference_mode|"
    r"\b(argmax|float|int)\(|\btensor\("
)


def _suspects(modules: list[tuple[str, Any]], nodes: Iterable[Node]) -> list[str]:
    """Lines that often cut a path, in the functions that recorded the graph and in the model's."""
    codes = {id(n.code): n.code for n in nodes if n.op is not None}
    for _, m in modules:
        code = getattr(type(m).forward, "__code__", None)
        if code is not None and not type(m).__module__.startswith("tapegrad."):
            codes[id(code)] = code
    found: dict[str, None] = {}
    for code in codes.values():
        for line in sorted({line for _, _, line in code.co_lines() if line}):
            source = linecache.getline(code.co_filename, line).strip()
            if _SUSPECT.search(source) and not source.startswith("#"):
                name = code.co_filename.replace("\\", "/").rpartition("/")[2]
                found[f"{name}:{line}: {source}"] = None
    return list(found)
