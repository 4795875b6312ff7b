"""Kernels of :mod:`mmuda.models.layers.fused_norm` that see all channels and no row of a batch, in Triton.

parts [2S, 3, C]     mean, Σ (x − mean)² and count of a split of a domain's rows
table [2, 6, C]      of each domain: mean, variance and count of its own rows, then what normalises it: center,
                     1 / sqrt(variance + eps) and gain
sums [2S, 2, C]      Σ g and Σ g · x̂ of a split
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def merged_parts(parts, channels, known, num_channels, num_parts, stride):
    """Mean, Σ (x − mean)² and count of several parts of one domain (Chan et al., 1983)."""
    mean = tl.load(parts + channels, mask=known, other=0)
    deviation = tl.load(parts + num_channels + channels, mask=known, other=0)
    count = tl.load(parts + 2 * num_channels + channels, mask=known, other=1)
    for number in range(1, num_parts):
        part = parts + number * stride + channels
        more = tl.load(part + 2 * num_channels, mask=known, other=1)
        delta = tl.load(part, mask=known, other=0) - mean
        share = more / (count + more)
        mean += delta * share
        deviation += tl.load(part + num_channels, mask=known, other=0) + delta * delta * count * share
        count += more
    return mean, deviation, count


@triton.jit
def merge_kernel(parts, merged, num_channels, num_parts, BLOCK: tl.constexpr):
    """The ``num_parts`` splits of each domain as one, ``[2, 3, C]``: what a process sends to the others."""
    domain = tl.program_id(0)
    channels = tl.arange(0, BLOCK)
    known = channels < num_channels
    size = 3 * num_channels
    mean, deviation, count = merged_parts(
        parts + domain * num_parts * size, channels, known, num_channels, num_parts, size
    )
    out = merged + domain * size + channels
    tl.store(out, mean, mask=known)
    tl.store(out + num_channels, deviation, mask=known)
    tl.store(out + 2 * num_channels, count, mask=known)


@triton.jit
def shares_of(count_s, count_t, mixing, MIXTURE: tl.constexpr, ACC: tl.constexpr):
    """How the two domains' moments mix: of the source and the target in the source's norm, then in the target's."""
    if MIXTURE == 'own':
        return 1.0, 0.0, 0.0, 1.0
    elif MIXTURE == 'source':
        return 1.0, 0.0, 1.0, 0.0
    elif MIXTURE == 'joint':
        share = count_s / (count_s + count_t)
        return share, 1 - share, share, 1 - share
    else:
        share = bounded(mixing, ACC)
        return share, 1 - share, 1 - share, share


@triton.jit
def bounded(mixing, ACC: tl.constexpr):
    """AutoDIAL's share, from 0.5 to 1."""
    return tl.minimum(tl.maximum(tl.load(mixing).to(ACC), 0.5), 1.0)


@triton.jit
def mixed_moments(mean_s, var_s, mean_t, var_t, share_s, share_t):
    """Mean and variance of a mixture of the two domains."""
    mean = share_s * mean_s + share_t * mean_t
    from_s, from_t = mean_s - mean, mean_t - mean
    return mean, share_s * (var_s + from_s * from_s) + share_t * (var_t + from_t * from_t)


@triton.jit
def transferability(
    mean_s, var_s, mean_t, var_t, eps, known, num_channels, DISTANCE: tl.constexpr, PROBABILITY: tl.constexpr
):
    """TransNorm's transferability, see :func:`mmuda.functional.transferability`."""
    std_s, std_t = tl.sqrt(var_s + eps), tl.sqrt(var_t + eps)
    if DISTANCE == 'none':
        distance = tl.zeros_like(mean_s)
    elif DISTANCE == 'normalized_mean':
        distance = tl.abs(mean_s / std_s - mean_t / std_t)
    elif DISTANCE == 'mean':
        distance = tl.abs(mean_s - mean_t)
    else:
        distance = (mean_s - mean_t) * (mean_s - mean_t) + (std_s - std_t) * (std_s - std_t)
    if PROBABILITY == 'student_t':
        weight = 1 / (1 + distance)
    else:
        energy = distance if PROBABILITY == 'softmax' else distance * distance / 2
        weight = tl.exp(tl.min(tl.where(known, energy, float('inf')), 0) - energy)
    weight = tl.where(known, weight, 0)
    return num_channels * weight / tl.sum(weight, 0)


@triton.jit
def move_statistic(running, value, share, finite, channels, known):
    """Move running statistics, but those of channels with NaN or infinite values."""
    old = tl.load(running + channels, mask=known, other=0).to(value.dtype)
    new = tl.where(finite, old + share * (value - old), old)
    tl.store(running + channels, new.to(running.dtype.element_ty), mask=known)


@triton.jit
def channels_kernel(
    parts, table, mixing, mean_source, var_source, mean_target, var_target, batches,
    num_channels, num_parts, domain_stride, part_stride, momentum, eps,
    MIXTURE: tl.constexpr, RESIDUAL: tl.constexpr, DISTANCE: tl.constexpr, PROBABILITY: tl.constexpr,
    UNBIASED: tl.constexpr, TRACK: tl.constexpr, CUMULATIVE: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """``parts`` -> ``table``, and the running statistics; one program for all channels."""
    channels = tl.arange(0, BLOCK)
    known = channels < num_channels
    mean_s, deviation_s, count_s = merged_parts(parts, channels, known, num_channels, num_parts, part_stride)
    mean_t, deviation_t, count_t = merged_parts(
        parts + domain_stride, channels, known, num_channels, num_parts, part_stride
    )
    var_s, var_t = deviation_s / count_s, deviation_t / count_t
    unbiased_s, unbiased_t = deviation_s / (count_s - 1), deviation_t / (count_t - 1)
    if TRACK:
        seen = tl.load(batches) + 1
        share = 1 / seen.to(ACC) if CUMULATIVE else momentum
        tl.store(batches, seen)
        spread = var_s + var_t
        finite = spread - spread == 0
        move_statistic(mean_source, mean_s, share, finite, channels, known)
        move_statistic(var_source, unbiased_s, share, finite, channels, known)
        move_statistic(mean_target, mean_t, share, finite, channels, known)
        move_statistic(var_target, unbiased_t, share, finite, channels, known)
    gain = tl.zeros((BLOCK,), ACC) + 1
    if RESIDUAL != 'none':
        gain = transferability(
            mean_s, unbiased_s if UNBIASED else var_s, mean_t, unbiased_t if UNBIASED else var_t, eps, known,
            num_channels, DISTANCE, PROBABILITY,
        )  # fmt: skip
        if RESIDUAL == 'one_plus_alpha':
            gain += 1
    center_s, used_s, center_t, used_t = mean_s, var_s, mean_t, var_t
    if MIXTURE == 'source':
        center_t, used_t = mean_s, var_s
    elif MIXTURE != 'own':
        ss, st, ts, tt = shares_of(count_s, count_t, mixing, MIXTURE, ACC)
        center_s, used_s = mixed_moments(mean_s, var_s, mean_t, var_t, ss, st)
        center_t, used_t = mixed_moments(mean_s, var_s, mean_t, var_t, ts, tt)
    fill_table(table, channels, known, num_channels, mean_s, var_s, count_s, center_s, 1 / tl.sqrt(used_s + eps), gain)
    out = table + 6 * num_channels
    fill_table(out, channels, known, num_channels, mean_t, var_t, count_t, center_t, 1 / tl.sqrt(used_t + eps), gain)


@triton.jit
def fill_table(table, channels, known, num_channels, mean, var, count, center, inv_std, gain):
    """One domain's part of the table."""
    tl.store(table + channels, mean, mask=known)
    tl.store(table + num_channels + channels, var, mask=known)
    tl.store(table + 2 * num_channels + channels, count, mask=known)
    tl.store(table + 3 * num_channels + channels, center, mask=known)
    tl.store(table + 4 * num_channels + channels, inv_std, mask=known)
    tl.store(table + 5 * num_channels + channels, gain, mask=known)


@triton.jit
def read_row(table, row: tl.constexpr, channels, known, num_channels):
    """One row of the table."""
    return tl.load(table + row * num_channels + channels, mask=known, other=0)


@triton.jit
def affine_of(values, domain, channels, known, num_channels, default: tl.constexpr, AFFINE: tl.constexpr, gain):
    """Scale or shift of a domain: shared, its own, or the default, times the gain."""
    if AFFINE == 'none':
        return gain * default
    elif AFFINE == 'own':
        return gain * tl.load(values + domain * num_channels + channels, mask=known, other=0).to(gain.dtype)
    else:
        return gain * tl.load(values + channels, mask=known, other=0).to(gain.dtype)


@triton.jit
def merged_sums(sums, domain, channels, known, num_channels, num_parts):
    """Σ g and Σ g · x̂ of a domain, over its splits."""
    start = sums + domain * num_parts * 2 * num_channels + channels
    total = tl.load(start, mask=known, other=0)
    products = tl.load(start + num_channels, mask=known, other=0)
    for number in range(1, num_parts):
        total += tl.load(start + number * 2 * num_channels, mask=known, other=0)
        products += tl.load(start + (number * 2 + 1) * num_channels, mask=known, other=0)
    return total, products


@triton.jit
def by_moments(table, sums, weight, domain, channels, known, num_channels, num_parts, AFFINE: tl.constexpr):
    """The loss by the center and by the variance that normalise a domain, and the factor of its gradient."""
    own = table + domain * 6 * num_channels
    gain, inv_std = read_row(own, 5, channels, known, num_channels), read_row(own, 4, channels, known, num_channels)
    total, products = merged_sums(sums, domain, channels, known, num_channels, num_parts)
    factor = affine_of(weight, domain, channels, known, num_channels, 1, AFFINE, gain) * inv_std
    return -factor * total, -0.5 * factor * inv_std * products, factor


@triton.jit
def write_gradient(values, gradient, channels, known):
    """A gradient in the precision of its parameter."""
    tl.store(values + channels, gradient.to(values.dtype.element_ty), mask=known)


@triton.jit
def write_affine(by_weight, by_bias, table, sums, channels, known, num_channels, num_parts, AFFINE: tl.constexpr):
    """The loss by scale and shift, from the sums of this process."""
    gain = read_row(table, 5, channels, known, num_channels)
    total_s, products_s = merged_sums(sums, 0, channels, known, num_channels, num_parts)
    total_t, products_t = merged_sums(sums, 1, channels, known, num_channels, num_parts)
    if AFFINE == 'own':
        write_gradient(by_weight, gain * products_s, channels, known)
        write_gradient(by_bias, gain * total_s, channels, known)
        write_gradient(by_weight + num_channels, gain * products_t, channels, known)
        write_gradient(by_bias + num_channels, gain * total_t, channels, known)
    else:
        write_gradient(by_weight, gain * (products_s + products_t), channels, known)
        write_gradient(by_bias, gain * (total_s + total_t), channels, known)


@triton.jit
def share_kernel(
    table, sums, weight, mixing, by_mixing, num_channels, num_parts,
    AFFINE: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The loss by AutoDIAL's share; outside its bounds only what leads back passes."""
    channels = tl.arange(0, BLOCK)
    known = channels < num_channels
    mean_s, var_s = read_row(table, 0, channels, known, num_channels), read_row(table, 1, channels, known, num_channels)
    mean_t, var_t = read_row(table, 6, channels, known, num_channels), read_row(table, 7, channels, known, num_channels)
    gradient = tl.zeros((BLOCK,), ACC)
    for domain in tl.static_range(2):
        center = read_row(table, domain * 6 + 3, channels, known, num_channels)
        by_center, by_var, _ = by_moments(table, sums, weight, domain, channels, known, num_channels, num_parts, AFFINE)
        far_s, far_t = mean_s - center, mean_t - center
        change = by_center * (mean_s - mean_t) + by_var * (var_s + far_s * far_s - var_t - far_t * far_t)
        gradient += change if domain == 0 else -change
    total = tl.sum(tl.where(known, gradient, 0), 0)
    share = tl.load(mixing).to(ACC)
    outwards = ((share >= 1) & (total < 0)) | ((share <= 0.5) & (total > 0))
    tl.store(by_mixing, tl.where(outwards, 0, total).to(by_mixing.dtype.element_ty))
