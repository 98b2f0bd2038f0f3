"""Run one program in tapegrad and in torch, and compare what it gives: values, or the class of its error."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tapegrad


def plain(x):
    """A result as something that compares: tensors as (values, dtype, requires_grad)."""
    if hasattr(x, "requires_grad") and hasattr(x, "detach"):
        a = x.detach().numpy()
        return "tensor", a.tolist(), str(a.dtype), bool(x.requires_grad)
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    return x


def run(program, torch):
    """The program's result, or the name of what it raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(program(torch))
        except Exception as e:  # noqa: BLE001 # its class is compared
            return type(e).__name__


def close(a, b):
    """Whether two results are equal, numbers up to float32's rounding."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, tuple) and isinstance(b, tuple) and a[0] == b[0] == "tensor":
        return a[2:] == b[2:] and np.allclose(a[1], b[1], rtol=1e-5, atol=1e-6, equal_nan=True)
    return a == b


def same(program):
    """The program gives the same in both."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch.utils.checkpoint")  # torch does not load it by itself

    ours, theirs = run(program, tapegrad), run(program, torch)
    assert close(ours, theirs), f"tapegrad: {ours}\ntorch:    {theirs}"
    return ours
