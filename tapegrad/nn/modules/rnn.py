"""Recurrent networks as modules: whole sequences, and single steps (cells)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Number
from typing import Any

from tapegrad._errors import say_once, sizes
from tapegrad._state import autocast
from tapegrad.nn import init
from tapegrad.nn.modules.module import Module
from tapegrad.nn.packed import PackedSequence
from tapegrad.nn.parameter import Parameter
from tapegrad.ops.along import index_select
from tapegrad.ops.create import empty, zeros
from tapegrad.ops.networks import recurrent as R
from tapegrad.ops.shape import squeeze, unsqueeze
from tapegrad.tensor import Tensor

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_MODES = {"LSTM": (R.lstm, 4), "GRU": (R.gru, 3), "RNN_TANH": (R.rnn_tanh, 1), "RNN_RELU": (R.rnn_relu, 1)}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: layers, directions, and their weights. Source: torch.nn.RNNBase."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_flags(mode, input_size, hidden_size, bias, batch_first)
        _check_numbers(hidden_size, num_layers, dropout, proj_size)
        self.mode, self.input_size, self.hidden_size, self.num_layers = (
            mode,
            input_size,
            hidden_size,
            num_layers,
        )
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse") if bidirectional else ("",):
                self._add(layer, f"l{layer}{suffix}", {"device": device, "dtype": dtype})
        self.reset_parameters()

    def _add(self, layer: int, suffix: str, kinds: Any) -> None:
        """The weights of one layer and direction."""
        gates, out = _MODES[self.mode][1] * self.hidden_size, self.proj_size or self.hidden_size
        inputs = self.input_size if layer == 0 else out * (2 if self.bidirectional else 1)
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, inputs), "weight_hh": (gates, out)}
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        for name, shape in shapes.items():
            setattr(self, f"{name}_{suffix}", Parameter(empty(shape, **kinds)))
        self._all_weights.append([f"{name}_{suffix}" for name in shapes])

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for name in self._flat_weights_names]

    def __getstate__(self) -> dict[str, Any]:
        """All attributes, and those that torch's class has beside them, for its files."""
        flat = {"_flat_weights_names": self._flat_weights_names, "_flat_weights": self._flat_weights}
        return {**self.__dict__, **flat}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({k: v for k, v in state.items() if not k.startswith("_flat_weight")})

    def flatten_parameters(self) -> None:
        """Nothing: weights are in one memory for cuDNN only."""

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniformly from +-1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    # ---- the call

    def _shapes(self, batch: int) -> list[tuple[int, int, int]]:
        """The shapes of the states."""
        n = self.num_layers * (2 if self.bidirectional else 1)
        shapes = [(n, batch, self.proj_size or self.hidden_size)]
        return [*shapes, (n, batch, self.hidden_size)] if self.mode == "LSTM" else shapes

    def _check(self, input: Tensor, states: Sequence[Tensor], batch: int, weight: Tensor) -> None:
        """Raises: ValueError for another dtype, RuntimeError for other sizes."""
        name = self._get_name()
        if input.dtype != weight.dtype and not autocast.on:
            raise ValueError(
                f"{name}: input is {input.dtype} and the weights are {weight.dtype}; convert one with .to()."
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{name}: input is {sizes(input.shape)}; its last size must be input_size, {self.input_size}."
            )
        for h, shape in zip(states, self._shapes(batch), strict=True):
            if h.shape != shape:
                raise RuntimeError(f"{name}: hx is {sizes(h.shape)}; {sizes(shape)} is needed.")

    def _states(self, hx: Any, batch: int, dtype: Any) -> list[Tensor]:
        """The first states: those given, or zeros."""
        if hx is None:
            return [zeros(shape, dtype=dtype) for shape in self._shapes(batch)]
        return list(hx) if self.mode == "LSTM" else [hx]

    def _result(self, states: Sequence[Tensor]) -> Any:
        return tuple(states) if self.mode == "LSTM" else states[0]

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """(the outputs of the last layer, the last states of all layers). hx: the first states, 0 by default.

        Shapes: input [L, N, inputs], [N, L, inputs] with batch_first, [L, inputs], or a PackedSequence;
        states [layers * directions, N, hidden].
        """
        weights = self._flat_weights
        how = weights, self.bias, self.num_layers, self.dropout, self.training, self.bidirectional
        if isinstance(input, PackedSequence):
            return self._packed(input, hx, how)
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{self._get_name()}: input is {sizes(input.shape)}; 2 or 3 dimensions are needed."
            )
        batched, at = input.dim() == 3, 0 if self.batch_first else 1
        if hx is not None and any(h.dim() != input.dim() for h in self._states(hx, 0, None)):
            raise RuntimeError(
                f"{self._get_name()}: input is {sizes(input.shape)}; hx must have as many dimensions."
            )
        x = input if batched else unsqueeze(input, at)
        states = self._states(hx, x.shape[at], x.dtype)
        if hx is not None and not batched:
            states = [unsqueeze(h, 1) for h in states]
        self._check(x, states, x.shape[at], weights[0])
        y, *last = _MODES[self.mode][0](x, self._result(states), *how, self.batch_first)
        if not batched:
            y, last = squeeze(y, at), [squeeze(h, 1) for h in last]
        return y, self._result(last)

    def _packed(self, given: PackedSequence, hx: Any, how: Any) -> tuple[PackedSequence, Any]:
        data, rows, order, back = given
        batch = int(rows[0])
        states = self._states(hx, batch, data.dtype)
        if hx is not None and order is not None:
            states = [index_select(h, 1, order) for h in states]
        if data.dim() != 2:
            raise RuntimeError(f"{self._get_name()}: data is {sizes(data.shape)}; 2 dimensions are needed.")
        self._check(data, states, batch, how[0][0])
        y, *last = _MODES[self.mode][0](data, rows, self._result(states), *how)
        if back is not None:
            last = [index_select(h, 1, back) for h in last]
        return PackedSequence(y, rows, order, back), self._result(last)

    def extra_repr(self) -> str:
        """The arguments that are not the default."""
        text = f"{self.input_size}, {self.hidden_size}"
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0}
        for name, default in {**defaults, "bidirectional": False}.items():
            if (value := getattr(self, name)) != default:
                text += f", {name}={value}"
        return text


def _check_flags(mode: str, input_size: Any, hidden_size: Any, bias: Any, batch_first: Any) -> None:
    for name, flag in (("bias", bias), ("batch_first", batch_first)):
        if not isinstance(flag, bool):
            raise TypeError(f"{mode}: {name} is {flag!r}; True or False is needed.")
    for name, n in (("input_size", input_size), ("hidden_size", hidden_size)):
        if not isinstance(n, int):
            raise TypeError(f"{mode}: {name} is {n!r}; an integer is needed.")
        if n <= 0:
            raise ValueError(f"{mode}: {name} is {n}; it must be positive.")
    if mode not in _MODES:
        raise ValueError(f"RNNBase: mode is {mode!r}; one of {', '.join(_MODES)} is needed.")


def _check_numbers(hidden_size: int, num_layers: int, dropout: Any, proj_size: int) -> None:
    if not isinstance(dropout, Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:  # type: ignore[operator] # real
        raise ValueError(f"RNNBase: dropout is {dropout!r}; a number from 0 to 1 is needed.")
    if num_layers <= 0:
        raise ValueError(f"RNNBase: num_layers is {num_layers}; it must be positive.")
    if not 0 <= proj_size < hidden_size:
        raise ValueError(f"RNNBase: proj_size is {proj_size}; 0 to {hidden_size - 1} is needed.")
    if dropout and num_layers == 1:
        say_once(
            f"RNNBase: dropout is {dropout} and num_layers 1; it applies behind all layers but the last."
        )


def _without_projection(name: str, kwargs: Any) -> None:
    if "proj_size" in kwargs:
        raise ValueError(f"{name}: proj_size is given; only LSTM has it.")


class RNN(RNNBase):
    """h = tanh(x w_ih^T + b_ih + h w_hh^T + b_hh) over a sequence, or relu as `nonlinearity`.

    RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, device=None, dtype=None). Source: torch.nn.RNN.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _without_projection("RNN", kwargs)
        if len(args) > 3:
            nonlinearity, args = args[3], (*args[:3], *args[4:])
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity is {nonlinearity!r}; 'tanh' or 'relu' is needed.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """A network of long short-term memory over a sequence.

    LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, proj_size=0, device=None, dtype=None).
    Source: S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory" (1997); torch.nn.LSTM.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """A network of gated recurrent units over a sequence.

    GRU(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0, bidirectional=False,
    device=None, dtype=None). Source: K. Cho et al., "Learning Phrase Representations" (2014); torch.nn.GRU.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _without_projection("GRU", kwargs)
        super().__init__("GRU", *args, **kwargs)


# ---- cells


class RNNCellBase(Module):
    """What the cells share: their weights. Source: torch.nn.RNNCellBase."""

    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        n = num_chunks * hidden_size
        shapes = {
            "weight_ih": (n, input_size),
            "weight_hh": (n, hidden_size),
            "bias_ih": (n,),
            "bias_hh": (n,),
        }
        for name, shape in shapes.items():
            made = Parameter(empty(shape, device=device, dtype=dtype)) if bias or name[0] == "w" else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, uniformly from +-1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _step(self, f: Any, input: Tensor, hx: Any, several: bool) -> Any:
        """f(input, the states, the weights), of inputs with and without a batch."""
        states = None if hx is None else tuple(hx) if several else (hx,)
        if any(t.dim() not in (1, 2) for t in (input, *(states or ()))):
            shown = ", ".join(sizes(t.shape) for t in (input, *(states or ())))
            raise ValueError(f"{self._get_name()}: input and hx are {shown}; 1 or 2 dimensions are needed.")
        batched = input.dim() == 2
        x = input if batched else unsqueeze(input, 0)
        if states is None:
            states = (zeros(x.shape[0], self.hidden_size, dtype=x.dtype),) * (2 if several else 1)
        elif not batched:
            states = tuple([unsqueeze(h, 0) for h in states])
        weights = self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        y = f(x, states if several else states[0], *weights)
        if batched:
            return y
        return tuple([squeeze(t, 0) for t in y]) if several else squeeze(y, 0)

    def extra_repr(self) -> str:
        """The arguments that are not the default."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias is True else f", bias={self.bias}")


class RNNCell(RNNCellBase):
    """One step of RNN. Shapes: [N, inputs] and [N, hidden], or without N. Source: torch.nn.RNNCell."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The new state. Raises: RuntimeError for an unknown nonlinearity."""
        known = {"tanh": R.rnn_tanh_cell, "relu": R.rnn_relu_cell}
        if self.nonlinearity not in known:
            raise RuntimeError(f"RNNCell: nonlinearity is {self.nonlinearity!r}; 'tanh' or 'relu' is needed.")
        state: Tensor = self._step(known[self.nonlinearity], input, hx, False)
        return state

    def extra_repr(self) -> str:
        """The arguments that are not the default."""
        text = super().extra_repr()
        return text if self.nonlinearity == "tanh" else f"{text}, nonlinearity={self.nonlinearity}"


class LSTMCell(RNNCellBase):
    """One step of LSTM, with a pair of states. Source: torch.nn.LSTMCell."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The new state and cells."""
        states: tuple[Tensor, Tensor] = self._step(R.lstm_cell, input, hx, True)
        return states


class GRUCell(RNNCellBase):
    """One step of GRU. Source: torch.nn.GRUCell."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The new state."""
        state: Tensor = self._step(R.gru_cell, input, hx, False)
        return state
