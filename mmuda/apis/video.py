"""Videos: the prediction painted over every frame, as many frames a second and as large as before."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import tee
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from mmuda.datasets import DataError
from mmuda.visualization import overlay

from .errors import UserError
from .inferencer import UDAInferencer
from .paths import check_file

SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg')


class Video(NamedTuple):
    """Frames a second, width, height and number of frames of a file; 0 frames where it does not say."""

    rate: float
    width: int
    height: int
    frames: int


def is_video(path: str) -> bool:
    """Tell whether a file is called like one."""
    return path.lower().endswith(SUFFIXES)


def paint_video(
    predict: UDAInferencer, path: str | Path, out_dir: str | Path, opacity: float = 0.5, batch_size: int = 1
) -> Path:
    """Write ``out_dir/NAME.mp4``, without the sound.

    Args:
        predict: Of a segmentor of colour images.
        path: The video.
        out_dir: Made if need be.
        opacity: Of the colours over the frame.
        batch_size: How many frames go through the network together.

    Returns:
        The file.

    Raises:
        UserError: A model that videos are not for, or an image of that name in the folder's place.
        DataError: No video.
    """
    if not predict.segments or predict.channels != 3:
        kind = 'classifies' if not predict.segments else f'takes {predict.channels} channels'
        raise UserError(f'{path} is a video, which is painted by a segmentor of colour images, and this model {kind}')
    video = look_at(path)
    out = Path(out_dir, f'{Path(path).stem}.mp4')
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f'.{out.name}.{os.getpid()}.mp4')
    writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter_fourcc(*'mp4v'), video.rate, (video.width, video.height))
    try:
        frames, shown = tee(
            track(read_frames(path), Path(path).name, video.frames or None, console=Console(stderr=True))
        )
        for labels, frame in zip(predict.each(frames, progress=False, batch_size=batch_size), shown):
            writer.write(overlay(frame, labels, predict.palette, opacity)[..., ::-1].copy())
        writer.release()
        os.replace(unfinished, out)
    finally:
        writer.release()
        unfinished.unlink(missing_ok=True)
    return out


def look_at(path: str | Path) -> Video:
    """Read what a video file says of itself.

    Raises:
        UserError: There is no such file.
        DataError: It cannot be read as a video.
    """
    check_file(path, 'video', 'give the path of a video')
    capture = cv2.VideoCapture(str(path))
    keys = (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_COUNT)
    rate, width, height, frames = (capture.get(key) for key in keys) if capture.isOpened() else (0, 0, 0, 0)
    capture.release()
    if not (rate > 0 and width > 0 and height > 0):
        raise DataError(f"'{path}' is no video that OpenCV can read: copy or convert it again.")
    return Video(rate, int(width), int(height), max(int(frames), 0))


def read_frames(path: str | Path) -> Iterator[np.ndarray]:
    """Yield every frame, uint8 [H, W, 3], RGB."""
    capture = cv2.VideoCapture(str(path))
    try:
        while True:
            found, frame = capture.read()
            if not found:
                return
            yield np.ascontiguousarray(frame[..., ::-1])
    finally:
        capture.release()
