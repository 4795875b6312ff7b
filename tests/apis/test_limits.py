"""The time limit of a config."""

import pytest
from mmengine.config import Config

from mmuda.apis import UserError
from mmuda.apis.limits import time_limit
from mmuda.processes import DEFAULT_LIMIT


def test_the_configs_number_or_the_default():
    assert time_limit(Config(dict(env_cfg=dict(dist_cfg=dict(timeout=20))))) == 20
    for cfg in (dict(), dict(env_cfg=None), dict(env_cfg=dict(dist_cfg=dict(backend='nccl')))):
        assert time_limit(Config(cfg)) == DEFAULT_LIMIT


@pytest.mark.parametrize('limit', [0, -1, True, 'long', None])
def test_no_time_limit(limit):
    with pytest.raises(UserError, match=rf'env_cfg.dist_cfg.timeout={limit!r} is no time limit: give seconds'):
        time_limit(Config(dict(env_cfg=dict(dist_cfg=dict(timeout=limit)))))
