"""Which checkpoints a UDA model accepts: its own, and a plain network's as the start of student and teacher."""

from __future__ import annotations

from torch import nn

from ..layers import TwoDomainNorm


def adopt_checkpoint(model: nn.Module, state: dict, prefix: str, *_) -> None:
    """Complete ``state`` in place, or refuse it in one sentence: the load-state-dict hook of a UDA model.

    A checkpoint of the plain network (keys without ``student.``) becomes the student, also where the
    student has norms of two domains in place of batch norms. A missing teacher starts as the student,
    as in the paper's source-pretrained start; missing terms and step keep what the model has.

    Raises:
        RuntimeError: The checkpoint is of another network.
    """
    plain = model.student.state_dict().keys()
    own = any(key.startswith(f'{prefix}student.') for key in state)
    if not own:
        for key in [key for key in state if key.startswith(prefix)]:
            name = key[len(prefix) :]
            state[f'{prefix}student.{name}'] = state.pop(key)
    for name, norm in model.student.named_modules():
        if isinstance(norm, TwoDomainNorm):
            norm.adopt(state, f'{prefix}student.{name}.')
    for name in model.NETWORKS[1:]:
        if not any(key.startswith(f'{prefix}{name}.') for key in state):
            state.update(
                {
                    f'{prefix}{name}.{key}': state[f'{prefix}student.{key}']
                    for key in plain
                    if f'{prefix}student.{key}' in state
                }
            )
    for name in model.NETWORKS:
        start = f'{prefix}{name}.'
        found = {key[len(start) :]: value for key, value in state.items() if key.startswith(start)}
        _refuse_others(getattr(model, name), name, found)
    for key, value in model.state_dict(prefix=prefix).items():
        if not any(key.startswith(f'{prefix}{name}.') for name in model.NETWORKS):
            state.setdefault(key, value)


def _refuse_others(net: nn.Module, role: str, state: dict) -> None:
    wanted = net.state_dict()
    problems = {
        'lacks': [key for key in wanted if key not in state],
        'has unknown': [key for key in state if key not in wanted],
        'has other shapes for': [key for key in wanted if key in state and wanted[key].shape != state[key].shape],
    }
    found = [
        f'{what} {len(keys)} tensors ({", ".join(keys[:3])}{", ..." if len(keys) > 3 else ""})'
        for what, keys in problems.items()
        if keys
    ]
    if found:
        raise RuntimeError(
            f'The checkpoint is of another model than this {role} ({type(net).__name__}): it {"; it ".join(found)}. '
            'Give the checkpoint that belongs to the config, or the config that belongs to the checkpoint.'
        )
