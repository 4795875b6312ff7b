"""Quirks of the host libraries: one function each, with its reason, idle where upstream works.

`apply()` is called by every module right before it imports mmcv, mmseg or mmpretrain. It imports
none of them: a repair of one of their modules waits in an import hook until that very module is
imported. `require('mmseg')` turns a missing host into one sentence. Nothing outside this file
patches a host.
"""

import functools
import importlib.metadata
import importlib.util
import os
import sys
import types
import warnings
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import NamedTuple

from packaging.version import Version


class Host(NamedTuple):
    """A library under its import name: what to install, and the versions tested (half open)."""

    install: str
    distributions: tuple[str, ...]
    tested: tuple[str, str]


HOSTS = {
    'torch': Host('torch', ('torch',), ('2.1', '3')),
    'mmengine': Host('mmengine==0.11.0rc3', ('mmengine', 'mmengine-lite'), ('0.10.7', '0.12')),
    'mmcv': Host('mmcv-lite==2.1.0', ('mmcv', 'mmcv-lite'), ('2.1.0', '2.2.0')),
    'mmseg': Host('mmsegmentation==1.2.2', ('mmsegmentation',), ('1.2.2', '1.3')),
    'mmpretrain': Host('mmpretrain==1.2.0', ('mmpretrain',), ('1.2.0', '1.3')),
    'torchvision': Host('--no-deps torchvision', ('torchvision',), ('0.16', '1')),
}
# The maintained fork keeps the import names and changes the distributions' names.
FORKS = {
    'mmengine': 'onedl-mmengine',
    'mmcv': 'onedl-mmcv',
    'mmseg': 'onedl-mmsegmentation',
    'mmpretrain': 'onedl-mmpretrain',
}
EXPECTED_WARNINGS = (
    'Fail to import ``MultiScaleDeformableAttention``',
    '``build_loss`` would be deprecated soon',
    'pkg_resources is deprecated',
)


@functools.cache
def apply() -> None:
    """Arrange every repair of this file: cheap, idempotent, no host library is imported."""
    keep_pip_out_of_the_global_python()
    warn_untested_versions()
    silence_expected_warnings()
    trust_runner_checkpoints()
    load_weights_only()
    point_lookups_at_fork()
    if not any(isinstance(finder, _HostImports) for finder in sys.meta_path):
        sys.meta_path.insert(0, _HostImports())


def require(*names: str) -> None:
    """Raise one sentence that says what to install when a library is missing.

    Args:
        names: Import names, e.g. `require('mmseg', 'mmcv')`. Nothing is imported.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            install = HOSTS[name].install if name in HOSTS else name
            raise ModuleNotFoundError(
                f"mmuda needs '{name}' here and it is not installed: run `pip install {install}` "
                '(requirements/ lists the tested versions).',
                name=name,
            )


def installed_version(name: str) -> Version | None:
    """Version of the stock distribution behind an import name; None if missing or a fork."""
    for distribution in HOSTS[name].distributions:
        try:
            return Version(importlib.metadata.version(distribution))
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def warn_untested_versions() -> None:
    """Warn about a host outside the tested range, before it fails with a message that says less."""
    for name, host in HOSTS.items():
        version = installed_version(name)
        low, high = map(Version, host.tested)
        if version is not None and not low <= version < high:
            warnings.warn(
                f'{name} {version} is not tested with mmuda ({low} <= version < {high} is): '
                f'if something breaks, run `pip install {host.install}`.',
                stacklevel=3,
            )


def keep_pip_out_of_the_global_python() -> None:
    """mmengine's `mmseg::` look-up pip-installs a missing package: allow that in a venv only."""
    os.environ.setdefault('PIP_REQUIRE_VIRTUALENV', '1')


def silence_expected_warnings() -> None:
    """Three warnings that a user can do nothing about, since a host causes and shows them itself.

    mmcv-lite misses an op that nobody here uses, every mmseg head calls mmseg's own deprecated
    `build_loss`, and mmengine 0.10.7 imports `pkg_resources`.
    """
    for message in EXPECTED_WARNINGS:
        warnings.filterwarnings('ignore', message=message)


def point_lookups_at_fork() -> None:
    """mmengine looks `mmseg::` up by distribution and would install the stock one beside a fork."""
    from mmengine.config.utils import MODULE2PACKAGE

    for name, distribution in FORKS.items():
        if name in MODULE2PACKAGE and importlib.util.find_spec(name) and installed_version(name) is None:
            MODULE2PACKAGE[name] = distribution


# Checkpoints


def _torch_loads_weights_only() -> bool:
    """torch 2.6 made `weights_only=True` the default and lets a safe global be renamed."""
    import torch

    return Version(torch.__version__) >= Version('2.6')


def _history_method(owner: type, name: str) -> Callable:
    """All that a pickled `HistoryBuffer` asks of `getattr`: a public method of that class."""
    from mmengine.logging import HistoryBuffer

    if owner is not HistoryBuffer or name.startswith('_'):
        raise ValueError(f'A checkpoint asks for the attribute {name!r} of {owner!r}: refused.')
    return getattr(HistoryBuffer, name)


def trust_runner_checkpoints() -> None:
    """A runner's checkpoint holds its log history, which `weights_only=True` refuses.

    mmengine 0.10.7 never says `weights_only`, so on torch >= 2.6 it cannot resume its own files;
    0.11 passes False. The classes below make the safe loader read them. `getattr` stands in such
    a file to name methods of `HistoryBuffer`; `_history_method` answers in its place, since the
    real one would reach any object.
    """
    if not _torch_loads_weights_only():
        return
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
    """mmengine 0.11 loads with `weights_only=False`: a foreign checkpoint's code would run.

    torch's own switch makes every load a safe one. Whoever trusts a file sets
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 and is left alone.
    """
    if _torch_loads_weights_only() and 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD' not in os.environ:
        os.environ.setdefault('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')


# Repairs that wait for an import


def _refuse(name: str, *args, **kwargs) -> None:
    raise RuntimeError(
        f'mmcv.ops.{name} needs the compiled mmcv, and mmcv-lite is installed: '
        'run `pip uninstall mmcv-lite` and `pip install mmcv==2.1.0`.'
    )


class _MissingOps(types.ModuleType):
    """Stands in for `mmcv.ops`: any public name can be imported, none can be called."""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('__'):
            raise AttributeError(name)
        return functools.partial(_refuse, name)


def without_compiled_ops(load: Callable, module: types.ModuleType) -> None:
    """Four modules of mmseg import `mmcv.ops` on the way to `mmseg.models`, which mmcv-lite cannot.

    A placeholder stands in `sys.modules` only while one of them is executed. Afterwards
    `import mmcv.ops` fails as before, which mmengine and mmcv rely on to find out.
    """
    if 'mmcv.ops' in sys.modules or importlib.util.find_spec('mmcv._ext') is not None:
        load(module)
        return
    sys.modules['mmcv.ops'] = _MissingOps('mmcv.ops')
    try:
        load(module)
    finally:
        del sys.modules['mmcv.ops']


def beside_another_torch(load: Callable, module: types.ModuleType) -> None:
    """torchvision built for another torch lacks its operators and fails to describe two of them.

    Its pure Python part, all that mmpretrain needs, works once their schemas are declared. That
    must follow the failure: declared beside a healthy torchvision, the process aborts.
    """
    try:
        load(module)
    except RuntimeError as error:
        if 'operator torchvision::' not in str(error):
            raise
        _declare_missing_operators(module)
        load(module)


def _declare_missing_operators(torchvision: types.ModuleType) -> None:
    import torch

    for name in [name for name in sys.modules if name.startswith('torchvision.')]:
        del sys.modules[name]
    schemas = torch.library.Library('torchvision', 'DEF')
    for name in ('nms', 'qnms'):
        schemas.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    torchvision._schemas_of_mmuda = schemas  # the declaration lasts as long as this object


def average_over_counted_pixels(load: Callable, module: types.ModuleType) -> None:
    """mmseg's cross-entropy looks up the class weight of ignored pixels, an `IndexError`, and waits for their number.

    Its sigmoid version takes the weights of classes for those of image columns. With class weights an ignored pixel
    counts as without: 1, or 0 with `avg_non_ignore`.
    """
    load(module)
    for name in ('cross_entropy', 'binary_cross_entropy'):
        setattr(module, name, functools.partial(_averaged, getattr(module, name), name != 'cross_entropy'))


def _averaged(stock: Callable, binary: bool, pred, label, weight=None, avg_factor=None, class_weight=None, **kwargs):
    if class_weight is not None or kwargs['avg_non_ignore']:
        counted = (label >= 0) & (label != kwargs['ignore_index'])
        share = (counted if kwargs['avg_non_ignore'] else counted | True).float()
        if binary and pred.dim() > label.dim():  # each pixel once a class
            share = share * pred.shape[1]
            class_weight = class_weight if class_weight is None else class_weight.view(-1, *[1] * (pred.dim() - 2))
        elif class_weight is not None and not binary:
            share = class_weight.float()[label.masked_fill(~counted, 0)].where(counted, share)
        avg_factor = share.sum() if avg_factor is None and kwargs['reduction'] == 'mean' else avg_factor
    return stock(pred, label, weight, avg_factor=avg_factor, class_weight=class_weight, **kwargs)


class _HostImports(MetaPathFinder):
    """Runs the import of a listed module inside its repair; every other import passes untouched."""

    repairs = {
        'mmseg.utils.mask_classification': without_compiled_ops,
        'mmseg.models.utils.point_sample': without_compiled_ops,
        'mmseg.models.losses.focal_loss': without_compiled_ops,
        'mmseg.models.losses.cross_entropy_loss': average_over_counted_pixels,
        'mmseg.models.decode_heads.san_head': without_compiled_ops,
        'torchvision': beside_another_torch,
    }

    def find_spec(self, fullname, path, target=None):
        if fullname not in self.repairs:
            return None
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, found), None)
        if spec is not None:
            spec.loader.exec_module = functools.partial(self.repairs[fullname], spec.loader.exec_module)
        return spec
