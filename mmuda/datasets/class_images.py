"""What the data sets of one label an image share: a switch that leaves the label out."""

from collections.abc import Sequence

from mmengine.dataset import BaseDataset

from .class_names import class_list
from .own_readers import use_own_readers


class ClassImages(BaseDataset):
    """Images with one class each.

    A data info has `gt_label` only while the set is `labelled`; a subclass does not read labels from disk when it is
    not.

    Args:
        labelled: False for target training data: nothing of the set then knows a label.
        pipeline: steps; stock ones that load files are replaced by ours.
        kwargs: as for mmengine's `BaseDataset`.
    """

    def __init__(self, labelled: bool = True, pipeline: Sequence = (), **kwargs) -> None:
        self.labelled = labelled
        metainfo = kwargs.get('metainfo') or {}
        if metainfo.get('classes') is not None:
            classes = class_list(metainfo['classes'], f'metainfo of {type(self).__name__}')
            kwargs['metainfo'] = dict(metainfo, classes=classes)
        super().__init__(pipeline=use_own_readers(list(pipeline)), **kwargs)

    def class_numbers(self) -> list[int]:
        """Return the class of every image, also while the set is not `labelled`."""
        return [BaseDataset.get_data_info(self, i)['gt_label'] for i in range(len(self))]

    def get_data_info(self, idx: int) -> dict:
        """Return what the pipeline starts from."""
        info = super().get_data_info(idx)
        if not self.labelled:
            info.pop('gt_label', None)
        return info
