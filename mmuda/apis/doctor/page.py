"""The doctor's page: one HTML file with pictures inside, which loads nothing from anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.dataset import BaseDataset

from mmuda.datasets.class_map import IGNORE
from mmuda.datasets.inspection import label_table
from mmuda.datasets.label_maps import read_label
from mmuda.datasets.reading import examine_image
from mmuda.visualization import default_palette, overlay

from ..pages import data_address, write_template
from .findings import Finding, verdict
from .survey import Survey, sizes

SAMPLES = 6
PAIRS = 4


def write_page(path: str | Path, title: str, surveys: Sequence[Survey], findings: Sequence[Finding]) -> None:
    """Write the page of a config.

    Args:
        path: The HTML file.
        title: Such as the config's path.
        surveys: Of every role.
        findings: What was found in them.
    """
    write_template(
        'doctor.html',
        path,
        title=title,
        verdict=verdict(findings),
        level=findings[0].level if findings else 'good',
        findings=[(finding, _pairs(finding, surveys)) for finding in findings],
        roles=[_role(survey) for survey in surveys],
        balance=_balance(surveys),
    )


def _role(survey: Survey) -> dict:
    modes = Counter(look.mode for look in survey.readable)
    return dict(
        name=survey.name,
        error=survey.role.error,
        facts={
            'images': f'{len(survey.looks):,}',
            'labelled': 'pixel by pixel' if survey.maps else 'by image' if survey.pixels else 'no',
            'size': sizes(survey),
            'stored as': ', '.join(f'{mode} ({count:,})' for mode, count in modes.most_common()) or '–',
            'mean value': f'{np.mean([look.mean for look in survey.readable]):.3g}' if modes else '–',
        },
        samples=_samples(survey),
    )


def _samples(survey: Survey) -> list[dict]:
    """Return pictures from the whole role, evenly spaced."""
    palette = _palette(survey)
    names = survey.classes
    places = sorted({round(place) for place in np.linspace(0, len(survey.looks) - 1, SAMPLES)} if survey.looks else ())
    found = []
    for (dataset, index), look in ((_place(survey, place), survey.looks[place]) for place in places):
        info = dataset.get_data_info(index)
        image = _picture(info)
        if image is None:
            continue
        if look.label_path is not None and look.label_error is None and not look.unknown:
            label = read_label(look.label_path, label_table(dataset, info), len(names))
            found.append(dict(source=data_address(overlay(image, label, palette)), caption=_name(look.path)))
        else:
            classes = [names[number] for number in look.pixels if number < len(names)] if not survey.maps else []
            found.append(dict(source=data_address(image), caption=' · '.join([_name(look.path), *classes])))
    return found


def _balance(surveys: Sequence[Survey]) -> dict:
    """Return shares of the classes in every labelled role, as rows of a table."""
    labelled = [survey for survey in surveys if survey.pixels and survey.classes]
    if not labelled:
        return {}
    palette = _palette(labelled[0])
    rows = [
        dict(name=name, colour='rgb({}, {}, {})'.format(*palette[number]), shares=[_share(s, number) for s in labelled])
        for number, name in enumerate(labelled[0].classes)
    ]
    ignored = [_share(survey, IGNORE, of_all=True) for survey in labelled]
    if any(ignored):
        rows.append(dict(name='ignored (of all)', colour='transparent', shares=ignored))
    return dict(roles=[survey.name for survey in labelled], rows=rows)


def _share(survey: Survey, number: int, of_all: bool = False) -> float:
    """Return the share in percent, of what is labelled."""
    total = sum(count for place, count in survey.pixels.items() if of_all or place != IGNORE)
    return 100 * survey.pixels[number] / max(total, 1)


def _pairs(finding: Finding, surveys: Sequence[Survey]) -> list[list[dict]]:
    """Return the first pictures that belong together, side by side."""
    wanted = finding.pairs[:PAIRS]
    places = {look.path: (survey, n) for survey in surveys for n, look in enumerate(survey.looks)} if wanted else {}
    shown = []
    for pair in wanted:
        found = [_place(*places[path]) for path in pair]
        images = [_picture(dataset.get_data_info(index)) for dataset, index in found]
        if all(image is not None for image in images):
            shown.append([dict(source=data_address(image), caption=path) for image, path in zip(images, pair)])
    return shown


def _place(survey: Survey, place: int) -> tuple[BaseDataset, int]:
    """Return a sample of a role as its data set and its number there."""
    for dataset in survey.role.datasets:
        if place < len(dataset):
            return dataset, place
        place -= len(dataset)
    raise IndexError(place)


def _picture(info: dict) -> np.ndarray | None:
    """Return uint8 [H, W, 3], RGB; None where the file cannot be shown."""
    image = info['img'] if 'img' in info else examine_image(info['img_path']).pixels
    if image is None:
        return None
    return np.repeat(image[..., None], 3, -1) if image.ndim == 2 else np.ascontiguousarray(image[..., 2::-1])


def _palette(survey: Survey) -> list:
    return survey.role.metainfo.get('palette') or default_palette(len(survey.classes))


def _name(path: str) -> str:
    return path.replace('\\', '/').rsplit('/', 1)[-1]
