"""Parametrizations: orthogonal matrices, weights of norm 1 times a length, weights of spectral norm 1."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from tapegrad._errors import choices, describe, sizes
from tapegrad.autograd import no_grad
from tapegrad.dtypes import finfo
from tapegrad.nn.modules.conv import _ConvTransposeNd
from tapegrad.nn.modules.module import Module
from tapegrad.nn.utils.parametrize import register_parametrization
from tapegrad.ops.convert import allclose
from tapegrad.ops.create import eye, zeros
from tapegrad.ops.decompose import geqrf
from tapegrad.ops.distances import norm_except_dim
from tapegrad.ops.matrix import householder_product, matrix_exp
from tapegrad.ops.networks.combined import normalize
from tapegrad.ops.new import zeros_like
from tapegrad.ops.random import randn
from tapegrad.ops.shape import cat
from tapegrad.ops.solve import solve
from tapegrad.tensor import Tensor

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _tensor_of(op: str, module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"{op}: {type(module).__name__} has no parameter or buffer {name!r}.")
    return weight


# ---- orthogonal


class _OrthMaps(Enum):
    matrix_exp = auto()
    cayley = auto()
    householder = auto()


def _with_signs(a: Tensor) -> Tensor:
    """The orthogonal factor of a, for a triangular one with a positive diagonal."""
    x, tau = geqrf(a)
    q: Tensor = householder_product(x, tau) * x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)
    return q


class _Orthogonal(Module):
    """X to an orthogonal matrix (of orthonormal rows or columns), times `base`, if there is one."""

    base: Tensor

    def __init__(self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError("orthogonal: weight is complex; 'householder' is for real ones.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        """The orthogonal matrix."""
        wide = X.shape[-2] < X.shape[-1]
        x = X.mT if wide else X
        q = self._reflected(x) if self.orthogonal_map is _OrthMaps.householder else self._rotated(x)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if wide else q

    def _rotated(self, x: Tensor) -> Tensor:
        """By a skew-symmetric matrix, which is mapped to a rotation."""
        n, k = x.shape[-2:]
        x = x.tril()
        if n != k:
            x = cat([x, zeros(*x.shape[:-2], n, n - k, dtype=x.dtype)], -1)
        a = x - x.mH
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            q = matrix_exp(a)
        else:
            one = eye(n, dtype=a.dtype)
            q = solve(one - 0.5 * a, one + 0.5 * a)
        columns: Tensor = q if n == k else q[..., :k]
        return columns

    def _reflected(self, x: Tensor) -> Tensor:
        a = x.tril(-1)
        q = householder_product(a, 2.0 / (1.0 + (a * a).sum(-2)))
        signs: Tensor = q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        return signs

    def right_inverse(self, Q: Tensor) -> Tensor:
        """What forward makes Q of, or the orthogonal matrix that is nearest along its columns.

        Raises: ValueError for another shape, NotImplementedError where no inverse is known.
        """
        if Q.shape != self.shape:
            raise ValueError(
                f"right_inverse: a {sizes(Q.shape)} tensor is given; {sizes(self.shape)} is needed."
            )
        with no_grad():
            wide = Q.shape[-2] < Q.shape[-1]
            q = Q.mT if wide else Q
            if hasattr(self, "base"):
                self.base = self._completed(q)
                minus = zeros_like(Q)
                minus.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
                return minus
            if self.orthogonal_map is not _OrthMaps.householder:
                raise NotImplementedError(
                    f"right_inverse: {self.orthogonal_map.name} has none with use_trivialization=False."
                )
            a, tau = geqrf(q)
            diagonal = a.diagonal(dim1=-2, dim2=-1)
            diagonal.copy_(diagonal.sign())
            diagonal[tau == 0.0] *= -1
            found: Tensor = a.mT if wide else a
            return found

    def _completed(self, q: Tensor) -> Tensor:
        """q as a square orthogonal matrix."""
        n, k = q.shape[-2:]
        if n != k:
            return _with_signs(cat([q, randn(*q.shape[:-2], n, n - k, dtype=q.dtype)], -1))
        near = 10.0 * n * finfo(q.dtype).eps
        is_one: bool = allclose(q.mH @ q, eye(k, dtype=q.dtype), atol=near)
        return q.clone() if is_one else _with_signs(q)


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a matrix (or a batch of them) of a module orthogonal: "matrix_exp", "cayley" or "householder".

    use_trivialization: rotations from the present value on. Raises: ValueError for what is no matrix, or
    another map.
    Source: M. Lezcano-Casado, "Trivializations for Gradient-Based Optimization on Manifolds" (2019).
    """
    weight = _tensor_of("orthogonal", module, name)
    if weight.dim() < 2:
        raise ValueError(f"orthogonal: {name} is {describe(weight)}; a matrix, or several, is needed.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1] or weight.is_complex()
        orthogonal_map = "matrix_exp" if square else "householder"
    if orthogonal_map not in _OrthMaps.__members__:
        raise ValueError(
            f"orthogonal: map is {orthogonal_map!r}; {choices(_OrthMaps.__members__)} is needed."
        )
    made = _Orthogonal(weight, _OrthMaps[orthogonal_map], use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)


# ---- length and direction


def scaled(v: Tensor, g: Tensor, dim: int) -> Tensor:
    """v with g as its norms over all dimensions but dim."""
    return v * (g / norm_except_dim(v, 2, dim))


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """The weight of a length and a direction."""
        return scaled(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Length and direction."""
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Let a weight be a length per entry of dim (None: one for all) times a direction.

    Source: T. Salimans, D. Kingma, "Weight Normalization" (2016).
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def from_old(state_dict: Any, prefix: str, *rest: Any) -> None:
        old = {f"{prefix}{name}_g": "original0", f"{prefix}{name}_v": "original1"}
        if all(key in state_dict for key in old):
            for key, new in old.items():
                state_dict[f"{prefix}parametrizations.{name}.{new}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(from_old)
    return module


# ---- spectral norm


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """weight as a matrix with dim as its rows."""
    if dim != 0:
        weight = weight.permute(dim, *[d for d in range(weight.dim()) if d != dim])
    return weight.reshape(weight.shape[0], -1)


def rows_of(module: Module, dim: int | None) -> int:
    """The dimension of a module's outputs in its weight."""
    return dim if dim is not None else 1 if isinstance(module, _ConvTransposeNd) else 0


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        n = weight.dim()
        if not -n <= dim < n:
            raise IndexError(f"spectral_norm: dim is {dim} and weight {describe(weight)}.")
        if n_power_iterations <= 0:
            raise ValueError(
                f"spectral_norm: n_power_iterations is {n_power_iterations}; it must be positive."
            )
        self.dim, self.eps = dim % n, eps
        if n > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            for name, m in (("_u", matrix.shape[0]), ("_v", matrix.shape[1])):
                drawn = matrix.new_empty(m).detach().normal_(0, 1)
                self.register_buffer(name, normalize(drawn, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _iterate(self, matrix: Tensor, n: int) -> None:
        """Move the vectors towards the first singular ones, in place."""
        with no_grad():
            for _ in range(n):
                self._u.copy_(normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(normalize(matrix.mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        """weight over its spectral norm."""
        if weight.dim() == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next forward writes them
        return weight / u.vdot(matrix @ v)

    def right_inverse(self, value: Tensor) -> Tensor:
        """value: it is taken to have the norm."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its spectral norm, which a step of the power method follows in each forward.

    Source: T. Miyato et al., "Spectral Normalization for Generative Adversarial Networks" (2018).
    """
    weight = _tensor_of("spectral_norm", module, name)
    made = _SpectralNorm(weight, n_power_iterations, rows_of(module, dim), eps)
    return register_parametrization(module, name, made)
