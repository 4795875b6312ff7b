"""Every path that a tool takes: what is wrong with it is said before a model or a data set is built."""

import argparse
import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmseg')
pytest.importorskip('mmpretrain')

from mmengine.registry import Registry
from mmengine.runner import Runner
from PIL import Image

from mmuda.apis import ToolParser, explain
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

REPO = Path(__file__).resolve().parents[2]
TOY = REPO / 'configs/stct/stct-mha_segformer_toy.py'
TOOLS = [  # converters of data sets build nothing
    path.relative_to(REPO / 'tools').as_posix()
    for path in sorted((REPO / 'tools').rglob('*.py'))
    if 'run_tool(main)' in path.read_text() and path.parent.name != 'dataset_converters'
]
RIGHT = dict(config=TOY, configs=TOY, checkpoint='TMP/run/iter_1.pth', images='TMP/image.png', groups='name=TMP/run')
RIGHT |= dict(runs='TMP/run', work_dirs='TMP/run', out='TMP/new/x.png', table='stct-1')
"""What arguments that a tool asks for may be; :data:`OUT` where a picture is not what it writes."""
OUT = {'export.py': '.onnx', 'anchor_norms.py': '.pth', 'extract_network.py': '.pth', 'publish_model.py': '.pth'}
WRONG = dict.fromkeys(('config', 'configs', 'labels', 'runs', 'groups', 'images'), ('TMP/gone',))
WRONG |= dict.fromkeys(('checkpoint', 'ensemble', 'resume'), ('TMP/gone', 'TMP/file', 'TMP'))
WRONG |= dict.fromkeys(('work_dir', 'show_dir', 'html'), ('TMP/file/x',))
"""What a path may not be; of several that are given, the last one is."""
JUDGED = ('TMP/gone', 'TMP/untrained', 'TMP/broken', 'TMP/unnamed')
OF_TOOLS = {  # where it is not the same for all
    ('report.py', 'runs'): [f'other={path}' for path in JUDGED],
    ('select_checkpoint.py', 'work_dirs'): JUDGED,
    ('reproduce.py', 'work_dirs'): ['TMP/file/x'],
    ('leaderboard.py', 'work_dirs'): ['TMP/file/x'],
}
WORDS = {'batch', 'baseline', 'by', 'cfg_options', 'device', 'key', 'keys', 'layer', 'layers', 'names', 'reach', 'rows'}
WORDS |= {'score', 'size', 'strategy', 'table', 'tables', 'term'}
"""Arguments that are no paths."""
PAGES = ('leaderboard.py', 'pages')  # read where nothing is trained


class Parsed(Exception):
    """The parser of a tool, which is asked to parse."""


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_toy_streets(str(root), ToyStreetsSpec(train=2, val=2, width=64, height=32))
    return root


@pytest.fixture
def main(data, monkeypatch):
    """``main(tool, words)`` runs a tool, in which nothing may be built, nor a process be started that might."""

    def build(self, cfg, *args, **kwargs):
        pytest.fail(f'{cfg.get("type", "a runner")} is built')

    def start(*args, **kwargs):
        pytest.fail('a process is started')

    def run(name: str, words: list[str]) -> None:
        path = REPO / 'tools' / name
        monkeypatch.syspath_prepend(str(path.parent))
        if '/' in name:
            module = importlib.import_module(path.stem)
        else:  # there are other modules called train and test
            spec = importlib.util.spec_from_file_location('tool', path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [name, *words])
        with monkeypatch.context() as patched:
            patched.setattr(Registry, 'build', build)
            patched.setattr(Runner, 'build_dataloader', build)
            patched.setattr(BaseProcess, 'start', start)
            patched.setattr(subprocess, 'Popen', start)
            module.main()

    monkeypatch.setenv('MMUDA_DATA', str(data))
    return run


@pytest.fixture
def places(tmp_path):
    """Files and runs of which some are whole."""
    (tmp_path / 'file').write_text('text')
    Image.new('RGB', (64, 32)).save(tmp_path / 'image.png')
    for name in ('run', 'untrained', 'broken'):
        log = tmp_path / name / '2026' / 'vis_data' / 'scalars.json'
        log.parent.mkdir(parents=True)
        log.write_text(json.dumps(dict(step=1, mIoU=50.0)))
        (tmp_path / name / 'toy.py').write_text(f"_base_ = '{TOY}'\n")
    torch.save(dict(state_dict=dict(a=torch.zeros(1)), meta={}), tmp_path / 'run' / 'iter_1.pth')
    (tmp_path / 'broken' / 'iter_1.pth').write_text('text')
    shutil.copytree(tmp_path / 'run', tmp_path / 'unnamed')
    (tmp_path / 'unnamed' / 'toy.py').unlink()
    return tmp_path


def paths_of(parser: argparse.ArgumentParser, tool: str) -> list[argparse.Action]:
    """Return the arguments that are paths."""
    texts = [one for one in parser._actions if one.nargs != 0 and not one.choices and one.type in (None, Path)]
    return [one for one in texts if one.dest not in WORDS and (tool, one.dest) != PAGES]


def command_lines(parser: argparse.ArgumentParser, tool: str, path: argparse.Action) -> Iterator[tuple[str, list[str]]]:
    """Yield what a path may not be, and the words of a command line where it is the only mistake."""
    right = {**RIGHT, 'out': f'TMP/new/x{OUT.get(tool, ".png")}'}
    wrong = {**WRONG, 'out': [f'TMP/file/x{OUT.get(tool, ".png")}']}
    for value in OF_TOOLS.get((tool, path.dest)) or wrong[path.dest]:
        words = ['--run'] if tool == 'reproduce.py' else []
        for one in parser._actions:
            given = [] if one.dest not in right else [str(right[one.dest])]
            if one is path:
                given = [*(given if one.nargs in ('+', '*') else []), value]
            elif not one.required and (one.option_strings or one.nargs == '*'):
                continue
            words += [*one.option_strings[:1], *given]
        yield value, words


@pytest.mark.parametrize('name', TOOLS)
def test_a_wrong_path_is_said_before_anything_is_built(main, places, monkeypatch, name):
    def parsed(parser, *args):
        raise Parsed(parser)

    with monkeypatch.context() as patched:
        for method in ('parse_args', 'parse_intermixed_args'):
            patched.setattr(ToolParser, method, parsed)
        with pytest.raises(Parsed) as info:
            main(name, [])
    (parser,), tool = info.value.args, Path(name).name
    for path in paths_of(parser, tool):
        for value, words in command_lines(parser, tool, path):
            named = Path(value.rpartition('=')[2].replace('TMP', str(places)))
            with pytest.raises(Exception) as said:
                main(name, [word.replace('TMP', str(places)) for word in words])
            text = str(named.parent if path.dest == 'out' else named)  # a file that is written lies in a folder
            assert text in (explain(said.value) or ''), (words, said.getrepr(style='short'))
