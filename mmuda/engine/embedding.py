"""Training images outside the training steps: features of all of both domains, and some batches of the target."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext

import torch
from mmengine import dist
from mmengine.utils import track_iter_progress
from torch import Tensor
from torch.utils.data import DataLoader

from mmuda.processes import mark

from .wrapping import unwrapped

Batch = tuple[str, list[int]]


def embed_training_images(runner, tap: str, draw: int) -> Tensor:
    """Return ``[N, C]`` float32 on the CPU, sources first, in the order of the training data; the same bits on all
    processes.

    Images come through the training pipeline, and the model gives the features (``embed``) as in evaluation.

    Args:
        runner: Of a training, whose sampler has ``every_sample``.
        tap: Name of the student's module whose outputs are the features.
        draw: Which of all such passes this is: every one sees other crops and flips.
    """
    model, loader = unwrapped(runner.model), runner.train_dataloader
    for buffer in model.buffers():  # every process embeds with the statistics that rank 0 saves
        dist.broadcast(buffer)
    samples = loader.sampler.every_sample(draw)
    batches = _batches(samples, sum(loader.dataset.sizes[: loader.dataset.num_sources]), loader.batch_size)
    found = {}
    with getattr(runner.model, 'whole_encoders', nullcontext)():
        for (domain, indices), data in _loaded(loader, batches[dist.get_rank() :: dist.get_world_size()]):
            inputs = model.data_preprocessor(dict(inputs=data['inputs']), training=False)['inputs']
            found[tuple(indices)] = model.embed(inputs, tap, domain).float().cpu()
    return _joined(found, len(samples))


def target_batches(runner, count: int, draw: int) -> Iterator[Tensor]:
    """Yield ``count`` batches of prepared target images ``[B, 3, H, W]``, or as many as are whole; at least one.

    They are random, through the training pipeline, and the same on all processes.

    Args:
        runner: Of a training, whose sampler has ``every_sample``.
        count: Batches.
        draw: Which of all such passes this is: every one sees other images, crops and flips.
    """
    model, loader = unwrapped(runner.model), runner.train_dataloader
    first, size = sum(loader.dataset.sizes[: loader.dataset.num_sources]), loader.batch_size
    samples = loader.sampler.every_sample(draw)[first:]
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(draw)).tolist()
    chunks = [order[start : start + size] for start in range(0, max(len(order) - size, 0) + 1, size)][:count]
    for _, data in _loaded(loader, [('target', [samples[i] for i in chunk]) for chunk in chunks]):
        yield model.data_preprocessor(dict(inputs=data['inputs']), training=False)['inputs']


def _batches(samples: list[int], num_source: int, size: int) -> list[Batch]:
    """Return all samples in batches of one domain each; which these are does not depend on the number of processes."""
    parts = dict(source=samples[:num_source], target=samples[num_source:])
    return [
        (domain, part[start : start + size]) for domain, part in parts.items() for start in range(0, len(part), size)
    ]


def _loaded(loader: DataLoader, batches: list[Batch]) -> Iterator[tuple[Batch, dict]]:
    """Yield the batches with their data, by workers as the training has them; rank 0 shows its progress."""
    reader = DataLoader(
        loader.dataset,
        batch_sampler=[indices for _, indices in batches],
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        worker_init_fn=loader.worker_init_fn,
        generator=torch.Generator(),  # its workers' seeds are not drawn from the training's random state
    )
    shown = track_iter_progress((reader, len(batches)), file=sys.stderr) if dist.is_main_process() else reader
    for batch, data in zip(batches, shown, strict=True):
        mark('reading training images between two steps')
        yield batch, data


def _joined(found: dict[tuple[int, ...], Tensor], count: int) -> Tensor:
    """Return the rows of all processes: each fills in its own, and adding zeros changes no bit."""
    width = torch.tensor(max((x.shape[1] for x in found.values()), default=0))
    dist.all_reduce(width, 'max')
    features = torch.zeros(count, int(width))
    for indices, rows in found.items():
        features[list(map(int, indices))] = rows
    dist.all_reduce(features)
    return features
