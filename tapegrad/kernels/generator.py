"""The stream of random words behind every draw: the Mersenne Twister, kept as torch's CPU generator keeps it.

NumPy's MT19937 makes the words, a block of 624 at a time; `Stream` hands them out. It holds the current
block, so a small draw is one slice. NumPy's generator thus always stands between two blocks, and its key is
the block's key: torch's state (seed, key, position, pending normal) can be read and replaced at any time.
numpy.random is imported with the first draw, because it takes longer to import than the rest of the package.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from numpy.random import MT19937, RandomState

Array = npt.NDArray[Any]

BLOCK = 624  # words that one step of the Mersenne Twister makes
DEFAULT_SEED = 67280421310721  # the seed of a torch.Generator() that nobody has seeded
STATE_BYTES = 5056  # the size of torch.get_rng_state()

_SPARE = 8  # words behind those that are handed out, in the same memory: machine code reads whole vectors
_BULK = 32 * BLOCK  # words per call of NumPy's generator: 160 KB, which stays in the second-level cache
_HIGH, _LOW = (1, 0) if sys.byteorder == "little" else (0, 1)  # the halves of a uint64 seen as two uint32

# torch's state blob. `left` counts down to the next step of the twister, `next` counts up within the block.
_STATE = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("key", "<u8", (BLOCK,)),
        ("normal_x", "<f8"),
        ("normal_y", "<f8"),  # the pending normal
        ("normal_rho", "<f8"),
        ("normal_is_valid", "<i4"),
        ("unused", "V12"),
    ]
)


class Stream:
    """torch's CPU generator below the tensors: seed, state, random words, and the lock that guards them.

    A draw takes `lock` once and holds it to its end, so that no other thread can take words in between.
    `pending_normal` is the second value of a Box-Muller pair whose first value was handed out, or None.

    Source: at::CPUGeneratorImpl and at::mt19937 (torch.Generator).
    """

    __slots__ = (
        "_block",
        "_engine",
        "_limit",
        "_made",
        "_position",
        "_seed",
        "_seeded",
        "_wanted",
        "lock",
        "pending_normal",
    )

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self.lock = RLock()
        self._engine: tuple[MT19937, RandomState] | None = None
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> None:
        """Start over from `seed`.

        Range: -2**63 to 2**64 - 1; a negative seed stands for seed + 2**64. The twister uses the low 32 bits.
        Raises: RuntimeError if seed is not an int; ValueError if it is out of range.
        Source: torch.Generator.manual_seed.
        """
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise RuntimeError(f"manual_seed: seed is {seed!r} ({type(seed).__name__}); an int is needed.")
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: seed is {seed}; it must lie in [-2**63, 2**64 - 1].")
        with self.lock:
            self._seed = seed % 2**64
            self._seeded = False  # the engine follows with the next draw
            self._block: Array = np.empty(0, np.uint32)
            self._position = self._limit = 0
            self._made: dict[tuple[Any, int], Array] = {}  # by what made it, and of which words in a step
            self._wanted: set[Any] = set()
            self.pending_normal: float | None = None

    def initial_seed(self) -> int:
        """The seed that this stream started from, in [0, 2**64).

        Source: torch.Generator.initial_seed.
        """
        return self._seed

    def seed(self) -> int:
        """Start over from a seed that the operating system draws, and return it.

        Range: [0, 2**64).
        Source: torch.Generator.seed.
        """
        seed = int.from_bytes(os.urandom(8), sys.byteorder)
        self.manual_seed(seed)
        return seed

    def clone(self) -> Stream:
        """A new stream that continues exactly as this one would.

        Source: torch.Generator.clone_state.
        """
        other = Stream()
        other.set_state(self.get_state())
        return other

    def get_state(self) -> npt.NDArray[np.uint8]:
        """The whole state as torch writes it.

        Shapes: uint8[5056].
        Source: torch.Generator.get_state, torch.get_rng_state.
        """
        blob = np.zeros(1, _STATE)
        state = blob[0]
        with self.lock:
            state["seed"] = self._seed
            state["left"] = self._limit - self._position + 1
            state["seeded"] = 1
            state["next"] = self._position
            state["key"] = self._twister().state["state"]["key"]
            if self.pending_normal is not None:
                state["normal_y"] = self.pending_normal
                state["normal_is_valid"] = 1
        return blob.view(np.uint8)

    def set_state(self, state: Array) -> None:
        """Continue from a state that get_state or torch wrote. Nothing changes unless all of it is valid.

        Shapes: uint8[5056] (any shape with that many bytes).
        Raises: TypeError if state is no uint8 array; RuntimeError if its size or its contents are wrong.
        Source: torch.Generator.set_state, torch.set_rng_state.
        """
        if not isinstance(state, np.ndarray) or state.dtype != np.uint8:
            given = f"a {state.dtype} array" if isinstance(state, np.ndarray) else f"a {type(state).__name__}"
            raise TypeError(f"set_state: state is {given}; a uint8 array from get_state is needed.")
        if state.size != STATE_BYTES:
            raise RuntimeError(f"set_state: state has {state.size} bytes; {STATE_BYTES} are needed.")
        fields = np.ascontiguousarray(state).reshape(-1).view(_STATE)[0]
        left, position = int(fields["left"]), int(fields["next"])
        limit = position + left - 1
        if fields["seeded"] == 0 or not 0 < left <= BLOCK or limit > BLOCK:
            given = f"seeded={fields['seeded']}, left={left}, next={position}"
            raise RuntimeError(
                f"set_state: the state says {given}; it must be seeded, with left in [1, {BLOCK}] and "
                f"next + left <= {BLOCK + 1}."
            )
        key = fields["key"].astype(np.uint32)
        with self.lock:
            self._twister().state = {"bit_generator": "MT19937", "state": {"key": key, "pos": BLOCK}}
            self._seed = int(fields["seed"])
            self._block, self._position, self._limit = _roomy(BLOCK), position, limit
            self._block[:] = _temper(key)
            self._made, self._wanted = {}, set()
            self.pending_normal = float(fields["normal_y"]) if fields["normal_is_valid"] else None

    def words(self, count: int) -> Array:
        """The next `count` 32-bit words. The caller holds `lock`, and does not write into the result.

        Shapes: uint32[count]. Source: CPUGeneratorImpl::random.
        """
        start = self._position
        stop = start + count
        if stop <= self._limit:
            self._position = stop
            return self._block[start:stop]
        return self._gather(count)

    def converted(
        self, make: Callable[[Array], Array], step: int, count: int, each: int = 1, late: bool = False
    ) -> tuple[Array, int] | None:
        """What `make` makes of the next `count * step` words, `each` values from every `step` of them: what
        it makes of the whole block at once, which is kept for the draws that follow, and where in it the
        `count * each` values begin. The caller holds `lock`, and does not write into the result.

        None, and nothing is taken, where the block ends before; and with `late`, for what is dear to make,
        at the first request in a block, unless it was made of the block before.
        """
        start = self._position
        stop = start + step * count
        if stop > self._limit:
            return None
        key = make, start % step
        values = self._made.get(key)
        if values is None:
            if late and make not in self._wanted:
                self._wanted.add(make)
                return None
            words = self._block[key[1] : self._limit]
            values = self._made[key] = make(words[: words.size // step * step])
        self._position = stop
        return values, start // step * each

    def long_words(self, count: int) -> Array:
        """The next `count` 64-bit words, each of two words, the high one first. The caller holds `lock`.

        Shapes: uint64[count], the caller's own. Source: CPUGeneratorImpl::random64.
        """
        return long(self.words(2 * count))

    def _gather(self, count: int) -> Array:
        """`count` words that reach beyond the current block."""
        twister = self._twister()
        out, first = _roomy(count), self._block[self._position : self._limit]
        filled = first.size
        out[:filled] = first
        if whole := (count - filled) // BLOCK * BLOCK:
            blocks(twister, out[filled : filled + whole])
            filled += whole
        self._position = self._limit = BLOCK
        if filled < count:
            self._block = _roomy(BLOCK)
            blocks(twister, self._block)
            self._wanted, self._made = {make for make, _ in self._made}, {}
            self._position = count - filled
            out[filled:] = self._block[: self._position]
        return out

    def _twister(self) -> MT19937:
        """NumPy's generator, made and seeded when it is first needed. It stands between two blocks."""
        if self._engine is None:
            self._engine = _new_engine()
        twister, seeder = self._engine
        if not self._seeded:
            seeder.seed(self._seed % 2**32)
            self._seeded = True
        return twister


def blocks(twister: MT19937, out: Array) -> None:
    """Fill out with the next words: whole blocks of them."""
    for start in range(0, out.size, _BULK):
        part = out[start : start + _BULK]
        part[:] = twister.random_raw(part.size)


def _roomy(count: int) -> Array:
    """An array for so many words, and spare ones behind them."""
    return np.empty(count + _SPARE, np.uint32)[:count]


def long(words: Array) -> Array:
    """Pairs of 32-bit words as 64-bit words, the high one first. Shapes: uint32[2 n] to uint64[n]."""
    pairs = np.empty(words.size // 2, np.uint64)
    halves = pairs.view(np.uint32)
    halves[_HIGH::2] = words[0::2]
    halves[_LOW::2] = words[1::2]
    return pairs


@cache
def _no_seed() -> Any:
    """A seed sequence of zeros. NumPy's own takes 0.1 ms, and `RandomState.seed` replaces what it gives."""
    from numpy.random.bit_generator import ISeedSequence

    class NoSeed(ISeedSequence):
        def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Array:
            return np.zeros(n_words, dtype)

    return NoSeed()


def _new_engine() -> tuple[MT19937, RandomState]:
    """An unseeded MT19937, and the RandomState on it, whose `seed` initialises it as torch does."""
    from numpy.random import MT19937, RandomState

    twister = MT19937(_no_seed())
    return twister, RandomState(twister)


def _temper(key: Array) -> Array:
    """The words of the block that belongs to `key`: the twister's output function.

    Shapes: uint32[624] to uint32[624]. Source: Matsumoto and Nishimura 1998, table II.
    """
    words: Array = key ^ (key >> 11)
    words ^= (words << 7) & 0x9D2C5680
    words ^= (words << 15) & 0xEFC60000
    words ^= words >> 18
    return words
