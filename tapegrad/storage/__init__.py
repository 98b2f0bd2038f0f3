"""What tensors hold inside transforms in place of arrays: one value per entry of a batch (vmap), or a value
and its tangent (jvp).

A storage stands below the tape: an op on tensors runs on storages as it runs on arrays, by a rule that its
kind gives (`batched`, `dual`). Rules of backward run on them unchanged, in the namespace `STORED.F`
(`namespace`). Values go into a transform and out of it by linear ops in adjoint pairs (`borders`), so
everything nests and can be differentiated. Importing this package sets what lower layers call.
"""

from tapegrad.levels import Level
from tapegrad.storage import inplace, namespace, randomness
from tapegrad.storage.batched import Batched
from tapegrad.storage.borders import at_primal, dual, enter, leave, primal, tangent
from tapegrad.storage.dual import Dual

__all__ = ["Batched", "Dual", "dual", "enter", "leave", "primal", "tangent"]

namespace.bind()
inplace.bind()
randomness.bind()
Level.at_primal = staticmethod(at_primal)
