"""The native tier's runtime: the cache on disk, compilation, calls, threads, memory."""

import os
import re
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import tapegrad as torch
from tapegrad import tiers
from tapegrad.native import cache, call, memory, pointwise, runtime, target
from tapegrad.native.ir import F32, F64, I64, PTR, Function, Module

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


def scale(t=F32):
    """The kernel y = c x of n vectors."""
    wide = target.host().wide(t)

    def write(f):
        c = f.convert(f["c"], t)
        with f.loop(f.low * wide.lanes, f.high * wide.lanes, wide.lanes) as i:
            f.store(f["y"].at(i, t), f.load(f["x"].at(i, t), wide) * c)

    return call.build("test_scale", "y:w x:r n:i c:d", write, over="n", grain=64), wide.lanes


# ---- calls


def test_arguments_are_checked():
    kernel, lanes = scale()
    x, y = np.ones(lanes, "f4"), np.zeros(lanes, "f4")
    kernel(y, x, 1, 3.0)
    assert (y == 3).all()
    for wrong in ((), (y, x, 1), (y, x, 1, 2.0, 3), (y, [1.0], 1, 2.0), (y, x, "a", 2.0), (y, x, 1, "b")):
        with pytest.raises(TypeError):
            kernel(*wrong)
    y.flags.writeable = False
    with pytest.raises(ValueError, match="aligned"):
        kernel(y, x, 1, 2.0)
    with pytest.raises(ValueError, match="aligned"):
        kernel(x, np.zeros(4 * lanes + 1, "u1")[1:].view("f4"), 1, 2.0)
    with pytest.raises(OverflowError):
        kernel(x, x, 2**70, 2.0)
    kernel(x, x, 0, 2.0)
    kernel(x, x, -5, 2.0)
    assert (x == 1).all()


def test_an_unknown_layout_turns_the_tier_off(monkeypatch):
    call.check_layout()
    monkeypatch.setattr(call, "FLAGS", 72)
    with pytest.raises(target.Unavailable, match="laid out"):
        call.check_layout()


# ---- threads


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_every_element_is_computed_once(threads):
    wide = target.host().lanes(F32)

    def write(f):
        with f.loop(f.low, f.high) as i:
            place = f["y"].at(i, I64)
            f.store(place, f.load(place, I64) + 1)

    kernel = call.build("test_count", "y:w n:i", write, over="n", grain=1)
    before = tiers.threads()
    torch.set_num_threads(threads)
    try:
        for n in (1, 2, 7, wide, 1000, 4097):
            y = np.zeros(n, np.int64)
            for _ in range(50):
                kernel(y, n)
            assert (y == 50).all()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("n", [9, 10, 31, 1000])
@pytest.mark.parametrize("grain", [0, 1, 3])
def test_parts_of_a_loop_differ_by_one_at_most(n, grain):
    def write(f):
        f.store(f["y"].at(f.low, I64), f.high - f.low)

    sizes = np.zeros(n, np.int64)
    run = call.build("sizes", "y:w n:i grain:i", write, over="n", grain="grain")
    before = tiers.threads()
    torch.set_num_threads(2)
    try:
        run(sizes, n, grain)
    finally:
        torch.set_num_threads(before)
    found = sizes[sizes > 0]
    assert found.sum() == n and np.ptp(found) <= 1
    chunks = -(-n // max(grain, 1))
    assert len(found) == min(8, chunks + chunks % 2)  # as many for each thread ...
    assert sizes[n // 2]  # ... which meet in the middle


def test_a_definition_outlives_its_module():
    """Builtins may be looked at by the garbage collector when the interpreter ends, after all modules."""
    code = """if True:
        import gc, weakref, tapegrad
        from tapegrad.native import call
        function, definition = call.bound(0, "nothing", None)
        alive = weakref.ref(definition)
        del definition
        vars(call).clear()
        gc.collect()
        assert alive() is not None and function.__name__ == "nothing"
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_two_threads_at_once():
    kernel, lanes = scale()
    failures = []

    def work(c):
        x = np.arange(512 * lanes, dtype="f4")
        for _ in range(300):
            y = np.empty_like(x)
            kernel(y, x, 512, float(c))
            if not (y == x * c).all():
                failures.append(c)

    workers = [threading.Thread(target=work, args=(c,)) for c in (2, 3, 5, 7)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_computes():
    code = (
        "import os, tapegrad as torch\n"
        "torch.set_num_threads(3)\n"
        "x = torch.ones(300_000)\n"
        "y = (x * 2).exp().sum().item()\n"
        "pid = os.fork()\n"
        "z = (x * 2).exp().sum().item()\n"
        "assert y == z\n"
        "if pid == 0: os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux says where threads may run")
def test_workers_may_run_where_they_might_before():
    code = """
        import os, time, tapegrad as torch
        torch.set_num_threads(2)
        x = torch.ones(300_000)
        (x * 2).exp()
        everywhere = os.sched_getaffinity(0)
        here = {min(everywhere)}
        os.sched_setaffinity(0, here)
        workers = [int(t) for t in os.listdir("/proc/self/task") if int(t) != os.getpid()]
        assert workers
        for allowed in (everywhere, here, everywhere):
            for t in workers:
                os.sched_setaffinity(t, allowed)
            for _ in range(5):
                time.sleep(0.02)  # they fall asleep
                (x * 2).exp()
            end = time.monotonic() + 30
            while any(os.sched_getaffinity(t) != allowed for t in workers):
                assert time.monotonic() < end
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=120)


def test_an_interrupt_ends_the_program():
    code = (
        "import os, signal, threading, tapegrad as torch\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell may have it ignored
        "x = torch.ones(2_000_000)\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    while True: y = (x * 2).tanh()\n"
        "except KeyboardInterrupt:\n"
        "    assert float((x * 2).tanh()[-1]) > 0.9\n"
        "    print('stopped')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "stopped\n", done.stderr


# ---- memory


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has huge pages")
def test_large_blocks_begin_at_different_places_of_huge_pages():
    torch.empty_cache()
    for n in ((1 << 19) - 16, 1 << 19, 3_000_000):  # float32
        arrays = [memory.empty(n, "f4") for _ in range(5)]
        begins = [a.__array_interface__["data"][0] % (1 << 21) for a in arrays]
        assert all(b % 64 == 0 and b < 1 << 17 for b in begins)
        assert len({b % 4096 for b in begins}) == 5
        for k, a in enumerate(arrays):
            a[...] = k
        assert all(a.min() == k == a.max() for k, a in enumerate(arrays))
        del arrays, a
    torch.empty_cache()
    assert torch.memory_stats()["reserved_bytes"] == 0
    small = memory.empty(100_000, "f4")
    assert small.__array_interface__["data"][0] % 64 == 0


def test_blocks_are_used_again():
    a = memory.empty(100_000, "f4")
    place = a.__array_interface__["data"][0]
    a[:] = 7
    hits = memory.stats()["hits"]
    del a
    b = memory.empty((10, 10_000), "f4")
    assert b.__array_interface__["data"][0] == place
    assert memory.stats()["hits"] == hits + 1
    assert place % 64 == 0


def test_users_arrays_stay_users():
    memory.empty(100_000, "f4")
    handler = np._core.multiarray.get_handler_name
    assert handler(np.empty(100_000)) == "default_allocator"
    assert handler(memory.empty(100_000, "f4")) == "tapegrad"
    assert handler(memory.empty(10, "f4")) == "default_allocator"


@pytest.mark.parametrize("dtype", ["f4", "f8", bool, "i8", "O", "U3", "f2", np.dtype("F"), ">f4"])
@pytest.mark.parametrize(
    "shape",
    [(), 0, 7, (3, 4), [3, 4], (0, 5), 20_000, (200, 300), (np.int64(2), 3), (1,) * 32, (1,) * 40],
)
def test_an_empty_array_is_as_numpys(shape, dtype):
    found, expected = memory.empty(shape, dtype), np.empty(shape, dtype)
    assert found.shape == expected.shape and found.strides == expected.strides
    assert found.dtype == expected.dtype and found.flags.num == expected.flags.num
    assert dtype != "O" or all(x is None for x in found.ravel())
    if found.size >= memory.LEAST and found.dtype in memory._KNOWN:
        assert np._core.multiarray.get_handler_name(found) == "tapegrad"


@pytest.mark.parametrize("shape", [-1, (2, -3), (1 << 62, 8), 1 << 80, (1 << 40, 1 << 40), "x", 2.5, None])
def test_no_array_has_such_a_shape(shape):
    before = memory.stats()["allocated_bytes"]
    with pytest.raises((ValueError, TypeError)) as expected:
        np.empty(shape, "f4")
    with pytest.raises(type(expected.value)) as found:
        memory.empty(shape, np.dtype("f4"))
    assert str(found.value) == str(expected.value)
    assert memory.stats()["allocated_bytes"] == before


@pytest.mark.parametrize("given", [(), (3,), (3, "f4", 1)])
def test_an_empty_array_takes_two_arguments(given):
    with pytest.raises(TypeError):
        memory.allot(*given)


@pytest.mark.parametrize("n", [20_000, 65_536, 131_073])
def test_resizing_keeps_values(n):
    a = memory.empty(n, "f8")
    a[:] = np.arange(n)
    a.resize(2 * n, refcheck=False)
    assert (a[:n] == np.arange(n)).all() and not a[n:].any()
    a.resize(n // 2, refcheck=False)
    assert (a == np.arange(n // 2)).all()


def test_nothing_is_lost_or_kept_beyond_the_limit():
    torch.empty_cache()
    used = torch.memory_stats()["allocated_bytes"]
    arrays = [memory.empty(n, "f4") for n in (16_384, 20_000, 1_000_000) for _ in range(5)]
    grown = torch.memory_stats()
    assert grown["allocated_bytes"] - used >= sum(a.nbytes for a in arrays)
    arrays.clear()
    after = torch.memory_stats()
    assert after["allocated_bytes"] == used
    assert 0 < after["reserved_bytes"] <= after["limit_bytes"]
    torch.empty_cache()
    assert torch.memory_stats()["reserved_bytes"] == 0


def test_sizes_of_blocks():
    rng = np.random.default_rng(0)
    for n in [*rng.integers(1 << 14, 1 << 22, 200).tolist(), 1 << 14, (1 << 16) - 16, 1 << 16, (1 << 16) + 1]:
        a = None
        used = memory.stats()["allocated_bytes"]
        a = memory.empty(n, "f4")
        block = memory.stats()["allocated_bytes"] - used
        assert a.nbytes + 64 <= block <= 1.13 * (a.nbytes + 64)


# ---- compilation


def module_of(t, lanes):
    f = Function("f", [("x", PTR), ("n", I64)], internal=False)
    wide = target.vector(t, lanes)
    from tapegrad.native import vmath

    with f.loop(0, f["n"], lanes) as i:
        x = f.load(f["x"].at(i, t), wide)
        f.store(f["x"].at(i, t), f.fma(vmath.exp(f, x), 2.0, vmath.tanh(f, x)))
    f.give()
    module = Module()
    module.add(f)
    return module


@pytest.mark.parametrize("t", [F32, F64])
@pytest.mark.parametrize("kind", [target.AVX2, target.AVX512, target.NEON])
def test_targets_get_their_registers(kind, t):
    text = target.assembly(module_of(t, kind.lanes(t)), kind)
    used = set(re.findall(r"\b([xyz]mm)\d|\bv\d+\.(4s|2d)", text))
    if kind is target.AVX2:
        assert "ymm" in text and "zmm" not in text
    elif kind is target.AVX512:
        assert "zmm" in text
    else:
        assert used == {("", "4s" if t is F32 else "2d")}


def run(code, **env):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


STATE = "import tapegrad as t; t.tiers.wake(); print(t.tiers.native_state())"


def test_the_environment_chooses(tmp_path):
    assert run(STATE, TAPEGRAD_NATIVE="0") == "off: TAPEGRAD_NATIVE=0\n"
    assert run(STATE, TAPEGRAD_NATIVE="avx2").startswith("on: ")
    assert run("import tapegrad; print(tapegrad.get_num_threads())", TAPEGRAD_NUM_THREADS="3") == "3\n"
    compute = "import tapegrad as t; print(round(t.ones(100_000).exp()[0].item(), 6))"
    assert run(compute, TAPEGRAD_CACHE_DIR=str(tmp_path)) == run(compute, TAPEGRAD_NATIVE="0")
    assert list(tmp_path.glob("kernels-*/*.o"))


def test_nothing_is_loaded_before_it_can_pay():
    code = "import sys, tapegrad as t; x = t.ones(100, requires_grad=True); (x * 2).sum().backward(); "
    assert run(code + "print([m for m in sys.modules if 'native' in m or 'llvm' in m])") == "[]\n"


# ---- the cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TAPEGRAD_CACHE_DIR", str(tmp_path))
    cache.folder.cache_clear()
    yield tmp_path
    cache.folder.cache_clear()


def test_what_is_kept_is_found(folder):
    cache.save("a", b"code\n\x00more", {"name": "kernel"})
    assert cache.load("a") == ({"name": "kernel"}, b"code\n\x00more")
    assert cache.load("b") is None
    assert cache.entries() == [{"name": "kernel", "bytes": 10}]
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "folder"])
def test_damage_is_as_if_there_were_nothing(folder, damage):
    cache.save("a", b"code", {})
    (path,) = folder.rglob("a.o")
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes({"cut": content[:-1], "empty": b"", "changed": content[:-1] + b"x"}[damage])
    assert cache.load("a") is None
    assert cache.entries() == []


def test_a_folder_that_others_may_write_is_not_used(folder):
    cache.save("a", b"code", {})
    (place,) = folder.glob("kernels-*")
    place.chmod(0o777)
    cache.folder.cache_clear()
    assert cache.folder() is None
    assert cache.load("a") is None
    cache.save("b", b"code", {})
    place.chmod(0o700)
    cache.folder.cache_clear()
    assert cache.load("a") == ({}, b"code") and cache.load("b") is None


def test_the_oldest_go(folder, monkeypatch):
    monkeypatch.setattr(cache, "LIMIT", 1000)
    for k in range(10):
        cache.save(f"k{k}", bytes(150), {})
        for path in folder.rglob(f"k{k}.o"):
            os.utime(path, (k, k))
    left = {p.stem for p in folder.rglob("*.o")}
    assert "k9" in left and "k0" not in left
    assert sum(p.stat().st_size for p in folder.rglob("*.o")) <= 1000


def test_what_was_compiled_before_is_loaded(folder):
    def kernel():
        fast = pointwise.Pointwise("test_again", "a * 3 + 1", "a")
        assert fast(np.ones(5000, "f4"))[0] == 4
        return target.log[-1]

    assert not kernel().hit
    assert kernel().hit


def test_without_a_home_nothing_is_kept(monkeypatch):
    for name in ("TAPEGRAD_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it does where it finds none
    cache.folder.cache_clear()
    assert cache.location() == "" and cache.folder() is None and cache.load("a") is None
    cache.folder.cache_clear()


WARM = (
    "import sys, tapegrad as t; x = t.ones(100_000, requires_grad=True); (x.exp() * x).sum().backward();"
    "print(round(x.grad[0].item(), 4), t.tiers.native_state()[:2], 'llvmlite.binding' in sys.modules)"
)


@pytest.mark.skipif(not target.tested(), reason="images are for Linux on x86-64")
def test_a_process_that_finds_its_kernels_needs_no_llvm(tmp_path):
    folder = {"TAPEGRAD_CACHE_DIR": str(tmp_path)}
    assert run(WARM, **folder) == "5.4366 on True\n"
    assert run(WARM, **folder) == "5.4366 on False\n"
    for path in tmp_path.glob("kernels-*/*.machine"):
        path.write_bytes(b"damaged")
    assert run(WARM, **folder) == "5.4366 on True\n"
    assert run(WARM, **folder) == "5.4366 on False\n"


def test_another_llvmlite_or_processor_is_asked_again(folder, monkeypatch):
    known = target._facts()
    target._facts.cache_clear()
    places = set()
    for name in ("_llvmlite", "_processor", None):
        if name:
            monkeypatch.setattr(target, name, lambda name=name: f"another {name}")
        assert target._facts() == known
        target._facts.cache_clear()
        places.add(frozenset(folder.rglob("*.machine")))
    assert len(places) == 2  # the third found what the second kept
    assert len(max(places, key=len)) == 2


# ---- linking


def test_machine_code_is_counted():
    before = runtime.calls()
    torch.ones(200_000).exp()
    assert runtime.calls() > before
