"""Quirks of the host libraries: one function each, with its reason, idle where upstream works.

`apply()` is called by every module right before it imports mmcv, mmseg or mmpretrain. It imports
none of them: a repair of one of their modules waits in an import hook until that very module is
imported. `require('mmseg')` turns a missing host into one sentence. Nothing outside this package
patches a host.
"""

import functools
import os
import sys
import warnings

from .checkpoints import load_weights_only, names_code, trust_runner_checkpoints
from .imports import HostImports
from .versions import (
    let_configs_inherit_ours,
    point_lookups_at_fork,
    require,
    require_safe_torch,
    warn_untested_versions,
)

__all__ = ['apply', 'names_code', 'require']

EARLY = (
    'mmengine.runner.checkpoint',
    'mmengine.structures.base_data_element',
)
"""Repaired modules that may be imported already."""
EXPECTED_WARNINGS = (
    'Fail to import ``MultiScaleDeformableAttention``',
    '``build_loss`` would be deprecated soon',
    'pkg_resources is deprecated',
)
HOSTS_OF_OLD_STRINGS = r'.*\b(mmseg|mmpretrain|mmcv|mmengine)\b'
"""Modules whose strings Python 3.12 and newer complain of where they are compiled."""


@functools.cache
def apply() -> None:
    """Arrange every repair of this package: cheap, idempotent, no host library is imported."""
    require_safe_torch()
    keep_pip_out_of_the_global_python()
    warn_untested_versions()
    silence_expected_warnings()
    trust_runner_checkpoints()
    load_weights_only()
    point_lookups_at_fork()
    let_configs_inherit_ours()
    for name in set(EARLY) & sys.modules.keys():
        HostImports.repairs[name](lambda module: None, sys.modules[name])
    if not any(isinstance(finder, HostImports) for finder in sys.meta_path):
        sys.meta_path.insert(0, HostImports())


def keep_pip_out_of_the_global_python() -> None:
    """Allow mmengine's `mmseg::` look-up, which pip-installs a missing package, to do that in a venv only."""
    os.environ.setdefault('PIP_REQUIRE_VIRTUALENV', '1')


def silence_expected_warnings() -> None:
    """Silence three warnings that a user can do nothing about, since a host causes and shows them itself.

    mmcv-lite misses an op that nobody here uses, every mmseg head calls mmseg's own deprecated
    `build_loss`, and mmengine 0.10.7 imports `pkg_resources`.
    """
    for message in EXPECTED_WARNINGS:
        warnings.filterwarnings('ignore', message=message)
    warnings.filterwarnings('ignore', message='invalid escape sequence', module=HOSTS_OF_OLD_STRINGS)
