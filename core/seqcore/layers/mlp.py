"""The two-layer perceptron of a transformer block, applied to each row independently.

    z = m W_fc + b_fc      u = gelu(z)      out = u W_proj + b_proj
    backward               dz = gelu'(z) * (dout W_proj^T)      dm = dz W_fc^T

gelu' shares its exponential with gelu, so the forward pass computes both and stores the slope in place of z; the
backward pass turns the slope into dz.

Shapes: m, out, dout, dm (R, padded C), slope (z, gelu'(z), dz) and u (R, padded 4C).
"""

from seqcore.elementwise import gelu
from seqcore.gemm import matmul
from seqcore.jit import device
from seqcore.layers.linear import project_rows


@device
def activate(slope, u, width):
    """u = gelu(z), slope = gelu'(z), in the first `width` columns; slope holds z on entry."""
    for r in range(slope.shape[0]):
        row, to = slope[r, :width], u[r, :width]
        for j in range(width):
            to[j], row[j] = gelu(row[j])


@device
def mlp_forward(m, W_fc, b_fc, slope, u):
    """Fill slope and u from m; the caller computes the product with W_proj, straight into its destination."""
    project_rows(m, W_fc.shape[1], W_fc, b_fc, slope, False)
    activate(slope, u, 4 * W_fc.shape[1])


@device
def mlp_backward(dout, W_proj_T, W_fc_T, slope, du, dm):
    """Turn slope into dz and fill dm. du is scratch."""
    width = W_fc_T.shape[1]
    matmul(dout, W_proj_T.shape[1], W_proj_T, du, False)
    for r in range(slope.shape[0]):
        row, d = slope[r, :width], du[r, :width]
        for j in range(width):
            row[j] *= d[j]
    matmul(slope, width, W_fc_T, dm, False)
