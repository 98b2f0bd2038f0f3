"""The old forms of weight_norm and spectral_norm: the weight is computed anew before each forward."""

from __future__ import annotations

from typing import Any

from tapegrad.autograd import no_grad
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter, is_lazy
from tapegrad.nn.utils.parametrizations import as_matrix, rows_of, scaled
from tapegrad.ops.distances import norm_except_dim
from tapegrad.ops.networks.combined import normalize
from tapegrad.tensor import Tensor

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


class WeightNorm:
    """The hook: weight is a length times a direction, `weight_g` and `weight_v`."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """The weight of its parts."""
        return scaled(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module).detach()
        for name in (self.name, f"{self.name}_g", f"{self.name}_v"):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight))


class SpectralNorm:
    """The hook: weight is `weight_orig` over its spectral norm, which `weight_u` and `weight_v` follow."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"spectral_norm: n_power_iterations is {n_power_iterations}; it must be positive."
            )
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The weight, after a step of the power method if asked for."""
        weight, u, v = [getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v")]
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(matrix.t() @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(matrix @ v, dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()  # the next forward writes them
        sigma = u.dot(matrix @ v)
        result: Tensor = weight / sigma
        return result

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module, False).detach()
        for name in (self.name, *[f"{self.name}_{part}" for part in ("u", "v", "orig")]):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight))


def _hooks(module: Module, kind: Any, name: str) -> list[tuple[int, Any]]:
    """The hooks of a kind for a weight, by their numbers."""
    held = {} if module._hooks is None else module._hooks.pre_forward
    calls: list[tuple[int, Any]] = [(i, h.call) for i, h in held.items()]
    return [(i, call) for i, call in calls if type(call) is kind and call.name == name]


def _weight(op: str, module: Module, kind: type, name: str) -> Tensor:
    """The weight that becomes another's. Raises: RuntimeError if it has, ValueError if it has no shape."""
    if _hooks(module, kind, name):
        raise RuntimeError(f"{op}: {name!r} of {type(module).__name__} has it already; remove that first.")
    weight = getattr(module, name)
    if weight is None or is_lazy(weight):
        raise ValueError(f"{op}: {name!r} of {type(module).__name__} is {weight!r}; a tensor is needed.")
    return weight  # type: ignore[no-any-return] # checked above


def _remove(op: str, module: Module, kind: type, name: str) -> None:
    found = _hooks(module, kind, name)
    if not found:
        raise ValueError(f"{op}: {name!r} of {type(module).__name__} has none.")
    for i, hook in found:
        hook.remove(module)
        assert module._hooks is not None
        del module._hooks.pre_forward[i]


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """parametrizations.weight_norm as it was before: parameters `weight_g` and `weight_v`.

    Raises: RuntimeError if the weight has it already.
    """
    hook = WeightNorm(name, dim)
    weight = _weight("weight_norm", module, WeightNorm, name)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, 2, hook.dim).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight a parameter again. Raises: ValueError if it has no weight_norm."""
    _remove("remove_weight_norm", module, WeightNorm, name)
    return module


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """parametrizations.spectral_norm as it was before: a parameter `weight_orig`, buffers `weight_u` and
    `weight_v`.

    Raises: RuntimeError if the weight has it already, ValueError for n_power_iterations.
    """
    hook = SpectralNorm(name, n_power_iterations, rows_of(module, dim), eps)
    weight = _weight("spectral_norm", module, SpectralNorm, name)
    matrix = as_matrix(weight.detach(), hook.dim)
    u, v = [normalize(weight.detach().new_empty(n).normal_(0, 1), dim=0, eps=eps) for n in matrix.shape]
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)  # type: ignore[arg-type] # a module's weight
    setattr(module, name, weight.data)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight a parameter again. Raises: ValueError if it has no spectral_norm."""
    _remove("remove_spectral_norm", module, SpectralNorm, name)
    return module
