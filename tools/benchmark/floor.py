"""The bare floor of a training step: the same networks and the same passes, and no framework.

    teacher (no gradient) on the target → argmax
    one student pass over [source | target]
    cross-entropy on the source's labels + cross-entropy on the teacher's labels
    backward, one fused AdamW over all student parameters, one fused EMA

No augmentation, no loss weights, no accuracy, no logging, no hooks.
"""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Floor:
    """One network's bare training step.

    Args:
        net: An mmseg segmentor (backbone, decode head); it is trained in place.
        teaches: Whether there is a target with a teacher.
        teacher_norm: `batch`: its batch norms work on the batch's statistics; `running`: they do not.
        lr, weight_decay: Of AdamW.
        momentum: The student's share m of teacher = (1 − m_t)·teacher + m_t·student, m_t = max(1/(t + 1), m).
        bf16: Whether the passes run under autocast in bfloat16.
    """

    def __init__(
        self,
        net: nn.Module,
        teaches: bool = True,
        teacher_norm: str = 'running',
        lr: float = 6e-5,
        weight_decay: float = 0.01,
        momentum: float = 1e-3,
        bf16: bool = False,
    ) -> None:
        self.net = net
        self.net.train()
        self.teacher = deepcopy(net).requires_grad_(False) if teaches else None
        if teaches:
            self.teacher.eval()
            for norm in [module for module in self.teacher.modules() if isinstance(module, _BatchNorm)]:
                norm.train(teacher_norm == 'batch')
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=weight_decay, fused=True)
        self.momentum, self.updates = momentum, 0
        self.bf16 = bf16
        self.device = next(net.parameters()).device
        host = net.data_preprocessor
        self.mean, self.std = (x.to(self.device) for x in (host.mean, host.std))

    def step(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """BGR uint8 [S + T, 3, H, W] and the source's labels [S, H, W]: one update of both networks."""
        x = (images.to(self.device).flip(1) - self.mean) / self.std
        labels = labels.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext():
            losses = self._losses(x, labels)
        self.optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        self.optimizer.step()
        if self.teacher is not None:
            self._average()
        return losses

    def _losses(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        if self.teacher is None:
            return dict(loss_source=F.cross_entropy(self._logits(self.net, x), labels, ignore_index=255))
        sources = len(labels)
        with torch.no_grad():
            pseudo = self._logits(self.teacher, x[sources:]).argmax(1)
        logits = self._logits(self.net, x)
        return dict(
            loss_source=F.cross_entropy(logits[:sources], labels, ignore_index=255),
            loss_target=F.cross_entropy(logits[sources:], pseudo),
        )

    def _logits(self, net: nn.Module, x: Tensor) -> Tensor:
        """[B, K, H, W] at image size."""
        logits = net.decode_head(net.extract_feat(x))
        return F.interpolate(logits, x.shape[2:], mode='bilinear', align_corners=net.decode_head.align_corners)

    @torch.no_grad()
    def _average(self) -> None:
        momentum = max(1 / (self.updates + 1), self.momentum)
        torch._foreach_lerp_(list(self.teacher.parameters()), list(self.net.parameters()), momentum)
        torch._foreach_copy_(list(self.teacher.buffers()), list(self.net.buffers()))
        self.updates += 1
