"""A painter of street scenes by day and at dusk: what `ToyStreets` reads is made here.

Every picture is a pure function of (seed, domain, split, index); see `render`.
"""

from .look import LOOKS, Look, blend
from .render import render
from .write import ToyStreetsSpec, write_toy_streets

__all__ = ['LOOKS', 'Look', 'ToyStreetsSpec', 'blend', 'render', 'write_toy_streets']
