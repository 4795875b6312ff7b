"""Videos keep their rate, their size and their frames."""

import contextlib

import cv2
import numpy as np
import pytest

from mmuda.apis import UDAInferencer, UserError, video
from mmuda.apis.video import Video, is_video, look_at, paint_video, painted_files, read_frames
from mmuda.datasets import DataError


@pytest.fixture
def clip(tmp_path):
    """Seven grey frames of 96x64 that get brighter, 12.5 a second."""
    path = tmp_path / 'clip.mp4'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 12.5, (96, 64))
    for number in range(7):
        writer.write(np.full((64, 96, 3), 30 * number, np.uint8))
    writer.release()
    return path


def test_a_painted_video_is_as_long_as_large_and_as_fast(toy, clip, tmp_path):
    predict = UDAInferencer(*toy, device='cpu')
    out, half = tmp_path / 'out' / 'clip.mp4', tmp_path / 'half' / 'clip.mp4'
    paint_video(predict, clip, out, opacity=1.0)
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['clip.mp4']
    assert look_at(out) == look_at(clip) == Video(12.5, 96, 64, 7)
    for frame in read_frames(out):  # class 5 everywhere, whose colour is (5, 5, 5)
        assert abs(frame.astype(int) - 5).max() < 12
    paint_video(predict, clip, half, opacity=0.5, batch_size=3)
    assert [round(frame.mean() / 15) for frame in read_frames(half)] == list(range(7))


def test_bad_videos(classifier, clip, tmp_path):
    assert is_video('a/B.MP4')
    assert not is_video('a.png')
    with pytest.raises(UserError, match=r'video .*gone\.mp4 does not exist'):
        look_at(tmp_path / 'gone.mp4')
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(DataError, match=r'text\.mp4. is no video that OpenCV can read'):
        look_at(tmp_path / 'text.mp4')
    with pytest.raises(UserError, match=r'clip\.mp4 is a video, .* and this model classifies'):
        paint_video(UDAInferencer(*classifier(), device='cpu'), clip, tmp_path / 'out.mp4')
    with pytest.raises(UserError, match=r'clip\.mp4 is a video, .* and this model takes 1 channels'):
        paint_video(_gray(), clip, tmp_path / 'out.mp4')


def test_what_can_be_read_of_a_video_is_said(toy, clip, tmp_path, monkeypatch):
    predict, said, frames = UDAInferencer(*toy, device='cpu'), [], list(read_frames(clip))
    monkeypatch.setattr(video, 'print_log', lambda text, *_: said.append(text))
    for count in (3, 0):
        monkeypatch.setattr(video, 'read_frames', lambda path, count=count: iter(frames[:count]))
        with contextlib.nullcontext() if count else pytest.raises(DataError, match=r"clip\.mp4' has no frame that Op"):
            paint_video(predict, clip, tmp_path / f'{count}.mp4')
    assert said == [f"'{clip}' says that it has 7 frames, and 3 could be read: is it complete?"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ['3.mp4', 'clip.mp4']


def test_a_video_never_takes_the_place_of_another(toy, clip, tmp_path):
    (tmp_path / 'b').mkdir()
    videos = [str(clip), str(tmp_path / 'b' / 'clip.avi'), f'{tmp_path}/./clip.mp4']
    found = painted_files(videos, 'out')
    assert {str(path) for path in found.values()} == {'out/clip.mp4', 'out/b/clip.mp4'}
    with pytest.raises(UserError, match=r'the painted video .*clip\.mp4 is the file that is read: give another'):
        paint_video(UDAInferencer(*toy, device='cpu'), clip, clip)
    assert look_at(clip).frames == 7


def _gray() -> UDAInferencer:
    """As one of a network that sees one channel."""
    predict = UDAInferencer.__new__(UDAInferencer)
    predict.segments, predict.channels = True, 1
    return predict
