"""Two domains as a term sees them: unequal numbers, features of one vector a sample."""

import pytest
import torch

from mmuda.models.views import View


@pytest.fixture
def views():
    """``views(num_source, num_target)`` → source and target with 4 channels and 3 classes; leaves with gradients."""

    def make(num_source: int = 5, num_target: int = 2, dtype=torch.float64) -> tuple[View, View]:
        domains = []
        for shift, count in enumerate((num_source, num_target)):
            features = (torch.randn(count, 4, dtype=dtype) + shift).requires_grad_()
            logits = torch.randn(count, 3, dtype=dtype, requires_grad=True)
            label = torch.randint(0, 3, (count,)) if shift == 0 else None
            domains.append(View(torch.zeros(count, 1), dict(neck=(features,)), logits, label))
        return tuple(domains)

    return make
