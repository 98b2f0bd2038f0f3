"""Modules that hold modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, overload

from tapegrad.nn.modules.module import Module


class Sequential(Module):
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
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc] # a None among them is the user's error, and says so
        return input

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())  # type: ignore[arg-type] # None only if a user put it there

    def _name(self, i: int) -> str:
        names = list(self._modules)
        at = i.__index__()
        if not -len(names) <= at < len(names):
            raise IndexError(f"Sequential: index is {at}; there are {len(names)} modules.")
        return names[at]

    @overload
    def __getitem__(self, i: int) -> Module: ...
    @overload
    def __getitem__(self, i: slice) -> Sequential: ...
    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return type(self)(OrderedDict(list(self._modules.items())[i]))
        return self._modules[self._name(i)]

    def __setitem__(self, i: int, module: Module) -> None:
        setattr(self, self._name(i), module)

    def __delitem__(self, i: int | slice) -> None:
        gone = list(self._modules)[i] if isinstance(i, slice) else [self._name(i)]
        kept = [module for name, module in self._modules.items() if name not in gone]
        self._modules.clear()
        self._modules.update({str(k): module for k, module in enumerate(kept)})

    def append(self, module: Module) -> Sequential:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Sequential:
        """Add modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Sequential:
        """Add a module before position index; the later ones are renumbered."""
        held = list(self._modules.values())
        held.insert(index, module)
        self._modules.clear()
        self._modules.update({str(k): m for k, m in enumerate(held)})
        return self
