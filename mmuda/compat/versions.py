"""Which host libraries are installed, and which versions are tested. Nothing here imports one."""

import importlib.metadata
import importlib.util
import os
import sys
import warnings
from typing import NamedTuple, NoReturn

from packaging.version import Version


class Host(NamedTuple):
    """A library under its import name: what to install, and the versions tested (half open)."""

    install: str
    distributions: tuple[str, ...]
    tested: tuple[str, str]


PYTHON = (3, 10), (3, 14)
"""Versions of Python for which the hosts work (half open): mmengine calls `pkgutil.find_loader`, which 3.14 removed, in
the constructor of every optimizer that is given `paramwise_cfg`. `setup.py` has pip refuse others.
"""
HOSTS = {
    'torch': Host('torch', ('torch',), ('2.6', '3')),
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


def refuse(error: ImportError) -> NoReturn:
    """Raise an error that ends a program in one line, also a tool that is still importing what would explain it."""
    before = sys.excepthook

    def one_line(kind: type, value: BaseException, trace: object) -> None:
        if value is not error or os.environ.get('MMUDA_TRACEBACK') == '1':
            before(kind, value, trace)
            return
        print(f'mmuda: error: {error}', file=sys.stderr)

    sys.excepthook = one_line
    raise error


def require(*names: str) -> None:
    """Raise one sentence that says what to install when a library is missing.

    Args:
        names: Import names, e.g. `require('mmseg', 'mmcv')`. Nothing is imported.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            install = HOSTS[name].install if name in HOSTS else name
            refuse(
                ModuleNotFoundError(
                    f"mmuda needs '{name}' here and it is not installed: run `pip install {install}` "
                    '(requirements/ lists the tested versions).',
                    name=name,
                )
            )


def installed_version(name: str) -> Version | None:
    """Return the version of the stock distribution behind an import name; None if missing or a fork."""
    for distribution in HOSTS[name].distributions:
        try:
            return Version(importlib.metadata.version(distribution))
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def require_safe_torch() -> None:
    """Below torch 2.6 the hosts' `torch.load` cannot be told to refuse code in a checkpoint."""
    version = installed_version('torch')
    if version is not None and version < Version('2.6'):
        refuse(
            ImportError(
                f'mmuda needs torch 2.6 or newer, and torch {version} is installed, which runs code that stands in a '
                "checkpoint: run `pip install 'torch>=2.6'`."
            )
        )


def warn_untested_versions() -> None:
    """Warn about a Python or a host outside the tested range, before it fails with a message that says less."""
    low, high = PYTHON
    if not low <= sys.version_info[:2] < high:
        found, low, high = ('.'.join(map(str, version)) for version in (sys.version_info[:3], low, high))
        warnings.warn(
            f'Python {found} is not supported by mmuda ({low} <= version < {high} is): mmengine calls '
            'pkgutil.find_loader, which Python 3.14 removed, so make an environment of another Python.',
            stacklevel=3,
        )
    for name, host in HOSTS.items():
        version = installed_version(name)
        low, high = map(Version, host.tested)
        if version is not None and not low <= version < high:
            warnings.warn(
                f'{name} {version} is not tested with mmuda ({low} <= version < {high} is): '
                f'if something breaks, run `pip install {host.install}`.',
                stacklevel=3,
            )


def let_configs_inherit_ours() -> None:
    """mmengine looks `_base_ = 'mmuda::…'` up in packages of its own list only."""
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE.setdefault('mmuda', 'mmuda')


def point_lookups_at_fork() -> None:
    """mmengine looks `mmseg::` up by distribution and would install the stock one beside a fork."""
    from mmengine.config.utils import MODULE2PACKAGE

    for name, distribution in FORKS.items():
        if name in MODULE2PACKAGE and importlib.util.find_spec(name) and installed_version(name) is None:
            MODULE2PACKAGE[name] = distribution
