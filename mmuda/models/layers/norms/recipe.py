"""What the class of a norm says to the two implementations of its training pass.

A domain's rows x become

    y = (x − mean) / sqrt(var + eps) · scale + shift

With torch (:mod:`.torch_norm`) the class computes the four vectors from both domains' moments, as its formula: a
:class:`Normalizer` for each domain. With Triton (:mod:`.triton_norm`) a kernel does, and the class names its formula: a
:class:`Recipe`.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Normalizer(NamedTuple):
    """What normalises the rows of one domain, ``[C]`` each."""

    mean: Tensor
    var: Tensor
    scale: Tensor
    shift: Tensor


class Recipe(NamedTuple):
    """What a norm makes of two domains' moments.

    ``mixture``: a domain is normalised by its ``own`` moments, by the ``source``'s, by those of the ``joint`` batch or
    by a learned ``share`` of its own, whose raw parameter is ``mixing``. ``residual`` and what follows: TransNorm's
    gain, a constant for the backward pass; 1 for ``none``.
    """

    mixture: str
    mixing: Tensor | None = None
    residual: str = 'none'
    distance: str = 'none'
    probability: str = 'student_t'
    unbiased: bool = True
