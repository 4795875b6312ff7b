"""What is exported of a network: prepared images in, class scores out, and nothing that only training needs."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from mmuda.models.layers import DIDAModule, fuse_norms, set_exact
from mmuda.models.tasks import build_task


class ScoreGraph(nn.Module):
    """Gives the logits of a segmentor at image size, or those of a classifier."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.task = build_task('segmentation' if hasattr(network, 'decode_head') else 'classification')
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Map normalised images ``[B, C, H, W]`` → ``[B, K, H, W]`` or ``[B, K]``."""
        return self.task.logits(self.network, self.task.run(self.network, image), image.shape[-2:])


def portable(graph: ScoreGraph) -> ScoreGraph:
    """Copy a graph for export: norms of two domains are folded, and layers compute what holds for maps of any size."""
    graph = copy.deepcopy(graph)
    graph.eval()
    if hasattr(graph.network, 'decode_head'):  # mmseg is there
        from mmuda.models.backbones.mit import make_lean

        make_lean(graph.network)
    fuse_norms(graph.network).requires_grad_(False)
    set_exact(graph, False)
    for module in graph.modules():
        if isinstance(module, DIDAModule):
            module.form = 'convolved'
    return graph
