"""A folder of images and a folder of label maps: the base of every segmentation set here.

mmseg's `BaseSegDataset` with checks at construction, several image suffixes at once, and a class
map from a file. Your own data need no new class; see docs/datasets.md.
"""

import os
from collections.abc import Sequence

import numpy as np

from mmuda import compat
from mmuda.palette import default_palette
from mmuda.registry import DATASETS

from .ann_file import read_ann_file
from .checks import check_data_root, check_folder, check_list_entry, check_none_missing, check_prefix
from .class_map import UNKNOWN, check_palette, identity_table, load_class_map, select_classes
from .class_names import class_list
from .errors import DataError
from .listing import IMAGE_SUFFIXES, Listing, both, by_stem, composed, describe, list_files, log_once
from .own_readers import use_own_readers

compat.apply()

from mmseg.datasets import BaseSegDataset

Suffix = str | Sequence[str]


@DATASETS.register_module()
class FolderSegmentation(BaseSegDataset):
    """Images and, if `data_prefix` names their folder, label maps of the same relative names.

    Args:
        data_root: folder that everything below is relative to.
        data_prefix: `img_path` and, for labelled data, `seg_map_path`.
        img_suffix: one suffix of image files, or several, in any case; also cut off to find the label's name.
        seg_map_suffix: what follows the common name in a label file.
        class_map: a class-mapping file or dict, see `load_class_map`. None: files hold class ids
            and 255.
        metainfo: `classes` (and `palette`, else well-spread colours); with a class list of its own the data set
            keeps only these classes, the others' pixels are ignored.
        ann_file: list of names (one a line, without suffix) instead of the whole folder.
        reduce_zero_label: id 0 means 'no class', and id i class i - 1.
        kwargs: as for mmseg's `BaseSegDataset`; stock steps of the `pipeline` that load files are replaced by ours.
    """

    def __init__(
        self,
        data_root: str | None = None,
        data_prefix: dict | None = None,
        img_suffix: Suffix = IMAGE_SUFFIXES,
        seg_map_suffix: str = '.png',
        class_map: str | dict | None = None,
        metainfo: dict | None = None,
        reduce_zero_label: bool = False,
        **kwargs,
    ) -> None:
        check_data_root(data_root)
        data_prefix = dict(img_path='', seg_map_path='') if data_prefix is None else data_prefix
        data_prefix = {key: value for key, value in data_prefix.items() if value is not None}
        check_prefix(data_prefix, ('img_path', 'seg_map_path'), type(self).__name__)
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
            **kwargs | dict(pipeline=use_own_readers(kwargs.get('pipeline', []))),
        )

    def load_data_list(self) -> list[dict]:
        """Return paths of every image and label, sorted, after all checks of names."""
        image_dir, label_dir = self.data_prefix['img_path'], self.data_prefix.get('seg_map_path')
        check_folder(image_dir, 'image folder')
        found = list_files(image_dir, self.suffixes)
        images = self._images(found, image_dir, ambiguous=label_dir is None)
        infos = [dict(img_path=os.path.join(image_dir, name)) for _, name in images]
        labels = Listing()
        if label_dir is not None:
            check_folder(label_dir, 'label folder')
            labels = list_files(label_dir, (self.seg_map_suffix,), predictions=True)
            for info, label in zip(infos, self._labels(images, labels, label_dir)):
                info['seg_map_path'] = os.path.join(label_dir, label)
        self._log(infos, [(image_dir, found), (label_dir, labels)])
        return infos

    def get_data_info(self, idx: int) -> dict:
        """Return the sample's paths and what `LoadLabel` (or mmseg's `LoadAnnotations`) needs."""
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
        """Set the tables from file ids to class ids; return meta information with classes and palette."""
        if metainfo.get('classes') is not None:
            metainfo['classes'] = class_list(metainfo['classes'], f'metainfo of {type(self).__name__}', UNKNOWN)
        if class_map is not None:
            loaded = load_class_map(class_map, self.data_root)
            known, palette, table = loaded.classes, loaded.palette, loaded.table
        else:
            known = list(self.METAINFO.get('classes') or metainfo.get('classes') or [])
            palette = _plain(self.METAINFO.get('palette'))
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
        if known and 'palette' not in metainfo:
            palette = palette or [list(color) for color in default_palette(len(known))]
            metainfo['palette'] = [palette[known.index(name)] for name in wanted]
        if 'palette' in metainfo:
            metainfo['palette'] = _plain(metainfo['palette'])
        check_palette(metainfo.get('palette'), wanted, 'metainfo')
        return dict(metainfo, classes=tuple(wanted)) if wanted else metainfo

    def _images(self, found: Listing, folder: str, ambiguous: bool) -> list[tuple[str, str]]:
        """Return sorted (name without suffix, name) of the images that the folder or list file names.

        `ambiguous` allows two images that differ in their suffix alone: nothing belongs to their common name.
        """
        stems = by_stem(found.names, self.suffixes)
        if self.ann_file:
            stems = self._listed(stems, folder)
        if not stems:
            raise DataError(
                f"There is no image in '{folder}' ({describe(found.left_out)}): check `data_prefix`, `img_suffix` and "
                'the environment variable MMUDA_DATA.'
            )
        twins = [names for names in stems.values() if len(names) > 1]
        if twins and not (ambiguous and not self.ann_file):
            raise DataError(
                f'{both(folder, *twins[0][:2])}: leave one of them, or name the suffix of the images in `img_suffix`.'
            )
        return sorted((stem, name) for stem, names in stems.items() for name in names)

    def _listed(self, stems: dict[str, list[str]], folder: str) -> dict[str, list[str]]:
        entries = [composed(check_list_entry(entry, self.ann_file)) for entry in read_ann_file(self.ann_file)]
        check_none_missing(
            [entry for entry in entries if entry not in stems],
            len(entries),
            f"entries of the list file '{self.ann_file}' have no image in '{folder}'",
            'entries are names without suffix',
        )
        return {entry: stems[entry] for entry in entries}

    def _labels(self, images: list[tuple[str, str]], found: Listing, folder: str) -> list[str]:
        """Return the name of each image's label file."""
        stems = by_stem(found.names, (self.seg_map_suffix,))
        twins = [names for names in stems.values() if len(names) > 1]
        if twins:
            raise DataError(f'{both(folder, *twins[0][:2])}: leave one of them.')
        check_none_missing(
            [name for stem, name in images if stem not in stems],
            len(images),
            f"images have no label in '{folder}'",
            f"expected '{images[0][0]}{self.seg_map_suffix}' and so on: add the labels (tools/dataset_converters "
            'writes train ids), list the labelled images in `ann_file`, or leave out `seg_map_path`',
        )
        return [stems[stem][0] for stem, _ in images]

    def _log(self, infos: list[dict], found: list[tuple[str | None, Listing]]) -> None:
        """Say once a run what was found, and what was left out and why."""
        used = {path for info in infos for path in info.values()}
        left_out = {os.path.join(folder, name): why for folder, part in found for name, why in part.left_out.items()}
        if found[1][0] is not None and not self.ann_file:
            left_out |= {os.path.join(found[1][0], name): 'label without an image' for name in found[1][1].names}
        left_out = {os.path.relpath(path, found[0][0]): why for path, why in left_out.items() if path not in used}
        labels = sum('seg_map_path' in info for info in infos)
        listed = f" named by '{self.ann_file}'" if self.ann_file else ''
        counts = f'{len(infos)} images{listed}, {labels} labels, {describe(left_out)}'
        log_once(f"{type(self).__name__} '{found[0][0]}': {counts}.")

    @classmethod
    def get_label_map(cls, new_classes: Sequence | None = None) -> None:
        """Leave classes to `label_table`, which alone maps them."""
        return


def _plain(palette: Sequence | np.ndarray | None) -> Sequence | None:
    """Return colours as lists, which have one truth value and go into any file."""
    return palette.tolist() if isinstance(palette, np.ndarray) else palette
