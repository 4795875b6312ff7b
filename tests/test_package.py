"""What an installation contains and asks for."""

import re
import runpy
from pathlib import Path

import pytest
import setuptools

import mmuda
from mmuda.compat.versions import HOSTS


@pytest.fixture
def metadata(repo, monkeypatch) -> dict:
    """The arguments of `setup()`."""
    caught = {}
    monkeypatch.setattr(setuptools, 'setup', lambda **kwargs: caught.update(kwargs))
    monkeypatch.chdir(repo)
    runpy.run_path('setup.py')
    return caught


def pinned(path: Path) -> list[str]:
    lines = path.read_text(encoding='utf-8').splitlines()
    return [line.split('#')[0].strip() for line in lines if line.split('#')[0].strip()]


def test_version(metadata, repo):
    assert metadata['version'] == mmuda.__version__
    assert f'## [{mmuda.__version__}]' in (repo / 'CHANGELOG.md').read_text(encoding='utf-8')


def test_every_folder_of_modules_is_installed(metadata, repo):
    folders = {path.parent.relative_to(repo) for path in (repo / 'mmuda').rglob('*.py')}
    assert {'.'.join(folder.parts) for folder in folders} == set(metadata['packages'])


def test_hosts_are_extras_not_requirements(metadata):
    assert not any(re.match('mm|onedl', name) for name in metadata['install_requires'])
    assert 'mmsegmentation==1.2.2' in metadata['extras_require']['mm']


def test_pins_are_what_the_error_message_says(repo):
    hosts = {host.install for name, host in HOSTS.items() if name.startswith('mm')}
    assert set(pinned(repo / 'requirements' / 'mm.txt')) == hosts


def test_two_opencvs_are_never_asked_for(repo):
    asked = [name for path in (repo / 'requirements').iterdir() for name in pinned(path) if 'opencv' in name]
    assert asked == ['opencv-python-headless']
