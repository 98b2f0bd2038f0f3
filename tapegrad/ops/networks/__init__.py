"""The functions of networks: what torch.nn.functional has. They load when first used."""

from importlib import import_module

from tapegrad.public import FUNCTIONS

# Every file with an offer.
for _name in [
    "activations",
    "adaptive",
    "attention",
    "classes",
    "combined",
    "convolution",
    "ctc",
    "dropout",
    "embedding",
    "folding",
    "forms",
    "interpolation",
    "losses",
    "margins",
    "multihead",
    "normalisation",
    "padding",
    "pooling",
    "recurrent",
    "resampling",
    "sampling",
]:
    import_module(f"tapegrad.ops.networks.{_name}")

FORMS = FUNCTIONS["nn"]
