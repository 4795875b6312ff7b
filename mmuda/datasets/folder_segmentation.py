"""A folder of images and a folder of label maps: the base of every segmentation set here.

mmseg's `BaseSegDataset` with checks at construction, several image suffixes at once, and a class
map from a file. Your own data need no new class; see docs/datasets.md.
"""

import os
from collections.abc import Sequence

from mmengine import fileio

from mmuda import compat
from mmuda.registry import DATASETS

from .checks import check_data_root, check_folder, check_list_entry, check_none_missing
from .class_map import UNKNOWN, check_palette, identity_table, load_class_map, select_classes
from .errors import DataError

compat.apply()

from mmseg.datasets import BaseSegDataset

Suffix = str | Sequence[str]


@DATASETS.register_module()
class FolderSegmentation(BaseSegDataset):
    """Images and, if `data_prefix` names their folder, label maps of the same relative names.

    Args:
        data_root: folder that everything below is relative to.
        data_prefix: `img_path` and, for labelled data, `seg_map_path`.
        img_suffix: one suffix of image files, or several; also cut off to find the label's name.
        seg_map_suffix: what follows the common name in a label file.
        class_map: a class-mapping file or dict, see `load_class_map`. None: files hold class ids
            and 255.
        metainfo: `classes` (and `palette`); with a class list of its own the data set keeps only
            these classes, the others' pixels are ignored.
        ann_file: list of names (one a line, without suffix) instead of the whole folder.
        reduce_zero_label: id 0 means 'no class', and id i class i - 1.
        kwargs: as for mmseg's `BaseSegDataset`.
    """

    def __init__(
        self,
        data_root: str | None = None,
        data_prefix: dict | None = None,
        img_suffix: Suffix = ('.png', '.jpg', '.jpeg'),
        seg_map_suffix: str = '.png',
        class_map: str | dict | None = None,
        metainfo: dict | None = None,
        reduce_zero_label: bool = False,
        **kwargs,
    ) -> None:
        check_data_root(data_root)
        data_prefix = dict(img_path='', seg_map_path='') if data_prefix is None else data_prefix
        data_prefix = {key: value for key, value in data_prefix.items() if value is not None}
        self.suffixes = (img_suffix,) if isinstance(img_suffix, str) else tuple(img_suffix)
        if class_map is not None and reduce_zero_label:
            raise DataError(
                "class_map and reduce_zero_label exclude each other: map id 0 to 'ignore' in the class map."
            )
        self.data_root = data_root
        metainfo = self._resolve_classes(dict(metainfo or {}), class_map, reduce_zero_label)
        super().__init__(
            data_root=data_root,
            data_prefix=data_prefix,
            img_suffix=self.suffixes,
            seg_map_suffix=seg_map_suffix,
            metainfo=metainfo,
            reduce_zero_label=reduce_zero_label,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Paths of every image and label, sorted, after all checks of names."""
        image_dir, label_dir = self.data_prefix['img_path'], self.data_prefix.get('seg_map_path')
        check_folder(image_dir, 'image folder')
        images = self._images(image_dir)
        labels = [stem + self.seg_map_suffix for stem, _ in images]
        if label_dir is not None:
            self._check_labels(images, labels, label_dir)
        infos = [dict(img_path=os.path.join(image_dir, stem + suffix)) for stem, suffix in images]
        if label_dir is not None:
            for info, label in zip(infos, labels):
                info['seg_map_path'] = os.path.join(label_dir, label)
        return infos

    def get_data_info(self, idx: int) -> dict:
        """The sample's paths and what `LoadLabel` (or mmseg's `LoadAnnotations`) needs."""
        info = super().get_data_info(idx)
        info.update(
            label_map=self._stock_map,
            reduce_zero_label=self.reduce_zero_label,
            seg_fields=[],
            label_table=self.label_table,
            num_classes=len(self._metainfo.get('classes', [])),
        )
        return info

    def _resolve_classes(self, metainfo: dict, class_map: str | dict | None, reduce_zero_label: bool) -> dict:
        """Set the tables from file ids to class ids; meta information with classes and palette."""
        if class_map is not None:
            loaded = load_class_map(class_map, self.data_root)
            known, palette, table = loaded.classes, loaded.palette, loaded.table
        else:
            known = list(self.METAINFO.get('classes') or metainfo.get('classes') or [])
            palette = self.METAINFO.get('palette')
            table = identity_table(len(known), reduce_zero_label)
        wanted = list(metainfo.get('classes') or known)
        self.label_table = select_classes(table, known, wanted)
        if class_map is None:
            table = identity_table(len(known))
        self._stock_map = (
            None
            if class_map is None and wanted == known
            else {raw: int(new) for raw, new in enumerate(select_classes(table, known, wanted)[:256]) if new != UNKNOWN}
        )
        if palette and 'palette' not in metainfo:
            metainfo['palette'] = [palette[known.index(name)] for name in wanted]
        check_palette(metainfo.get('palette'), wanted, 'metainfo')
        return dict(metainfo, classes=tuple(wanted)) if wanted else metainfo

    def _images(self, folder: str) -> list[tuple[str, str]]:
        """Sorted (name without suffix, suffix) of the images that the folder or list file names."""
        names = fileio.list_dir_or_file(
            folder, list_dir=False, suffix=self.suffixes, recursive=True, backend_args=self.backend_args
        )
        images = {}
        for name in names:
            stem, suffix = self._split(name.replace(os.sep, '/'))
            if stem in images:
                raise DataError(
                    f"'{folder}' has both '{stem}{suffix}' and '{stem}{images[stem]}': "
                    'name the suffix of the images in `img_suffix`.'
                )
            images[stem] = suffix
        if self.ann_file:
            images = self._listed(images, folder)
        if not images:
            raise DataError(
                f'There is no image with suffix {" or ".join(self.suffixes)} in '
                f"'{self.ann_file or folder}': check `data_prefix`, `img_suffix` and "
                'the environment variable MMUDA_DATA.'
            )
        return sorted(images.items())

    def _split(self, name: str) -> tuple[str, str]:
        suffix = max((s for s in self.suffixes if name.endswith(s)), key=len)
        return name[: -len(suffix)], suffix

    def _listed(self, images: dict, folder: str) -> dict:
        if not os.path.isfile(self.ann_file):
            raise DataError(f"The list file '{self.ann_file}' does not exist: check `ann_file`.")
        with open(self.ann_file, encoding='utf-8') as lines:
            entries = [line.strip() for line in lines if line.strip()]
        entries = [check_list_entry(entry, self.ann_file) for entry in entries]
        check_none_missing(
            [entry for entry in entries if entry not in images],
            len(entries),
            f"entries of the list file '{self.ann_file}' have no image in '{folder}'",
            'entries are names without suffix',
        )
        return {entry: images[entry] for entry in entries}

    def _check_labels(self, images: list, labels: list[str], folder: str) -> None:
        check_folder(folder, 'label folder')
        present = set(
            fileio.list_dir_or_file(
                folder, list_dir=False, suffix=self.seg_map_suffix, recursive=True, backend_args=self.backend_args
            )
        )
        present = {name.replace(os.sep, '/') for name in present}
        missing = [stem + suffix for (stem, suffix), label in zip(images, labels) if label not in present]
        check_none_missing(
            missing,
            len(images),
            f"images have no label in '{folder}'",
            f"expected '{labels[0]}' and so on: add the labels (tools/dataset_converters writes "
            'train ids), list the labelled images in `ann_file`, or leave out `seg_map_path`',
        )

    @classmethod
    def get_label_map(cls, new_classes: Sequence | None = None) -> None:
        """Classes are mapped by `label_table` alone."""
        return
