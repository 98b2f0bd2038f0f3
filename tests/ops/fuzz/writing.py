"""Writing random programs: a statement is drawn for the tensors that are there, as text.

How ops are called comes from the samples of all rows, so an op that gets a row is in the programs. Its tensor
arguments become variables of the program: some of the sample's shape, some as they come, some cut to the
shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tapegrad.testing.samples import Array
from tests.ops.fuzz.calls import Ref, templates
from tests.ops.fuzz.drawing import VIEWS, Pick, Shape, index, literal
from tests.ops.fuzz.running import Run

SHAPES: tuple[Shape, ...] = (
    *((2, 3), (3,), (4, 5), (), (3, 1), (1,), (2, 3, 4)),
    *((5,), (1, 5), (0,), (2, 0, 3), (5, 5), (2, 3), (4, 5)),
)
RECENT = 14  # variables that further statements are written for
SMALL = 64  # elements that they have at most
SPECIAL = (0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 1e-30, 1e30)


@dataclass
class Variable:
    """A tensor of the program: its expression, and torch's tensor."""

    ref: Ref
    t: Any

    @property
    def shape(self) -> Shape:
        """Its sizes."""
        return tuple(self.t.shape)


def _memory(t: Any) -> int:
    return int(t.untyped_storage().data_ptr())


@dataclass
class Writer:
    """Draws the parts of one program's statements. double: whether float64 is its usual dtype."""

    pick: Pick
    run: Run
    double: bool = False
    variables: list[Variable] = field(default_factory=list)
    count: int = 0

    def look(self) -> None:
        """See which small tensors there are now: the first leaves, and the latest results."""
        found = [Variable(Ref(ref), self.run.theirs.tensor(ref)) for ref in self.run.refs]
        small = [v for v in found if v.t.numel() <= SMALL]
        self.variables = small[:3] + small[3:][-RECENT:]

    def name(self) -> str:
        """A name for a new variable."""
        self.count += 1
        return f"v{self.count}"

    def some(self, where: Callable[[Variable], bool] = lambda v: True) -> Variable:
        """A floating point variable, one for which `where` holds if there is any; late ones are likelier."""
        floats = [v for v in self.variables if v.t.is_floating_point()]
        options = [v for v in floats if where(v)] or floats
        n = len(options)
        return options[max(self.pick.below(n), self.pick.below(n))]

    def wanting(self) -> Variable:
        """One that requires grad, if there is any."""
        return self.some(lambda v: v.t.requires_grad)

    # ---- new tensors

    def leaf(self, kinds: int = 12) -> str:
        """An expression that makes a leaf. kinds: 12 for all, 11 for floating point ones."""
        shape = self.pick.of(SHAPES)
        dtype = "float64" if self.double != self.pick.rarely(10) else "float32"
        grad = "" if self.pick.rarely(3) else ", requires_grad=True"
        way = self.pick.below(kinds)
        if way == 11:
            return self.sample(Array(shape, self.pick.of(("int64", "bool"))))
        a = Array(shape, dtype).draw(self.pick.below(100)).round(2)
        if way == 10 and a.size:
            for _ in range(1 + self.pick.below(3)):
                a.reshape(-1)[self.pick.below(a.size)] = self.pick.of(SPECIAL)
        return literal(a, dtype, grad)

    def sample(self, a: Array) -> str:
        """A sample's own tensor as an expression; floats in the program's usual dtype."""
        usual = "float64" if self.double else "float32"
        values = a.draw(1 + self.pick.below(3))
        if a.is_float and a.values is None:
            values = values.round(2)
        return literal(values, usual if a.is_float else a.dtype)

    # ---- arguments

    def call(self, kind: str, first: Ref | Variable | None = None) -> str:
        """A call of an op of this kind (smooth, other, writer). first: its first tensor; a Variable is
        written."""
        rows = templates(kind)
        if first:
            rows = tuple([r for r in rows if any(t.on_float for t in r)])
        calls = self.pick.of(rows)
        if first:
            calls = [t for t in calls if t.on_float]
        shapes: dict[Shape, Shape] = {}
        loose = self.pick.rarely(2)
        target = first if isinstance(first, Variable) else None
        given = [target.ref if target else first] if first else []

        def put(a: Array) -> Any:
            return given.pop() if given else self.argument(a, shapes, loose, target)

        return str(self.pick.of(calls).text(put))

    def argument(self, a: Array, shapes: dict[Shape, Shape], loose: bool, target: Variable | None) -> Ref:
        """An expression for a tensor argument. shapes: which shape stands for one of the sample's. loose:
        variables as they come. target: what the op writes."""
        if not a.is_float:
            same = [v for v in self.variables if str(v.t.dtype) == f"torch.{a.dtype}"]
            return self.pick.of(same).ref if same and self.pick.rarely(3) else Ref(self.sample(a))
        if loose and a.shape not in shapes:
            v = self.some()
            shapes[a.shape] = v.shape
            return self.apart(v, target)
        shape = shapes.get(a.shape, a.shape)
        fitting = [v for v in self.variables if v.t.is_floating_point() and v.shape == shape]
        way = self.pick.below(8)
        if fitting and way < 6:
            return self.apart(self.pick.of(fitting), target)
        return self.apart(self.some(), target) if way == 7 else self.cut(self.some(), shape, target)

    def cut(self, v: Variable, shape: Shape, target: Variable | None) -> Ref:
        """The elements of a variable in another shape, repeated if they do not suffice."""
        n, have = int(np.prod(shape)), v.t.numel()
        if have == 0:
            return Ref(self.sample(Array(shape)))
        part = f"[:{n}]" if n <= have else f"[torch.arange({n}) % {have}]"
        return Ref(f"{self.apart(v, target)}.reshape(-1){part}.reshape({shape})")

    # ---- expressions

    def op(self, first: Ref | None = None) -> str:
        """An expression without effects."""
        if self.pick.rarely(4):
            x, y = first or self.some().ref, self.some().ref
            return str(
                self.pick.of((f"{x} * {y}", f"{x} + {y}", f"{x} * 0.7", f"torch.tanh({x})", f"{x} - {y}"))
            )
        return self.call("other" if self.pick.rarely(6) else "smooth", first)

    def view(self, x: Variable | None = None) -> str:
        """An expression that shows the memory of a tensor."""
        x = x or self.some()
        return f"{x.ref}{self.pick.of(VIEWS)(self.pick, x.shape)}"

    def write(self) -> str:
        """A statement that writes into a tensor."""
        rarely = self.pick.rarely(6)
        x = self.some(lambda v: rarely or not (v.t.is_leaf and v.t.requires_grad))
        way = self.pick.below(6)
        if way == 0:
            value = self.pick.of((str(self.pick.below(7) / 2 - 1), self.apart(self.some(), x)))
            return f"{x.ref}[{index(self.pick, x.shape)}] = {value}"
        if way < 3:
            y = self.apart(self.some(lambda v: v.shape == x.shape), x)
            return f"{x.ref}.{self.pick.of(('mul_', 'add_', 'copy_', 'sub_'))}({y})"
        return self.call("writer", x)

    def apart(self, v: Variable, target: Variable | None) -> Ref:
        """A variable, or a copy if it shares memory with what is written: torch refuses that, at once or in
        the backward, and tapegrad takes its old value."""
        shares = target is not None and _memory(v.t) == _memory(target.t)
        return Ref(f"{v.ref}.clone()") if shares else v.ref
