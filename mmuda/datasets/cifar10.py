"""CIFAR-10 (Krizhevsky, 2009) in its binary version, which is plain bytes: no pickle is opened.

Layout: `cifar-10-batches-bin/{data_batch_1..5,test_batch}.bin`; a record is one byte of class and 3 × 32 × 32 of image.
"""

import os

import numpy as np

from mmuda.registry import DATASETS

from .array_images import ArrayImages
from .checks import check_data_root, file_problem
from .errors import DataError

FILES = dict(train=[f'data_batch_{i}.bin' for i in range(1, 6)], test=['test_batch.bin'])
RECORD = 1 + 3 * 32 * 32


@DATASETS.register_module()
class CIFAR10(ArrayImages):
    """50,000 images for training, or 10,000 for testing; `per_class=4` keeps 40 labels.

    Args:
        data_root: the folder of the `.bin` files.
        split: `train` or `test`.
        kwargs: as for `ArrayImages`.
    """

    METAINFO = dict(classes=('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'))

    def __init__(self, data_root: str, split: str = 'train', **kwargs) -> None:
        if split not in FILES:
            raise ValueError(f'CIFAR10 has split={split!r}: use one of {", ".join(FILES)}.')
        check_data_root(data_root)
        self.split = split
        super().__init__(data_root=data_root, **kwargs)

    def read(self) -> tuple[np.ndarray, np.ndarray | None, str]:
        """Return all records of the split; classes are kept only while the set is labelled."""
        records = np.concatenate([_read(os.path.join(self.data_root, name)) for name in FILES[self.split]])
        images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return images, records[:, 0] if self.labelled else None, os.path.join(self.data_root, self.split)


def _read(path: str) -> np.ndarray:
    """Return uint8 `[N, 3073]`."""
    if problem := file_problem(path):
        raise DataError(
            f"'{path}' {problem}: unpack the binary version of CIFAR-10 there, and check `data_root` and the "
            'environment variable MMUDA_DATA.'
        )
    content = np.fromfile(path, np.uint8)
    records = content[: len(content) // RECORD * RECORD].reshape(-1, RECORD)
    if records.size != content.size or not records.size or records[:, 0].max() > 9:
        raise DataError(
            f"'{path}' has {len(content)} bytes that are no records of {RECORD} with a class below 10: copy the binary "
            'version of CIFAR-10 again.'
        )
    return records
