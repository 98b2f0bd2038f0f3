"""The functions of networks: what torch.nn.functional has. They load when first used."""

from importlib import import_module

from tapegrad.public import FUNCTIONS

for _name in [
    "activations",
    "adaptive",
    "convolution",
    "dropout",
    "embedding",
    "folding",
    "interpolation",
    "losses",
    "normalisation",
    "padding",
    "pooling",
    "resampling",
    "sampling",
]:  # every file with an offer
    import_module(f"tapegrad.ops.networks.{_name}")

FORMS = FUNCTIONS["nn"]
