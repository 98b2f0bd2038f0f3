"""Workers are not woken on the processor where the caller runs.

Linux mostly wakes a thread where it ran last, or where it was woken from. If that is the caller's processor,
the worker stands in line behind it although another one is idle, until the system looks again, some 10 ms
later: of rounds of 10 ms after pauses of 20 ms, a third took up to 1.7 times as long. So who wakes a worker
forbids it this processor first, and the worker takes the ban back. Processors that the user has forbidden
stay so.
"""

from __future__ import annotations

import platform

from tapegrad.native.ir import I32, I64, Function, Module, Value

# Words of a worker's record: its number while it sleeps, or one of the states below; and where it might run
# before it was moved. Two threads that change them wait for each other: a worker may wake while it is moved.
_STATE, _ALLOWED = 0, 8
_AWAKE, _IN_MOVE, _MOVED = 0, -1, -2
_MASK = 128  # bytes: as many processors as the C library's masks have
_RECORD = 24  # words: lines of the cache of their own
_CALLS = {"gettid": (186, 178), "futex": (202, 98)}  # of x86-64 and arm64
_ARM = platform.machine().lower() in ("arm64", "aarch64")


class Steering:
    """The records of workers 1 ... most - 1, and what is done with them; others are left alone."""

    def __init__(self, module: Module, most: int) -> None:
        words = most * _RECORD
        module.globals.append(f"@workers = internal global [{words} x i64] zeroinitializer, align 64")
        self._most, self._bytes = most, words * 8
        self._send_away = module.add(_send_away(most))

    def forget(self, f: Function) -> None:
        """There are no workers (in a forked child)."""
        f.clear(f.shared("workers"), self._bytes)

    def send_away(self, f: Function, threads: Value) -> None:
        """Those below `threads` that sleep will wake where this thread does not run."""
        f.run(self._send_away, threads)

    def falls_asleep(self, f: Function, who: Value) -> None:
        """Worker `who`, this thread, does."""
        with f.when(who < self._most):
            f.atomic("xchg", _state(f, who), system(f, "gettid"))

    def is_up(self, f: Function, who: Value) -> None:
        """Worker `who`, this thread, may run again where it might before."""
        with f.when(who < self._most):
            now = f.variable(f.value(_AWAKE, I64))
            with f.forever() as settled:
                now.set(f.fetch(_state(f, who)))
                with f.when(now.get().ne(_IN_MOVE)):
                    f.leave(settled, f.replaced(_state(f, who), now.get(), _AWAKE))
                f.call("sched_yield", I32)
            with f.when(now.get().eq(_MOVED)):
                _affinity(f, "set", f.value(0, I64), _allowed(f, who))


def _send_away(most: int) -> Function:
    f = Function("send_away", [("threads", I64)])
    here = f.convert(f.call("sched_getcpu", I32), I64)
    with f.when((here < 0) | (here >= 8 * _MASK)):
        f.give()
    mask = f.room(I64, _MASK // 8)
    with f.loop(1, f.smaller(f["threads"], most)) as who:
        thread = f.fetch(_state(f, who))
        with f.when(thread > 0), f.when(f.replaced(_state(f, who), thread, _IN_MOVE)):
            state = f.variable(thread)
            with f.when(_affinity(f, "get", thread, _allowed(f, who))):
                f.copy(mask, _allowed(f, who), _MASK)
                word = mask.at(f.shifted(here, 6), I64)
                bit = f.emit(f"shl i64 1, {(here & 63).name}", I64)
                f.store(word, f.load(word, I64) & ~bit)
                with f.when(_affinity(f, "set", thread, mask)):  # not where it may run nowhere else
                    state.set(_MOVED)
            f.atomic("xchg", _state(f, who), state.get())
    f.give()
    return f


def _state(f: Function, who: Value) -> Value:
    return f.shared("workers").at(who * _RECORD + _STATE, I64)


def _allowed(f: Function, who: Value) -> Value:
    return f.shared("workers").at(who * _RECORD + _ALLOWED, I64)


def _affinity(f: Function, what: str, thread: Value, mask: Value) -> Value:
    """Get or set where a thread may run (0: this one); whether it could be done."""
    given = f.convert(thread, I32), f.value(_MASK, I64), mask
    done: Value = f.call(f"sched_{what}affinity", I32, *given).eq(0)
    return done


def system(f: Function, name: str, *args: Value) -> Value:
    """One of Linux' system calls, for which older C libraries have no function."""
    f.declared.add("declare i64 @syscall(i64, ...)")
    given = "".join(f", {x}" for x in args)
    return f.emit(f"call i64 (i64, ...) @syscall(i64 {_CALLS[name][_ARM]}{given})", I64)
