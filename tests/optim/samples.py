"""Optimizers with their options: one table for all tests."""

from itertools import product


def _all(**choices):
    """Every combination of choices."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


BOTH = (False, True)
DECAY = (0, 0.1)

# By optimizer, the options under which trajectories are compared with torch's.
OPTIONS = {
    "Adadelta": [*_all(weight_decay=DECAY, maximize=BOTH), {"lr": 0.5, "rho": 0.7, "eps": 0.001}],
    "Adafactor": [
        *_all(weight_decay=DECAY, maximize=BOTH),
        {"lr": 0.3, "beta2_decay": -0.5, "d": 2.0, "eps": (1e-05, 0.01)},
    ],
    "Adagrad": [
        *_all(weight_decay=DECAY, maximize=BOTH),
        {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 0.001},
        {"fused": True},
    ],
    "Adam": [
        *_all(weight_decay=DECAY, maximize=BOTH, amsgrad=BOTH),
        {"lr": 0.1, "betas": (0.3, 0.6), "eps": 0.001},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
        {"lr": 0.01, "betas": (0.0, 0.9)},
        {"foreach": True},
        {"fused": True},
    ],
    "AdamW": [*_all(weight_decay=(0, 0.1), maximize=BOTH, amsgrad=BOTH), {}],
    "Adamax": [*_all(weight_decay=DECAY, maximize=BOTH), {"lr": 0.1, "betas": (0.6, 0.7), "eps": 0.001}],
    "ASGD": [*_all(weight_decay=DECAY, maximize=BOTH), {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 3}],
    "Muon": _all(nesterov=BOTH, weight_decay=(0, 0.1), adjust_lr_fn=(None, "match_rms_adamw")),
    "NAdam": [
        *_all(weight_decay=DECAY, maximize=BOTH, decoupled_weight_decay=BOTH),
        {"lr": 0.1, "betas": (0.6, 0.9), "momentum_decay": 0.1},
    ],
    "RAdam": [
        *_all(weight_decay=DECAY, maximize=BOTH, decoupled_weight_decay=BOTH),
        {"lr": 0.1, "betas": (0.6, 0.9), "eps": 0.001},
    ],
    "RMSprop": [
        *_all(momentum=(0, 0.9), centered=BOTH, weight_decay=DECAY),
        {"maximize": True},
        {"lr": 0.1, "alpha": 0.3, "eps": 0.001},
    ],
    "Rprop": [*_all(maximize=BOTH), {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.05, 0.2)}],
    "SGD": [
        o
        for o in _all(momentum=(0, 0.9), dampening=(0, 0.5), weight_decay=DECAY, nesterov=BOTH, maximize=BOTH)
        if not (o["nesterov"] and (o["momentum"] == 0 or o["dampening"]))
    ],
}
CASES = [(name, options) for name, every in OPTIONS.items() for options in every]
IDS = [f"{name}-{','.join(f'{k}={v}' for k, v in options.items())}" for name, options in CASES]
DIFFERENTIABLE = [name for name in OPTIONS if name not in ("Adafactor", "Muon")]  # and for complex numbers

# Constructors that must raise: the optimizer, its options, the class.
REFUSED = [
    *[(name, {"lr": -1.0}, ValueError) for name in OPTIONS],
    *[(name, {"weight_decay": -1.0}, ValueError) for name in OPTIONS if name != "Rprop"],
    *[
        (name, {"betas": b}, ValueError)
        for name in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam")
        for b in ((1.0, 0.9), (0.9, 1.0), (-0.1, 0.9))
    ],
    *[
        (n, {"eps": -1.0}, ValueError)
        for n in ("Adam", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta")
    ],
    ("Adam", {"betas": (0, 0.9)}, ValueError),
    ("Adam", {"fused": True, "differentiable": True}, RuntimeError),
    ("Adam", {"fused": True, "foreach": True}, RuntimeError),
    ("SGD", {"fused": True, "differentiable": True}, RuntimeError),
    ("SGD", {"momentum": -0.1}, ValueError),
    ("SGD", {"nesterov": True}, ValueError),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, ValueError),
    ("NAdam", {"momentum_decay": -1.0}, ValueError),
    ("RMSprop", {"momentum": -1.0}, ValueError),
    ("RMSprop", {"alpha": -1.0}, ValueError),
    ("Adagrad", {"lr_decay": -1.0}, ValueError),
    ("Adagrad", {"initial_accumulator_value": -1.0}, ValueError),
    ("Adadelta", {"rho": 1.5}, ValueError),
    ("Rprop", {"etas": (1.2, 0.5)}, ValueError),
    ("Adafactor", {"beta2_decay": 0.5}, ValueError),
    ("Adafactor", {"d": 0.5}, ValueError),
    ("Adafactor", {"eps": (-1.0, 1e-3)}, ValueError),
    ("Adafactor", {"eps": (None, -1e-3)}, ValueError),
    ("Muon", {"adjust_lr_fn": "no"}, ValueError),
    ("Muon", {"momentum": -0.1}, ValueError),
]
