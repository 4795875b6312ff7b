"""Give an image the colours of another by its low frequencies (FDA, Yang and Soatto, CVPR 2020, Eq. 3).

    x_{s→t} = F⁻¹(M_β ∘ |F x_t| + (1 − M_β) ∘ |F x_s|, arg F x_s)

The released code has two masks M_β: a window around frequency 0 in its demo, and four corners in its training, which
leave out one row and one column of frequencies and so are not symmetric.

Shapes: B images of H × W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

WINDOWS = ('centre', 'corners')


def low_frequencies(size: tuple[int, int], beta: float, window: str = 'centre', device=None) -> Tensor:
    """Mark the frequencies whose amplitudes are exchanged, in the order of `torch.fft.fft2`.

    Args:
        size: H and W.
        beta: Half the side of the window, as a share of the shorter side: b = ⌊min(H, W) · beta⌋.
        window: ``centre``: frequencies −b to b, so at least the mean; ``corners``: −b to b − 1, so none with b = 0.
        device: Of the result.

    Returns:
        Bool ``[H, W]``.

    Raises:
        ValueError: An unknown window, or a beta outside 0 to 0.5.

    Example:
        >>> low_frequencies((4, 6), 0.25, 'corners').int()
        tensor([[1, 0, 0, 0, 0, 1],
                [0, 0, 0, 0, 0, 0],
                [0, 0, 0, 0, 0, 0],
                [1, 0, 0, 0, 0, 1]], dtype=torch.int32)
    """
    if window not in WINDOWS:
        raise ValueError(f'window={window!r} is unknown: use one of {", ".join(WINDOWS)}.')
    if not 0 <= beta <= 0.5:
        raise ValueError(f'beta={beta} is no half side of a window: give a share from 0 to 0.5.')
    reach = int(min(size) * beta)
    last = reach if window == 'centre' else reach - 1
    within = []
    for length in size:
        place = torch.arange(length, device=device)
        within.append((place <= last) | (place >= length - reach))
    return within[0][:, None] & within[1]


def fourier_style(source: Tensor, target: Tensor, beta: float, window: str = 'centre') -> Tensor:
    """Exchange the source's low-frequency amplitudes for the target's; the source's phase stays.

    Args:
        source: ``[3, H, W]`` or ``[B, 3, H, W]``, 0 to 255, before any normalisation: FDA's authors insist on that.
        target: The same shape.
        beta: See :func:`low_frequencies`; 0.01, 0.05 and 0.09 in the paper.
        window: See :func:`low_frequencies`.

    Returns:
        The shape of ``source``, float32 at least; values may leave 0 to 255, as in the released code.

    Raises:
        ValueError: Shapes that differ, or wrong ``beta`` or ``window``.

    Example:
        >>> grey, bright = torch.full((3, 8, 8), 50.0), torch.full((3, 8, 8), 200.0)
        >>> fourier_style(grey, bright, beta=0.01)[0, 0, 0]
        tensor(200.)
    """
    if source.shape != target.shape:
        raise ValueError(
            f'source has the shape {tuple(source.shape)} and target {tuple(target.shape)}: crop or resize one of them.'
        )
    dtype = torch.promote_types(source.dtype, torch.float32)
    ours, theirs = torch.fft.fft2(source.to(dtype)), torch.fft.fft2(target.to(dtype))
    mask = low_frequencies(source.shape[-2:], beta, window, source.device)
    amplitude = torch.where(mask, theirs.abs(), ours.abs())
    return torch.fft.ifft2(torch.polar(amplitude, ours.angle())).real
