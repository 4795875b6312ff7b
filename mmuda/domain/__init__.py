"""The domain contract: batch layout, context, layers that read it."""

from .batch import DOMAINS, STRONG_VIEW, VALID_MAP, DomainBatch, sort_by_domain
from .checkpoint import domain_checkpoint
from .context import DomainContext, bind_domain_context
from .groups import GroupDrawer, group_drawers
from .layer import DomainLayer

__all__ = [
    'DOMAINS',
    'STRONG_VIEW',
    'DomainBatch',
    'DomainContext',
    'DomainLayer',
    'GroupDrawer',
    'VALID_MAP',
    'bind_domain_context',
    'domain_checkpoint',
    'group_drawers',
    'sort_by_domain',
]
