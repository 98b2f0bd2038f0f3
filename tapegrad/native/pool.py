"""A loop shared among threads, in machine code: fork and join in a fraction of a microsecond.

The caller publishes a job and works on it itself. Each thread has a share of it, always the same one, so that
what it reads is likely to be in its own caches; it takes the chunks of its share, and then those that are
left of others', but for some microseconds none of who is at work. (Cores may have third-level caches of their
own: where all threads took chunks from one counter, filling 4 MB took up to twice as long.) The caller waits
only for workers that have joined, never for one that has not woken up, so a busy core costs nothing. Workers
spin for some microseconds, then offer their core to others for about 3 ms, and then sleep in the kernel. A
second thread that comes while a job runs does its own job alone.

Why not the platform's pools: OpenMP's and BLAS's workers spin for longer, give way to nobody and are waited
for.
"""

from __future__ import annotations

import platform
import sys

from tapegrad.native.ir import I8, I32, I64, PTR, VOID, Function, Module, Value
from tapegrad.native.steering import Steering, system

# Words of the shared state, in bytes; what different threads write lies on different cache lines.
_STATE, _SLEEPERS, _JOB, _LOCK, _THREADS, _NAMES = 0, 64, 128, 192, 256, 320
_OPEN = 1 << 31  # in the state's low half, which counts who has joined; the high half numbers the jobs
_SPINS = 2000  # some tens of microseconds
_YIELDS = 4000  # about 3 ms if nobody wants the core; steps of an MLP take 2 to 17 % less than without
_PATIENCE = 400  # pauses; some microseconds
_PARTS = 4  # chunks per thread: a late worker still finds some
_SHARES = 64  # at most, each with a line of the cache for its next chunk
_STEERED = 8  # who of lower number is sent away from the caller's processor: that is two calls of the system


def write(module: Module) -> None:
    """Add the pool's functions: tapegrad_parallel(body, context, n, grain), tapegrad_worker(self, args, n),
    tapegrad_threads(n, fresh)."""
    module.globals += [
        "@pool = internal global [64 x i64] zeroinitializer, align 64",
        f"@next = internal global [{8 * _SHARES} x i64] zeroinitializer, align 64",
    ]
    steering = Steering(module, _STEERED) if sys.platform == "linux" else None
    chunks = module.add(_chunks())
    module.add(_parallel(chunks, steering))
    module.add(_worker(chunks, steering))
    module.add(_reset(steering))


def _word(f: Function, place: int) -> Value:
    return f.shared("pool").at(place // 8, I64)


def _pause(f: Function) -> None:
    if platform.machine().lower() in ("arm64", "aarch64"):
        f.call("llvm.aarch64.hint", VOID, f.value(1, I32))
    else:
        f.call("llvm.x86.sse2.pause", VOID)


def _give_way(f: Function) -> None:
    """Let another thread have the core, if one waits for it."""
    f.call("sched_yield", I32)


def _sleep(f: Function, address: Value, seen: Value) -> None:
    """Sleep while `seen` stands at the address, or shorter."""
    if sys.platform == "darwin":  # not tested
        f.call("__ulock_wait", I32, f.value(1, I32), address, f.convert(seen, I64), f.value(0, I32))
    else:
        _futex(f, address, 128, seen)


def _wake(f: Function, address: Value, many: Value) -> None:
    """Wake who sleeps at the address."""
    if sys.platform == "darwin":  # not tested
        f.call("__ulock_wake", I32, f.value(0x101, I32), address, f.value(0, I64))
    else:
        _futex(f, address, 129, many)


def _futex(f: Function, address: Value, what: int, x: Value) -> None:
    """Linux' futex(2)."""
    none = f.value(0, PTR)
    system(f, "futex", address, f.value(what, I32), x, none, none, f.value(0, I32))


def _chunks() -> Function:
    """Take chunks until there are none, of one's own share first. They differ by one part at most. What is
    left of a share is left to its owner, if that is at work, for some microseconds: it may be through by
    then, and what it writes stays in its caches."""
    f = Function("chunks", [("who", I64)])
    job = _word(f, _JOB)
    body, context = f.load(job, PTR), f.load(job.at(1, I64), PTR)
    n, count, shares = (f.load(job.at(k, I64), I64) for k in (2, 3, 4))
    f.store(_begun(f, f["who"] % shares), f.value(1, I64))
    with f.loop(f["who"], f["who"] + shares) as i:
        share = i % shares
        next, end = _next(f, share), (share + 1) * count // shares
        others, tries = i.ne(f["who"]), f.variable(f.value(0, I64))
        with f.forever() as done:
            k = f.fetch(next)
            f.leave(done, k >= end)
            wait = others & f.fetch(_begun(f, share)).ne(0) & (tries.get() < _PATIENCE)
            with f.when(wait):
                tries.set(tries.get() + 1)
                _pause(f)
            with f.when(~wait):
                k = f.atomic("add", next, 1)
                f.leave(done, k >= end)
                f.invoke(body, VOID, context, k * n // count, (k + 1) * n // count, f["who"])
    f.give()
    return f


def _next(f: Function, share: Value) -> Value:
    """Where the number of a share's next chunk stands."""
    return f.shared("next").at(share * 8, I64)


def _begun(f: Function, share: Value) -> Value:
    """Where it stands whether a share's owner is at work."""
    return f.shared("next").at(share * 8 + 1, I64)


def _parallel(chunks: Function, steering: Steering | None) -> Function:
    """body(context, low, high, who) for parts of 0 ... n of about `grain` or more, by all free threads. If
    they suffice there are as many for each, so that shares of arrays of one size end at one place whatever
    the grain."""
    parameters = [("body", PTR), ("context", PTR), ("n", I64), ("grain", I64)]
    f = Function("tapegrad_parallel", parameters, internal=False)
    n, grain = f["n"], f["grain"]
    threads = f.load(_word(f, _THREADS), I64)
    with f.when(n <= 0):
        f.give()
    alone = f.variable((n <= grain) | (threads <= 1))
    with f.when(~alone.get()):
        alone.set(~f.replaced(_word(f, _LOCK), 0, 1))
    with f.when(alone.get()):
        f.invoke(f["body"], VOID, f["context"], f.value(0, I64), n, f.value(0, I64))
        f.give()
    parts, shares = threads * _PARTS, f.smaller(threads, _SHARES)
    job = _word(f, _JOB)
    least = f.larger(grain, 1)
    wanted = (n + least - 1) // least
    even = (wanted + shares - 1) // shares * shares  # with fewer than threads, some have none
    count = f.smaller(f.smaller(f.select(wanted < shares, wanted, even), n), parts)
    for k, x in enumerate((f["body"], f["context"], n, count, shares)):
        f.store(job.at(k, I64), x)
    with f.loop(0, shares) as share:
        f.store(_next(f, share), share * count // shares)
        f.store(_begun(f, share), f.value(0, I64))
    state = _word(f, _STATE)
    _publish(f, state, threads, steering)
    f.run(chunks, 0)
    f.atomic("and", state, ~_OPEN)
    tries = f.variable(f.value(0, I64))
    with f.forever() as done:
        f.leave(done, (f.fetch(state) & (_OPEN - 1)).eq(0))
        tries.set(tries.get() + 1)
        with f.when(tries.get() > _SPINS):
            _give_way(f)
        _pause(f)
    f.atomic("xchg", _word(f, _LOCK), 0)
    f.give()
    return f


def _publish(f: Function, state: Value, threads: Value, steering: Steering | None) -> None:
    """Let the workers know that there is a job, and wake those that sleep."""
    number = f.shifted(f.fetch(state), 32) + 1
    if steering:
        with f.when(f.fetch(_word(f, _SLEEPERS), I32).ne(0)):
            steering.send_away(f, threads)
    f.atomic("xchg", state, (number << 32) | _OPEN)
    with f.when(f.fetch(_word(f, _SLEEPERS), I32).ne(0)):
        _wake(f, state.at(4, I8), f.convert(threads, I32))


def _worker(chunks: Function, steering: Steering | None) -> Function:
    """A Python function that never comes back: waits for jobs, without the interpreter's lock."""
    f = Function("tapegrad_worker", [("self", PTR), ("args", PTR), ("n", I64)], PTR, internal=False)
    f.call("PyEval_SaveThread", PTR)
    who = f.atomic("add", _word(f, _NAMES), 1) + 1
    state = _word(f, _STATE)
    number = state.at(4, I8)
    last = f.variable(f.value(0, I32))
    with f.forever():
        spins = f.variable(f.value(0, I64))
        spins.set(0)
        with f.forever() as awake:
            f.leave(awake, f.fetch(number, I32).ne(last.get()))
            spins.set(spins.get() + 1)
            _pause(f)
            with f.when(spins.get() > _SPINS):
                _give_way(f)
            with f.when(spins.get() > _SPINS + _YIELDS):
                if steering:
                    steering.falls_asleep(f, who)
                f.atomic("add", _word(f, _SLEEPERS), 1, I32)
                with f.forever() as up:
                    f.leave(up, f.fetch(number, I32).ne(last.get()))
                    _sleep(f, number, last.get())
                f.atomic("sub", _word(f, _SLEEPERS), 1, I32)
                if steering:
                    steering.is_up(f, who)
        with f.forever() as over:  # join while the job is open
            now = f.fetch(state)
            last.set(f.convert(f.shifted(now, 32), I32))
            f.leave(over, (now & _OPEN).eq(0))
            f.leave(over, who >= f.load(_word(f, _THREADS), I64))
            with f.when(f.replaced(state, now, now + 1)):
                f.run(chunks, who)
                f.atomic("sub", state, 1)
                f.leave(over)
    return f


def _reset(steering: Steering | None) -> Function:
    """Set how many threads share a loop; with `fresh`, as if nothing had run (in a forked child)."""
    f = Function("tapegrad_threads", [("n", I64), ("fresh", I64)], internal=False)
    with f.when(f["fresh"].ne(0)):
        f.clear(f.shared("pool"), 512)
        if steering:
            steering.forget(f)
    f.store(_word(f, _THREADS), f["n"])
    f.give()
    return f
