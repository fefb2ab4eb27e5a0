"""What follows the logits when a text is written: a distribution at a temperature, and a token drawn from it.

    shares = softmax(logits / temperature)        (V,), in float64; all on the likeliest at 0
    token  = the first whose running sum of shares lies above a chance of 0..1

One kernel: ten calls of NumPy on so few numbers take as long as the model does to predict them.
"""

import math

import numpy as np

from seqcore.jit import f1, f8, f8_1, i8, kernel


@kernel("draw a token", "look", i8(f1, f8, f8, f8_1))
def draw_token(logits, temperature, chance, shares):
    """Fill shares (V,) from logits (V,); returns the token at `chance`, or -1, and no shares, if a logit is not finite.

    Of several likeliest tokens the first counts at temperature 0. What rounding leaves above the last running sum is
    the last token's.
    """
    V, finite, top = logits.size, True, np.float32(-np.inf)
    for j in range(V):
        finite &= np.isfinite(logits[j])
        top = max(top, logits[j])
    if not finite:
        return -1
    if temperature <= 0:
        shares[:] = 0.0
        likeliest = np.argmax(logits)
        shares[likeliest] = 1.0
        return likeliest
    total = 0.0
    for j in range(V):
        shares[j] = math.exp((np.float64(logits[j]) - np.float64(top)) / temperature)
        total += shares[j]
    for j in range(V):
        shares[j] /= total
    mass = 0.0
    for j in range(V):
        mass += shares[j]
        if mass > chance:
            return j
    return V - 1
