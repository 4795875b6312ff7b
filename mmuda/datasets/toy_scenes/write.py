"""Write the two domains to disk as real data lie there: all or nothing, and only once.

`<out>/toy_streets/{day,dusk}/{images,labels}/{train,val}/00000.png` and a marker with the parameters.
"""

import functools
import glob
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass

import cv2
from mmengine.utils import track_parallel_progress, track_progress

from ..errors import DataError
from ..filling import filling
from ..mapping_file import read_mapping
from .look import LOOKS, Look, blend
from .render import DOMAINS, render

MARKER = 'toy_streets.json'
TRASH = '.toy_streets_'
VERSION = 1  # to be raised whenever the same parameters give other pictures


@dataclass(frozen=True)
class ToyStreetsSpec:
    """Everything that the files depend on.

    Args:
        train, val: pictures of each domain.
        width, height: their size in pixels.
        seed: of all random draws.
        shift: how far the target is from the source: 0 is another set of day scenes, 1 is dusk,
            more exaggerates. The next three, when given, replace single parts of that shift.
        darkness: 0 is daylight, 1 dusk.
        glare: strength of lamps and their bloom, 1 at dusk.
        noise: standard deviation of the sensor's noise in the target, colours being in [0, 1].
        version: of the painter.
    """

    train: int = 200
    val: int = 40
    width: int = 160
    height: int = 96
    seed: int = 0
    shift: float = 1.0
    darkness: float | None = None
    glare: float | None = None
    noise: float | None = None
    version: int = VERSION

    def look(self, domain: str) -> Look:
        """Return how a domain is painted."""
        if domain == 'day':
            return LOOKS['day']
        look = asdict(blend(LOOKS['day'], LOOKS['dusk'], self.shift))
        if self.darkness is not None:
            look['ambient'] = blend(LOOKS['day'], LOOKS['dusk'], self.darkness).ambient
        if self.glare is not None:
            look['lamp'] = look['glare'] = self.glare
        if self.noise is not None:
            look['noise'] = self.noise
        return Look(**look)


def write_toy_streets(out: str, spec: ToyStreetsSpec | None = None, overwrite: bool = False, nproc: int = 1) -> str:
    """Write `<out>/toy_streets`, unless it is there with the same parameters; return its path.

    Raises:
        DataError: It is there with other parameters, or another run fills `out`.
    """
    spec = spec or ToyStreetsSpec()
    _check(spec)
    folder = os.path.join(out, 'toy_streets')
    if not _is_ready(folder, spec, overwrite):
        with filling([out]):
            if not _is_ready(folder, spec, overwrite):  # as another run may have made it meanwhile
                _replace(folder, spec, nproc)
    return folder


def _replace(folder: str, spec: ToyStreetsSpec, nproc: int) -> None:
    """Paint the pictures beside the folder, then let them take its place."""
    out = os.path.dirname(folder)
    for left in glob.glob(os.path.join(glob.escape(out), f'{TRASH}*')):  # by a killed run, as no other one is here
        shutil.rmtree(left, ignore_errors=True)
    trash = tempfile.mkdtemp(prefix=TRASH, dir=out)
    part = tempfile.mkdtemp(dir=trash)
    try:
        _fill(part, spec, nproc)
        os.chmod(part, 0o777 & ~_umask())
        if os.path.isdir(folder):
            os.replace(folder, os.path.join(tempfile.mkdtemp(dir=trash), 'old'))
        os.replace(part, folder)
    finally:
        shutil.rmtree(trash, ignore_errors=True)


def _check(spec: ToyStreetsSpec) -> None:
    if spec.train < 1 or spec.val < 1 or spec.width < 32 or spec.height < 32:
        raise DataError(
            f'toy_streets of {spec.train} + {spec.val} pictures of {spec.width}×'
            f'{spec.height} make no sense: at least one of each and 32×32 pixels.'
        )


def _is_ready(folder: str, spec: ToyStreetsSpec, overwrite: bool) -> bool:
    """Tell whether the folder holds just these pictures; refuse to replace anything else unasked."""
    if not os.path.exists(folder):
        return False
    marker = os.path.join(folder, MARKER)
    if not os.path.isfile(marker):
        raise DataError(f"'{folder}' exists, but not from this generator (no {MARKER} in it): choose another --out.")
    found = read_mapping(marker, 'marker')
    if found == asdict(spec):
        return True
    if overwrite:
        return False
    changed = sorted(k for k in {**found, **asdict(spec)} if found.get(k) != asdict(spec).get(k))
    raise DataError(
        f"'{folder}' was written with another {', '.join(changed)}: add --overwrite, or choose another --out."
    )


def _fill(folder: str, spec: ToyStreetsSpec, nproc: int) -> None:
    tasks = [
        (domain, split, index)
        for domain in DOMAINS
        for split in ('train', 'val')
        for index in range(getattr(spec, split))
    ]
    for domain, split in {task[:2] for task in tasks}:
        for kind in ('images', 'labels'):
            os.makedirs(os.path.join(folder, domain, kind, split))
    write = functools.partial(_write_one, folder=folder, spec=spec)
    if nproc > 1:
        track_parallel_progress(write, tasks, nproc, chunksize=8)
    else:
        track_progress(write, tasks)
    print()
    with open(os.path.join(folder, MARKER), 'w', encoding='utf-8') as file:
        json.dump(asdict(spec), file, indent=2)


def _write_one(task: tuple, folder: str, spec: ToyStreetsSpec) -> None:
    domain, split, index = task
    image, label = render(index, split, domain, spec.seed, (spec.width, spec.height), spec.look(domain))
    for kind, pixels in (('images', image[..., ::-1]), ('labels', label)):
        path = os.path.join(folder, domain, kind, split, f'{index:05d}.png')
        if not cv2.imwrite(path, pixels):
            raise OSError(f"'{path}' cannot be written.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
