"""Kernels in Triton that pass over the rows of a batch.

A batch is a table of rows (sample, place) and of channels, whether it lies in memory by channel or channels last. A
program has a block of channels and one split of one domain's rows; even programs have the source's, odd ones the
target's. Sums are taken in float32 at least. What passes between kernels: :mod:`mmuda.models.layers.norms.kernels`.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .triton_channels import by_normalizer, load_triple, store_affine, store_triple


@triton.jit
def _part_of_program(num_source, num_target, num_channels, SPLITS: tl.constexpr, CHANNELS: tl.constexpr):
    """Return the domain of a program, its first row and the one after its last, its channels, and which there are."""
    domain = tl.program_id(1) % 2
    rows = tl.where(domain == 0, num_source, num_target)
    offset = tl.where(domain == 0, 0, num_source)
    size = tl.cdiv(rows, SPLITS)
    begin = (tl.program_id(1) // 2) * size
    channels = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    first, last = offset + tl.minimum(begin, rows), offset + tl.minimum(begin + size, rows)
    return domain, first, last, channels, channels < num_channels


@triton.jit
def _places(rows, channels, num_channels, values, CHANNELS_LAST: tl.constexpr):
    """Tell where (row, channel) lies."""
    if CHANNELS_LAST:
        return rows.to(tl.int64) * num_channels + channels
    else:
        samples = rows // values
        return samples.to(tl.int64) * (num_channels * values) + channels * values + (rows - samples * values)


@triton.jit
def _tile(start, last, channels, known, num_channels, values, CHANNELS_LAST: tl.constexpr, ROWS: tl.constexpr):
    """Tell where the next rows lie, ``[ROWS, CHANNELS]``, and which of these places there are."""
    rows = start + tl.arange(0, ROWS)[:, None]
    return _places(rows, channels[None, :], num_channels, values, CHANNELS_LAST), (rows < last) & known[None, :]


@triton.jit
def moments_kernel(
    x, parts, num_source, num_target, num_channels, values,
    SPLITS: tl.constexpr, CHANNELS_LAST: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write ``parts``; sums are taken around a split's first value, so that a large mean costs no precision."""
    dtype = parts.dtype.element_ty
    _, first, last, channels, known = _part_of_program(num_source, num_target, num_channels, SPLITS, CHANNELS)
    row = tl.minimum(first, num_source + num_target - 1)
    shift = tl.load(x + _places(row, channels, num_channels, values, CHANNELS_LAST), mask=known, other=0).to(dtype)
    total = tl.zeros((ROWS, CHANNELS), dtype)
    squares = tl.zeros((ROWS, CHANNELS), dtype)
    for start in range(first, last, ROWS):
        at, mask = _tile(start, last, channels, known, num_channels, values, CHANNELS_LAST, ROWS)
        value = tl.where(mask, tl.load(x + at, mask=mask, other=0).to(dtype) - shift[None, :], 0)
        total += value
        squares += value * value
    count = tl.zeros((CHANNELS,), dtype) + (last - first).to(dtype)
    moved = tl.sum(total, 0) / tl.maximum(count, 1)
    deviation = tl.sum(squares, 0) - count * moved * moved
    deviation = tl.where(deviation < 0, 0, deviation)  # a NaN stays one
    store_triple(parts, tl.program_id(1), shift + moved, deviation, count, channels, known, num_channels)


@triton.jit
def map_kernel(
    x, maps, out, num_source, num_target, num_channels, values,
    SPLITS: tl.constexpr, CHANNELS_LAST: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write ``out`` = (x − center) · factor + shift."""
    domain, first, last, channels, known = _part_of_program(num_source, num_target, num_channels, SPLITS, CHANNELS)
    center, factor, shift = load_triple(maps, domain, channels, known, num_channels)
    for start in range(first, last, ROWS):
        at, mask = _tile(start, last, channels, known, num_channels, values, CHANNELS_LAST, ROWS)
        value = tl.load(x + at, mask=mask, other=0).to(center.dtype)
        result = (value - center[None, :]) * factor[None, :] + shift[None, :]
        tl.store(out + at, result.to(out.dtype.element_ty), mask=mask)


@triton.jit
def sums_kernel(
    grad, x, maps, ingredients, sums, num_source, num_target, num_channels, values,
    SPLITS: tl.constexpr, CHANNELS_LAST: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write ``sums``."""
    domain, first, last, channels, known = _part_of_program(num_source, num_target, num_channels, SPLITS, CHANNELS)
    center, _, _ = load_triple(maps, domain, channels, known, num_channels)
    inv_std, _, _ = load_triple(ingredients, domain, channels, known, num_channels)
    total = tl.zeros((ROWS, CHANNELS), center.dtype)
    products = tl.zeros((ROWS, CHANNELS), center.dtype)
    for start in range(first, last, ROWS):
        at, mask = _tile(start, last, channels, known, num_channels, values, CHANNELS_LAST, ROWS)
        g = tl.load(grad + at, mask=mask, other=0).to(center.dtype)
        value = tl.load(x + at, mask=mask, other=0).to(center.dtype) - center[None, :]
        total += g
        products += g * value
    out = sums + tl.program_id(1) * 2 * num_channels + channels
    tl.store(out, tl.sum(total, 0), mask=known)
    tl.store(out + num_channels, tl.sum(products, 0) * inv_std, mask=known)


@triton.jit
def gradient_kernel(
    grad, x, moments, maps, ingredients, sums, num_splits, own_sums, num_own_splits, by_input, by_weight, by_bias,
    num_source, num_target, num_channels, values,
    OWN_AFFINE: tl.constexpr, SPLITS: tl.constexpr, CHANNELS_LAST: tl.constexpr, ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
):  # fmt: skip
    """Write the gradient of the loss by x, from the sums of all processes, and by scale and shift, from this one's.

        ∂L/∂x = factor · g + (∂L/∂mean + 2 (x − mean) · ∂L/∂var) / count

    Mean, variance and count are those of the row's own domain i, which both domains d may be normalised by:

        ∂L/∂var_i = Σ_d w_di · ∂L/∂var_d
        ∂L/∂mean_i = Σ_d w_di · (∂L/∂center_d + 2 (mean_i − center_d) · ∂L/∂var_d)
    """
    domain, first, last, channels, known = _part_of_program(num_source, num_target, num_channels, SPLITS, CHANNELS)
    if by_weight is not None and tl.program_id(1) == 0:
        store_affine(
            by_weight, by_bias, ingredients, own_sums, num_own_splits, channels, known, num_channels, OWN_AFFINE
        )
    if by_input is not None:
        mean, _, count = load_triple(moments, domain, channels, known, num_channels)
        by_mean = tl.zeros_like(mean)
        by_var = tl.zeros_like(mean)
        for normalized in tl.static_range(2):
            center, _, _ = load_triple(maps, normalized, channels, known, num_channels)
            _, _, of_source = load_triple(ingredients, normalized, channels, known, num_channels)
            share = tl.where(domain == 0, of_source, 1 - of_source)
            by_center, by_its_var = by_normalizer(
                maps, ingredients, sums, normalized, num_splits, channels, known, num_channels
            )
            by_mean += share * (by_center + 2 * (mean - center) * by_its_var)
            by_var += share * by_its_var
        slope = 2 * by_var / count
        by_mean /= count
        _, factor, _ = load_triple(maps, domain, channels, known, num_channels)
        for start in range(first, last, ROWS):
            at, mask = _tile(start, last, channels, known, num_channels, values, CHANNELS_LAST, ROWS)
            g = tl.load(grad + at, mask=mask, other=0).to(mean.dtype)
            value = tl.load(x + at, mask=mask, other=0).to(mean.dtype) - mean[None, :]
            result = factor[None, :] * g + by_mean[None, :] + slope[None, :] * value
            tl.store(by_input + at, result.to(by_input.dtype.element_ty), mask=mask)
