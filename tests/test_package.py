"""What an installation contains and asks for, and that it works without the checkout."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import setuptools
import yaml

import mmuda
from mmuda.__main__ import COMMANDS, main
from mmuda.compat.versions import FORKS, HOSTS
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

PATIENCE = 1800  # seconds a command may take; a test machine may be busy
BUILD = 'import sys, setuptools.build_meta as backend; print(getattr(backend, sys.argv[1])(sys.argv[2]))'
HEAVY = {'torch', 'numpy', 'mmengine', 'mmcv', 'mmseg', 'mmpretrain', 'cv2', 'matplotlib', 'scipy'}
LEAF = """
_base_ = 'mmuda::stct/stct_segformer_toy.py'
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(max_iters=2, val_interval=2)
param_scheduler = [dict(type='PolyLR', power=1.0, by_epoch=False, end=100)]
default_hooks = dict(checkpoint=dict(interval=1))
"""


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


def test_the_fork_is_an_extra(metadata):
    assert metadata['extras_require']['onedl'] == list(FORKS.values())


def test_two_opencvs_are_never_asked_for(repo):
    asked = [name for path in (repo / 'requirements').iterdir() for name in pinned(path) if 'opencv' in name]
    assert asked == ['opencv-python-headless']


def test_an_installation_asks_for_no_opencv_of_its_own(metadata):
    asked = [*metadata['install_requires'], *metadata['extras_require']['all']]
    assert not [name for name in asked if 'opencv' in name]
    assert {'jinja2', 'tifffile', 'scipy'} <= {re.split('[<>=]', name)[0] for name in asked}


@pytest.fixture(scope='module')
def installed(repo, tmp_path_factory):
    """A folder with what a wheel holds that was built from an sdist."""
    folder = tmp_path_factory.mktemp('package')
    source = folder / 'source'
    ignored = shutil.ignore_patterns('.*', 'work_dirs', 'data', 'tests', 'build', 'dist', '*.egg-info', '__pycache__')
    shutil.copytree(repo, source, symlinks=True, ignore=ignored)
    shutil.copytree(repo / 'mmuda/.mim', source / 'mmuda/.mim', symlinks=True)
    sdist = build('build_sdist', source, folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / 'sdist', filter='data')
    wheel = build('build_wheel', next((folder / 'sdist').iterdir()), folder)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / 'target')
    return folder / 'target'


def build(what: str, source: Path, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, '-c', BUILD, what, str(folder)], cwd=source, capture_output=True, text=True, check=True
    )
    return folder / done.stdout.strip().splitlines()[-1]


def without_checkout(installed: Path, *words, cwd: Path, **variables) -> str:
    """What a Python prints that finds mmuda in the installation only."""
    environment = dict(os.environ, PYTHONPATH=str(installed), OMP_NUM_THREADS='1', **variables)
    line, pipes = [sys.executable, *map(str, words)], dict(capture_output=True, text=True)
    done = subprocess.run(line, cwd=cwd, env=environment, timeout=PATIENCE, **pipes)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob('*')
        if path.is_file() and '__pycache__' not in path.parts
    }


def test_a_wheel_holds_configs_and_tools_where_mim_looks(installed, repo):
    assert {path.name for path in installed.iterdir() if 'dist-info' not in path.name} == {'mmuda'}
    for name in ('configs', 'tools'):
        assert files(installed / 'mmuda/.mim' / name) == files(repo / name)
    assert files(installed / 'mmuda') >= files(repo / 'mmuda') - {'.mim/model-index.yml'}
    index = yaml.safe_load((installed / 'mmuda/.mim/model-index.yml').read_text())['Import']
    metafiles = sorted(str(path.relative_to(repo)) for path in repo.glob('configs/*/metafile.yml'))
    assert index == metafiles, 'list all of them in model-index.yml'
    for name in index:
        assert yaml.safe_load((installed / 'mmuda/.mim' / name).read_text())['Models']


def test_a_config_of_an_installation_is_a_base(installed, tmp_path):
    (tmp_path / 'leaf.py').write_text(LEAF)
    code = """
import mmuda
from mmuda import compat
compat.apply()
from mmengine import Config
model = Config.fromfile('leaf.py').model
print(mmuda.__file__, model.type)
"""
    said = without_checkout(installed, '-c', code, cwd=tmp_path).splitlines()[-1]
    assert said == f'{installed}/mmuda/__init__.py mmuda.SelfTrainingUDA'


def test_help_loads_no_library(installed, tmp_path):
    code = f"""
import contextlib, io, sys
from mmuda.__main__ import COMMANDS, main
for name in [None, *COMMANDS]:
    sys.argv = ['mmuda', *filter(None, [name]), '--help']
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as said:
        main()
    assert 'usage:' in said.getvalue(), name
print(sorted({HEAVY!r} & set(sys.modules)))
"""
    assert without_checkout(installed, '-c', code, cwd=tmp_path).strip() == '[]'


def test_every_command_has_its_file(repo):
    assert all((repo / 'tools' / file).is_file() for file, _ in COMMANDS.values())


@pytest.mark.parametrize('word, remedy', [('trian', "did you mean 'train'"), ('x', 'use train, test, ')])
def test_an_unknown_command(monkeypatch, capsys, word, remedy):
    monkeypatch.setattr(sys, 'argv', ['mmuda', word])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    line = capsys.readouterr().err
    assert line.startswith(f"mmuda: error: unknown command '{word}'")
    assert remedy in line


@pytest.mark.slow
def test_from_an_installation_one_trains_tests_infers_and_chooses(installed, tmp_path):
    write_toy_streets(str(tmp_path / 'data'), ToyStreetsSpec(train=4, val=2, width=96, height=64))
    (tmp_path / 'leaf.py').write_text(LEAF)
    images = tmp_path / 'data/toy_streets/dusk/images/val'

    def run(*words):
        return without_checkout(installed, '-m', 'mmuda', *words, cwd=tmp_path, MMUDA_DATA=str(tmp_path / 'data'))

    run('doctor', 'leaf.py')
    run('train', 'leaf.py', '--work-dir', 'run')
    run('test', 'leaf.py', 'run/iter_2.pth', '--work-dir', 'test')
    run('infer', 'leaf.py', 'run/iter_2.pth', images, '--out', 'out')
    assert len(list((tmp_path / 'out/labels').glob('*.png'))) == 2
    run('export', 'leaf.py', 'run/iter_2.pth', 'student.pt', '--images', images)
    assert 'run/iter_2.pth teacher' in run('select', 'run')
    assert (tmp_path / 'student.pt').is_file()
