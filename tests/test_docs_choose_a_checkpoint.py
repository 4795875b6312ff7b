"""docs/choose_a_checkpoint.md: its table is that of the code, and its settings work."""

import re

from mmuda.apis import load_config
from mmuda.engine.hooks import CheckpointHook
from mmuda.evaluation import LabelFreeMetric
from mmuda.registry import METRICS
from mmuda.scores import CRITERION_RULES


def test_the_table_names_every_criterion_and_its_rule(repo):
    text = (repo / 'docs/choose_a_checkpoint.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| `([\w/]+)` \|.*\| (\w+) \|$', text, re.MULTILINE)
    assert {name.rpartition('/')[2]: rule for name, rule in rows} == CRITERION_RULES


def test_the_settings(repo):
    """They build, and leaves of segmentation have the first one."""
    text = (repo / 'docs/choose_a_checkpoint.md').read_text(encoding='utf-8')
    settings: dict = {}
    for block in re.findall(r'```python\n(.*?)```', text, re.DOTALL):
        exec(block, settings)
    assert settings['val_evaluator'].pop('_delete_')
    assert isinstance(METRICS.build(settings['val_evaluator']), LabelFreeMetric)
    assert CheckpointHook(**settings['default_hooks']['checkpoint']).rules == ['greater']
    leaf = load_config(repo / 'configs/stct/gta2cs.py')
    assert leaf.default_hooks.checkpoint.save_best == settings['default_hooks']['checkpoint']['save_best']
