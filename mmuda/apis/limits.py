"""How long a run waits for a rank that hangs or for data that do not come: ``env_cfg.dist_cfg.timeout``, in seconds."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.runner import Runner

from mmuda.processes import DEFAULT_LIMIT

from .errors import UserError


def time_limit(cfg: Config) -> float:
    """Return the limit of a config.

    Raises:
        UserError: It is no positive number.
    """
    settings = cfg.get('env_cfg') or {}
    limit = (settings.get('dist_cfg') or {}).get('timeout', DEFAULT_LIMIT)
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or limit <= 0:
        raise UserError(f'env_cfg.dist_cfg.timeout={limit!r} is no time limit: give seconds, for example 600')
    return float(limit)


def watch(runner: Runner, limit: float) -> None:
    """Let a run stop at signals and end when a rank hangs."""
    runner.register_hook(dict(type='mmuda.InterruptHook', timeout=limit))
    runner.register_hook(dict(type='mmuda.StallHook', timeout=limit))
