"""State dicts of released segmentation heads, renamed to ours.

Layout: the heads of DAFormer's code, which HRDA and MIC share: `embed_layers`, `fuse_layer`, and HRDA's
`scale_attention`, a head whose fusion is one convolution.
"""

from __future__ import annotations

import re

from torch import Tensor

_DAFORMER_RENAMED = (
    (r'\bscale_attention\.', 'attention.'),
    (r'\bembed_layers\.(\d+)\.proj\.', r'embeds.\1.'),
    (r'\bfuse_layer\.aspp_modules\.', 'aspp.'),
    (r'\bfuse_layer\.bottleneck\.', 'bottleneck.'),
    (r'\bfuse_layer\.(conv|bn)\.', r'aspp.0.\1.'),
)


def daformer_head_from_official(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give keys and shapes of `DAFormerHead` and `HRDAHead` to the released code's; other keys stay as they are."""
    return {_renamed(key): value[..., None, None] if _is_linear(key, value) else value for key, value in state.items()}


def _renamed(key: str) -> str:
    for pattern, replacement in _DAFORMER_RENAMED:
        key = re.sub(pattern, replacement, key)
    return key


def _is_linear(key: str, value: Tensor) -> bool:
    """Tell whether a tensor is a weight of the embeddings, which are linear layers there and 1×1 convolutions here."""
    return '.embed_layers.' in f'.{key}' and value.ndim == 2
