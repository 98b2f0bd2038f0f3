"""Types and values of LLVM's IR. `native.ir` shows how they are used."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tapegrad.native.ir import Function


class Type:
    """A type of LLVM: `name` as it is written, `bytes` of one element, `lanes` (1: a scalar), `element`."""

    __slots__ = ("bytes", "element", "floating", "lanes", "name")

    def __init__(self, name: str, bytes: int, floating: bool, lanes: int = 1, element: Any = None) -> None:
        self.name, self.bytes, self.floating, self.lanes = name, bytes, floating, lanes
        self.element: Type = element or self

    def __repr__(self) -> str:
        return self.name

    @property
    def suffix(self) -> str:
        """How intrinsics name the type: v8f32, i64."""
        kind = f"{'f' if self.floating else 'i'}{self.element.bits}"
        return kind if self.lanes == 1 else f"v{self.lanes}{kind}"

    @property
    def bits(self) -> int:
        """The bits of an element."""
        return 1 if self.element.name == "i1" else 8 * self.bytes

    def like(self, element: Type) -> Type:
        """As many of another element."""
        return vector(element, self.lanes)


I1 = Type("i1", 1, False)
I8 = Type("i8", 1, False)
I16 = Type("i16", 2, False)
I32 = Type("i32", 4, False)
I64 = Type("i64", 8, False)
F32 = Type("float", 4, True)
F64 = Type("double", 8, True)
PTR = Type("ptr", 8, False)
VOID = Type("void", 0, False)

_vectors: dict[tuple[str, int], Type] = {}


def vector(element: Type, lanes: int) -> Type:
    """The type of so many elements; one element is the scalar."""
    if lanes == 1:
        return element
    key = (element.name, lanes)
    if key not in _vectors:
        _vectors[key] = Type(f"<{lanes} x {element}>", element.bytes, element.floating, lanes, element)
    return _vectors[key]


def integers(t: Type) -> Type:
    """The integers of the same width."""
    return t.like(I32 if t.bytes == 4 else I64)


def literal(x: float, t: Type) -> str:
    """A number as a constant of the type."""
    if t.element is F32:
        x = struct.unpack("f", struct.pack("f", float(x)))[0]
    word = f"0x{struct.unpack('Q', struct.pack('d', float(x)))[0]:016X}" if t.floating else str(int(x))
    if t.element is I1:
        word = "true" if x else "false"
    if t.element is PTR:
        word = "null" if x == 0 else f"inttoptr (i64 {int(x)} to ptr)"
    return word if t.lanes == 1 else f"splat ({t.element} {word})"


class Value:
    """An SSA value of a function."""

    __slots__ = ("f", "name", "type")

    def __init__(self, f: Function, name: str, type: Type) -> None:
        self.f, self.name, self.type = f, name, type

    def __repr__(self) -> str:
        return f"{self.type} {self.name}"

    def _arithmetic(self, other: Any, floating: str, integer: str, swap: bool = False) -> Value:
        a, b = self.f.match(self, other)
        if a.type.element is I1:
            raise TypeError("ir: arithmetic with truth values.")
        if swap:
            a, b = b, a
        return self.f.emit(f"{floating if a.type.floating else integer} {a}, {b.name}", a.type)

    def __add__(self, other: Any) -> Value:
        return self._arithmetic(other, "fadd", "add")

    __radd__ = __add__

    def __sub__(self, other: Any) -> Value:
        return self._arithmetic(other, "fsub", "sub")

    def __rsub__(self, other: Any) -> Value:
        return self._arithmetic(other, "fsub", "sub", swap=True)

    def __mul__(self, other: Any) -> Value:
        return self._arithmetic(other, "fmul", "mul")

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Value:
        return self._arithmetic(other, "fdiv", "sdiv")

    def __rtruediv__(self, other: Any) -> Value:
        return self._arithmetic(other, "fdiv", "sdiv", swap=True)

    def __floordiv__(self, other: Any) -> Value:
        return self._arithmetic(other, "fdiv", "sdiv")

    def __mod__(self, other: Any) -> Value:
        return self._arithmetic(other, "frem", "srem")

    def __neg__(self) -> Value:
        if self.type.floating:
            return self.f.emit(f"fneg {self}", self.type)
        return 0 - self

    def _bitwise(self, other: Any, what: str) -> Value:
        a, b = self.f.match(self, other)
        if a.type.floating:
            raise TypeError("ir: bits of floats.")
        return self.f.emit(f"{what} {a}, {b.name}", a.type)

    def __and__(self, other: Any) -> Value:
        return self._bitwise(other, "and")

    def __or__(self, other: Any) -> Value:
        return self._bitwise(other, "or")

    def __xor__(self, other: Any) -> Value:
        return self._bitwise(other, "xor")

    def __lshift__(self, other: Any) -> Value:
        return self._bitwise(other, "shl")

    def __rshift__(self, other: Any) -> Value:
        """Arithmetic; see `Function.shifted` for the logical one."""
        return self._bitwise(other, "ashr")

    def __invert__(self) -> Value:
        return self ^ (1 if self.type.element is I1 else -1)

    def _compare(self, other: Any, floating: str, integer: str) -> Value:
        a, b = self.f.match(self, other)
        if a.type.element is I1:
            integer = integer.replace("s", "u")  # as a signed number true is -1
        what = f"fcmp {floating}" if a.type.floating else f"icmp {integer}"
        return self.f.emit(f"{what} {a}, {b.name}", a.type.like(I1))

    def __lt__(self, other: Any) -> Value:
        return self._compare(other, "olt", "slt")

    def __le__(self, other: Any) -> Value:
        return self._compare(other, "ole", "sle")

    def __gt__(self, other: Any) -> Value:
        return self._compare(other, "ogt", "sgt")

    def __ge__(self, other: Any) -> Value:
        return self._compare(other, "oge", "sge")

    def eq(self, other: Any) -> Value:
        """Whether they are equal (nan is not)."""
        return self._compare(other, "oeq", "eq")

    def ne(self, other: Any) -> Value:
        """Whether they differ (nan does)."""
        return self._compare(other, "une", "ne")

    # Expressions that are written for arrays compare with == and !=.
    def __eq__(self, other: Any) -> Value:  # type: ignore[override] # as NumPy's arrays do
        return self.eq(other)

    def __ne__(self, other: Any) -> Value:  # type: ignore[override] # as NumPy's arrays do
        return self.ne(other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError("ir: Python cannot know a value that is computed later.")

    def __pow__(self, n: Any) -> Value:
        raise TypeError("ir: no power.")

    def is_nan(self) -> Value:
        """Whether it is no number."""
        return self._compare(self, "uno", "ne")

    def unordered(self, other: Any) -> Value:
        """Whether one of them is no number."""
        return self._compare(other, "uno", "ne")

    def at(self, i: Any, t: Type) -> Value:
        """The address of element i of a pointer to elements of the type."""
        i = self.f.value(i, I64)
        return self.f.emit(f"getelementptr {t.element}, ptr {self.name}, {i}", PTR)


class Variable:
    """A value that changes: `v.set(x)`, `v.get()`. Lives in a register unless its address is taken."""

    __slots__ = ("address", "f", "type")

    def __init__(self, f: Function, address: str, type: Type) -> None:
        self.f, self.address, self.type = f, address, type

    def get(self) -> Value:
        """The value now."""
        return self.f.emit(f"load {self.type}, ptr {self.address}", self.type)

    def set(self, x: Any) -> None:
        """Change it."""
        self.f.line(f"store {self.f.value(x, self.type)}, ptr {self.address}")
