"""Whether a file gives the logits of the network that it was made of, and how long both take."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UserError
from .formats import Run
from .graph import ScoreGraph

TOLERANCE = 1e-4
"""How far logits may be from the network's, as a share of the largest one (of 1 where all are smaller)."""
REPEATS = 5  # times that each is measured


class Case(NamedTuple):
    """Prepared images ``[B, C, H, W]``, what the network makes of them, and whether they have another size."""

    image: Tensor
    logits: Tensor
    resized: bool = False


def make_cases(graph: ScoreGraph, inputs: Sequence[Tensor], any_size: bool) -> list[Case]:
    """Return each image, several at once, and where any size will do, another one.

    Raises:
        UserError: The network gives NaN or infinite logits.
    """
    first = inputs[0]
    cases = [Case(x, graph(x)) for x in (*inputs, torch.cat([first, first.flip(-1), first.flip(-2)]))]
    if any_size:
        smaller = F.interpolate(first, [max(64, side * 3 // 4 // 32 * 32) for side in first.shape[-2:]])
        cases.append(Case(smaller, graph(smaller), resized=True))
    if not all(case.logits.isfinite().all() for case in cases):
        raise UserError(
            f'{type(graph.network).__name__} gives logits that are NaN or infinite: give the checkpoint of a training '
            'that went well'
        )
    return cases


def check(path: str, run: Run, network: str, cases: Sequence[Case]) -> float:
    """Return the largest difference of a file from its network.

    Raises:
        UserError: It cannot run, or differs by more than the tolerance.
    """
    worst = 0.0
    for case in cases:
        share, problem = _compare(run, case)
        if problem and case.resized:
            height, width = cases[0].image.shape[-2:]
            raise UserError(
                f'OUT {path} would hold for images of {height}×{width} alone, as {network} computes with sizes '
                f'({problem}): say so by --size {height} {width}'
            )
        if problem:
            raise UserError(f'OUT {path} would not do what {network} does ({problem}): choose the other format')
        worst = max(worst, share)
    return worst


def _compare(run: Run, case: Case) -> tuple[float, str]:
    """Return the largest difference as a share of the largest logit, and what is wrong, '' if nothing is."""
    try:
        found = run(case.image)
    except Exception as error:  # whatever a runtime says
        return 0.0, f'it fails: {" ".join(str(error).split())[-200:]}'
    if found.shape != case.logits.shape:
        return 0.0, f'its logits are {list(found.shape)} instead of {list(case.logits.shape)}'
    share = float((found - case.logits).abs().max() / case.logits.abs().max().clamp_min(1))
    problem = f'logits differ by {share:.1e} of the largest one, where {TOLERANCE:.0e} is rounding'
    return share, '' if share <= TOLERANCE else problem


def milliseconds(runs: Sequence[Run], image: Tensor) -> list[float]:
    """Return the median time of each for one image, taken in turns so that a busy machine is busy for all."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(REPEATS):
        for run, taken in zip(runs, times):
            start = time.perf_counter()
            run(image)
            taken.append(1000 * (time.perf_counter() - start))
    return [statistics.median(taken) for taken in times]
