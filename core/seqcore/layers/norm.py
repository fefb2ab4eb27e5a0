"""Layer norm (Ba et al. 2016): each row is normalised to mean 0 and variance 1, then scaled and shifted.

    mean = sum x_j / C      rstd = 1 / sqrt(sum (x_j - mean)^2 / C + 1e-5)      n_j = (x_j - mean) rstd
    y_j = n_j g_j + b_j

Backward, with s_j = dy_j g_j:

    dx_j = rstd (s_j - sum s / C - n_j sum s n / C)         dg_j = sum over rows of dy_j n_j,  db_j = sum of dy_j

Shapes: x, y, dy (R, >= C), rows may be padded; stats (R, 2) holds mean and rstd; scale (2, C) is g and b (zeros if the
model has no biases), dscale (2, C) their gradients.
"""

import numpy as np

from seqcore.jit import device

f4 = np.float32
EPS = f4(1e-5)


@device
def norm_forward(x, scale, y, stats):
    """Fill y and stats from x."""
    C = scale.shape[1]
    gain, shift = scale[0], scale[1]
    for r in range(x.shape[0]):
        row, to = x[r, :C], y[r, :C]
        total, square = f4(0), f4(0)
        for j in range(C):
            total += row[j]
        mean = total / f4(C)
        for j in range(C):
            square += (row[j] - mean) * (row[j] - mean)
        rstd = f4(1) / np.sqrt(square / f4(C) + EPS)
        for j in range(C):
            to[j] = (row[j] - mean) * rstd * gain[j] + shift[j]
        stats[r, 0], stats[r, 1] = mean, rstd


@device
def norm_backward(dy, x, stats, scale, beside, dscale):
    """Replace x by its gradient, plus `beside`, the gradient that bypasses the norm (no rows: none); add to dscale."""
    C = scale.shape[1]
    gain, dgain, dshift = scale[0], dscale[0], dscale[1]
    for r in range(x.shape[0]):
        d, row = dy[r, :C], x[r, :C]
        mean, rstd = stats[r, 0], stats[r, 1]
        total, along = f4(0), f4(0)
        for j in range(C):
            s = d[j] * gain[j]
            total += s
            along += s * ((row[j] - mean) * rstd)
        total, along = total / f4(C), along / f4(C)
        for j in range(C):
            n = (row[j] - mean) * rstd
            dgain[j] += d[j] * n
            dshift[j] += d[j]
            row[j] = rstd * (d[j] * gain[j] - total - n * along)
        if beside.shape[0]:
            other = beside[r, :C]
            for j in range(C):
                row[j] += other[j]
