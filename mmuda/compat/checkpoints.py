"""Checkpoints are data: no code in one runs, whichever library reads it."""

import functools
import os
import pickle
import re
import types
from collections.abc import Callable


def _history_method(owner: type, name: str) -> Callable:
    """Return all that a pickled `HistoryBuffer` asks of `getattr`: a public method of that class."""
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name.startswith('_'):
        raise ValueError(f'A checkpoint asks for the attribute {name!r} of {owner!r}: refused.')
    return getattr(HistoryBuffer, name)


def trust_runner_checkpoints() -> None:
    """Trust the log history in a runner's checkpoint, which `weights_only=True` refuses.

    mmengine 0.10.7 never says `weights_only`, so it cannot resume its own files; 0.11 passes False.
    The classes below make the safe loader read them. `getattr` stands in such a file to name
    methods of `HistoryBuffer`; `_history_method` answers in its place, since the real one would
    reach any object.
    """
    import numpy as np
    import torch
    from mmengine.logging import HistoryBuffer

    scalar = np.float64(0).__reduce__()[0]
    reconstruct = np.zeros(0).__reduce__()[0]
    dtypes = {type(np.dtype(kind)) for kind in '?bBhHiIlLqQefdU'}
    numpy_1 = [
        (scalar, 'numpy.core.multiarray.scalar'),
        (reconstruct, 'numpy.core.multiarray._reconstruct'),
    ]
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            (_history_method, 'builtins.getattr'),
            np.ndarray,
            np.dtype,
            scalar,
            reconstruct,
            *numpy_1,
            *dtypes,
        ]
    )


def load_weights_only() -> None:
    """Load with `weights_only=True` where mmengine 0.11 does not: a foreign checkpoint's code would run.

    torch's own switch makes every load a safe one. Whoever trusts a file sets
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 and is left alone.
    """
    if 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD' not in os.environ:
        os.environ.setdefault('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')


def names_code(path: object, error: Exception) -> str | None:
    """Return one sentence for the safe loader's refusal of a file that names code; None for any other error.

    torch's own text advises to switch the check off.
    """
    if not isinstance(error, (pickle.UnpicklingError, ValueError)):
        return None
    found = re.search(r'(?:GLOBAL|attribute|class|function) (\S+)', str(error))
    if found is None:
        return None
    name = found[1].strip("'")
    return (
        f'checkpoint {path} is refused: beside weights it names code ({name}), as a malicious file does, and none of '
        'it was run; get the weights alone, from a source that you trust'
    )


def without_stored_configs(load: Callable, module: types.ModuleType) -> None:
    """Drop `meta['config']` of a checkpoint, a text of Python that `Runner.resume` executes, whoever wrote it.

    Nothing is lost: mmengine looks there for the GPUs of a run of its first versions, and writes another key itself.
    A file that names code is refused in one sentence.
    """
    load(module)
    stock = module.CheckpointLoader.load_checkpoint
    module.CheckpointLoader.load_checkpoint = staticmethod(functools.partial(_without_config, stock))


def _without_config(stock: Callable, filename, *args, **kwargs):
    try:
        checkpoint = stock(filename, *args, **kwargs)
    except (pickle.UnpicklingError, ValueError) as error:
        if sentence := names_code(filename, error):
            raise pickle.UnpicklingError(sentence) from error
        raise
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    if isinstance(meta, dict):
        meta.pop('config', None)
    return checkpoint
