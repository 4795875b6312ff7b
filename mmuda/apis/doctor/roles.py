"""Which data sets a config reads, and as what: source, target, val, test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmuda import compat
from mmuda.datasets.checks import innermost
from mmuda.datasets.label_free import strip_labels
from mmuda.datasets.prepared import with_prepared
from mmuda.registry import DATASETS

from ..errors import explain
from ..shared_classes import share_classes

compat.apply()


@dataclass(frozen=True)
class Role:
    """A data set and what it is for.

    Attributes:
        name: `source` (`source 0`, `source 1`, …), `target`, `val` or `test`.
        datasets: The sets inside mmengine's wrappers; empty where it cannot be built.
        error: Why it cannot be built.
    """

    name: str
    datasets: tuple = ()
    error: str | None = None

    @property
    def metainfo(self) -> dict:
        """Return meta information of the first set."""
        return dict(self.datasets[0].metainfo) if self.datasets else {}

    @property
    def size(self) -> int:
        """Return the number of samples."""
        return sum(len(dataset) for dataset in self.datasets)


def read_roles(cfg: Config) -> list[Role]:
    """Build every data set of a config as a training does; one that cannot be built says why.

    Labels of the target are left out. Evaluated sets that would find classes in their folders take the source's.
    Prepared files have to fit; what is looked at are the originals.
    """
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        share_classes(cfg)
        train = cfg.get('train_dataloader')
        domains = [] if train is None else _domains(train.dataset)
        prepared = train and train.dataset.get('prepared')
        return [
            *(_role(name, dataset, prepared) for name, dataset in domains),
            *(_role(name, dataset) for name, dataset in _scored(cfg)),
        ]


def _scored(cfg: Config) -> Iterator[tuple[str, Any]]:
    scored = {mode: cfg[f'{mode}_dataloader'].dataset for mode in ('val', 'test') if cfg.get(f'{mode}_dataloader')}
    if 'val' in scored and scored.get('val') == scored.get('test'):
        del scored['test']  # one set, opened once
    yield from scored.items()


def _domains(dataset: dict) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a `DomainDataset`; any other training set is a source."""
    if 'source' not in dataset:
        yield 'source', dataset
        return
    sources = dataset['source']
    if isinstance(sources, (list, tuple)) and len(sources) > 1:
        yield from ((f'source {number}', source) for number, source in enumerate(sources))
    else:
        yield 'source', sources[0] if isinstance(sources, (list, tuple)) else sources
    if dataset.get('target') is not None:
        yield 'target', strip_labels(dataset['target'])


def _role(name: str, dataset: dict, prepared: str | None = None) -> Role:
    try:
        built = DATASETS.build(dataset)
        if prepared is not None:
            with_prepared([built], prepared)
        return Role(name, tuple(innermost(built)))
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        return Role(name, error=sentence)
