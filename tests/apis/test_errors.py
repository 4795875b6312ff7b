"""Which exceptions become one sentence, and which stay what they are."""

import io
import multiprocessing
import os
import signal
import sys
import time
from urllib.error import URLError

import pytest
import torch
from mmengine.registry import VISBACKENDS, Registry
from mmengine.runner import get_priority
from mmengine.utils import track_iter_progress
from rich.console import Console
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from mmuda.apis import errors
from mmuda.apis.errors import LOST_RANK, UserError, did_you_mean, explain, run_tool
from mmuda.domain import DomainBatch
from mmuda.models.terms import CoordinationWeight
from mmuda.processes import Interrupted

THINGS = Registry('thing')


@THINGS.register_module()
class Lamp:
    """Takes two keys."""

    def __init__(self, brightness: float, colour: str = 'white') -> None:
        self.brightness = brightness
        self.colour = colour


@THINGS.register_module()
class Torch(Lamp):
    """Hands its keys on."""

    def __init__(self, battery: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)


@THINGS.register_module()
class Dim(Lamp):
    """Cannot do with text."""

    def __init__(self, brightness: float) -> None:
        super().__init__(brightness / 2)


@THINGS.register_module()
class Faulty:
    """Calls another constructor wrongly."""

    def __init__(self) -> None:
        Lamp(brightnes=1)


def caught(function, *args, **kwargs) -> Exception:
    with pytest.raises(Exception) as info:
        function(*args, **kwargs)
    return info.value


def test_a_user_error_is_its_text():
    assert explain(UserError('two\n  lines')) == 'two lines'


def test_what_mmuda_raises_on_purpose_is_a_sentence():
    error = caught(CoordinationWeight, alpha=-1)
    assert explain(error).startswith('CoordinationWeight has alpha=-1')


def test_a_crash_inside_mmuda_is_a_bug():
    weight = CoordinationWeight()
    assert explain(caught(weight, 'no tensor', torch.zeros(1), 0)) is None
    assert explain(caught(DomainBatch(1, 1).split, None)) is None


@pytest.mark.parametrize(
    'path, what', [('x' * 300, 'a shorter name'), ('.', 'it is a folder'), (f'{__file__}/x', 'a file stands')]
)
def test_a_file_that_the_system_refuses_is_a_sentence(path, what):
    sentence = explain(caught(open, path, 'w'))
    assert sentence.startswith(f"'{path}' cannot be read or written (")
    assert what in sentence


def test_a_missing_file_may_be_a_bug():
    assert explain(caught(open, '/gone/file')) is None


def test_errors_of_others_are_bugs():
    assert explain(caught(int, 'x')) is None
    assert explain(caught(dict().__getitem__, 'x')) is None
    assert explain(ValueError('never raised')) is None


def test_an_unknown_key_names_type_and_key_and_what_it_takes():
    sentence = explain(caught(THINGS.build, dict(type='Lamp', brightnes=1)))
    assert sentence == (
        "unknown config key 'brightnes' for Lamp: it takes brightness, colour; did you mean 'brightness'?"
    )


def test_an_unknown_key_is_charged_to_the_type_in_the_config():
    sentence = explain(caught(THINGS.build, dict(type='Torch', color='red', brightness=1)))
    assert sentence.startswith("unknown config key 'color' for Torch: it takes battery, brightness, colour")
    assert sentence.endswith("did you mean 'colour'?")


def test_what_fails_while_it_is_built_names_its_type_its_values_and_the_place():
    sentence = explain(caught(THINGS.build, dict(type='Dim', brightness='low')))
    assert sentence.startswith("Dim(brightness='low') cannot be built from its config: ")
    assert '(TypeError in test_errors.py:' in sentence
    assert sentence.endswith('MMUDA_TRACEBACK=1')
    assert explain(caught(THINGS.build, dict(type='Faulty'))).startswith('Faulty() cannot be built from its config: ')


def test_what_mmengine_refuses_on_purpose_is_a_sentence():
    assert explain(caught(get_priority, 'URGENT')) is None  # a look-up that fails, and no word to the user
    assert explain(caught(get_priority, 101)) == 'priority must be between 0 and 100'


@pytest.mark.parametrize(
    ('backend', 'package'), [('WandbVisBackend', 'wandb'), ('MLflowVisBackend', 'mlflow'), ('AimVisBackend', 'aim')]
)
def test_a_log_whose_package_is_missing_is_a_sentence(monkeypatch, tmp_path, backend, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError) as caught:
        VISBACKENDS.build(dict(type=backend, save_dir=str(tmp_path))).experiment  # noqa: B018  # it opens the log
    assert explain(caught.value) == f'Please run "pip install {package}" to install {package}'


def test_a_missing_key():
    assert explain(caught(THINGS.build, dict(type='Lamp'))) == "the config of Lamp lacks 'brightness': add it"


def test_an_unknown_type():
    sentence = explain(caught(THINGS.build, dict(type='Lampp')))
    assert sentence.startswith("unknown type 'Lampp' in the ")
    assert sentence.endswith("did you mean 'Lamp'?")


class Broken(Dataset):
    """Fails in a worker: on purpose, or by a bug."""

    def __init__(self, on_purpose: bool) -> None:
        self.on_purpose = on_purpose

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int):
        if self.on_purpose:
            return CoordinationWeight(alpha=-1)
        return [][0]


def test_an_error_from_a_data_loading_worker():
    error = caught(next, iter(DataLoader(Broken(True), num_workers=1)))
    assert explain(error) == ('CoordinationWeight has alpha=-1: the ramp 1 − e^(−alpha·step) needs alpha >= 0.')
    assert explain(caught(next, iter(DataLoader(Broken(False), num_workers=1)))) is None


@pytest.mark.parametrize(
    'text',
    [
        '[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:46033',
        'Application timeout caused pair closure',
        '[gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 30000ms for recv operation to complete',
        '[gloo/transport/tcp/pair.cc:538] writev [127.0.0.1]:46033: Broken pipe',
        'Failed to recv, got 0 bytes. Connection was likely closed. Did the remote server shutdown or crash?',
        'NCCL error in: ProcessGroupNCCL.cpp:3356, remote process exited or there was a network error, NCCL 2.21.5',
    ],
)
def test_a_rank_that_lost_another(text, monkeypatch):
    monkeypatch.setenv('RANK', '3')
    assert explain(RuntimeError(text)).startswith(f'rank 3 has lost another rank ({text[:160]}): what that one says is')
    assert not LOST_RANK.search('CUDA error: an illegal memory access was encountered')


def test_a_rank_that_lost_another_lets_the_watch_speak_first(monkeypatch, capsys):
    """The launcher, which ends all ranks when one has ended, does not come between."""
    monkeypatch.setattr(errors.processes, 'await_verdict', lambda: os.kill(os.getpid(), signal.SIGTERM))

    def main():
        raise RuntimeError('Application timeout caused pair closure')

    with pytest.raises(SystemExit) as info:
        run_tool(main)
    assert info.value.code == 1
    assert capsys.readouterr().err.startswith('mmuda: error: rank 0 has lost another rank (Application timeout')


@pytest.mark.parametrize('name', ['SIGTERM', 'SIGINT', 'SIGUSR1'])
def test_a_signal_ends_a_tool_with_one_line(name, capsys):
    """The data workers that it leaves are killed, also one that is stopped."""
    children = []

    def main():
        children.append(multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,), daemon=True))
        children[0].start()
        os.kill(children[0].pid, signal.SIGSTOP)
        os.kill(os.getpid(), signal.Signals[name])
        time.sleep(60)

    with pytest.raises(SystemExit) as info:
        run_tool(main)
    assert info.value.code == 128 + signal.Signals[name]
    assert capsys.readouterr().err == f'mmuda: {name}: stopped\n'
    assert children[0].exitcode == -signal.SIGKILL


def test_run_tool_prints_one_line(capsys, monkeypatch):
    monkeypatch.delenv('MMUDA_TRACEBACK', raising=False)

    def main():
        raise UserError('the lamp is off: switch it on')

    with pytest.raises(SystemExit) as info:
        run_tool(main)
    assert info.value.code == 1
    assert capsys.readouterr().err == 'mmuda: error: the lamp is off: switch it on\n'


BARS = {
    'mmengine': lambda: track_iter_progress(range(3), file=sys.stderr),
    'mmengine, stdout': lambda: track_iter_progress(range(3), file=sys.stdout),
    'rich': lambda: track(range(3), console=Console(stderr=True, force_terminal=True)),
    'text': lambda: (print(i, end=' ', file=sys.stderr) or i for i in range(3)),
}
ENDS = {
    'error': (UserError('the lamp is off'), 'mmuda: error: the lamp is off'),
    'signal': (Interrupted(signal.SIGINT, 'stopped'), 'mmuda: SIGINT: stopped'),
}


@pytest.mark.parametrize('end', ENDS)
@pytest.mark.parametrize('bar', BARS)
def test_a_message_stands_on_a_line_of_its_own(monkeypatch, bar, end):
    """Also where the bar is drawn on the other stream, as both are one terminal."""
    terminal = io.StringIO()
    for name in ('stdout', 'stderr'):
        monkeypatch.setattr(sys, name, terminal)
    error, line = ENDS[end]

    def main():
        for i in BARS[bar]():
            if i == 1:
                raise error

    with pytest.raises(SystemExit):
        run_tool(main)
    assert [text.rpartition('\x1b[2K')[2] for text in terminal.getvalue().split('\n')].count(line) == 1
    assert sys.stderr.getvalue().count('\n\n') == 0


def test_a_bug_begins_on_a_line_of_its_own(capsys):
    def main():
        print('[>>  ] 2/4, ETA: 0s', end='')
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_tool(main)
    print('Traceback')
    assert capsys.readouterr().out == '[>>  ] 2/4, ETA: 0s\nTraceback\n'


def test_run_tool_prints_any_name_of_a_file(capfd, monkeypatch):
    def main():
        print('latin \udce9')
        raise UserError('latin \udce9')

    for name, number in (('stdout', 1), ('stderr', 2)):
        terminal = io.TextIOWrapper(io.FileIO(number, 'w', closefd=False), 'ascii', line_buffering=True)
        monkeypatch.setattr(sys, name, terminal)
    with pytest.raises(SystemExit):
        run_tool(main)
    assert capfd.readouterr() == ('latin \\udce9\n', 'mmuda: error: latin \\udce9\n')


def test_run_tool_shows_the_traceback_on_demand(monkeypatch):
    monkeypatch.setenv('MMUDA_TRACEBACK', '1')

    def main():
        raise UserError('x')

    with pytest.raises(UserError):
        run_tool(main)


def test_run_tool_keeps_the_traceback_of_bugs():
    with pytest.raises(ZeroDivisionError):
        run_tool(lambda: 1 / 0)


def test_did_you_mean():
    assert did_you_mean('optim_wraper', ['optim_wrapper', 'model']) == "; did you mean 'optim_wrapper'?"
    assert did_you_mean('zebra', ['optim_wrapper']) == ''


def test_weights_that_cannot_be_downloaded():
    def download(url):
        raise URLError('no route to host')

    try:
        download('https://example.invalid/weights.pth')
    except URLError as error:
        sentence = explain(error)
    assert sentence.startswith(
        'https://example.invalid/weights.pth cannot be downloaded (<urlopen error no route to host>)'
    )
    assert 'mit_weights=FILE' in sentence
