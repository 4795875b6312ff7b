"""How many channels a network takes, checked against what its images have."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from mmuda.datasets import DataError

from .start_weights import bare_model


def network_channels(network: nn.Module) -> int | None:
    """Count an input's channels, by what normalises it, else by the first convolution; None where neither tells."""
    mean = getattr(getattr(network, 'data_preprocessor', None), 'mean', None)
    if mean is not None and mean.numel() > 1:
        return mean.numel()
    convolutions = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    first = next(convolutions, None)
    return None if first is None else first.in_channels


def check_channels(found: int, wanted: int | None, path: str | None) -> None:
    """Refuse an image that the network cannot take.

    Raises:
        DataError: Another number of channels.
    """
    if wanted is not None and found != wanted:
        raise DataError(
            f"'{path}' has {found} channel(s) where the network takes {wanted}: load images of one kind, by "
            "mmuda.LoadImage with color_type='color' (3 channels), 'grayscale' (1) or 'unchanged' (as in the file), "
            "and give the backbone's `in_channels` and the data preprocessor's `mean` and `std`."
        )


class ChannelCheckHook(Hook):
    """Names the first image of a run that has other channels than its network takes."""

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Look at the network."""
        model = bare_model(runner)
        self.wanted = network_channels(getattr(model, 'student', model))

    def _before_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, mode: str = 'train') -> None:
        inputs = data_batch.get('inputs') if isinstance(data_batch, dict) else None
        samples = data_batch.get('data_samples') if inputs is not None else None
        for image, sample in zip(inputs or (), samples or ()):
            if isinstance(image, Tensor):
                check_channels(image.shape[0], self.wanted, sample.metainfo.get('img_path'))
