"""The data preprocessor of a two-domain batch whose images have a weak and a strong view."""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.domain import STRONG_VIEW
from mmuda.registry import MODELS

from .domain import DomainDataPreprocessor
from .stacking import stacked


@MODELS.register_module()
class TwoViewDataPreprocessor(DomainDataPreprocessor):
    """A :class:`DomainDataPreprocessor` that prepares the strong views like the inputs, which are the weak ones.

    In training the result has one more key, ``strong``: the strong views in the order of the inputs, of the target or
    of both domains.

    Args:
        host: The student's own preprocessor; it takes a stacked batch, as mmpretrain's does.
        include_source: Whether the source has strong views too; otherwise nobody looks at any that it has.
    """

    def __init__(self, host: nn.Module, include_source: bool = False) -> None:
        super().__init__(host)
        self.include_source = include_source

    def forward(self, data: dict, training: bool = False) -> dict:
        """Map ``dict(inputs=[...], data_samples=[...])`` → batched inputs, samples and, in training, layout and views.

        Raises:
            ValueError: As for :class:`DomainDataPreprocessor`, or a sample without a strong view.
        """
        if not training:
            return super().forward(data)
        data, layout = self.arrange(data)
        samples = data['data_samples'][0 if self.include_source else layout.num_source :]
        views = [_strong_view(sample) for sample in samples]
        count = len(data['inputs'])
        images = self.host.cast_data([*data['inputs'], *views])
        result = self.host(dict(data, inputs=stacked(images)), training=True)
        return dict(result, inputs=result['inputs'][:count], strong=result['inputs'][count:], layout=layout)


def _strong_view(sample) -> Tensor:
    if STRONG_VIEW in sample:
        return sample.get(STRONG_VIEW)
    raise ValueError(
        f'{sample.metainfo.get("img_path", "A sample")} ({sample.metainfo["domain"]}) has no strong view: end that '
        "domain's pipeline with dict(type='mmuda.TwoViews', weak=[..., dict(type='mmpretrain.PackInputs')], "
        'strong=[...]).'
    )
