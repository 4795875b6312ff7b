"""Kernels of :mod:`mmuda.models.layers.fused_norm` that pass over a batch, in Triton.

A batch is a table of rows (sample, place) and of channels, whether it lies in memory by channel or channels last.
A program has a block of channels and one split of one domain's rows: splits 0 to S − 1 are the source's, S to 2S − 1
the target's. Sums are taken in ACC, float32 at least. What passes between kernels, for C channels:

    parts [2S, 3, C]     mean, Σ (x − mean)² and count of a split
    table [2, 6, C]      of each domain, see :mod:`mmuda.models.layers.norm_channels`
    sums [2S, 2, C]      Σ g and Σ g · x̂ of a split
"""

from __future__ import annotations

import triton
import triton.language as tl

from .norm_channels import affine_of, by_moments, read_row, shares_of, write_affine


@triton.jit
def _rows_of(split, num_source, num_target, SPLITS: tl.constexpr):
    """First row of a split, and the one after its last."""
    in_target = split >= SPLITS
    rows = tl.where(in_target, num_target, num_source)
    size = tl.cdiv(rows, SPLITS)
    begin = (split % SPLITS) * size
    offset = tl.where(in_target, num_source, 0)
    return offset + tl.minimum(begin, rows), offset + tl.minimum(begin + size, rows)


@triton.jit
def _places(rows, channels, num_channels, values, CHANNELS_LAST: tl.constexpr):
    """Where (row, channel) lies."""
    if CHANNELS_LAST:
        return rows.to(tl.int64) * num_channels + channels
    else:
        samples = rows // values
        return samples.to(tl.int64) * (num_channels * values) + channels * values + (rows - samples * values)


@triton.jit
def moments_kernel(
    x, parts, num_source, num_target, num_channels, values,
    SPLITS: tl.constexpr, CHANNELS_LAST: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """``parts`` of every split; sums are taken around its first value, so that a large mean costs no precision."""
    split = tl.program_id(1)
    channels = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    known = channels < num_channels
    first, last = _rows_of(split, num_source, num_target, SPLITS)
    row = tl.minimum(first, num_source + num_target - 1)
    shift = tl.load(x + _places(row, channels, num_channels, values, CHANNELS_LAST), mask=known, other=0).to(ACC)
    total = tl.zeros((ROWS, CHANNELS), ACC)
    squares = tl.zeros((ROWS, CHANNELS), ACC)
    for start in range(first, last, ROWS):
        rows = start + tl.arange(0, ROWS)[:, None]
        mask = (rows < last) & known[None, :]
        at = _places(rows, channels[None, :], num_channels, values, CHANNELS_LAST)
        value = tl.where(mask, tl.load(x + at, mask=mask, other=0).to(ACC) - shift[None, :], 0)
        total += value
        squares += value * value
    count = (last - first).to(ACC)
    moved = tl.sum(total, 0) / tl.maximum(count, 1)
    deviation = tl.sum(squares, 0) - count * moved * moved
    out = parts + split * 3 * num_channels + channels
    tl.store(out, shift + moved, mask=known)
    tl.store(out + num_channels, tl.where(deviation < 0, 0, deviation), mask=known)  # a NaN stays one
    tl.store(out + 2 * num_channels, tl.zeros((CHANNELS,), ACC) + count, mask=known)


@triton.jit
def map_kernel(
    x, table, weight, bias, out, num_source, num_target, num_channels, values,
    AFFINE: tl.constexpr, SPLITS: tl.constexpr, CHANNELS_LAST: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
):  # fmt: skip
    """``out`` = (x − center) · scale + shift."""
    split = tl.program_id(1)
    domain = split // SPLITS
    channels = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    known = channels < num_channels
    table += domain * 6 * num_channels
    gain = read_row(table, 5, channels, known, num_channels)
    center = read_row(table, 3, channels, known, num_channels)
    scale = affine_of(weight, domain, channels, known, num_channels, 1, AFFINE, gain)
    scale *= read_row(table, 4, channels, known, num_channels)
    shift = affine_of(bias, domain, channels, known, num_channels, 0, AFFINE, gain)
    first, last = _rows_of(split, num_source, num_target, SPLITS)
    for start in range(first, last, ROWS):
        rows = start + tl.arange(0, ROWS)[:, None]
        mask = (rows < last) & known[None, :]
        at = _places(rows, channels[None, :], num_channels, values, CHANNELS_LAST)
        value = tl.load(x + at, mask=mask, other=0).to(ACC)
        value = (value - center[None, :]) * scale[None, :] + shift[None, :]
        tl.store(out + at, value.to(out.dtype.element_ty), mask=mask)


@triton.jit
def sums_kernel(
    grad, x, table, sums, num_source, num_target, num_channels, values,
    SPLITS: tl.constexpr, CHANNELS_LAST: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """``sums`` of every split."""
    split = tl.program_id(1)
    channels = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    known = channels < num_channels
    table += (split // SPLITS) * 6 * num_channels
    center = read_row(table, 3, channels, known, num_channels)
    first, last = _rows_of(split, num_source, num_target, SPLITS)
    total = tl.zeros((ROWS, CHANNELS), ACC)
    products = tl.zeros((ROWS, CHANNELS), ACC)
    for start in range(first, last, ROWS):
        rows = start + tl.arange(0, ROWS)[:, None]
        mask = (rows < last) & known[None, :]
        at = _places(rows, channels[None, :], num_channels, values, CHANNELS_LAST)
        g = tl.load(grad + at, mask=mask, other=0).to(ACC)
        value = tl.load(x + at, mask=mask, other=0).to(ACC) - center[None, :]
        total += g
        products += g * value
    out = sums + split * 2 * num_channels + channels
    tl.store(out, tl.sum(total, 0), mask=known)
    tl.store(out + num_channels, tl.sum(products, 0) * read_row(table, 4, channels, known, num_channels), mask=known)


@triton.jit
def gradient_kernel(
    grad, x, table, sums, own_sums, weight, mixing, out, by_weight, by_bias,
    num_source, num_target, num_channels, values, num_parts, num_own_parts,
    MIXTURE: tl.constexpr, AFFINE: tl.constexpr, WITH_INPUT: tl.constexpr, SPLITS: tl.constexpr,
    CHANNELS_LAST: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """``out``, the loss by x, and by scale and shift.

    ∂L/∂x = a · g + (∂L/∂mean + 2 (x − mean) · ∂L/∂var) / count,   mean and var of the row's own domain
    """
    split = tl.program_id(1)
    channels = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    known = channels < num_channels
    if AFFINE != 'none' and split == 0:
        write_affine(by_weight, by_bias, table, own_sums, channels, known, num_channels, num_own_parts, AFFINE)
    if WITH_INPUT:
        in_source = split < SPLITS
        center_s, var_s, factor_s = by_moments(table, sums, weight, 0, channels, known, num_channels, num_parts, AFFINE)
        center_t, var_t, factor_t = by_moments(table, sums, weight, 1, channels, known, num_channels, num_parts, AFFINE)
        count_s = read_row(table, 2, channels, known, num_channels)
        count_t = read_row(table, 8, channels, known, num_channels)
        ss, st, ts, tt = shares_of(count_s, count_t, mixing, MIXTURE, ACC)
        to_s, to_t = tl.where(in_source, ss, st), tl.where(in_source, ts, tt)
        own = table + (split // SPLITS) * 6 * num_channels
        mean = read_row(own, 0, channels, known, num_channels)
        count = tl.where(known, read_row(own, 2, channels, known, num_channels), 1)
        far_s = mean - read_row(table, 3, channels, known, num_channels)
        far_t = mean - read_row(table, 9, channels, known, num_channels)
        by_mean = to_s * (center_s + 2 * far_s * var_s) + to_t * (center_t + 2 * far_t * var_t)
        slope = 2 * (to_s * var_s + to_t * var_t) / count
        by_mean /= count
        factor = tl.where(in_source, factor_s, factor_t)
        first, last = _rows_of(split, num_source, num_target, SPLITS)
        for start in range(first, last, ROWS):
            rows = start + tl.arange(0, ROWS)[:, None]
            mask = (rows < last) & known[None, :]
            at = _places(rows, channels[None, :], num_channels, values, CHANNELS_LAST)
            g = tl.load(grad + at, mask=mask, other=0).to(ACC)
            value = tl.load(x + at, mask=mask, other=0).to(ACC) - mean[None, :]
            result = factor[None, :] * g + by_mean[None, :] + slope[None, :] * value
            tl.store(out + at, result.to(out.dtype.element_ty), mask=mask)
