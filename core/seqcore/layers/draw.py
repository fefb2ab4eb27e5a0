"""Sampling from logits: a distribution at a temperature, and a token drawn from it.

    shares = softmax(logits / temperature)        (V,), in float64; one-hot at the argmax for temperature 0
    token  = the first whose cumulative share exceeds `chance`, uniform in 0..1

A single kernel: ten NumPy calls on arrays this small take as long as the model takes to predict the logits.
"""

import math

import numpy as np

from seqcore.jit import f1, f8, f8_1, i8, kernel


@kernel("draw a token", "look", i8(f1, f8, f8, f8_1))
def draw_token(logits, temperature, chance, shares):
    """Fill shares (V,) from logits (V,) and return the token at `chance`.

    If a logit is not finite, return -1 and leave shares unchanged. At temperature 0, ties go to the first token. If
    rounding keeps the total at or below `chance`, return the last token.
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
