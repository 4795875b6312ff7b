"""The data preprocessor of a two-domain batch: sort, check, then do what the student's own preprocessor does."""

from __future__ import annotations

from mmengine.model import BaseDataPreprocessor
from torch import nn

from mmuda.domain import DOMAINS, DomainBatch, sort_by_domain
from mmuda.registry import MODELS

from .stacking import prepare


@MODELS.register_module()
class DomainDataPreprocessor(BaseDataPreprocessor):
    """Brings a training batch into the order ``[source | target]`` and hands it to the host library's preprocessor.

    In training the result carries one more key, ``layout`` (a :class:`mmuda.domain.DomainBatch`).
    Outside training this is the host's preprocessor and nothing else: evaluation knows no domains.

    Args:
        host: The student's own preprocessor (normalisation, padding, stacking).
        required: Domains of which a training batch must have samples.

    Raises:
        TypeError: The host is mmengine's default, which does not stack.
    """

    def __init__(self, host: nn.Module, required: tuple[str, ...] = DOMAINS) -> None:
        super().__init__()
        if type(host) is BaseDataPreprocessor:
            raise TypeError(
                'The student has no data_preprocessor of its own, and images of a batch have to be stacked: give one '
                "in its config, such as data_preprocessor=dict(type='SegDataPreProcessor', ...)."
            )
        self.host = host
        host._non_blocking = True  # what is pinned is fetched while the host goes on; mmseg's constructor has no option
        self.required = required
        if getattr(host, 'size', 0) is None and getattr(host, 'size_divisor', 0) is None:
            host.size_divisor = 1  # mmseg pads to neither and refuses its batch; now to the largest image of it

    def to(self, *args, **kwargs):
        """Move the host too: mmengine tracks the device per preprocessor."""
        self.host.to(*args, **kwargs)
        return super().to(*args, **kwargs)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Map ``dict(inputs=[...], data_samples=[...])`` → batched inputs, data samples and, in training, the layout.

        Raises:
            ValueError: A training batch without samples of a domain that is required, or without
                domains at all.
        """
        if not training:
            return self.host(data, training=False)
        data, layout = self.arrange(data)
        _check_padded_size(data['inputs'], getattr(self.host, 'size', None))
        return dict(prepare(self.host, data), layout=layout)

    def arrange(self, data: dict) -> tuple[dict, DomainBatch]:
        """Arrange a training batch as ``[source | target]`` with all that is required; return it and its layout."""
        data, layout = sort_by_domain(data)
        _check_domains(layout, self.required)
        return data, layout


def _check_domains(layout: DomainBatch, required: tuple[str, ...]) -> None:
    for domain, count in zip(DOMAINS, (layout.num_source, layout.num_target)):
        if count == 0 and domain in required:
            raise ValueError(
                f'A training batch of {len(layout)} samples has no {domain} image: give both domains to '
                "dataset=dict(type='mmuda.DomainDataset', source=..., target=...), use "
                "sampler=dict(type='mmuda.DomainSampler') and a batch_size that holds at least one unit of its ratio."
            )


def _check_padded_size(inputs: list, size: tuple[int, int] | None) -> None:
    """Refuse a padded size that does not hold all images: those of several sizes are padded to one."""
    sizes = {tuple(image.shape[-2:]) for image in inputs}
    too_large = [found for found in sizes if size is not None and (found[0] > size[0] or found[1] > size[1])]
    if len(sizes) > 1 and too_large:
        raise ValueError(
            f'A training batch has {len(sizes)} sizes of images, such as {too_large[0][1]}×{too_large[0][0]}, and '
            f"the student's data_preprocessor pads to size={tuple(size)} (height, width): set that to the pipelines' "
            'crop_size.'
        )
