"""Pruning: parameters with some elements masked out, by chance or by size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from numbers import Integral, Real
from typing import Any, TypeVar

from tapegrad._errors import describe, sizes
from tapegrad.nn.modules.module import Module
from tapegrad.nn.utils.vectors import parameters_to_vector
from tapegrad.ops.draws import rand_like
from tapegrad.ops.new import ones_like, zeros_like
from tapegrad.ops.random import rand
from tapegrad.ops.sort import kthvalue, topk
from tapegrad.tensor import Tensor

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]

M = TypeVar("M", bound=Module)


class BasePruningMethod(ABC):
    """How to prune: a hook before a module's forward, which makes `name` of `name_orig`, the parameter, and
    `name_mask`, a buffer of ones and zeros.

    A class says what it looks at in PRUNING_TYPE: "unstructured" (the elements that are left), "structured"
    (the entries along its `dim` that are left) or "global" (all).
    Source: torch.nn.utils.prune.BasePruningMethod.
    """

    PRUNING_TYPE: str
    _tensor_name: str | None = None

    def __call__(self, module: Module, inputs: Any) -> None:
        """Mask the parameter, before each forward."""
        setattr(module, self._named(), self.apply_mask(module))

    def _named(self) -> str:
        if self._tensor_name is None:
            raise AssertionError(f"prune: {type(self).__name__} was not applied to a module; call apply().")
        return self._tensor_name

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask for a tensor by its importance t, on top of the one that there is."""

    def apply_mask(self, module: Module) -> Tensor:
        """The parameter times its mask."""
        name = self._named()
        mask, orig = getattr(module, f"{name}_mask"), getattr(module, f"{name}_orig")
        pruned: Tensor = mask.to(dtype=orig.dtype) * orig
        return pruned

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune the parameter `name` of a module, again if it was pruned before. importance_scores: by what,
        if not by its own values.

        Raises: AssertionError for scores of another shape; what the method raises. The module is then as it
        was.
        """
        found = _hooks(module, name)
        if len(found) > 1:
            raise AssertionError(f"prune: {name!r} has several pruning hooks; use a PruningContainer.")
        method = cls(*args, **kwargs)
        method._tensor_name = name
        for old in found.values():
            method = _after(old, method)
        orig = getattr(module, name)
        scores = orig if importance_scores is None else importance_scores
        _check_scores(scores, orig, name)
        before = getattr(module, f"{name}_mask").detach().clone() if found else ones_like(orig)
        mask = method.compute_mask(scores, default_mask=before)
        _unhook(module, found)
        if not found:
            module.register_parameter(f"{name}_orig", orig)
            del module._parameters[name]
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """A tensor, pruned. Raises: AssertionError for scores of another shape."""
        scores = t if importance_scores is None else importance_scores
        _check_scores(scores, t, "t")
        before = ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=before)

    def remove(self, module: Module) -> None:
        """Make the masked values the parameter again. What was pruned stays 0."""
        name = self._named()
        values = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        orig: Any = module._parameters.pop(f"{name}_orig")
        del module._buffers[f"{name}_mask"]
        orig.data = values.data
        setattr(module, name, orig)


def _hooks(module: Module, name: str | None = None) -> dict[int, BasePruningMethod]:
    """A module's hooks that prune, all or those for a parameter, by their numbers."""
    held = {} if module._hooks is None else module._hooks.pre_forward
    found = {i: h.call for i, h in held.items() if isinstance(h.call, BasePruningMethod)}
    return {i: method for i, method in found.items() if name is None or method._tensor_name == name}


def _unhook(module: Module, numbers: Iterable[int]) -> None:
    for i in numbers:
        assert module._hooks is not None
        del module._hooks.pre_forward[i]


def _check_scores(scores: Tensor, t: Tensor, name: str) -> None:
    if scores.shape != t.shape:
        raise AssertionError(
            f"prune: importance_scores is {sizes(scores.shape)} and {name} {sizes(t.shape)}; they must be "
            "equal."
        )


def _after(old: Any, new: BasePruningMethod) -> PruningContainer:
    """Both methods, one after the other."""
    return PruningContainer(*(old if isinstance(old, PruningContainer) else (old,)), new)


class PruningContainer(BasePruningMethod):
    """Methods that were applied to one parameter, one after the other; the last one computes the mask, on
    what the others left. Source: torch.nn.utils.prune.PruningContainer."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Append one. Raises: TypeError for what is none, ValueError for one of another parameter."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"prune: {describe(method)} is given; a BasePruningMethod is needed.")
        if method._tensor_name != self._tensor_name:
            raise ValueError(
                f"prune: the method is for {method._tensor_name!r} and the container for "
                f"{self._tensor_name!r}; they must be equal."
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int) -> BasePruningMethod:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The last method's mask, of what is left."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        place = _left(method, t, default_mask)
        part = method.compute_mask(t[place], default_mask=default_mask[place])
        mask = mask.clone()
        mask[place] = part.to(dtype=mask.dtype)
        return mask


def _left(method: Any, t: Tensor, mask: Tensor) -> Any:
    """An index of what a method may prune."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    if method.PRUNING_TYPE == "global":
        return ...
    if method.PRUNING_TYPE != "structured":
        raise ValueError(
            f"prune: PRUNING_TYPE is {method.PRUNING_TYPE!r}; 'unstructured', 'structured' or 'global' is "
            "needed."
        )
    if not hasattr(method, "dim"):
        raise AttributeError(f"prune: {type(method).__name__} is structured and has no `dim`; set it.")
    n = t.dim()
    if not -n <= method.dim < n:
        raise IndexError(f"prune: dim is {method.dim}; the tensor is {n}-d.")
    dim = method.dim % n
    kept = mask.sum(dim=[d for d in range(n) if d != dim]) != 0
    return (slice(None),) * dim + (kept,)


# ---- methods


def _amount(amount: Any) -> Any:
    """Raises: TypeError, ValueError unless it is a fraction or a number of elements."""
    if not isinstance(amount, Real):
        raise TypeError(f"prune: amount is {describe(amount)}; a float from 0 to 1, or an int, is needed.")
    if float(amount) < 0 or (not isinstance(amount, Integral) and float(amount) > 1):
        raise ValueError(
            f"prune: amount is {amount}; a float from 0 to 1, or an int of 0 or more, is needed."
        )
    return amount


def _count(amount: Any, size: int) -> int:
    """How many of so many. Raises: ValueError for more than there are."""
    n = int(amount) if isinstance(amount, Integral) else round(amount * size)
    if n > size:
        raise ValueError(f"prune: amount is {amount}; there are {size} to prune.")
    return n


def _channels(t: Tensor, dim: int) -> tuple[int, int]:
    """(the dimension from the front, its size). Raises: ValueError, IndexError if there are none."""
    if t.dim() <= 1:
        raise ValueError(f"prune: the tensor is {sizes(t.shape)}; for channels two dimensions are needed.")
    if not -t.dim() <= dim < t.dim():
        raise IndexError(f"prune: dim is {dim}; the tensor is {sizes(t.shape)}.")
    return dim % t.dim(), t.shape[dim]


def _of_channels(t: Tensor, dim: int, kept: Tensor, default_mask: Tensor) -> Tensor:
    """The mask that keeps these entries along dim, a bool mask or indices, of what was kept before."""
    mask = zeros_like(t)
    mask[(slice(None),) * dim + (kept,)] = 1
    return mask * default_mask.to(dtype=mask.dtype)


class Identity(BasePruningMethod):
    """Prunes nothing: the mask is all ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask that there is."""
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Prunes elements by chance. amount: a fraction, or how many."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        self.amount = _amount(amount)

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Ones, but for those that chance takes."""
        return self._without(_count(self.amount, t.numel()), t, default_mask)

    def _without(self, n: int, t: Tensor, default_mask: Tensor) -> Tensor:
        mask = default_mask.clone()
        if n:
            mask.view(-1)[self._lost(n, t)] = 0
        return mask

    def _lost(self, n: int, t: Tensor) -> Tensor:
        return topk(rand_like(t).view(-1), n).indices


class L1Unstructured(RandomUnstructured):
    """Prunes the elements of the smallest magnitude. amount: a fraction, or how many."""

    def _lost(self, n: int, t: Tensor) -> Tensor:
        return topk(t.abs().reshape(-1), n, largest=False).indices


class RandomStructured(BasePruningMethod):
    """Prunes entries along dim by chance. amount: a fraction, or how many."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        self.amount, self.dim = _amount(amount), dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Ones, but for the entries that chance takes."""
        dim, size = _channels(t, self.dim)
        n = _count(self.amount, size)
        if not n:
            return default_mask
        chances = rand(size)
        return _of_channels(t, dim, chances > kthvalue(chances, n).values, default_mask)


class LnStructured(BasePruningMethod):
    """Prunes the entries along dim that have the smallest n-norm. amount: a fraction, or how many."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        self.amount, self.n, self.dim = _amount(amount), n, dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Ones, but for the smallest entries."""
        dim, size = _channels(t, self.dim)
        n = _count(self.amount, size)
        if not n:
            return default_mask
        norms = t.norm(p=self.n, dim=[d for d in range(t.dim()) if d != dim])
        return _of_channels(t, dim, topk(norms, size - n).indices, default_mask)


class CustomFromMask(BasePruningMethod):
    """Prunes by a given mask."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The given mask, of what there was. Raises: AssertionError for another shape."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"prune: mask is {sizes(self.mask.shape)} and the parameter {sizes(default_mask.shape)}; "
                "they must be equal."
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


# ---- functions: each prunes a parameter of a module by a method, and returns the module


def identity(module: M, name: str) -> M:
    """Make the mask of a parameter, of ones. Source: torch.nn.utils.prune.identity."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune elements by chance: a fraction, or so many. Source: torch.nn.utils.prune.random_unstructured."""
    RandomUnstructured.apply(module, name, amount=amount)
    return module


def l1_unstructured(module: M, name: str, amount: float, importance_scores: Tensor | None = None) -> M:
    """Prune the smallest elements: a fraction, or so many. Source: torch.nn.utils.prune.l1_unstructured."""
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune entries along dim by chance. Source: torch.nn.utils.prune.random_structured."""
    RandomStructured.apply(module, name, amount=amount, dim=dim)
    return module


def ln_structured(
    module: M, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> M:
    """Prune the entries along dim of the smallest n-norm. Source: torch.nn.utils.prune.ln_structured."""
    LnStructured.apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune by a mask. Source: torch.nn.utils.prune.custom_from_mask."""
    CustomFromMask.apply(module, name, mask=mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune parameters, given as (module, name), as if they were one vector.

    Raises: TypeError for no such pairs, or a method that is not unstructured.
    Source: torch.nn.utils.prune.global_unstructured.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError(f"global_unstructured: parameters is {describe(parameters)}; pairs are needed.")
    if not isinstance(importance_scores, dict | None):
        raise TypeError(
            f"global_unstructured: importance_scores is {describe(importance_scores)}; a dict is needed."
        )
    pairs, scores = list(parameters), importance_scores or {}
    tensors = [getattr(module, name) for module, name in pairs]
    masks = [getattr(m, f"{name}_mask", ones_like(t)) for (m, name), t in zip(pairs, tensors, strict=True)]
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f"global_unstructured: pruning_method is {method.PRUNING_TYPE}; an unstructured one is needed."
        )
    importance = [scores.get(pair, t) for pair, t in zip(pairs, tensors, strict=True)]
    mask = PruningContainer(method).compute_mask(
        parameters_to_vector(importance), parameters_to_vector(masks)
    )
    for (module, name), t, part in zip(pairs, tensors, mask.split([t.numel() for t in tensors]), strict=True):
        custom_from_mask(module, name, part.view_as(t))


def remove(module: M, name: str) -> M:
    """Make a pruned parameter a plain one again; what was pruned stays 0.

    Raises: ValueError if it was not pruned. Source: torch.nn.utils.prune.remove.
    """
    found = _hooks(module, name)
    if not found:
        raise ValueError(f"prune.remove: {name!r} of {type(module).__name__} is not pruned.")
    for method in found.values():
        method.remove(module)
    _unhook(module, found)
    return module


def is_pruned(module: Module) -> bool:
    """Whether any parameter in a module is pruned. Source: torch.nn.utils.prune.is_pruned."""
    return any(_hooks(m) for m in module.modules())
