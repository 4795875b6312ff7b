"""Kernels of the norms of two domains, each a pass over a batch or over its channels.

Torch's are those of its batch norm. Those in Triton pass triples of values of each channel between each other, for S
splits of a domain's rows, C channels and the domains d in the order source, target:

    parts [S, 2, 3, C]           mean, Σ (x − mean)² and count of a split
    moments [2, 3, C]            mean, variance and count of a domain
    maps [2, 3, C]               center, factor and shift of y = (x − center) · factor + shift
    ingredients [2, 3, C]        what maps are made of: 1 / sqrt(variance + eps), gain, and the source's share w in the
                                 mixture whose moments normalise the domain; the target's is 1 − w
    sums [S, 2, 2, C]            Σ g and Σ g · x̂ of a split, g the gradient of y
"""
