"""What files name, and what it is here: torch's names for our objects, and ours for torch's."""

from __future__ import annotations

import _codecs
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from importlib import import_module
from pickle import UnpicklingError
from types import TracebackType
from typing import Any

from tapegrad import dtypes
from tapegrad.devices import device
from tapegrad.nn.parameter import Parameter
from tapegrad.ops.memory import UntypedStorage
from tapegrad.ops.random import Generator
from tapegrad.public import FUNCTIONS
from tapegrad.serialization import rebuilding
from tapegrad.serialization.storages import CLASSES, FOREIGN, StorageType
from tapegrad.tensor import Size, Tensor

_REBUILD = {
    "torch._utils._rebuild_tensor": rebuilding.rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuilding.rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": rebuilding.rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": rebuilding.rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuilding.rebuild_parameter_with_state,
    "torch._tensor._rebuild_from_type_v2": rebuilding.rebuild_from_type,
}
_TYPES: dict[str, Any] = {
    "torch.Size": Size,
    "torch.device": device,
    "torch.Tensor": Tensor,
    "torch.nn.parameter.Parameter": Parameter,
    "torch.storage.UntypedStorage": UntypedStorage,
    "torch._C.Generator": Generator,
}

# What may be named in any file. Nothing in it does more than making a value.
SAFE: dict[str, Any] = {
    "collections.OrderedDict": OrderedDict,
    "collections.Counter": Counter,
    "builtins.set": set,
    "builtins.bytearray": bytearray,
    "builtins.complex": complex,
    "_codecs.encode": _codecs.encode,
    "torch.serialization._get_layout": rebuilding.layout_named,
    **_REBUILD,
    **{name: found for name, found in _TYPES.items() if found is not Generator},
    **{f"torch.{name}": StorageType(name) for name in CLASSES},
    **{f"torch.{d.name}": d for d in dtypes.ALL},
    **{f"torch.{name}": foreign for name, foreign in FOREIGN.items()},
}
_TORCH = SAFE | _TYPES

_OURS, _THEIRS = "tapegrad", "torch"
# What torch has in other modules: by name, and by our module.
_ELSEWHERE = {f"InstanceNorm{n}d": "torch.nn.modules.instancenorm" for n in (1, 2, 3)} | {
    "MultiheadAttention": "torch.nn.modules.activation",
    "NonDynamicallyQuantizableLinear": "torch.nn.modules.linear",
    "LinearCrossEntropyLoss": "torch.nn.modules.loss",
}
_FILES = {
    "tapegrad.optim._adafactor": "torch.optim",
    "tapegrad.optim._muon": "torch.optim",
    "tapegrad.nn.utils.clipping": "torch.nn.utils.clip_grad",
    "tapegrad.nn.utils.vectors": "torch.nn.utils.convert_parameters",
    **{
        f"tapegrad.optim.lr_scheduler.{file}": "torch.optim.lr_scheduler"
        for file in ("base", "composed", "cycles", "plateau", "simple")
    },
}
_SPACES = {"": "torch", "nn": "torch.nn.functional"}  # functions are of their space, whatever file has them
_BLOCKED = ("sys", "os", "posix", "nt")  # of these nothing is safe, whoever says so

Known = Callable[..., Any] | tuple[Callable[..., Any], str]


def torch_name(found: Any) -> tuple[str, str] | None:
    """(module, name) of one of our classes or functions in torch; None for what is not ours."""
    name = getattr(found, "__qualname__", None)
    module = getattr(found, "__module__", None)
    if not isinstance(name, str) or not isinstance(module, str):
        return None
    if module != _OURS and not module.startswith(f"{_OURS}."):
        return None
    for full, known in _TYPES.items():
        if found is known:
            return full.rpartition(".")[0], name
    for space in ("nn", "", "linalg", "fft", "special"):
        if FUNCTIONS[space].get(name) is found:
            return _SPACES.get(space, f"torch.{space}"), name
    if name in _ELSEWHERE and module.startswith("tapegrad.nn."):
        return _ELSEWHERE[name], name
    if module in _FILES:
        return _FILES[module], name
    if module == "tapegrad.nn.modules.lazy" and (
        becomes := torch_name(getattr(found, "cls_to_become", None))
    ):
        return becomes[0], name  # torch has a lazy module beside what it becomes
    return _THEIRS + module.removeprefix(_OURS), name


def find(module: str, name: str) -> Any:
    """What a name of torch's is here. Raises: UnpicklingError if it is nothing."""
    full = f"{module}.{name}"
    if full in _TORCH:
        return _TORCH[full]
    here = _OURS + module.removeprefix(_THEIRS)
    while here:
        try:
            found: Any = import_module(here)
            for part in name.split("."):
                found = getattr(found, part)
            return found
        except (ImportError, AttributeError):
            here = here.rpartition(".")[0]  # torch has it in a module of its own, and we further up
    raise UnpicklingError(f"load: the file names {full}, which is not here.")


def is_torchs(module: str) -> bool:
    """Whether a module is torch's."""
    return module == _THEIRS or module.startswith(f"{_THEIRS}.")


# ---- what users call safe

_marked: set[Known] = set()


def add_safe_globals(safe_globals: list[Known]) -> None:
    """Let files that are loaded with weights_only=True name these classes and functions. Instead of one may
    stand (it, "module.name in the file")."""
    _marked.update(safe_globals)


def get_safe_globals() -> list[Known]:
    """What add_safe_globals was given."""
    return list(_marked)


def clear_safe_globals() -> None:
    """Forget what add_safe_globals was given."""
    _marked.clear()


class safe_globals:
    """add_safe_globals for the time of a with block."""

    def __init__(self, safe_globals: list[Known]) -> None:
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        add_safe_globals(self.safe_globals)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _marked.difference_update(self.safe_globals)


def marked(entries: Iterable[Known] | None = None) -> dict[str, Any]:
    """What users call safe, by the full names that files have for it.

    Raises: ValueError, TypeError for entries that are no (object, name).
    """
    found = {}
    for entry in _marked if entries is None else entries:
        if not isinstance(entry, tuple):
            module, name = torch_name(entry) or (entry.__module__, entry.__qualname__)
            found[f"{module}.{name}"] = entry
            continue
        if len(entry) != 2:
            raise ValueError(f"add_safe_globals: {entry!r} is given; (object, name) is needed.")
        if type(entry[1]) is not str:
            raise TypeError(f"add_safe_globals: the name in {entry!r} must be a string.")
        found[entry[1]] = entry[0]
    return found


def find_safe(module: str, name: str) -> Any:
    """What a name is if it is safe. Raises: UnpicklingError if it is not."""
    full = f"{module}.{name}"
    if module in _BLOCKED:
        raise UnpicklingError(f"load: the file names {full}; nothing of module {module} is ever safe.")
    found = SAFE.get(full) or marked().get(full)
    if found is None:
        raise UnpicklingError(
            f"load: the file names {full}, which is not allowed with weights_only=True. If you trust it, "
            f"call torch.serialization.add_safe_globals([{name}]); or pass weights_only=False, which runs "
            "whatever code the file brings."
        )
    return found
