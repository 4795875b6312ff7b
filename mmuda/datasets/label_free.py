"""Take the labels out of a target data set before anything can read them.

Works on a config (the usual way: the label folder is dropped, so it need not exist, and a set of one label
an image is built with `labelled=False`) and on a data set that is already built. A transform that loads
labels is replaced by one that writes an all-ignore map, so stock pipelines that crop or pad the map keep
working.
"""

import copy
import re
from typing import Any

from mmuda.registry import DATASETS

from .class_images import ClassImages

LABEL_LOADER = re.compile(r'Load\w*(Annotations?|Labels?)$')
"""Names of transforms that read labels: `LoadAnnotations` of mmseg and mmcv, `LoadLabel`."""


def is_label_loader(kind: Any) -> bool:
    """Tell whether a transform's type (a name, with or without scope, or a class) reads labels."""
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    return LABEL_LOADER.search(name) is not None


def has_label_switch(kind: Any) -> bool:
    """Tell whether a data set's type (a registered name, or a class) can be told to have no labels."""
    found = DATASETS.get(kind) if isinstance(kind, str) else kind
    return isinstance(found, type) and issubclass(found, ClassImages)


def has_labels(dataset: Any) -> bool:
    """Tell whether a built data set knows the label, or label map, of its first image; any other kind of set may."""
    if not hasattr(dataset, 'get_data_info'):
        return True
    info = dataset.get_data_info(0)
    return 'seg_map_path' in info or 'gt_label' in info


def load_no_labels(dataset: Any) -> None:
    """Let a built data set, also inside mmengine's wrappers, load images alone."""
    for part in getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]:
        if part is not None:
            load_no_labels(part)
    if hasattr(dataset, 'pipeline'):
        dataset.pipeline = without_labels(dataset.pipeline)


def strip_labels(cfg: Any) -> Any:
    """Return a copy of a data-set config, however nested, that neither knows nor loads labels."""
    if isinstance(cfg, (list, tuple)):
        return type(cfg)(strip_labels(item) for item in cfg)
    if not isinstance(cfg, dict):
        return cfg
    if is_label_loader(cfg.get('type')):
        return dict(type='mmuda.LoadIgnoreLabel')
    stripped = type(cfg)({key: strip_labels(value) for key, value in cfg.items()})
    if has_label_switch(cfg.get('type')):
        stripped['labelled'] = False
    stripped.pop('cat_max_ratio', None)  # a crop would look ten times for classes in an empty map
    prefix = stripped.get('data_prefix')
    if isinstance(prefix, dict):
        prefix.pop('seg_map_path', None)
    elif prefix is None and 'data_root' in cfg:
        stripped['data_prefix'] = dict(img_path='')  # the default of segmentation sets has labels
    return stripped


def without_labels(part: Any) -> Any:
    """Return a shallow copy of a built data set, pipeline or transform that loads no labels."""
    if isinstance(part, (list, tuple)):
        return type(part)(without_labels(item) for item in part)
    if is_label_loader(type(part)):
        from .transforms import LoadIgnoreLabel

        return LoadIgnoreLabel()
    if isinstance(part, ClassImages):
        part = copy.copy(part)
        part.labelled = False
    names = [name for name in ('pipeline', 'transforms', 'dataset', 'datasets') if hasattr(part, name)]
    if not names:
        return part
    part = copy.copy(part)
    for name in names:
        setattr(part, name, without_labels(getattr(part, name)))
    return part
