"""Options of the command line against the config they change: a value of another kind is one sentence."""

import pytest
from mmengine.config import Config

from mmuda.apis import UserError
from mmuda.apis.options import merge_options


@pytest.fixture
def cfg():
    """Values of every kind."""
    return Config(
        dict(
            model=dict(type='A', rate=0.5, deep=dict(count=3, on=True, unset=None, size=(4, 4))),
            custom_hooks=[dict(type='H', interval=1)],
            load_from=None,
        )
    )


@pytest.mark.parametrize(
    'key, value',
    [
        ('model.rate', 1),
        ('model.rate', None),
        ('model.deep', None),
        ('model.deep.count', 2.5),
        ('model.deep.count', (1, 2)),
        ('model.deep.on', False),
        ('model.deep.on', 0),
        ('model.deep.unset', 'anything'),
        ('model.deep.size', 8),
        ('model.deep.new', 'anything'),
        ('model.new.deeper', 1),
        ('custom_hooks.0.interval', 5),
        ('load_from', 'a.pth'),
    ],
)
def test_what_fits_is_set(cfg, key, value):
    merge_options(cfg, {key: value})
    node = cfg
    for part in key.split('.'):
        node = node[int(part) if part.isdecimal() else part]
    assert node == value


@pytest.mark.parametrize(
    'key, value, reason',
    [
        ('model', 3, r'model=3 does not fit: it is a dict of settings, so set one of its keys: type, rate, deep$'),
        ('model.deep', 'x', 'set one of its keys: count, on, unset, size'),
        ('model.rate', 'fast', 'model.rate=fast does not fit: it is 0.5 in the config: give a number'),
        ('model.rate', True, 'give a number'),
        ('model.rate', '', 'model.rate= does not fit'),
        ('model.deep.count', '4k', 'model.deep.count=4k does not fit: it is 3 in the config: give a number'),
        ('model.deep.on', 'yes', 'it is True in the config: give true or false'),
        ('model.deep.on', 2, 'give true or false'),
        ('model.type.x', 1, "'model.type' is 'A' in the config, which has no keys"),
        ('model.rate.x', 1, "'model.rate' is 0.5 in the config, which has no keys"),
        ('custom_hooks', 'H', r"it is a list of 1 dicts in the config: set their keys, such as '0\.KEY=VALUE'"),
        ('custom_hooks.1.interval', 5, "'custom_hooks' is a list of 1, give a number from 0 to 0 in place of 1"),
        ('custom_hooks.interval', 5, 'in place of interval'),
    ],
)
def test_what_does_not_fit_is_one_sentence(cfg, key, value, reason):
    with pytest.raises(UserError, match=reason):
        merge_options(cfg, {key: value})


def test_the_type_of_the_next_entry_makes_it(cfg):
    before = len(cfg.custom_hooks)
    merge_options(
        cfg, {f'custom_hooks.{before}.interval': 5, f'custom_hooks.{before}.type': 'B', 'model.new.0.type': 'C'}
    )
    assert cfg.custom_hooks[before] == dict(type='B', interval=5)
    assert cfg.model.new == [dict(type='C')]
