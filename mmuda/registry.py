"""Registries of `mmuda`: children of mmengine's, one scope, filled lazily.

A registry imports its room on the first look-up, so `import mmuda` stays light and a stock config
reaches every registered type as `mmuda.<Name>` without `custom_imports`.
"""

from typing import Any

from mmengine import registry as root
from mmengine.registry import DefaultScope, Registry


def _child(name: str, parent: Registry, location: str = 'mmuda.registry') -> Registry:
    """Make a registry whose types stand in ``location``; mmengine warns of one that has none."""
    return Registry(name, parent=parent, scope='mmuda', locations=[location])


DATASETS = _child('dataset', root.DATASETS, 'mmuda.datasets')
DATA_SAMPLERS = _child('data sampler', root.DATA_SAMPLERS, 'mmuda.datasets')
TRANSFORMS = _child('transform', root.TRANSFORMS, 'mmuda.datasets')
MODELS = _child('model', root.MODELS, 'mmuda.models')
HOOKS = _child('hook', root.HOOKS, 'mmuda.engine')
LOOPS = _child('loop', root.LOOPS, 'mmuda.engine')
RUNNERS = _child('runner', root.RUNNERS, 'mmuda.engine')
MODEL_WRAPPERS = _child('model_wrapper', root.MODEL_WRAPPERS, 'mmuda.engine')
OPTIM_WRAPPERS = _child('optim_wrapper', root.OPTIM_WRAPPERS, 'mmuda.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor', root.OPTIM_WRAPPER_CONSTRUCTORS, 'mmuda.engine')
PARAM_SCHEDULERS = _child('parameter scheduler', root.PARAM_SCHEDULERS, 'mmuda.engine')
METRICS = _child('metric', root.METRICS, 'mmuda.evaluation')
# Nothing of ours lives in these; a config with `default_scope = 'mmuda'` looks mmengine's types up through them.
EVALUATOR = _child('evaluator', root.EVALUATOR)
LOG_PROCESSORS = _child('log processor', root.LOG_PROCESSORS)
OPTIMIZERS = _child('optimizer', root.OPTIMIZERS)
RUNNER_CONSTRUCTORS = _child('runner constructor', root.RUNNER_CONSTRUCTORS)
STRATEGIES = _child('strategy', root.STRATEGIES)
VISBACKENDS = _child('vis_backend', root.VISBACKENDS)
VISUALIZERS = _child('visualizer', root.VISUALIZERS)
WEIGHT_INITIALIZERS = _child('weight initializer', root.WEIGHT_INITIALIZERS)
TASKS = Registry('task', scope='mmuda', locations=['mmuda.models'])


def build_own(registry: Registry, cfg: dict) -> Any:
    """Build a part of `mmuda` from types without prefix, whatever default scope the user's config runs in."""
    with DefaultScope.overwrite_default_scope('mmuda'):
        return registry.build(cfg)
