"""Videos: the prediction painted over every frame, as many frames a second and as large as before."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from itertools import tee
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.logging import print_log
from rich.console import Console
from rich.progress import track

from mmuda.datasets import DataError
from mmuda.visualization import overlay

from .errors import UserError
from .inferencer import UDAInferencer
from .inputs import result_names
from .paths import check_file, check_out_file

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
    predict: UDAInferencer, path: str | Path, out: str | Path, opacity: float = 0.5, batch_size: int = 1
) -> None:
    """Write a painted video, without the sound; it is there when all of it is.

    Args:
        predict: Of a segmentor of colour images.
        path: The video.
        out: The file to write, ``NAME.mp4``; its folder is made if need be.
        opacity: Of the colours over the frame.
        batch_size: How many frames go through the network together.

    Raises:
        UserError: A model that videos are not for, or a file that cannot be written.
        DataError: No video, or one without a frame.
    """
    if not predict.segments or predict.channels != 3:
        kind = 'classifies' if not predict.segments else f'takes {predict.channels} channels'
        raise UserError(f'{path} is a video, which is painted by a segmentor of colour images, and this model {kind}')
    video = look_at(path)
    check_out_file(out, 'the painted video', path)
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f'.{secrets.token_hex(8)}.mp4')
    writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter_fourcc(*'mp4v'), video.rate, (video.width, video.height))
    try:
        if not writer.isOpened():
            raise UserError(f'{out} cannot be written by OpenCV: choose another --out')
        frames, shown = tee(
            track(read_frames(path), Path(path).name, video.frames or None, console=Console(stderr=True))
        )
        count = 0
        for labels, frame in zip(predict.each(frames, progress=False, batch_size=batch_size), shown):
            writer.write(overlay(frame, labels, predict.palette, opacity)[..., ::-1].copy())
            count += 1
        writer.release()
        _check_count(path, count, video.frames)
        os.replace(unfinished, out)
    finally:
        writer.release()
        unfinished.unlink(missing_ok=True)


def _check_count(path: str | Path, count: int, said: int) -> None:
    """Refuse a video without a frame, and log that one has fewer than it says."""
    if not count:
        raise DataError(f"'{path}' has no frame that OpenCV can read: copy or convert it again.")
    if count < said:
        text = f"'{path}' says that it has {said} frames, and {count} could be read: is it complete?"
        print_log(text, 'current', logging.WARNING)


def painted_files(videos: Sequence[str], folder: str | Path) -> dict[str, Path]:
    """Return for each video, named once, the file that it is painted in: ``NAME.mp4``, no name twice.

    >>> painted_files(['a/drive.mp4', 'b/drive.avi'], 'out')
    {'a/drive.mp4': PosixPath('out/a/drive.mp4'), 'b/drive.avi': PosixPath('out/b/drive.mp4')}
    """
    paths = list({os.path.abspath(path): path for path in videos}.values())
    names = result_names(paths, [os.path.dirname(path) for path in paths], SUFFIXES)
    return {path: Path(folder, f'{name}.mp4') for path, name in zip(paths, names)}


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
