"""The modules of torch.nn."""

from tapegrad.nn.modules.activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from tapegrad.nn.modules.container import Sequential
from tapegrad.nn.modules.linear import Identity, Linear
from tapegrad.nn.modules.loss import CrossEntropyLoss, MSELoss, NLLLoss
from tapegrad.nn.modules.module import Module

__all__ = [
    "CrossEntropyLoss",
    "Identity",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "NLLLoss",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
]
