"""mmengine writes whole files, whichever of its ways a config takes."""

import os

import pytest
from mmengine.fileio import FileClient, get_file_backend, put, put_text

import mmuda.storage.backend  # noqa: F401


@pytest.fixture(
    params=[
        lambda: (put, put_text),
        lambda: writers(get_file_backend('run/iter_1.pth')),
        lambda: writers(get_file_backend('iter_1.pth', backend_args=dict(backend='local'))),
        lambda: writers(FileClient('disk')),
    ],
    ids=['functions', 'by-name', 'by-arguments', 'client'],
)
def ways(request):
    return request.param()


def writers(backend):
    return backend.put, backend.put_text


def test_an_interrupted_write_leaves_the_old_file(tmp_path, ways, monkeypatch):
    write, write_text = ways
    write(b'old', tmp_path / 'new/file')
    write_text('old: ü', tmp_path / 'new/text')
    monkeypatch.setattr(os, 'replace', lambda *_: os.open('/nowhere', 0))
    for way, name, content in ((write, 'file', b'new'), (write_text, 'text', 'new')):
        with pytest.raises(OSError, match=name):
            way(content, tmp_path / 'new' / name)
    assert (tmp_path / 'new/file').read_bytes() == b'old'
    assert (tmp_path / 'new/text').read_text(encoding='utf-8') == 'old: ü'
    assert sorted(os.listdir(tmp_path / 'new')) == ['file', 'text']
