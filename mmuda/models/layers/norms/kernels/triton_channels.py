"""Kernels in Triton that see all channels and no row of a batch, and what the others share.

What passes between kernels: :mod:`mmuda.models.layers.norms.kernels`.
"""

from __future__ import annotations

import triton
import triton.language as tl

# ---- moments ----


@triton.jit
def load_triple(triples, number, channels, known, num_channels):
    """Load three values of each channel, as mean, variance and count; 2, a count with a variance, behind the last."""
    at = triples + number * 3 * num_channels + channels
    first = tl.load(at, mask=known, other=2)
    second = tl.load(at + num_channels, mask=known, other=2)
    third = tl.load(at + 2 * num_channels, mask=known, other=2)
    return first, second, third


@triton.jit
def store_triple(triples, number, first, second, third, channels, known, num_channels):
    """Store three values of each channel."""
    at = triples + number * 3 * num_channels + channels
    tl.store(at, first, mask=known)
    tl.store(at + num_channels, second, mask=known)
    tl.store(at + 2 * num_channels, third, mask=known)


@triton.jit
def merged_parts(parts, domain, num_parts, channels, known, num_channels):
    """Merge mean, Σ (x − mean)² and count of all parts of a domain (Chan et al., 1983)."""
    mean, deviation, count = load_triple(parts, domain, channels, known, num_channels)
    for number in range(1, num_parts):
        mean_more, deviation_more, more = load_triple(parts, number * 2 + domain, channels, known, num_channels)
        delta = mean_more - mean
        share = more / (count + more)
        mean += delta * share
        deviation += deviation_more + delta * delta * count * share
        count += more
    return mean, deviation, count


@triton.jit
def merge_kernel(parts, merged, num_parts, num_channels, BLOCK: tl.constexpr):
    """Merge both domains' parts into one each, ``[2, 3, C]``: what a process sends to the others."""
    domain = tl.program_id(0)
    channels = tl.arange(0, BLOCK)
    known = channels < num_channels
    mean, deviation, count = merged_parts(parts, domain, num_parts, channels, known, num_channels)
    store_triple(merged, domain, mean, deviation, count, channels, known, num_channels)


@triton.jit
def move_statistic(running, value, share, finite, channels, known):
    """Move running statistics, but those of channels with NaN or infinite values."""
    old = tl.load(running + channels, mask=known, other=0).to(value.dtype)
    new = tl.where(finite, old + share * (value - old), old)
    tl.store(running + channels, new.to(running.dtype.element_ty), mask=known)


# ---- moments → maps ----


@triton.jit
def transferability(
    mean_s, var_s, mean_t, var_t, eps, known, num_channels, DISTANCE: tl.constexpr, PROBABILITY: tl.constexpr
):
    """Compute TransNorm's alpha, Eqs. 5 and 6, see :func:`mmuda.functional.transferability`."""
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
def source_shares(count_s, count_t, mixing, MIXTURE: tl.constexpr):
    """Return the source's share in the mixture that normalises the source, and in that for the target."""
    zero = tl.zeros_like(count_s)
    if MIXTURE == 'own':
        return zero + 1, zero
    elif MIXTURE == 'source':
        return zero + 1, zero + 1
    elif MIXTURE == 'joint':
        share = count_s / (count_s + count_t)
        return share, share
    else:  # AutoDIAL's, from 0.5 to 1
        share = zero + tl.minimum(tl.maximum(tl.load(mixing).to(count_s.dtype), 0.5), 1.0)
        return share, 1 - share


@triton.jit
def mixed_moments(mean_s, var_s, mean_t, var_t, share):
    """Return mean and variance of a mixture in which the source has a share, see
    :func:`mmuda.functional.mixed_moments`.
    """
    mean = share * mean_s + (1 - share) * mean_t
    from_s, from_t = mean_s - mean, mean_t - mean
    var = share * (var_s + from_s * from_s) + (1 - share) * (var_t + from_t * from_t)
    # moments without a share leave no trace, which NaN times 0 would be
    mean = tl.where(share == 1, mean_s, tl.where(share == 0, mean_t, mean))
    return mean, tl.where(share == 1, var_s, tl.where(share == 0, var_t, var))


@triton.jit
def affine_of(values, domain, default, channels, known, num_channels, dtype, OWN_AFFINE: tl.constexpr):
    """Scale or shift of a domain: its own, the shared one, or the default where none is learned."""
    if values is None:
        return tl.zeros_like(channels).to(dtype) + default
    else:
        at = domain * num_channels + channels if OWN_AFFINE else channels
        return tl.load(values + at, mask=known, other=0).to(dtype)


@triton.jit
def store_map(
    maps, ingredients, domain, mean, var, gain, share, weight, bias, eps, channels, known, num_channels,
    OWN_AFFINE: tl.constexpr,
):  # fmt: skip
    """Store the map of a domain that is normalised by this mean and variance, and what it is made of."""
    inv_std = 1 / tl.sqrt(var + eps)
    scale = gain * affine_of(weight, domain, 1, channels, known, num_channels, gain.dtype, OWN_AFFINE)
    shift = gain * affine_of(bias, domain, 0, channels, known, num_channels, gain.dtype, OWN_AFFINE)
    store_triple(maps, domain, mean, scale * inv_std, shift, channels, known, num_channels)
    store_triple(ingredients, domain, inv_std, gain, share, channels, known, num_channels)


@triton.jit
def maps_kernel(
    parts, num_parts, moments, maps, ingredients, weight, bias, mixing, eps,
    mean_source, var_source, mean_target, var_target, num_batches, momentum, num_channels,
    MIXTURE: tl.constexpr, RESIDUAL: tl.constexpr, DISTANCE: tl.constexpr, PROBABILITY: tl.constexpr,
    UNBIASED: tl.constexpr, OWN_AFFINE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Make ``moments``, ``maps`` and ``ingredients`` of ``parts``, and the running statistics; one program for all."""
    channels = tl.arange(0, BLOCK)
    known = channels < num_channels
    mean_s, deviation_s, count_s = merged_parts(parts, 0, num_parts, channels, known, num_channels)
    mean_t, deviation_t, count_t = merged_parts(parts, 1, num_parts, channels, known, num_channels)
    var_s, var_t = deviation_s / count_s, deviation_t / count_t
    unbiased_s, unbiased_t = deviation_s / (count_s - 1), deviation_t / (count_t - 1)
    store_triple(moments, 0, mean_s, var_s, count_s, channels, known, num_channels)
    store_triple(moments, 1, mean_t, var_t, count_t, channels, known, num_channels)
    if num_batches is not None:
        seen = tl.load(num_batches) + 1
        tl.store(num_batches, seen)
        moved = 1 / seen.to(mean_s.dtype) if momentum is None else momentum
        finite = (var_s + var_t) - (var_s + var_t) == 0
        move_statistic(mean_source, mean_s, moved, finite, channels, known)
        move_statistic(var_source, unbiased_s, moved, finite, channels, known)
        move_statistic(mean_target, mean_t, moved, finite, channels, known)
        move_statistic(var_target, unbiased_t, moved, finite, channels, known)
    gain = tl.zeros_like(mean_s) + 1
    if RESIDUAL != 'none':
        gain = transferability(
            mean_s, unbiased_s if UNBIASED else var_s, mean_t, unbiased_t if UNBIASED else var_t, eps, known,
            num_channels, DISTANCE, PROBABILITY,
        )  # fmt: skip
        if RESIDUAL == 'one_plus_alpha':
            gain += 1
    share_s, share_t = source_shares(count_s, count_t, mixing, MIXTURE)
    for domain in tl.static_range(2):
        share = share_s if domain == 0 else share_t
        mean, var = mixed_moments(mean_s, var_s, mean_t, var_t, share)
        store_map(
            maps, ingredients, domain, mean, var, gain, share, weight, bias, eps, channels, known, num_channels,
            OWN_AFFINE,
        )  # fmt: skip


# ---- backward ----


@triton.jit
def merged_sums(sums, domain, num_splits, channels, known, num_channels):
    """Merge Σ g and Σ g · x̂ of a domain, over its splits."""
    at = sums + domain * 2 * num_channels + channels
    total = tl.load(at, mask=known, other=0)
    products = tl.load(at + num_channels, mask=known, other=0)
    for number in range(1, num_splits):
        split = at + number * 4 * num_channels
        total += tl.load(split, mask=known, other=0)
        products += tl.load(split + num_channels, mask=known, other=0)
    return total, products


@triton.jit
def by_normalizer(maps, ingredients, sums, domain, num_splits, channels, known, num_channels):
    """Return the gradients of the loss by the center and by the variance that normalise a domain."""
    _, factor, _ = load_triple(maps, domain, channels, known, num_channels)
    inv_std, _, _ = load_triple(ingredients, domain, channels, known, num_channels)
    total, products = merged_sums(sums, domain, num_splits, channels, known, num_channels)
    return -factor * total, -0.5 * factor * inv_std * products


@triton.jit
def store_gradient(values, gradient, channels, known):
    """Store a gradient in the precision of its parameter."""
    tl.store(values + channels, gradient.to(values.dtype.element_ty), mask=known)


@triton.jit
def store_affine(
    by_weight, by_bias, ingredients, sums, num_splits, channels, known, num_channels, OWN_AFFINE: tl.constexpr
):
    """Store the gradients of the loss by scale and shift: Σ gain · g · x̂ and Σ gain · g."""
    _, gain, _ = load_triple(ingredients, 0, channels, known, num_channels)
    total_s, products_s = merged_sums(sums, 0, num_splits, channels, known, num_channels)
    total_t, products_t = merged_sums(sums, 1, num_splits, channels, known, num_channels)
    if OWN_AFFINE:
        store_gradient(by_weight, gain * products_s, channels, known)
        store_gradient(by_bias, gain * total_s, channels, known)
        store_gradient(by_weight + num_channels, gain * products_t, channels, known)
        store_gradient(by_bias + num_channels, gain * total_t, channels, known)
    else:
        store_gradient(by_weight, gain * (products_s + products_t), channels, known)
        store_gradient(by_bias, gain * (total_s + total_t), channels, known)


@triton.jit
def share_kernel(moments, maps, ingredients, sums, num_splits, mixing, by_mixing, num_channels, BLOCK: tl.constexpr):
    """Write the gradient of the loss by AutoDIAL's share; outside its bounds only what leads back passes."""
    channels = tl.arange(0, BLOCK)
    known = channels < num_channels
    mean_s, var_s, _ = load_triple(moments, 0, channels, known, num_channels)
    mean_t, var_t, _ = load_triple(moments, 1, channels, known, num_channels)
    gradient = tl.zeros_like(mean_s)
    for domain in tl.static_range(2):
        center, _, _ = load_triple(maps, domain, channels, known, num_channels)
        by_center, by_var = by_normalizer(maps, ingredients, sums, domain, num_splits, channels, known, num_channels)
        from_s, from_t = mean_s - center, mean_t - center
        change = by_center * (mean_s - mean_t) + by_var * (var_s + from_s * from_s - var_t - from_t * from_t)
        gradient += change if domain == 0 else -change
    total = tl.sum(tl.where(known, gradient, 0), 0)
    share = tl.load(mixing).to(total.dtype)
    outwards = ((share >= 1) & (total < 0)) | ((share <= 0.5) & (total > 0))
    tl.store(by_mixing, tl.where(outwards, 0, total).to(by_mixing.dtype.element_ty))
