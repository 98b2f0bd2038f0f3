"""stft and istft against torch: values, gradients, error classes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tapegrad

torch = pytest.importorskip("torch")

_RANDOM = np.random.default_rng(0)
SIGNALS = {
    "x": _RANDOM.normal(size=40),
    "b": _RANDOM.normal(size=(2, 40)),
    "z": _RANDOM.normal(size=40) + 1j * _RANDOM.normal(size=40),
}
EXPRESSIONS = """
torch.stft(x,8)
torch.stft(x,8,return_complex=True)
torch.stft(x,8,return_complex=False)
torch.stft(b,8,3,6,torch.hann_window(6,dtype=torch.float64),return_complex=True)
torch.stft(b,8,center=False,return_complex=True)
torch.stft(x,8,pad_mode='constant',return_complex=True)
torch.stft(x,8,pad_mode='replicate',return_complex=True)
torch.stft(x,8,pad_mode='circular',return_complex=True)
torch.stft(x,8,pad_mode='foo',return_complex=True)
torch.stft(x,8,normalized=True,return_complex=True)
torch.stft(x,8,onesided=False,return_complex=True)
torch.stft(z,8)
torch.stft(x,8,0,return_complex=True)
torch.stft(x,8,win_length=9,return_complex=True)
torch.stft(x[:3],8,return_complex=True)
torch.stft(x,90,center=False,return_complex=True)
torch.stft(x,8,window=torch.ones(5),return_complex=True)
x.stft(8,return_complex=True)
torch.stft(b,8,2,5,torch.ones(5,dtype=torch.float64),center=False,return_complex=True,align_to_window=True)
torch.stft(b,8,2,5,torch.ones(5,dtype=torch.float64),center=False,return_complex=True,align_to_window=False)
torch.stft(x,8,return_complex=True,align_to_window=False)
torch.istft(torch.stft(x,8,2,window=w,return_complex=True),8,2,window=w)
torch.istft(torch.stft(b,8,3,6,torch.hann_window(6,dtype=torch.float64),return_complex=True),8,3,6,torch.hann_window(6,dtype=torch.float64))
torch.istft(torch.stft(x,8,return_complex=True),8)
torch.istft(torch.stft(x,8,return_complex=True),8,length=33)
torch.istft(torch.stft(x,8,return_complex=True),8,length=45)
torch.istft(torch.stft(x,8,onesided=False,return_complex=True),8,onesided=False)
torch.istft(torch.stft(x,8,onesided=False,return_complex=True),8,onesided=False,return_complex=True)
torch.istft(torch.stft(x,8,normalized=True,return_complex=True),8,normalized=True)
torch.istft(x,8)
torch.istft(torch.stft(x,8,return_complex=True),10)
torch.istft(torch.stft(x,8,center=False,return_complex=True),8,center=False,window=w)
torch.istft(torch.stft(x,8,center=False,return_complex=True),8,center=False)
""".strip().splitlines()


def outcome(lib: Any, expression: str) -> Any:
    """The result and the signals' gradients as arrays, or the class of the error."""
    names = {k: lib.tensor(v, requires_grad=True) for k, v in SIGNALS.items()}
    window = lib.hann_window(8, dtype=lib.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            y = eval(expression, {"torch": lib, "w": window, **names})
        except Exception as error:  # noqa: BLE001 # its class is what is compared
            return type(error)
    (y.abs() ** 2).sum().backward()
    tensors = [y.detach(), *[t.grad for t in names.values() if t.grad is not None]]
    return [t.resolve_conj().numpy() for t in tensors]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_as_torch(expression: str) -> None:
    ours, theirs = outcome(tapegrad, expression), outcome(torch, expression)
    if isinstance(ours, type) or isinstance(theirs, type):
        assert ours is theirs
        return
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
