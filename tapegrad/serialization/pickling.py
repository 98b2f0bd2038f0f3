"""A pickle as torch writes it: tensors as views of storages, our classes under torch's names."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from types import FunctionType
from typing import Any, ClassVar

from tapegrad.devices import layout
from tapegrad.dtypes import dtype
from tapegrad.kernels.strided import row_major
from tapegrad.nn.modules.hooks import as_torchs
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter, UninitializedTensorMixin
from tapegrad.ops.memory import UntypedStorage
from tapegrad.serialization.names import torch_name
from tapegrad.serialization.storages import CLASS_OF
from tapegrad.tensor import Tensor


class Global:
    """A name of torch's, that stands for what it names there. There is one object for each, since a pickle
    writes an object once."""

    __slots__ = ("module", "name")
    _all: ClassVar[dict[tuple[str, str], Global]] = {}

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    @classmethod
    def of(cls, module: str, name: str) -> Global:
        """The one of this name."""
        return cls._all.setdefault((module, name), cls(module, name))

    def __call__(self) -> None:
        """Nothing: pickles ask whether a function can be called."""
        raise TypeError(f"{self.module}.{self.name} is a name in a file.")


class _Shown:
    """A storage as the elements of a dtype."""

    __slots__ = ("kind", "storage")

    def __init__(self, storage: UntypedStorage, kind: dtype | None) -> None:
        self.storage, self.kind = storage, kind


_TENSOR = Global.of("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = Global.of("torch._utils", "_rebuild_parameter")
_PARAMETER_WITH = Global.of("torch._utils", "_rebuild_parameter_with_state")
_SUBCLASS = Global.of("torch._tensor", "_rebuild_from_type_v2")
_LAYOUT = Global.of("torch.serialization", "_get_layout")
_UNTYPED = Global.of("torch.storage", "UntypedStorage")
_CPU = "cpu"


_Python: Any = pickle._Pickler


class Pickler(_Python):  # type: ignore[misc] # typeshed knows little of Python's own pickler
    """Pickles an object, and collects the storages of its tensors: `storages`, by their keys.

    numbered: as the new format has them. The old one has names for storages and notes views of them.
    Python's own pickler and not C's, which looks up every name it writes and has no torch to find it in.
    Raises: RuntimeError for tensors that show one storage as different dtypes.
    """

    def __init__(self, file: Any, protocol: int, numbered: bool = True) -> None:
        super().__init__(file, protocol)
        self.storages: dict[str, tuple[UntypedStorage, int]] = {}  # with the size of an element
        self._numbered = numbered
        self._keys: dict[Any, tuple[str, Any]] = {}

    def save(self, x: Any, save_persistent_id: bool = True) -> None:
        """Writes an object. Most are of plain types, which need no questions: there may be very many."""
        write = _PLAIN.get(type(x))
        if write is None:
            super().save(x, save_persistent_id)
        elif (found := self.memo.get(id(x))) is not None:
            self.write(self.get(found[0]))
        else:
            write(self, x)

    def reducer_override(self, x: Any) -> Any:
        """How our objects are pickled."""
        if isinstance(x, Tensor):
            return _tensor(x)
        if isinstance(x, Module):
            return _module(x, self.proto)
        if isinstance(x, layout):
            return _LAYOUT, (repr(x),)
        return NotImplemented

    def save_global(self, x: Any, name: str | None = None) -> None:
        """Writes a class or function by its name."""
        known = torch_name(x)
        if known is None:
            super().save_global(x, name)
        else:
            self._save_name(x, *known)

    def _save_name(self, x: Any, module: str, name: str) -> None:
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(x)

    dispatch = _Python.dispatch | {
        Global: lambda self, x: self._save_name(x, x.module, x.name),
        dtype: lambda self, x: self.save(Global.of("torch", x.name)),
        FunctionType: save_global,
    }

    def persistent_id(self, x: Any) -> Any:
        """What stands for a storage; None for other objects."""
        if isinstance(x, UntypedStorage):
            x = _Shown(x, None)
        elif type(x) is not _Shown:
            return None
        storage, kind = x.storage, x.kind
        size = storage.nbytes()
        place = storage.data_ptr() if size else id(storage._a)
        key, first = self._keys.setdefault(place, (str(len(self._keys)), kind))
        if first is not kind:
            raise RuntimeError(
                f"save: one storage is shown as {first or 'bytes'} and as {kind or 'bytes'}; files have one "
                "dtype for each. Save a clone() of one of them."
            )
        width = 1 if kind is None else kind.itemsize
        self.storages.setdefault(key, (storage, width))
        named = _UNTYPED if kind is None else Global.of("torch", CLASS_OF[kind.name])
        pid = "storage", named, key, _CPU, size // width
        return pid if self._numbered else (*pid, None)


_PLAIN = {kind: f for kind, f in Pickler.dispatch.items() if kind not in (FunctionType, type)}


def _tensor(t: Tensor) -> Any:
    """The reduction of a tensor. Source: torch.Tensor.__reduce_ex__."""
    if isinstance(t, UninitializedTensorMixin):
        return t.__reduce_ex__(2)
    attributes = t.__dict__ or None
    if isinstance(t, Parameter):
        given = (t.data, t.requires_grad, OrderedDict())  # type: ignore[var-annotated] # empty
        return (_PARAMETER_WITH, (*given, attributes)) if attributes else (_PARAMETER, given)
    shown, offset, stride = _placed(t)
    args = shown, offset, tuple(t.shape), stride, t.requires_grad, OrderedDict()  # type: ignore[var-annotated] # empty
    if type(t) is Tensor and not attributes:
        return _TENSOR, args
    return _SUBCLASS, (_TENSOR, type(t), args, t.__dict__)


def _placed(t: Tensor) -> tuple[_Shown, int, tuple[int, ...]]:
    """The storage a tensor shows, from where on, and its strides: both in elements."""
    storage = t.untyped_storage()
    start = t.storage_offset()
    stride = row_major(t.shape) if t.is_contiguous() else t.stride()
    whole = storage.nbytes() % t.itemsize == 0 and all(
        n < 2 or s * t.itemsize == have for n, s, have in zip(t.shape, stride, t._a.strides, strict=True)
    )
    if not (whole and storage.in_one_piece()):  # memory of others
        t = t.detach().clone()
        storage, start, stride = t.untyped_storage(), 0, row_major(t.shape)
    return _Shown(storage, t.dtype), start, tuple(stride)


def _module(m: Module, protocol: int) -> Any:
    """The reduction of a module, with the attributes that torch's modules have."""
    reduced: Any = m.__reduce_ex__(protocol)
    if isinstance(reduced, tuple) and len(reduced) > 2 and isinstance(reduced[2], dict):
        state = dict(reduced[2])
        hooks = state.pop("_hooks", None)
        return (*reduced[:2], {**state, **as_torchs(hooks)}, *reduced[3:])
    return reduced
