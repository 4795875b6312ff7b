"""The steps of docker/Dockerfile, run as a script: what they install is a working `mmuda`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def steps(repo) -> list[tuple[str, str]]:
    """Instructions and their arguments, comments left out."""
    text = (repo / 'docker/Dockerfile').read_text().replace('\\\n', ' ')
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line and not line.startswith('#')]


def test_nothing_runs_as_root_but_the_making_of_the_user(steps):
    names = [name for name, _ in steps]
    user = names.index('USER')
    assert steps[user][1] == 'mmuda'
    assert [words for name, words in steps[:user] if name == 'RUN'] == ['useradd --create-home --uid $UID mmuda']
    assert names.count('USER') == 1
    assert dict(steps)['ENTRYPOINT'] == '["mmuda"]'


def test_every_build_argument_has_a_default_and_a_user(steps, repo):
    text = (repo / 'docker/Dockerfile').read_text()
    for argument in [words for name, words in steps if name == 'ARG']:
        name, _, default = argument.partition('=')
        assert default
        assert len(re.findall(rf'\$\{{?{name}\b', text)) == 1


@pytest.mark.slow
def test_the_steps_install_a_working_mmuda(steps, repo, tmp_path):
    """With the tests' own version of PyTorch, in a folder in the place of the home folder."""
    tracked = subprocess.run(['git', 'ls-files'], cwd=repo, capture_output=True, text=True, check=True)
    env = dict(os.environ, HOME=str(tmp_path), TORCH='torch==' + _version('torch'), PIP_REQUIRE_VIRTUALENV='1')
    env.pop('PYTHONPATH', None)
    env['PATH'] = f'{tmp_path}/venv/bin:{Path(sys.executable).resolve().parent}:{os.environ["PATH"]}'
    script = []
    for name, words in steps[[name for name, _ in steps].index('USER') :]:
        if name == 'RUN':
            script.append(words)
        elif name == 'COPY' and words.split()[1] == '.':
            for path in tracked.stdout.splitlines():
                (tmp_path / 'source' / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(repo / path, tmp_path / 'source' / path, follow_symlinks=False)
            script.append(f'cp -r {tmp_path}/copied source')
        elif name == 'COPY':
            script.append(f'cp -r {repo}/{words.split()[1]} {words.split()[2]}')
    (tmp_path / 'source').rename(tmp_path / 'copied')
    done = subprocess.run(['sh', '-ec', '\n'.join(script)], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != '.') == ['copied', 'venv', 'work']
    for words in (['--version'], ['train', '--help'], ['infer', '--help']):
        subprocess.run(['mmuda', *words], cwd=tmp_path / 'work', env=env, capture_output=True, check=True)


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package).partition('+')[0]
