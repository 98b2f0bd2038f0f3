"""Optimizers, which change parameters by their gradients. `lr_scheduler` changes their learning rates, and
`swa_utils` averages models."""

from importlib import import_module
from typing import Any

from tapegrad.optim._adafactor import Adafactor
from tapegrad.optim._muon import Muon
from tapegrad.optim._stateless import swap_in_optimizer_params_and_state
from tapegrad.optim.adadelta import Adadelta
from tapegrad.optim.adagrad import Adagrad
from tapegrad.optim.adam import Adam
from tapegrad.optim.adamax import Adamax
from tapegrad.optim.adamw import AdamW
from tapegrad.optim.asgd import ASGD
from tapegrad.optim.lbfgs import LBFGS
from tapegrad.optim.nadam import NAdam
from tapegrad.optim.optimizer import Optimizer
from tapegrad.optim.radam import RAdam
from tapegrad.optim.rmsprop import RMSprop
from tapegrad.optim.rprop import Rprop
from tapegrad.optim.sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
    "swap_in_optimizer_params_and_state",
]


def __getattr__(name: str) -> Any:
    if name in ("lr_scheduler", "swa_utils"):  # loaded when first used
        return import_module(f"tapegrad.optim.{name}")
    why = " (sparse tensors). Use Adam" if name == "SparseAdam" else ""
    raise AttributeError(f"torch.optim of tapegrad has no {name!r}{why}.")
