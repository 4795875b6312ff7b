"""What every labeller is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from ..views import View

Ask = Callable[..., Tensor]
"""``ask(network, views, **mode)`` → class scores of the rows of the views, at the images' size where they are maps."""


class Labeller(nn.Module):
    """Fills in ``label`` and ``weight`` of a step's target, before the makers, without gradient.

    So a term that wants labels of the target finds them, whoever made them.
    """

    network: str | None = None
    """The model's network that it asks."""
    reads: tuple[str, ...] = ('target',)
    """Views that it looks at."""
    makes: tuple[str, ...] = ('target',)
    """Views that it labels, or adds."""

    def forward(self, views: Mapping[str, View], ask: Ask) -> tuple[dict[str, View], dict[str, Tensor]]:
        """Return the views that it labelled, by name, and values for the log.

        Args:
            views: What the preprocessor prepared: ``source`` and ``target``.
            ask: ``ask(network, [view, ...], **mode)`` gives the class scores of one of the model's networks; ``mode``
                are arguments of :func:`mmuda.models.layers.inference_pass`, without which it works as it stands.
        """
        raise TypeError(f'{type(self).__name__} has no forward: a labeller returns views and values for the log.')
