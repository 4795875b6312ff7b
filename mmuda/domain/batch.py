"""The layout of a two-domain batch, and the one function that brings a batch into it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

from torch import Tensor

DOMAINS = ('source', 'target')
STRONG_VIEW = 'strong_view'
"""The field of a data sample that carries a second, strongly augmented view of its image."""

VALID_MAP = 'valid_map'
"""The field of a data sample that says which of its pixels may have a label, bool ``[1, H, W]``."""


@dataclass(frozen=True)
class DomainBatch:
    """How a batch ``[source | target]`` is laid out: static ints, never an id tensor.

    Args:
        num_source: Number of source samples, the first rows of every tensor.
        num_target: Number of target samples, the rows after them.
        groups: One bool map ``[B, H_i, W_i]`` per encoder stage (B = source + target): the two
            groups of hybrid attention on the stage's query grid. None: no grouping.
        hybrid: False: in this pass every sample attends to itself alone.
        plans: What whoever drew the groups made of them for each stage, once for all its layers.

    Raises:
        ValueError: A negative count.
    """

    num_source: int
    num_target: int
    _: KW_ONLY
    groups: tuple[Tensor, ...] | None = field(default=None, compare=False)
    hybrid: bool = True
    plans: tuple | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.num_source < 0 or self.num_target < 0:
            raise ValueError(
                f'DomainBatch counts samples: num_source={self.num_source} and '
                f'num_target={self.num_target} must not be negative.'
            )

    def __len__(self) -> int:
        return self.num_source + self.num_target

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Split ``[B, ...]`` into views ``[num_source, ...]`` and ``[num_target, ...]``."""
        return x[: self.num_source], x[self.num_source :]

    def target_of_source(self) -> tuple[int, ...]:
        """Return the target sample that each source sample is paired with: the b-th with the b-th, counted round.

        Both domains have samples.
        """
        return tuple(source % self.num_target for source in range(self.num_source))

    def source_of_target(self) -> tuple[int, ...]:
        """Return the first source sample that is paired with each target sample; without one, take them in turn."""
        return tuple(target % self.num_source for target in range(self.num_target))


def sort_by_domain(data: dict) -> tuple[dict, DomainBatch]:
    """Stably sort an un-collated batch to ``[source | target]``.

    Args:
        data: ``dict(inputs=..., data_samples=[...])`` as the dataloader yields it; every sample
            carries ``domain`` in its meta information, as :class:`mmuda.DomainDataset` stamps it.

    Returns:
        The same dict with sorted lists, and the layout.

    Raises:
        ValueError: A sample without a domain, or with an unknown one.
    """
    samples = data.get('data_samples')
    if not samples:
        raise ValueError(
            'A two-domain batch needs data_samples that carry their domain, but the batch has none: '
            "load it through dataset=dict(type='mmuda.DomainDataset', source=..., target=...)."
        )
    domains = [_domain_of(sample) for sample in samples]
    order = sorted(range(len(domains)), key=lambda i: DOMAINS.index(domains[i]))
    data = {key: _reorder(value, order) for key, value in data.items()}
    return data, DomainBatch(domains.count('source'), domains.count('target'))


def _reorder(value, order: list[int]):
    if isinstance(value, Tensor):  # already stacked, as by torch's default_collate
        return value[order]
    return [value[i] for i in order]


def _domain_of(sample) -> str:
    domain = sample.metainfo.get('domain')
    if domain not in DOMAINS:
        name = sample.metainfo.get('img_path', 'a sample')
        raise ValueError(
            f"{name} carries domain={domain!r}, not 'source' or 'target': load it through "
            "dataset=dict(type='mmuda.DomainDataset', source=..., target=...)."
        )
    return domain
