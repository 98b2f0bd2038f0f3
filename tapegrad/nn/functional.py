"""Functions of networks: `import tapegrad.nn.functional as F`. Their definitions are under
`tapegrad/ops/networks`."""

from tapegrad.absent import missing
from tapegrad.ops.networks import FORMS

__all__ = sorted(FORMS)
globals().update(FORMS)


def __getattr__(name: str) -> object:
    raise missing("torch.nn.functional", name)
