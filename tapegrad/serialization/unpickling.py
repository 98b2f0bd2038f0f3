"""Reading pickles: `Restricted` makes only what is known to be safe, `Unpickler` whatever they name.

Source: torch._weights_only_unpickler, whose rules these are.
"""

from __future__ import annotations

import pickle
import pickletools
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter, OrderedDict
from collections.abc import Callable
from pickle import UnpicklingError, decode_long
from typing import Any, BinaryIO

from tapegrad.nn.parameter import Parameter
from tapegrad.serialization.names import SAFE, find, find_safe, is_torchs, marked
from tapegrad.serialization.storages import CLASSES, StorageType
from tapegrad.tensor import Tensor

Persistent = Callable[[Any], Any]


def today(module: str, name: str) -> tuple[str, str]:
    """A name as Python 3 has it."""
    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name


class Unpickler(pickle.Unpickler):
    """Python's unpickler, with torch's names. It runs whatever a file brings."""

    def __init__(self, file: Any, persistent: Persistent, **options: Any) -> None:
        super().__init__(file, **options)
        self._persistent = persistent

    def persistent_load(self, pid: Any) -> Any:
        """What stands for a storage."""
        return self._persistent(pid)

    def find_class(self, module: str, name: str) -> Any:
        """What a name is."""
        if name in CLASSES:
            return StorageType(name)
        if is_torchs(module):
            return find(module, name)
        return super().find_class(module, name)


class Restricted:
    """Reads a pickle and makes only tensors, containers, numbers, strings, and what users called safe.

    No step of it calls anything that is not on the list, and none recurses.
    Raises: UnpicklingError for anything else, and where the pickle is damaged.
    """

    def __init__(self, file: BinaryIO, persistent: Persistent) -> None:
        self._read, self._readline, self._persistent = file.read, file.readline, persistent
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks under the marks
        self._memo: dict[int, Any] = {}
        self._allowed = [*SAFE.values(), *marked().values()]

    def load(self) -> Any:
        """The object. Raises: EOFError if the file is empty."""
        first = True
        while True:
            code = self._read(1)
            if not code:
                if first:
                    raise EOFError("load: the file ends where a pickle should begin.")
                raise UnpicklingError("load: the file ends within its pickle; it is incomplete.")
            first = False
            if code == pickle.STOP and self._stack:
                return self._pop()
            step = _STEPS.get(code)
            if step is None:
                raise UnpicklingError(f"load: the pickle has a {code!r} where that is not allowed.")
            try:
                step(self)
            except (TypeError, ValueError, LookupError, AttributeError, OverflowError, struct.error) as e:
                raise UnpicklingError(f"load: the pickle is damaged at its {code!r} ({e!r}).") from e

    # ---- the stack

    def _push(self, x: Any) -> None:
        self._stack.append(x)

    def _pop(self) -> Any:
        return self._stack.pop()

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        found, self._stack = self._stack, self._below.pop()
        return found

    def _tuple(self, n: int) -> None:
        found = tuple(self._stack[-n:])
        if len(found) < n:
            raise IndexError("too few values")
        self._stack[-n:] = [found]

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._exactly(struct.calcsize(form)))[0]

    def _exactly(self, n: int) -> bytes:
        found = self._read(n)
        if len(found) < n:
            raise UnpicklingError("load: the file ends within its pickle; it is incomplete.")
        return found

    def _text(self, form: str) -> str:
        return self._exactly(self._number(form)).decode("utf-8", "surrogatepass")

    def _remember(self, i: int) -> None:
        self._memo[i] = self._stack[-1]

    # ---- what names may do

    def _global(self) -> None:
        module, name = (self._readline()[:-1].decode() for _ in range(2))
        self._push(find_safe(*today(module, name)))

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if type(name) is not str or type(module) is not str:
            raise UnpicklingError("load: the pickle names something by what is no string.")
        self._push(find_safe(module, name))

    def _is_allowed(self, found: Any) -> bool:
        return any(found is known for known in self._allowed)

    def _reduce(self) -> None:
        args, call = self._pop(), self._stack[-1]
        tensors = isinstance(call, type) and issubclass(call, Tensor)
        if not self._is_allowed(call) or not callable(call) or type(args) is not tuple or tensors:
            raise UnpicklingError(f"load: the pickle calls {call!r}, which is not allowed.")
        self._stack[-1] = call(*args)

    def _new(self) -> None:
        args, cls = self._pop(), self._pop()
        if not isinstance(cls, type) or not self._is_allowed(cls):
            raise UnpicklingError(f"load: the pickle makes an object of {cls!r}, which is not allowed.")
        self._push(Parameter.make(*args) if cls is Parameter else cls.__new__(cls, *args))

    def _build(self) -> None:
        state, x = self._pop(), self._stack[-1]
        if type(x) is OrderedDict and isinstance(state, dict):
            x.__dict__.update(state)
        elif type(x) in marked().values():
            _set_state(x, state)
        else:
            raise UnpicklingError(f"load: the pickle sets attributes of a {type(x)}, which is not allowed.")

    def _persist(self) -> None:
        pid = self._pop()
        if type(pid) is not tuple or not pid or pid[0] not in ("storage", b"storage"):
            raise UnpicklingError(f"load: the pickle refers to {pid!r}; only storages are allowed.")
        self._push(self._persistent(pid))

    # ---- containers

    def _append(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise UnpicklingError(f"load: the pickle appends to a {type(self._stack[-1])}.")
        self._stack[-1].extend(values)

    def _add(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not set:
            raise UnpicklingError(f"load: the pickle adds to a {type(self._stack[-1])}.")
        self._stack[-1].update(values)

    def _set(self, values: list[Any]) -> None:
        if type(self._stack[-1]) not in (dict, OrderedDict, Counter):
            raise UnpicklingError(f"load: the pickle sets entries of a {type(self._stack[-1])}.")
        for i in range(0, len(values), 2):
            self._stack[-1][values[i]] = values[i + 1]

    def _set_one(self) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])


def _set_state(x: Any, state: Any) -> None:
    """What pickle does with a state."""
    if hasattr(x, "__setstate__"):
        x.__setstate__(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        x.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(x, name, value)


_STEPS: dict[bytes, Callable[[Any], None]] = {
    pickle.GLOBAL: Restricted._global,
    pickle.STACK_GLOBAL: Restricted._stack_global,
    pickle.REDUCE: Restricted._reduce,
    pickle.NEWOBJ: Restricted._new,
    pickle.BUILD: Restricted._build,
    pickle.BINPERSID: Restricted._persist,
    pickle.MARK: Restricted._mark,
    pickle.POP: Restricted._pop,
    pickle.PROTO: lambda u: u._exactly(1) and None,
    pickle.FRAME: lambda u: u._exactly(8) and None,
    pickle.NONE: lambda u: u._push(None),
    pickle.NEWTRUE: lambda u: u._push(True),
    pickle.NEWFALSE: lambda u: u._push(False),
    pickle.EMPTY_TUPLE: lambda u: u._push(()),
    pickle.EMPTY_LIST: lambda u: u._push([]),
    pickle.EMPTY_DICT: lambda u: u._push({}),
    pickle.EMPTY_SET: lambda u: u._push(set()),
    pickle.TUPLE: lambda u: u._push(tuple(u._marked())),
    pickle.TUPLE1: lambda u: u._tuple(1),
    pickle.TUPLE2: lambda u: u._tuple(2),
    pickle.TUPLE3: lambda u: u._tuple(3),
    pickle.FROZENSET: lambda u: u._push(frozenset(u._marked())),
    pickle.APPEND: lambda u: u._append([u._pop()]),
    pickle.APPENDS: lambda u: u._append(u._marked()),
    pickle.ADDITEMS: lambda u: u._add(u._marked()),
    pickle.SETITEM: Restricted._set_one,
    pickle.SETITEMS: lambda u: u._set(u._marked()),
    pickle.BININT: lambda u: u._push(u._number("<i")),
    pickle.BININT1: lambda u: u._push(u._number("<B")),
    pickle.BININT2: lambda u: u._push(u._number("<H")),
    pickle.LONG1: lambda u: u._push(decode_long(u._exactly(u._number("<B")))),
    pickle.LONG4: lambda u: u._push(decode_long(u._exactly(u._number("<I")))),
    pickle.BINFLOAT: lambda u: u._push(u._number(">d")),
    pickle.SHORT_BINSTRING: lambda u: u._push(u._text("<B")),
    pickle.SHORT_BINUNICODE: lambda u: u._push(u._text("<B")),
    pickle.BINUNICODE: lambda u: u._push(u._text("<I")),
    pickle.BINUNICODE8: lambda u: u._push(u._text("<Q")),
    pickle.SHORT_BINBYTES: lambda u: u._push(u._exactly(u._number("<B"))),
    pickle.BINBYTES: lambda u: u._push(u._exactly(u._number("<I"))),
    pickle.BINGET: lambda u: u._push(u._memo[u._number("<B")]),
    pickle.LONG_BINGET: lambda u: u._push(u._memo[u._number("<I")]),
    pickle.BINPUT: lambda u: u._remember(u._number("<B")),
    pickle.LONG_BINPUT: lambda u: u._remember(u._number("<I")),
    pickle.MEMOIZE: lambda u: u._remember(len(u._memo)),
}


def names_in(content: bytes) -> set[str]:
    """The full names in a pickle, which is not run."""
    found: set[str] = set()
    texts: list[str] = []
    for code, value, _ in pickletools.genops(content):
        if code.name == "GLOBAL":
            found.add(".".join(today(*str(value).split(" ", 1))))
        elif code.name == "STACK_GLOBAL":
            found.add(".".join(texts[-2:]))
        elif isinstance(value, str):
            texts.append(value)
    return found
