"""Repairs of modules of the hosts, each made when that very module is imported."""

import functools
import importlib.util
import sys
import types
from collections.abc import Callable
from importlib.abc import MetaPathFinder

from .checkpoints import without_stored_configs
from .idle_work import images_at_once
from .pinned_samples import pinned_samples


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
    module.cross_entropy = functools.partial(_cross_entropy, module.cross_entropy)
    module.binary_cross_entropy = functools.partial(_binary_cross_entropy, module.binary_cross_entropy)


def _cross_entropy(stock: Callable, pred, label, weight=None, class_weight=None, reduction='mean', avg_factor=None,
                   ignore_index=-100, avg_non_ignore=False):  # fmt: skip
    if reduction == 'mean' and avg_factor is None and (class_weight is not None or avg_non_ignore):
        counted = label != ignore_index
        share = (counted if avg_non_ignore else counted | True).float()
        if class_weight is not None:
            share = class_weight.float()[label.masked_fill(~counted, 0)].where(counted, share)
        avg_factor = share.sum()
    return stock(pred, label, weight, class_weight, reduction, avg_factor, ignore_index, avg_non_ignore)


def _binary_cross_entropy(stock: Callable, pred, label, weight=None, reduction='mean', avg_factor=None,
                          class_weight=None, ignore_index=-100, avg_non_ignore=False, **kwargs):  # fmt: skip
    by_class = pred.dim() > label.dim() and pred.shape[1] > 1
    if reduction == 'mean' and avg_factor is None and avg_non_ignore:
        counted = (label >= 0) & (label != ignore_index)
        avg_factor = counted.sum() * (pred.shape[1] if by_class else 1)
    if class_weight is not None and by_class:
        class_weight = class_weight.view(-1, *[1] * (pred.dim() - 2))
    return stock(pred, label, weight, reduction, avg_factor, class_weight, ignore_index, avg_non_ignore, **kwargs)


def accuracy_without_sorting(load: Callable, module: types.ModuleType) -> None:
    """mmseg's heads log their top-1 accuracy in each step: they sort the classes of every pixel and wait for a count.

    This was a twelfth of a step of source-only training. The value is the same.
    """
    load(module)
    module.accuracy = functools.partial(_accuracy, module.accuracy)


def _accuracy(stock: Callable, pred, target, topk=1, thresh=None, ignore_index=None):
    if topk != 1 or thresh is not None or len(pred) == 0:
        return stock(pred, target, topk, thresh, ignore_index)
    correct = pred.detach().max(1).indices == target  # argmax takes 2.4 times as long on a CPU
    counted = correct | True if ignore_index is None else target != ignore_index
    if ignore_index is not None and 0 <= ignore_index < pred.shape[1]:
        correct = correct & counted
    eps = 2**-23  # of the stock function, where no pixel counts
    return (correct.sum() + eps).mul(100.0).div(counted.sum() + eps).view(1)


class HostImports(MetaPathFinder):
    """Runs the import of a listed module inside its repair; every other import passes untouched."""

    repairs = {
        'mmengine.runner.checkpoint': without_stored_configs,
        'mmengine.structures.base_data_element': pinned_samples,
        'mmseg.models.data_preprocessor': images_at_once,
        'mmseg.utils.mask_classification': without_compiled_ops,
        'mmseg.models.utils.point_sample': without_compiled_ops,
        'mmseg.models.losses.accuracy': accuracy_without_sorting,
        'mmseg.models.losses.focal_loss': without_compiled_ops,
        'mmseg.models.losses.cross_entropy_loss': average_over_counted_pixels,
        'mmseg.models.decode_heads.san_head': without_compiled_ops,
        'torchvision': beside_another_torch,
    }

    def find_spec(self, fullname, path, target=None):
        """Find a listed module by the other finders, and let its repair run its import."""
        if fullname not in self.repairs:
            return None
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, found), None)
        if spec is not None:
            spec.loader.exec_module = functools.partial(self.repairs[fullname], spec.loader.exec_module)
        return spec
