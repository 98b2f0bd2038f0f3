"""Stand-ins: how machine code takes the places of NumPy's bodies, and when it is loaded."""

import os
import subprocess
import sys
import threading
import time

import pytest

from tapegrad import tiers
from tapegrad.native import choice

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_stand_in_takes_the_place_of_its_body(monkeypatch):
    monkeypatch.setattr(choice, "_stand_ins", [])

    def body(x, dim=0):
        return "body", x, dim

    @choice.over(body)
    def first(body, x, dim):
        return ("first", x, dim) if x == 1 else body(x, dim)

    @choice.over(body)
    def second(body, x, dim):
        return ("second", x, dim) if x == 2 else body(x, dim)

    assert body(1) == ("body", 1, 0)
    choice.install()
    assert [body(x)[0] for x in (1, 2, 3)] == ["first", "second", "body"]
    assert body(dim=5, x=2) == ("second", 2, 5)
    assert body(3, 4) == choice.original(body)(3, dim=4) == ("body", 3, 4)
    for wrong in ((), (1, 2, 3)):
        with pytest.raises(TypeError):
            body(*wrong)


def body_of(name):
    scratch = {}
    exec(f"def {name}(x, dim=0): return '{name}', x, dim", scratch)
    return scratch[name]


def test_a_promise_is_kept_when_a_body_is_called(monkeypatch):
    monkeypatch.setattr(choice, "_stand_ins", [])
    bodies = [body_of("one"), body_of("two")]
    loaded = []

    def load():
        loaded.append(1)
        time.sleep(0.05)  # for other threads to come
        for body in bodies:
            choice.over(body)(lambda body, x, dim: ("fast", *body(x, dim)))

    choice.promise(bodies, load)
    assert not loaded
    assert choice.original(bodies[0])(1) == ("one", 1, 0)
    found = []
    threads = [threading.Thread(target=lambda: found.append(bodies[0](3, dim=4))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [("fast", "one", 3, 4)] * 4
    assert bodies[1](5) == ("fast", "two", 5, 0)
    assert len(loaded) == 1
    assert [choice.original(body)(1) for body in bodies] == [("one", 1, 0), ("two", 1, 0)]


def test_what_was_imported_before_keeps_the_promise(monkeypatch):
    monkeypatch.setattr(choice, "_stand_ins", [])
    body = body_of("one")
    choice.over(body)(lambda body, x, dim: "fast")
    choice.promise([body], lambda: pytest.fail("it is there"))
    choice.install()
    assert body(1) == "fast"


def test_a_promise_that_is_not_kept(monkeypatch):
    monkeypatch.setattr(choice, "_stand_ins", [])
    body = body_of("one")
    choice.promise([body], lambda: None)
    for _ in range(2):
        with pytest.raises(LookupError, match="no stand-in for one"):
            body(1)


TABLE = """
import sys
from importlib import import_module
from tapegrad import kernels as K
from tapegrad.native import choice, kernels, runtime
runtime.start()
stated = {(m, n) for m, names in kernels.STAND_INS.items() for n in names.split()}
files = [p.stem for p in __import__("pathlib").Path(kernels.__file__).parent.glob("*.py")]
for m in sorted(files):
    import_module(f"tapegrad.native.kernels.{m}")
found = set()
for body, f in choice._stand_ins:
    name = f"{body.__module__}.{body.__name__}".removeprefix("tapegrad.kernels.")
    where = getattr(f, "__code__", None)
    where = f.__module__.replace(".", "/") if where is None else where.co_filename.removesuffix(".py")
    found.add((where.rpartition("/")[2], name))
found = {(m, n) for m, n in found if m not in kernels.FEW}
print(len(stated) > 80, sorted(stated ^ found))
"""


def test_the_table_says_which_module_has_which_stand_in():
    assert run(TABLE) == "True []\n"


def test_kernels_are_imported_when_they_are_called():
    code = (
        "import sys, tapegrad as t; x = t.ones(100_000)\n"
        "loaded = lambda: {m[24:] for m in sys.modules if m.startswith('tapegrad.native.kernels.')}\n"
        "show = lambda: print(sorted(loaded()))\n"
        "show(); x.cumsum(0); show(); x.exp(); show()"
    )
    assert run(code) == "['rows']\n['rows', 'scan']\n['rows', 'scan']\n"


def test_kernels_that_were_imported_before_the_tier_is_awake():
    code = (
        "import tapegrad as t, tapegrad.native.kernels.scan\n"
        "from tapegrad import tiers; before = tiers.native_calls()\n"
        "y = t.ones(100_000).cumsum(0); print(y[-1].item(), tiers.native_calls() > before)"
    )
    assert run(code) == "100000.0 True\n"


def test_what_has_no_stand_in():
    for body in (lambda *xs: xs, lambda **xs: xs, lambda x: wrong, len):
        with pytest.raises(TypeError, match="no plain function"):
            choice.over(body)(lambda body, x: x)
    wrong = None
