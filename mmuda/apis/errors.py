"""One clear sentence instead of a traceback, for the errors a user can mend.

What counts as such an error is decided by where it was raised, not by its type: a :class:`UserError`, anything that
`mmuda` raises on purpose, the host libraries' complaints about a config (unknown key, missing key, unknown type), a
file that the system refuses to read or write, and whatever fails while a part is built from its config, before anything
has run. Everything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
import inspect
import os
import re
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from urllib.error import URLError

from mmuda import processes
from mmuda.processes import Interrupted, caught_signals, defer, leave

from .streams import Terminal

RUNNER_ROOMS = ('config', 'registry', 'runner', 'hooks', 'optim', 'evaluator', 'dist', 'visualization')
PACKAGE = Path(__file__).resolve().parents[1]
UNKNOWN_KEY = re.compile(r"(\w+)(?:\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")
MISSING_KEY = re.compile(r'(\w+)(?:\.__init__)?\(\) missing \d+ required (?:positional|keyword-only) arguments?: (.+)')
LOST_RANK = re.compile(
    r'gloo.*(Connection (closed|reset|refused)|Broken pipe|[Tt]imed out)|pair closure|NCCL.*remote'
    '|Connection was likely closed'
)
UNKNOWN_TYPE = re.compile(r'(\S+) is not in the (.+?) registry')
STORAGE = {
    errno.ENOSPC: 'free some space or keep fewer checkpoints (max_keep_ckpts)',
    errno.EDQUOT: 'your quota is used up, remove files or keep fewer checkpoints (max_keep_ckpts)',
    errno.EFBIG: 'it is larger than the limit for files (ulimit -f) or than the file system can hold',
    errno.EROFS: 'the file system has become read-only',
    errno.EIO: 'the disk or the connection to the file server has a fault',
    errno.ESTALE: 'the connection to the file server has a fault',
}
"""What to do where a disk takes no more."""
REFUSED = STORAGE | {
    errno.EACCES: 'change its permissions, or choose another place',
    errno.EPERM: 'change its permissions, or choose another place',
    errno.EISDIR: 'it is a folder, so name a file',
    errno.ENOTDIR: 'a file stands where a folder has to be, so choose another place',
    errno.ENAMETOOLONG: 'give it a shorter name',
    errno.ELOOP: 'its links lead in a circle, mend them',
}
"""What to do where the system refuses a file. One that is missing may be a bug, so it is not among them."""


class UserError(Exception):
    """An expected error; its text is one sentence: what was found, where, what to do."""


def run_tool(main: Callable[[], object]) -> None:
    """Run a command-line tool; an expected error ends in one line on stderr and exit status 1.

    A signal that asks it to end does so with one line and 128 + its number. ``MMUDA_TRACEBACK=1`` shows the traceback
    of expected errors, too.
    """
    terminal = Terminal()
    with caught_signals(), terminal.watched():
        try:
            main()
        except Interrupted as end:
            terminal.end_line()
            leave(end.code, f'mmuda: {end.sentence}')
        except Exception as error:
            if has_lost_rank(error):
                defer()  # a launcher ends all ranks when one has ended; the reason is to be said before
                processes.await_verdict()
            sentence = explain(error)
            terminal.end_line()
            if sentence is None or os.environ.get('MMUDA_TRACEBACK') == '1':
                raise
            leave(1, f'mmuda: error: {sentence}')


def explain(error: BaseException) -> str | None:
    """Return the sentence for the user, or None when the error is not one of theirs."""
    if isinstance(error, UserError):
        return _one_line(str(error))
    from_worker = _from_worker(error)
    if from_worker is not None:
        return from_worker
    if has_lost_rank(error):
        return _lost_rank(error)
    if isinstance(error, URLError):
        return _no_download(error)
    if isinstance(error, (TypeError, KeyError)):
        sentence = _config_complaint(error)
        if sentence is not None:
            return sentence
    if _raised_on_purpose(error):
        return _one_line(text_of(error))
    return _refused_by_system(error) or _refused_by_runner(error) or _failed_build(error)


def has_lost_rank(error: BaseException) -> bool:
    """Tell whether the process group says that another rank does not answer."""
    return isinstance(error, RuntimeError) and LOST_RANK.search(str(error)) is not None


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Say '; did you mean x?' for the nearest known name, '' when none is as near as the cutoff, which is up to 1."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"; did you mean '{near[0]}'?" if near else ''


def _raised_on_purpose(error: BaseException) -> bool:
    """Tell whether the innermost frame is a ``raise`` statement of this package."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and _is_own_raise(frames[-1].filename, frames[-1].line or '')


def _is_own_raise(filename: str, line: str) -> bool:
    return PACKAGE in Path(filename).resolve().parents and line.strip().startswith('raise ')


def _from_worker(error: BaseException) -> str | None:
    """Find the message of a data-loading worker, whose exception comes as text with the traceback inside."""
    text = text_of(error)
    if 'Original Traceback' not in text:
        return None
    places = re.findall(r'File "([^"]+)", line \d+, in [^\n]+\n\s*([^\n]*)', text)
    message = re.split(r'\n[\w.]+(?:Error|Exception|Interrupt): ', text)[-1]
    return _one_line(message) if places and _is_own_raise(*places[-1]) else None


def _lost_rank(error: RuntimeError) -> str:
    """Explain the error of a rank that waits for one that has ended: it can only say that much."""
    return _one_line(
        f'rank {os.environ.get("RANK", "0")} has lost another rank ({str(error).splitlines()[0][:160]}): what that one '
        'says is the reason, or its machine or launcher is gone; go on with --resume'
    )


def _no_download(error: URLError) -> str:
    """Explain that the address of some weights cannot be reached."""
    found = [value for frame, _ in traceback.walk_tb(error.__traceback__) for value in frame.f_locals.values()]
    address = next((value for value in found if isinstance(value, str) and '://' in value), 'a file')
    return _one_line(
        f'{address} cannot be downloaded ({error}): give a file that you have in its place, by --cfg-options; '
        'mit_weights=FILE for the ImageNet weights of MiT'
    )


def _config_complaint(error: BaseException) -> str | None:
    text, frame = text_of(error), _build_frame(error)
    if found := UNKNOWN_TYPE.search(text):
        registry = frame.f_locals.get('registry') if frame else None
        return (
            f"unknown type '{found[1]}' in the {found[2]} registry: check its spelling and its scope "
            f"(ours are 'mmuda.<Name>', those of mmsegmentation 'mmseg.<Name>'){_near_type(found[1], registry)}"
        )
    built = frame.f_locals.get('obj_cls') if frame else None
    if found := UNKNOWN_KEY.search(text):
        blamed = _blamed(error, built, found[1])
        return blamed and f"unknown config key '{found[2]}' for {blamed}{_accepted(built, blamed, found[2])}"
    if found := MISSING_KEY.search(text):
        blamed = _blamed(error, built, found[1])
        return blamed and f'the config of {blamed} lacks {found[2]}: add it'
    return None


def _blamed(error: BaseException, built: object, refusing: str) -> str | None:
    """Return the type whose config is wrong; None when some code called ``refusing`` wrongly, which is a bug.

    A constructor may hand its keys on to a base class; then the type that the config names is to blame.
    """
    if inspect.isclass(built) and refusing in {base.__name__ for base in built.__mro__}:
        return built.__name__
    return refusing if _last_frame_in_mmengine(error) else None


def _refused_by_system(error: BaseException) -> str | None:
    """Explain that a file cannot be read or written."""
    if not isinstance(error, OSError) or error.filename is None or error.errno not in REFUSED:
        return None
    path = os.fsdecode(error.filename)
    return _one_line(f"'{path}' cannot be read or written ({error.strerror}): {REFUSED[error.errno]}")


def _refused_by_runner(error: BaseException) -> str | None:
    """Tell what mmengine's runner, hooks and optimizers say on purpose about the settings that they are given."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:  # it was never raised
        return None
    innermost = frames[-1]
    deliberate = (innermost.line or '').strip().startswith(('raise ', 'assert '))
    by_mmengine = {'mmengine', *RUNNER_ROOMS} & set(Path(innermost.filename).parts)
    return _one_line(text_of(error)) if deliberate and len(by_mmengine) > 1 else None


def _failed_build(error: BaseException) -> str | None:
    """Explain that a part cannot be built: what of, the error, and where it came from."""
    frame = _build_frame(error)
    if frame is None or 'obj_cls' not in frame.f_locals:
        return None
    built, given = frame.f_locals['obj_cls'], frame.f_locals['args']
    plain = [f'{key}={value!r}' for key, value in given.items() if isinstance(value, (str, int, float, list, tuple))]
    values = ', '.join(text for text in plain if len(text) < 60)
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    return _one_line(
        f'{getattr(built, "__name__", built)}({values}) cannot be built from its config: {text_of(error)} '
        f'({type(error).__name__} in {Path(innermost.filename).name}:{innermost.lineno}): check its values, '
        'or see where it failed by MMUDA_TRACEBACK=1'
    )


def _build_frame(error: BaseException) -> FrameType | None:
    """Return the innermost frame in which mmengine builds an object from a config."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_name == 'build_from_cfg']
    return frames[-1] if frames else None


def _last_frame_in_mmengine(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and 'mmengine' in Path(frames[-1].filename).parts


def _accepted(built: object, blamed: str, key: str) -> str:
    if getattr(built, '__name__', None) != blamed:
        return ': remove or correct it'
    names = [
        name
        for base in built.__mro__
        if '__init__' in vars(base)
        for name, parameter in inspect.signature(base.__init__).parameters.items()
        if name != 'self' and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    return f': it takes {", ".join(dict.fromkeys(names))}{did_you_mean(key, names)}'


def _near_type(name: str, registry: object) -> str:
    known: set[str] = set()
    while registry is not None:
        known |= set(registry.module_dict)
        registry = registry.parent
    return did_you_mean(name.rpartition('.')[2], known)


def text_of(error: BaseException) -> str:
    """Return the text of an error; ``str`` of a KeyError is the repr of its text."""
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def _one_line(text: str) -> str:
    return ' '.join(text.split())
