"""Modules that hold modules, or parameters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import groupby
from typing import Any, TypeVar, overload

from tapegrad._errors import describe
from tapegrad.nn.modules.hooks import called_everywhere
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter
from tapegrad.tensor import Tensor

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]

Self = TypeVar("Self", bound="_Listed")
_CALL = Module.__call__


def _pairs(op: str, given: Any) -> Iterator[tuple[str, Any]]:
    """The pairs of a mapping or of a sequence of pairs. Raises: TypeError, ValueError for anything else."""
    if isinstance(given, (Mapping, ModuleDict, ParameterDict)):
        yield from given.items()
        return
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{op}: {type(given).__name__} is given; a mapping or pairs of name and value are needed."
        )
    for i, pair in enumerate(given):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{op}: entry {i} is {type(pair).__name__}; a pair of name and value is needed.")
        two = list(pair)
        if len(two) != 2:
            raise ValueError(f"{op}: entry {i} has {len(two)} values; a pair of name and value is needed.")
        yield two[0], two[1]


def _place(op: str, index: Any, size: int) -> int:
    """An index from 0 on. Raises: IndexError if it is out of range."""
    at: int = index.__index__()
    if not -size <= at < size:
        raise IndexError(f"{op}: index is {at}; there are {size} entries.")
    return at % size


class _Listed(Module):
    """Modules in an order."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())  # type: ignore[arg-type] # None only if a user put it there

    def _name(self, index: Any) -> str:
        return list(self._modules)[_place(type(self).__name__, index, len(self))]

    @overload
    def __getitem__(self: Self, index: int) -> Module: ...
    @overload
    def __getitem__(self: Self, index: slice) -> Self: ...
    def __getitem__(self, index: Any) -> Any:
        return self._modules[self._name(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: int | slice) -> None:
        for name in list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]:
            delattr(self, name)
        self._renumber(list(self._modules.values()))

    def _renumber(self, modules: list[Any]) -> None:
        self._modules.clear()
        self._modules.update({str(k): module for k, module in enumerate(modules)})

    def append(self: Self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: Self, modules: Iterable[Module]) -> Self:
        """Add modules at the end. Raises: TypeError for what cannot be walked through."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"extend: {type(modules).__name__} is given; an iterable of modules is needed.")
        for module in list(modules):
            self.append(module)
        return self

    def pop(self: Self, key: int | slice) -> Any:
        """Take a module out, or those of a slice; the later ones are renumbered."""
        taken = self[key]
        del self[key]
        return taken


class Sequential(_Listed):
    """Modules one after another: each gets what the one before returned.

    Sequential(a, b) numbers them; Sequential(OrderedDict(first=a, second=b)) names them.
    Source: torch.nn.Sequential.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], OrderedDict) else enumerate(args)
        for name, module in named:
            self.add_module(str(name), module)

    def forward(self, input: Any) -> Any:
        """The last module's output."""
        plain = not any(called_everywhere)
        for module in self._modules.values():
            # What Module.__call__ does, without its frame, through which every op would look for the user's.
            if plain and module is not None and type(module).__call__ is _CALL and module._hooks is None:
                input = module.forward(input)
            else:
                input = module(input)  # type: ignore[misc] # a None among them is the user's error, and says so
        return input

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return super().__getitem__(index)

    def insert(self, index: int, module: Module) -> Sequential:
        """Add a module before position index; the later ones are renumbered.

        Raises: AssertionError for what is no Module, IndexError for a place that is not there.
        """
        if not isinstance(module, Module):
            raise AssertionError(f"insert: {type(module).__name__} is given; an nn.Module is needed.")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"insert: index is {index}; there are {len(self)} modules.")
        held: list[Any] = list(self._modules.values())
        held.insert(index, module)
        self._renumber(held)
        return self

    def _check_other(self, other: Any) -> None:
        if not isinstance(other, Sequential):
            raise ValueError(f"Sequential: + takes another Sequential; {type(other).__name__} is given.")

    def __add__(self, other: Sequential) -> Sequential:
        self._check_other(other)
        return Sequential(*self, *other)

    def __iadd__(self, other: Sequential) -> Sequential:
        self._check_other(other)
        return self.extend(other)

    def _check_times(self, times: Any) -> None:
        if not isinstance(times, int):
            raise TypeError(
                f"Sequential: unsupported operand type(s) for *: {type(times).__name__}; an int is needed."
            )
        if times <= 0:
            raise ValueError(f"Sequential: it is multiplied by {times}; 1 or more is needed.")

    def __mul__(self, other: int) -> Sequential:
        self._check_times(other)
        return Sequential(*[module for _ in range(other) for module in self])

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Sequential:
        self._check_times(other)
        return self.extend([module for _ in range(other - 1) for module in self])


class ModuleList(_Listed):
    """Modules in a list, under their numbers. Source: torch.nn.ModuleList."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self._modules.values())[index])  # type: ignore[arg-type] # None only if put
        return super().__getitem__(index)

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def insert(self, index: int, module: Module) -> None:
        """Add a module before position index; the later ones are renumbered."""
        held: list[Any] = list(self._modules.values())
        held.insert(index, module)
        self._renumber(held)

    def __repr__(self) -> str:
        lines, at = [], 0
        for text, same in groupby(repr(module) for module in self):
            n = len(list(same))
            lines.append(f"({at}): {text}" if n == 1 else f"({at}-{at + n - 1}): {n} x {text}")
            at += n
        inside = "\n".join(lines).replace("\n", "\n  ")
        return f"{self._get_name()}(\n  {inside}\n)" if lines else f"{self._get_name()}()"


class ModuleDict(Module):
    """Modules under names, as a dictionary. Source: torch.nn.ModuleDict."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Take a module out."""
        return self._modules.pop(key)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules.keys()

    def items(self) -> Any:
        """Names and modules."""
        return self._modules.items()

    def values(self) -> ValuesView[Any]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Add the modules of a mapping, or of pairs of name and module."""
        for key, module in _pairs("ModuleDict", modules):
            self[key] = module


def _entry(value: Any) -> Any:
    """What a list or dictionary of parameters keeps of a value: a Tensor becomes a Parameter."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _line(key: Any, value: Any, kind: str) -> str:
    if not isinstance(value, Tensor):
        return f"  ({key}): Object of type: {type(value).__name__}"
    what = "Parameter" if isinstance(value, Parameter) else "Tensor"
    return f"  ({key}): {what} containing: [{kind} of size {'x'.join(str(n) for n in value.shape)}]"


class ParameterList(Module):
    """Parameters in a list, under their numbers; a Tensor that is put in becomes a Parameter.

    Source: torch.nn.ParameterList.
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ParameterList: it computes nothing; use its entries.")

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(len(self))[index]])
        return getattr(self, str(_place("ParameterList", index, len(self))))

    def __setitem__(self, index: int, param: Any) -> None:
        setattr(self, str(_place("ParameterList", index, len(self))), _entry(param))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def __iadd__(self, parameters: Iterable[Any]) -> ParameterList:
        return self.extend(parameters)

    def append(self, value: Any) -> ParameterList:
        """Add a value at the end."""
        setattr(self, str(self._size), _entry(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add values at the end. Raises: TypeError for a Tensor, or what cannot be walked through."""
        if not isinstance(values, Iterable) or isinstance(values, Tensor):
            raise TypeError(f"extend: {describe(values)} is given; a list of parameters is needed.")
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self) -> str:
        """The entries."""
        return "\n".join([_line(i, p, str(getattr(p, "dtype", ""))) for i, p in enumerate(self)])


class ParameterDict(Module):
    """Parameters under names, as a dictionary; a Tensor that is put in becomes a Parameter.

    Source: torch.nn.ParameterDict.
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ParameterDict: it computes nothing; use its entries.")

    def __getitem__(self, key: str) -> Any:
        return getattr(self, self._checked(key))

    def _checked(self, key: Any) -> str:
        if not isinstance(key, str):
            raise TypeError(f"ParameterDict: a key is {type(key).__name__}; a string is needed.")
        return key

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, self._checked(key), _entry(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def copy(self) -> ParameterDict:
        """Another dictionary of the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is put in if it is not there."""
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self) -> None:
        """Take all out."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """Take a value out. Raises: AttributeError if there is none of that name."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take the last one out. Raises: KeyError if there is none."""
        if not self._keys:
            raise KeyError("popitem: the ParameterDict is empty.")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or default."""
        return self[key] if key in self else default  # noqa: SIM401 # this is the get that it means

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Another dictionary, of these keys with one value."""
        return ParameterDict([(key, default) for key in keys])

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and values."""
        return ((key, self[key]) for key in self._keys)

    def values(self) -> Iterable[Any]:
        """The values."""
        return (self[key] for key in self._keys)

    def update(self, parameters: Any) -> None:
        """Add the values of a mapping (a plain one in the order of its names), or of pairs."""
        plain = isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict)
        pairs = _pairs("ParameterDict", parameters)
        for key, value in sorted(pairs, key=lambda pair: pair[0]) if plain else pairs:
            self[key] = value

    def __or__(self, other: ParameterDict) -> ParameterDict:
        both = self.copy()
        both.update(other)
        return both

    def __ror__(self, other: ParameterDict) -> ParameterDict:
        both: ParameterDict = other.copy()
        both.update(self)
        return both

    def __ior__(self, other: ParameterDict) -> ParameterDict:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        """The entries."""
        kinds = [(k, p, p.type() if isinstance(p, Tensor) else "") for k, p in self.items()]
        return "\n".join([_line(k, p, kind) for k, p, kind in kinds])
