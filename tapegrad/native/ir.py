"""The one writer of LLVM IR: a small structured builder. Kernels written with it read like the loops they
are.

    f = Function("scale", [("y", PTR), ("x", PTR), ("n", I64)])
    with f.loop(0, f["n"], 8) as i:
        f.store(f["y"].at(i, F32), f.load(f["x"].at(i, F32), vector(F32, 8)) * 2.0)

A `Value` is one SSA value with Python's operators. Floating-point operations are strict: nothing is reordered
or contracted unless `fma` says so. What changes is a `Variable`: memory on the stack, which LLVM turns into
registers. Numbers become constants of the other operand's type, and scalars that meet vectors are splat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tapegrad.native.values import (
    F32,
    F64,
    I1,
    I8,
    I16,
    I32,
    I64,
    PTR,
    VOID,
    Type,
    Value,
    Variable,
    integers,
    literal,
    vector,
)

__all__ = [
    "F32",
    "F64",
    "I1",
    "I8",
    "I16",
    "I32",
    "I64",
    "PTR",
    "VOID",
    "Function",
    "Module",
    "Type",
    "Value",
    "Variable",
    "integers",
    "literal",
    "vector",
]


class Function:
    """A function being written: its parameters by name, then one instruction after the other.

    internal: only this module calls it; inline: it is put where it is called.
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[tuple[str, Type]],
        result: Type = VOID,
        *,
        internal: bool = True,
        inline: bool = False,
    ) -> None:
        self.name, self.result, self.inline = name, result, inline
        self.parameters = [Value(self, f"%{n}", t) for n, t in parameters]
        self._internal = internal
        self._lines: list[str] = []
        self._stack: list[str] = []
        self._count = 0
        self._block = "entry"
        self.declared: set[str] = set()
        # For those who write functions in: whether all is rounded as IEEE says; whether a float64 that is
        # being computed becomes a float32.
        self.exact, self.rough = True, False

    def __getitem__(self, name: str) -> Value:
        return next(p for p in self.parameters if p.name == f"%{name}")

    # ---- text

    def length(self) -> int:
        """How many instructions it has so far."""
        return len(self._lines)

    def line(self, text: str) -> None:
        """An instruction without a result."""
        self._lines.append(f"  {text}")

    def emit(self, text: str, t: Type) -> Value:
        """An instruction with a result."""
        self._count += 1
        name = f"%v{self._count}"
        self._lines.append(f"  {name} = {text}")
        return Value(self, name, t)

    def text(self) -> str:
        """The function as LLVM writes it."""
        kind = "internal " if self._internal else ""
        end = "alwaysinline" if self.inline else "noinline nounwind" if self._internal else "nounwind"
        given = ", ".join(f"ptr {p.name}" if p.type is PTR else f"{p.type} {p.name}" for p in self.parameters)
        body = "\n".join([*self._stack, *self._lines, "  unreachable"])  # behind the last return
        return f"define {kind}{self.result} @{self.name}({given}) {end} {{\nentry:\n{body}\n}}\n"

    def _label(self) -> str:
        self._count += 1
        return f"b{self._count}"

    def _start(self, block: str) -> None:
        self._lines.append(f"{block}:")
        self._block = block

    # ---- values

    def value(self, x: Any, t: Type) -> Value:
        """x as a value of the type: a number becomes a constant, a scalar is splat over a vector."""
        if not isinstance(x, Value):
            return Value(self, literal(x, t), t)
        return self.splat(x, t.lanes) if x.type.lanes == 1 and t.lanes > 1 else x

    def match(self, a: Any, b: Any) -> tuple[Value, Value]:
        """Two operands of one type."""
        if not isinstance(b, Value):
            return a, self.value(b, a.type)
        if a.type is not b.type:
            wide = a.type if a.type.lanes >= b.type.lanes else b.type
            a, b = self.value(a, wide), self.value(b, wide)
            if a.type is not b.type:
                raise TypeError(f"ir: {self.name}: {a.type} meets {b.type}.")
        return a, b

    def splat(self, x: Value, lanes: int) -> Value:
        """A vector of x."""
        t = vector(x.type, lanes)
        if not x.name.startswith("%"):
            return Value(self, f"splat ({x.type} {x.name})", t)
        one = self.emit(f"insertelement {t} poison, {x}, i32 0", t)
        return self.emit(f"shufflevector {one}, {t} poison, <{lanes} x i32> zeroinitializer", t)

    def lane(self, x: Value, i: Any) -> Value:
        """One element of a vector."""
        return self.emit(f"extractelement {x}, {self.value(i, I64)}", x.type.element)

    def shuffle(self, a: Value, b: Value, lanes: Sequence[int]) -> Value:
        """Elements of a, and after them of b, picked by number."""
        mask = ", ".join(f"i32 {i}" for i in lanes)
        t = vector(a.type.element, len(lanes))
        return self.emit(f"shufflevector {a}, {b}, <{len(lanes)} x i32> <{mask}>", t)

    def count(self, t: Type) -> Value:
        """0, 1, 2, ... as a vector."""
        words = ", ".join(f"{t.element} {literal(i, t.element)}" for i in range(t.lanes))
        return Value(self, f"<{words}>" if t.lanes > 1 else literal(0, t), t)

    def select(self, mask: Value, a: Any, b: Any) -> Value:
        """a where the mask is true, else b."""
        if not isinstance(a, Value):
            a = self.value(a, b.type)
        a, b = self.match(a, b)
        if mask.type.lanes in (1, a.type.lanes):
            return self.emit(f"select {mask}, {a}, {b}", a.type)
        raise TypeError(f"ir: {self.name}: a mask of {mask.type.lanes} for {a.type}.")

    def call(self, name: str, result: Type, *args: Value) -> Any:
        """A call of a function by name, which is declared. None if it gives nothing."""
        given = ", ".join(map(str, args))
        self.declared.add(f"declare {result} @{name}({', '.join(str(a.type) for a in args)})")
        if result is VOID:
            self.line(f"call void @{name}({given})")
            return None
        return self.emit(f"call {result} @{name}({given})", result)

    def run(self, function: Function, *args: Any) -> Any:
        """A call of a function of this module."""
        values = [self.value(a, p.type) for a, p in zip(args, function.parameters, strict=True)]
        given = ", ".join(map(str, values))
        if function.result is VOID:
            self.line(f"call void @{function.name}({given})")
            return None
        return self.emit(f"call {function.result} @{function.name}({given})", function.result)

    def invoke(self, pointer: Value, result: Type, *args: Any) -> Any:
        """A call through a pointer."""
        given = ", ".join(map(str, args))
        if result is VOID:
            self.line(f"call void {pointer.name}({given})")
            return None
        return self.emit(f"call {result} {pointer.name}({given})", result)

    def intrinsic(self, name: str, *args: Value) -> Value:
        """llvm.NAME of operands of one type."""
        return self.call(f"llvm.{name}.{args[0].type.suffix}", args[0].type, *args)  # type: ignore[no-any-return] # a Value

    def fma(self, a: Any, b: Any, c: Any) -> Value:
        """a * b + c, rounded once."""
        t = max((x.type for x in (a, b, c) if isinstance(x, Value)), key=lambda t: t.lanes)
        return self.intrinsic("fma", *[self.value(x, t) for x in (a, b, c)])

    def smaller(self, a: Any, b: Any) -> Value:
        """The minimum of integers."""
        a, b = self.match(a, b) if isinstance(a, Value) else self.match(b, a)
        return self.intrinsic("smin", a, b)

    def larger(self, a: Any, b: Any) -> Value:
        """The maximum of integers."""
        a, b = self.match(a, b) if isinstance(a, Value) else self.match(b, a)
        return self.intrinsic("smax", a, b)

    def shifted(self, x: Value, bits: int) -> Value:
        """The logical shift to the right."""
        return self.emit(f"lshr {x}, {literal(bits, x.type)}", x.type)

    def bits(self, x: Value, t: Type) -> Value:
        """The same bits as another type."""
        return self.emit(f"bitcast {x} to {t}", t)

    def convert(self, x: Value, t: Type) -> Value:
        """The number as another type, as C converts it; truth values become 0 and 1."""
        a, b = x.type, t
        if a is b:
            return x
        if a.element is PTR or b.element is PTR:
            return self.emit(f"{'ptrtoint' if a.element is PTR else 'inttoptr'} {x} to {t}", t)
        if a.floating and b.floating:
            what = "fpext" if a.bytes < b.bytes else "fptrunc"
        elif a.floating:
            what = "fptosi"
        elif b.floating:
            what = "uitofp" if a.element is I1 else "sitofp"
        elif a.bits > b.bits:
            what = "trunc"
        else:
            what = "zext" if a.element is I1 else "sext"
        return self.emit(f"{what} {x} to {t}", t)

    def total(self, x: Value) -> Value:
        """The sum of a vector's elements, halves first."""
        if x.type.lanes == 1:
            return x
        name = f"llvm.vector.reduce.fadd.{x.type.suffix}"
        if not x.type.floating:
            return self.call(f"llvm.vector.reduce.add.{x.type.suffix}", x.type.element, x)  # type: ignore[no-any-return] # a Value
        t = x.type.element
        self.declared.add(f"declare {t} @{name}({t}, {x.type})")
        return self.emit(f"call reassoc {t} @{name}({t} {literal(-0.0, t)}, {x})", t)

    def totals(self, vectors: Sequence[Value]) -> Value:
        """A vector that begins with the sums of some vectors' elements, in order: neighbours are added up
        until one stands for each. There are at most as many as elements in one."""
        lanes = vectors[0].type.lanes
        count = 1 << (len(vectors) - 1).bit_length()
        held = [*vectors, *[self.value(0.0, vectors[0].type)] * (count - len(vectors))]
        halvings = 0
        while len(held) > 1 or 1 << halvings < lanes:
            pairs = zip(held[::2], held[1::2], strict=True) if len(held) > 1 else [(held[0], held[0])]
            held = [
                self.shuffle(a, b, range(0, 2 * lanes, 2)) + self.shuffle(a, b, range(1, 2 * lanes, 2))
                for a, b in pairs
            ]
            halvings += 1
        return held[0]

    def tree(self, values: Sequence[Value], join: Callable[[Value, Value], Value]) -> Value:
        """The values joined in pairs."""
        rest = list(values)
        while len(rest) > 1:
            pairs = [join(a, b) for a, b in zip(rest[::2], rest[1::2], strict=False)]
            rest = pairs + rest[2 * len(pairs) :]
        return rest[0]

    def across(self, x: Value, join: Callable[[Value, Value], Value]) -> Value:
        """A vector's elements joined in pairs."""
        while x.type.lanes > 2:
            half = x.type.lanes // 2
            x = join(self.shuffle(x, x, range(half)), self.shuffle(x, x, range(half, 2 * half)))
        return x if x.type.lanes == 1 else join(self.lane(x, 0), self.lane(x, 1))

    def any(self, mask: Value) -> Value:
        """Whether a mask is true anywhere."""
        n = mask.type.lanes
        return self.bits(mask, Type(f"i{n}", 1, False)).ne(0) if n > 1 else mask

    def lowest(self, mask: Value) -> Value:
        """The first lane in which a mask is true; it is somewhere."""
        bits = self.emit(f"zext {self.bits(mask, Type(f'i{mask.type.lanes}', 1, False))} to i64", I64)
        self.declared.add("declare i64 @llvm.cttz.i64(i64, i1)")
        return self.emit(f"call i64 @llvm.cttz.i64({bits}, i1 true)", I64)

    # ---- memory

    def variable(self, start: Any, t: Type | None = None) -> Variable:
        """A variable with its first value."""
        t = t or start.type
        address = self.room(t, 1)
        v = Variable(self, address.name, t)
        v.set(start)
        return v

    def room(self, t: Type, n: int) -> Value:
        """The address of n elements on the stack."""
        self._count += 1
        name = f"%s{self._count}"
        self._stack.append(f"  {name} = alloca {t}, i64 {n}, align {64 if n > 1 else max(8, t.bytes)}")
        return Value(self, name, PTR)

    def load(self, p: Value, t: Type, mask: Value | None = None, other: Any = 0) -> Value:
        """What stands at p; where the mask is false, `other`."""
        if mask is None:
            return self.emit(f"load {t}, {p}, align {t.bytes}", t)
        if t.lanes == 1:
            raise TypeError("ir: a mask needs a vector.")
        name = f"llvm.masked.load.{t.suffix}.p0"
        self.declared.add(f"declare {t} @{name}(ptr, {mask.type}, {t})")
        rest = self.value(other, t)
        return self.emit(f"call {t} @{name}(ptr align {t.bytes} {p.name}, {mask}, {rest})", t)

    def store(self, p: Value, x: Any, mask: Value | None = None, t: Type | None = None) -> None:
        """Put x at p, where the mask is true."""
        x = self.value(x, t or x.type)
        if mask is None:
            self.line(f"store {x}, {p}, align {x.type.bytes}")
            return
        name = f"llvm.masked.store.{x.type.suffix}.p0"
        self.declared.add(f"declare void @{name}({x.type}, ptr, {mask.type})")
        self.line(f"call void @{name}({x}, ptr align {x.type.bytes} {p.name}, {mask})")

    def store_past(self, p: Value, x: Value) -> None:
        """Put a vector at p, which must be aligned, past the caches: for what is not read soon."""
        self.declared.add("!0 = !{i32 1}")
        self.line(f"store {x}, {p}, align {min(x.type.bytes * x.type.lanes, 64)}, !nontemporal !0")

    def prefetch(self, p: Value, near: int = 3) -> None:
        """Let what stands at p come into the first cache (near=3), or the second (2)."""
        self.declared.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.line(f"call void @llvm.prefetch.p0({p}, i32 0, i32 {near}, i32 1)")

    def copy(self, to: Value, source: Value, bytes: Any) -> None:
        """Copy so many bytes, which do not overlap."""
        n = self.value(bytes, I64)
        self.declared.add("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)")
        self.line(f"call void @llvm.memcpy.p0.p0.i64({to}, {source}, {n}, i1 false)")

    def clear(self, to: Value, bytes: Any) -> None:
        """Set so many bytes to zero."""
        n = self.value(bytes, I64)
        self.declared.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        self.line(f"call void @llvm.memset.p0.i64({to}, i8 0, {n}, i1 false)")

    def first(self, n: Value, t: Type) -> Value:
        """The mask of a vector's first n elements."""
        count = self.convert(n, integers(t).element)
        return self.count(integers(t)) < count

    # ---- memory that threads share

    def atomic(self, what: str, p: Value, x: Any, t: Type = I64) -> Value:
        """Change what stands at p in one step (add, sub, and, xchg); what stood there."""
        return self.emit(f"atomicrmw {what} {p}, {self.value(x, t)} seq_cst", t)

    def fetch(self, p: Value, t: Type = I64) -> Value:
        """What stands at p, after all that was written before it."""
        return self.emit(f"load atomic {t}, {p} seq_cst, align {t.bytes}", t)

    def replaced(self, p: Value, old: Any, new: Any, t: Type = I64) -> Value:
        """Put `new` in the place of `old`; whether `old` stood there."""
        a, b = self.value(old, t), self.value(new, t)
        pair = self.emit(f"cmpxchg {p}, {a}, {b} seq_cst seq_cst", Type(f"{{ {t}, i1 }}", 0, False))
        return self.emit(f"extractvalue {pair}, 1", I1)

    def shared(self, name: str) -> Value:
        """The address of a global of the module."""
        return Value(self, f"@{name}", PTR)

    # ---- control

    @contextmanager
    def loop(self, start: Any, end: Any, step: Any = 1) -> Iterator[Value]:
        """for i in range(start, end, step), 64-bit."""
        first, last, by = (self.value(x, I64) for x in (start, end, step))
        head, body, done = self._label(), self._label(), self._label()
        before = self._block
        self.line(f"br label %{head}")
        self._start(head)
        self._count += 1
        i = Value(self, f"%i{self._count}", I64)
        at = len(self._lines)
        self.line("")  # the phi, once the last block is known
        more = i < last
        self.line(f"br {more}, label %{body}, label %{done}")
        self._start(body)
        yield i
        after = i + by
        self._lines[at] = (
            f"  {i.name} = phi i64 [ {first.name}, %{before} ], [ {after.name}, %{self._block} ]"
        )
        self.line(f"br label %{head}")
        self._start(done)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Only if the condition is true."""
        inside, done = self._label(), self._label()
        self.line(f"br {condition}, label %{inside}, label %{done}")
        self._start(inside)
        yield
        self.line(f"br label %{done}")
        self._start(done)

    @contextmanager
    def forever(self) -> Iterator[str]:
        """Until `leave(name)`, which it gives."""
        again, done = self._label(), self._label()
        self.line(f"br label %{again}")
        self._start(again)
        yield done
        self.line(f"br label %{again}")
        self._start(done)

    def leave(self, done: str, condition: Value | None = None) -> None:
        """Go on behind the block of that name, if the condition is true."""
        rest = self._label()
        self.line(
            f"br label %{done}" if condition is None else f"br {condition}, label %{done}, label %{rest}"
        )
        self._start(rest)

    def give(self, x: Any = None) -> None:
        """Return."""
        self.line("ret void" if x is None else f"ret {self.value(x, self.result)}")
        self._start(self._label())  # what follows is never reached

    def give_if(self, condition: Value, x: Any) -> None:
        """Return x if the condition is true."""
        with self.when(condition):
            self.give(x)


class Module:
    """Functions that are compiled together."""

    def __init__(self) -> None:
        self.functions: list[Function] = []
        self.globals: list[str] = []

    def add(self, function: Function) -> Function:
        """Take a function in; gives it back."""
        self.functions.append(function)
        return function

    def text(self) -> str:
        """The module as LLVM writes it."""
        own = {f" @{f.name}(" for f in self.functions}
        declared = sorted(
            d for d in set().union(*(f.declared for f in self.functions)) if not any(o in d for o in own)
        )
        return "\n".join([*self.globals, *(f.text() for f in self.functions), *declared, ""])
