"""Add layers to any backbone by the names of its modules: branches beside stages, layers after them.

The backbone stays the host's own object. Parameters of the additions are `beside.<name>` and `after.<name>`, so that it
loads its usual checkpoints, and a `paramwise_cfg` can name them. DIDA-Net (Deng et al., IEEE T-IP 2022) needs this for
its module beside inner stages (Table VII) or beside a convolution of a small network, and for MixStyle after the first
stage. A backbone whose config has no such options, such as timm's, gets norms of another family by ``norm`` and keeps
modules as they were pretrained by ``frozen``.

The additions are forward hooks, which a deep copy of the network (a teacher) takes along with copies of the modules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mmengine.model import ModuleDict
from torch import Tensor, nn

from mmuda.registry import MODELS, build_own

from ..layers import convert_norm
from ..layers.dida_branch import add_residual

Additions = dict[str, dict | nn.Module | None]


@MODELS.register_module(name='ExtendedBackbone')
def extend_backbone(
    backbone: dict | nn.Module,
    beside: Additions | None = None,
    after: Additions | None = None,
    norm: dict | None = None,
    frozen: Sequence[str] = (),
) -> nn.Module:
    """Build a backbone and add to it; the result is the backbone.

    Args:
        backbone: A stock backbone or its config.
        beside: Name of a module with one map as input and output, such as ``layer4`` of a ResNet → a branch that gets
            the same input and whose output is added: ``dict(type='DIDABranch', ...)``. None drops one of a base config.
        after: Name of a module → a layer that its output passes: ``dict(type='MixStyle')``. It comes after a branch.
        norm: Family and options of the backbone's own norms, see :func:`mmuda.models.layers.convert_norm`:
            ``dict(type='TransNorm', residual='alpha')``. Weights that were loaded while it was built are kept.
        frozen: Names of modules whose parameters do not learn; their norms go on normalising as elsewhere. If nothing
            before them learns, no gradient passes them. ACDA's released code does so with stem and first stage.

    Raises:
        KeyError: A name that the backbone does not have.
        TypeError: A backbone that would run what is added to it as a further layer.
    """
    net = backbone if isinstance(backbone, nn.Module) else MODELS.build(backbone)
    if isinstance(net, nn.Sequential):
        raise TypeError(
            f'The backbone is a {type(net).__name__}, which runs all its children in turn, additions included: make it '
            'a part of a module with a forward of its own.'
        )
    if norm is not None:
        net = convert_norm(net, **norm)
    for name in frozen:
        _module(net, name).requires_grad_(False)
    net.beside = _attach(net, beside, _add)
    net.after = _attach(net, after, _pass)
    return net


def _attach(net: nn.Module, additions: Additions | None, hook: Callable) -> ModuleDict:
    built = ModuleDict()
    for name, addition in (additions or {}).items():
        if addition is None:
            continue
        module = _module(net, name)
        layer = addition if isinstance(addition, nn.Module) else build_own(MODELS, addition)
        built[name.replace('.', '_')] = layer
        module.register_forward_hook(partial(hook, layer, name))
    return built


def _module(net: nn.Module, name: str) -> nn.Module:
    modules = dict(net.named_modules())
    if name not in modules:
        children = [child for child, _ in net.named_children()]
        raise KeyError(f'{type(net).__name__} has no module {name!r} to extend: its parts are {children}.')
    return modules[name]


def _add(branch: nn.Module, name: str, module: nn.Module, args: tuple, output: Any) -> Tensor:
    return add_residual(_map(name, output), branch(args[0]))


def _pass(layer: nn.Module, name: str, module: nn.Module, args: tuple, output: Any) -> Tensor:
    return layer(_map(name, output))


def _map(name: str, output: Any) -> Tensor:
    if not isinstance(output, Tensor):
        raise TypeError(
            f'The module {name!r} gives a {type(output).__name__}, not a feature map: extend a module that gives one.'
        )
    return output
