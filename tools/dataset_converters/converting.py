"""What the label converters share: many processes, whole files, every bad file named at the end."""

import argparse
import functools
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from mmengine.utils import track_parallel_progress, track_progress
from PIL import Image, UnidentifiedImageError

from mmuda.apis import ToolParser, UserError, at_least

IGNORE = 255
UNKNOWN = 254
Task = tuple[str, str]  # label file as downloaded, file of train ids


class ConversionError(Exception):
    """A label file that cannot be converted; the text names the file and the value."""


def parse_args(doc: str, root: str) -> argparse.Namespace:
    """The command line that all converters have."""
    parser = ToolParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('root', help=f'folder of the data set, such as {root}')
    parser.add_argument('--nproc', type=at_least(1), default=min(os.cpu_count() or 1, 16), help='processes')
    parser.add_argument('--overwrite', action='store_true', help='also convert what is already there')
    args = parser.parse_args()
    if not os.path.isdir(args.root):
        raise UserError(f"the folder '{args.root}' does not exist")
    return args


def convert_all(
    tasks: Sequence[Task], convert: Callable[[str], np.ndarray], wanted: str, nproc: int = 1, overwrite: bool = False
) -> None:
    """Convert every file that has no result yet; exits with 1 after all when some could not be.

    Args:
        tasks: pairs of input and output.
        convert: makes train ids, uint8 [H, W], of an input file.
        wanted: pattern of the inputs, for the sentence about an empty folder.
    """
    if not tasks:
        raise UserError(f'there is no file {wanted}: download and unpack the labels first')
    todo = [task for task in tasks if overwrite or not os.path.exists(task[1])]
    print(f'{len(todo)} of {len(tasks)} label files to convert')
    work = functools.partial(_convert_one, convert=convert)
    if nproc > 1 and len(todo) > 1:
        errors = track_parallel_progress(work, todo, nproc, initializer=_single_thread, chunksize=4)
    else:
        errors = track_progress(work, todo) if todo else []
    errors = [error for error in errors if error]
    if errors:
        more = f' (and {len(errors) - 1} more files)' if len(errors) > 1 else ''
        raise UserError(f'{errors[0]}{more}')
    print(f'\ndone: {os.path.dirname(tasks[0][1])}')


def map_values(values: np.ndarray, table: Mapping[int, int], path: str, what: str = 'id') -> np.ndarray:
    """Replace ids by train ids; an id that the table does not have is an error."""
    lookup = np.full(int(max(values.max(), *table)) + 1, UNKNOWN, np.uint8)
    lookup[list(table)] = list(table.values())
    labels = lookup[values]
    if (labels == UNKNOWN).any():
        shown = ', '.join(map(str, np.unique(values[labels == UNKNOWN])[:5]))
        raise ConversionError(f"'{path}' has the unknown {what} {shown}")
    return labels


def open_image(path: str) -> Image.Image:
    """A fully decoded Pillow image."""
    try:
        image = Image.open(path)
        image.load()
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise ConversionError(f"'{path}' is no complete image ({error}): download it again") from error
    return image


def check_size(labels: np.ndarray, path: str, image_path: str) -> None:
    """Refuse a label map of another size than its image, if the image is there."""
    if not os.path.exists(image_path):
        return
    try:
        with Image.open(image_path) as image:
            width, height = image.size
    except OSError as error:
        raise ConversionError(f"'{image_path}' is no image ({error}): download it again") from error
    if labels.shape != (height, width):
        raise ConversionError(
            f"'{path}' has {labels.shape[1]}×{labels.shape[0]} pixels, but '{image_path}' {width}×{height}: "
            'remove both, or leave the image out by a list file (`ann_file`)'
        )


def save_labels(labels: np.ndarray, path: str) -> None:
    """Write a PNG that is whole or not there."""
    done, content = cv2.imencode('.png', labels)
    if not done:
        raise ConversionError(f"'{path}' cannot be encoded")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), suffix='.part', delete=False) as part:
        part.write(content.tobytes())
    os.chmod(part.name, 0o644)
    os.replace(part.name, path)


def _convert_one(task: Task, convert: Callable[[str], np.ndarray]) -> str | None:
    try:
        save_labels(convert(task[0]), task[1])
    except (ConversionError, OSError) as error:
        return str(error)
    return None


def _single_thread() -> None:
    cv2.setNumThreads(0)
