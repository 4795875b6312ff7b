"""The bare floor of a training step: the same networks and the same passes, and no framework.

    teacher (no gradient) on the target → argmax
    student passes over the views, such as one over [source | target], or source and mixed one after the other
    cross-entropy on the source's labels, cross-entropy on the teacher's labels, entropy, discriminators
    a backward behind each pass, one fused AdamW over all that learns, one fused EMA

A mixed, masked or augmented view is the plain target here. A network of two resolutions (HRDA) learns its detail, too.
No loss weights, no accuracy, no logging, no hooks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.domain import DomainBatch, DomainLayer, bind_domain_context
from mmuda.functional import shrink
from mmuda.models.layers import set_exact

JOINT = (('source', 'target'),)
STCT = dict(source=('labels',), target=('teacher',))


class Floor:
    """One network's bare training step.

    Args:
        net: An mmseg segmentor (backbone, decode head); it is trained in place.
        teaches: Whether a teacher labels the target.
        passes: Views of each student pass.
        learns: What each view's losses are: `labels`, `teacher`, `entropy` (at image size) or `thin_entropy` (as the
            head gives it), and `distance` of its features to those of the first encoder.
        discriminator: It tells the softmax of source and target apart, as a student and as itself (None: nobody does).
        teacher_norm: `batch`: its batch norms work on the batch's statistics; `running`: they do not.
        lr, weight_decay: Of AdamW.
        momentum: The student's share m of teacher = (1 − m_t)·teacher + m_t·student, m_t = max(1/(t + 1), m).
        bf16: Whether the passes run under autocast in bfloat16.
    """

    def __init__(
        self,
        net: nn.Module,
        teaches: bool = True,
        passes: Sequence[Sequence[str]] = JOINT,
        learns: Mapping[str, Sequence[str]] = STCT,
        discriminator: nn.Module | None = None,
        teacher_norm: str = 'running',
        lr: float = 6e-5,
        weight_decay: float = 0.01,
        momentum: float = 1e-3,
        bf16: bool = False,
    ) -> None:
        self.net = net
        self.net.train()
        self.passes, self.learns, self.discriminator = passes, learns, discriminator
        self.teacher = deepcopy(net).requires_grad_(False) if teaches else None
        if teaches:
            self.teacher.eval()
            set_exact(self.teacher, False)
            for layer in self.teacher.modules():
                if isinstance(layer, _BatchNorm) and not isinstance(layer, DomainLayer):
                    layer.train(teacher_norm == 'batch')
        distant = any('distance' in kinds for kinds in learns.values())
        self.reference = deepcopy(net.backbone).requires_grad_(False) if distant else None
        if distant:
            self.reference.eval()
            set_exact(self.reference, False)
        trained = [*net.parameters(), *(discriminator.parameters() if discriminator else ())]
        self.optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=weight_decay, fused=True)
        self.momentum, self.updates = momentum, 0
        self.bf16 = bf16
        self.device = next(net.parameters()).device
        self.context = bind_domain_context(net)  # for norms of two domains
        host = net.data_preprocessor
        self.mean, self.std = (x.to(self.device) for x in (host.mean, host.std))

    def step(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Update both networks once by BGR uint8 [S + T, 3, H, W] and the source's labels [S, H, W]."""
        x = (images.to(self.device).flip(1) - self.mean) / self.std
        source, target = x.split([len(labels), len(x) - len(labels)])
        truth = dict(labels=labels.to(self.device))
        if self.teacher is not None:
            with torch.no_grad(), self._precision():
                truth['teacher'] = self._resized(self.teacher(target), x).argmax(1)
        self.optimizer.zero_grad(set_to_none=True)
        losses = {}
        for views in self.passes:
            rows = {view: source if view == 'source' else target for view in views}
            with self._precision():
                found = self._losses(rows, truth)
            sum(found.values()).backward()
            losses |= {name: loss.detach() for name, loss in found.items()}
        self.optimizer.step()
        if self.teacher is not None:
            self._average()
        return losses

    def _precision(self):
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def _losses(self, rows: dict[str, Tensor], truth: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the losses of one pass over the rows of some views."""
        x = torch.cat(list(rows.values()))
        sizes = [len(part) for part in rows.values()]
        num_source = sum(size for name, size in zip(rows, sizes) if name == 'source')
        self.context.set(DomainBatch(num_source, len(x) - num_source))
        features = self.net.extract_feat(x)
        logits, detail = self._predicted(features)
        logits, last = (dict(zip(rows, maps.split(sizes))) for maps in (logits, features[-1]))
        details = {} if detail is None else dict(zip(rows, detail.split(sizes)))
        losses = {}
        for view in rows:
            for kind in self.learns.get(view, ()):
                losses[f'loss_{view}_{kind}'] = self._loss(kind, logits[view], last[view], rows[view], truth)
                if view in details and kind in truth:
                    (box,) = features.boxes
                    part = box.crop(truth[kind])
                    losses[f'loss_{view}_{kind}_detail'] = self._cross_entropy(details[view], part)
        if self.discriminator is not None and {'source', 'target'} <= rows.keys():
            losses |= self._adversarial(*(self._resized(logits[view], x) for view in ('source', 'target')))
        return losses

    def _loss(self, kind: str, logits: Tensor, features: Tensor, x: Tensor, truth: dict[str, Tensor]) -> Tensor:
        if kind == 'distance':
            scale = getattr(self.net, 'context_scale', 1)
            with torch.no_grad():
                reference = self.reference(x if scale == 1 else shrink(x, scale))[-1]
            return (features - reference).norm(dim=1).mean()
        if kind.endswith('entropy'):
            log_p = (logits if kind == 'thin_entropy' else self._resized(logits, x)).float().log_softmax(1)
            return -(log_p.exp() * log_p).sum(1).mean()
        return self._cross_entropy(logits, truth[kind])

    def _cross_entropy(self, logits: Tensor, label: Tensor) -> Tensor:
        return F.cross_entropy(self._resized(logits, label), label, ignore_index=255)

    def _predicted(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Return logits of images, and of their details if there are any."""
        head = self.net.decode_head
        if not hasattr(head, 'predictions'):
            return head(features), None
        found = head.predictions(features)
        return found.fused, found.detail

    def _adversarial(self, source: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Return what the student learns through the discriminator, and what that learns."""
        source, target = (x.float().softmax(1) for x in (source, target))
        constant = {name: weight.detach() for name, weight in self.discriminator.named_parameters()}
        fooled = torch.func.functional_call(self.discriminator, constant, (target,))
        told = [self.discriminator(maps.detach()) for maps in (source, target)]
        return dict(
            loss_student=F.softplus(fooled).mean(),
            loss_discriminator=F.softplus(told[0]).mean() + F.softplus(-told[1]).mean(),
        )

    def _resized(self, logits: Tensor, x: Tensor) -> Tensor:
        """Resize to the size of images or labels: [B, K, H, W]."""
        return F.interpolate(logits, x.shape[-2:], mode='bilinear', align_corners=self.net.decode_head.align_corners)

    @torch.no_grad()
    def _average(self) -> None:
        momentum = max(1 / (self.updates + 1), self.momentum)
        torch._foreach_lerp_(list(self.teacher.parameters()), list(self.net.parameters()), momentum)
        torch._foreach_copy_(list(self.teacher.buffers()), list(self.net.buffers()))
        self.updates += 1
