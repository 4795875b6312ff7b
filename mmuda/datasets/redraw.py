"""Draw another crop of a sample without loading its files again.

A sample that was picked for a rare class is drawn until the class shows, up to ten times; decoding
the two PNGs would be most of that. The steps that load, and that resize to one scale, come first in a pipeline and use
no random numbers, so their result is kept and only the rest is repeated.
"""

import copy
from collections.abc import Iterator


def redraws(dataset, index: int) -> Iterator[dict]:
    """Yield endless samples `dataset[index]`, each from a fresh draw of the pipeline's random steps."""
    steps = list(getattr(getattr(dataset, 'pipeline', None), 'transforms', []))
    count = next((i for i, step in enumerate(steps) if not _is_kept(step)), len(steps))
    if count == 0 or not hasattr(dataset, 'get_data_info'):
        while True:
            yield dataset[index]
    loaded = _run(steps[:count], dataset.get_data_info(index))
    while True:
        sample = _run(steps[count:], copy.deepcopy(loaded))
        yield dataset[index] if sample is None else sample


def _is_kept(step) -> bool:
    """Tell whether a step's result is; a prepared file is read faster than it is copied."""
    name = type(step).__name__
    return name == 'Resize' or (name.startswith('Load') and name != 'LoadPrepared')


def _run(steps: list, results: dict | None) -> dict | None:
    """Return results of some steps; None, as in mmengine, where one of them gave up."""
    for step in steps:
        if results is None:
            return None
        results = step(results)
    return results
