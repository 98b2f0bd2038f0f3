"""Linking and loading without LLVM: images of object code."""

import ctypes
import struct

import pytest

from tapegrad import tiers
from tapegrad.native import image, target
from tapegrad.native.ir import I64, PTR, Function, Module

tiers.wake()
pytestmark = [
    pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state()),
    pytest.mark.skipif(not target.tested(), reason="images are for Linux on x86-64"),
]


def compiled(module):
    machine = target._machine(target.host())
    return bytes(machine.emit_object(target._optimised(module.text(), target.host())))


def function(module, name, write, parameters=("x",)):
    f = Function(name, [(p, I64) for p in parameters], I64, internal=False)
    write(f)
    return module.add(f)


def loaded(module, **symbols):
    found = image.linked(compiled(module))
    addresses = image.placed(found, symbols)
    return {name: ctypes.CFUNCTYPE(I64_, *[I64_] * 3)(a) for name, a in addresses.items()}, found


I64_ = ctypes.c_int64


def test_constants_variables_and_calls():
    """What lies in the image itself: read, written, called; a second image of it has its own variables."""
    module = Module()
    module.globals += [
        "@fixed = internal constant [4 x i64] [i64 2, i64 3, i64 5, i64 7]",
        "@counter = internal global i64 0",
        "@start = internal global i64 40, align 64",
        "@open = global i64 0",
    ]
    inner = Function("inner", [("x", I64)], I64)
    inner.give(inner.load(inner.shared("fixed").at(inner["x"], I64), I64))
    module.add(inner)

    def count(f):
        for name in ("counter", "open", "start"):
            f.store(f.shared(name), f.load(f.shared(name), I64) + f["x"])
        f.give(f.load(f.shared("counter"), I64) + 100 * f.load(f.shared("start"), I64))

    function(module, "pick", lambda f: f.give(f.run(inner, f["x"]) * 10))
    function(module, "count", count)
    first, found = loaded(module)
    second, _ = loaded(module)
    assert [first["pick"](k, 0, 0) for k in range(4)] == [20, 30, 50, 70]
    assert [f["count"](2, 0, 0) for f in (first, first, second)] == [4202, 4404, 4202]
    assert 0 < found.fixed < found.size and found.fixed % 4096 == 0


def test_what_is_elsewhere_is_called_wherever_it_lies():
    """Functions that are given by name, and the C library's; each may be farther away than a call reaches."""
    module = Module()
    given = ctypes.CFUNCTYPE(I64_, I64_, I64_)(lambda a, b: 1000 * a + b)

    def both(f):
        y = f.call("given", I64, f["x"], f.call("labs", I64, f["x"]))
        f.give(y + f.call("given", I64, f["x"], f.value(0, I64)))

    function(module, "both", both)
    functions, found = loaded(module, given=ctypes.cast(given, ctypes.c_void_p).value)
    assert functions["both"](-7, 0, 0) == -14000 + 7
    assert sorted(found.table) == ["given", "labs"]


def test_a_name_that_nobody_has():
    module = Module()
    function(module, "lost", lambda f: f.give(f.call("tapegrad_no_such_function", I64, f["x"])))
    with pytest.raises(AttributeError, match="tapegrad_no_such_function"):
        loaded(module)


def test_addresses_of_variables_elsewhere():
    module = Module()

    def read(f):
        f.declared.add("@PyExc_TypeError = external global ptr")
        f.give(f.convert(f.load(f.shared("PyExc_TypeError"), PTR), I64))

    function(module, "read", read)
    assert loaded(module)[0]["read"](0, 0, 0) == id(TypeError)


def test_what_is_not_linked_here_is_left_to_llvm():
    """Another platform's objects, sections that were cut off, pointers in data: None, never a wrong image."""
    module = Module()
    function(module, "same", lambda f: f.give(f["x"]))
    code = compiled(module)
    assert image.linked(code) is not None
    other = bytearray(code)
    struct.pack_into("<H", other, 18, 183)  # the number of 64-bit ARM
    assert image.linked(bytes(other)) is None
    assert image.linked(b"\xcf\xfa\xed\xfe" + code[4:]) is None
    assert image.linked(code[: len(code) - 100]) is None
    assert image.linked(b"") is None
    module.globals.append("@pointer = global ptr @same")
    assert image.linked(compiled(module)) is None


def test_what_llvm_links_computes_the_same():
    module = Module()
    function(module, "twice", lambda f: f.give(f.call("labs", I64, f["x"]) * 2))
    (address,) = target._link("test_twice", compiled(module), ["twice"], {})
    assert ctypes.CFUNCTYPE(I64_, I64_)(address)(-21) == loaded(module)[0]["twice"](-21, 0, 0) == 42


def test_code_cannot_be_written():
    module = Module()
    function(module, "same", lambda f: f.give(f["x"]))
    (address,) = image.placed(image.linked(compiled(module)), {}).values()
    with open("/proc/self/maps", encoding="ascii") as file:
        for line in file:
            ends, rights = line.split()[:2]
            low, high = (int(x, 16) for x in ends.split("-"))
            if low <= address < high:
                assert rights.startswith("r-x")
                return
    raise AssertionError("no such place")
