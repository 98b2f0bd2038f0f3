"""Pictures of the computation graph, and the chain rule written out."""

from tapegrad.viz.chain_rule import ChainRule, chain_rule, explain
from tapegrad.viz.drawing import Drawing, graph
from tapegrad.viz.picture import Picture

__all__ = ["ChainRule", "Drawing", "Picture", "chain_rule", "explain", "graph"]
