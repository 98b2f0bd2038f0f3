"""Optimizers."""

from tapegrad.optim.optimizer import Optimizer
from tapegrad.optim.sgd import SGD

__all__ = ["SGD", "Optimizer"]
