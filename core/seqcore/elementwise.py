"""exp, tanh, sigmoid, gelu in float32, written so that LLVM vectorises them (0.2 ns per element; libm calls: 2.4 ns).

Relative errors compared with float64, measured over every exponent and checked by the tests:

    exp       3e-7 on [-87, 88]; clamped to exp(-87) = 1.6e-38 below -87 and to exp(88) = 1.7e38 above 88
    tanh      4e-7 for |x| >= 3e-36; closer to 0 the numerator is subnormal and the absolute error is below 1e-42
    sigmoid   4e-7 on [-87, inf); constant 6.1e-39 below -88
    gelu      5e-7 for x > 0; for x < 0 the rounding of x^2 adds up: 6e-7 + 7e-8 x^2 down to -13.1, constant -2.2e-38
              below. The absolute error of the derivative is below 3e-7

NaN propagates: comparisons are written so that they are false for NaN and leave it unchanged.
"""

import numpy as np

from seqcore.jit import elementwise

f4 = np.float32


@elementwise
def exp(x):
    """e^x, after Cephes' expf (Moshier): x = n ln 2 + r, a polynomial in r, and n added to the exponent bits."""
    x = f4(-87) if x < f4(-87) else x
    x = f4(88) if x > f4(88) else x
    n = np.floor(x * f4(1.44269504) + f4(0.5))  # math.floor returns int64, which would make the rest float64
    r = x - n * f4(0.693359375) + n * f4(2.12194440e-4)
    p = f4(1.9875691500e-4) * r + f4(1.3981999507e-3)
    p = p * r + f4(8.3334519073e-3)
    p = p * r + f4(4.1665795894e-2)
    p = p * r + f4(1.6666665459e-1)
    p = p * r + f4(5.0000001201e-1)
    return (p * r * r + r + f4(1)) * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@elementwise
def tanh(x):
    """tanh x: Eigen's rational minimax approximation on [-7.9, 7.9]; clamped outside, within 3e-7 of +-1."""
    x = f4(7.9) if x > f4(7.9) else x
    x = f4(-7.9) if x < f4(-7.9) else x
    s = x * x
    p = f4(-2.76076847742355e-16) * s + f4(2.00018790482477e-13)
    p = p * s + f4(-8.60467152213735e-11)
    p = p * s + f4(5.12229709037114e-08)
    p = p * s + f4(1.48572235717979e-05)
    p = p * s + f4(6.37261928875436e-04)
    p = p * s + f4(4.89352455891786e-03)
    q = f4(1.19825839466702e-06) * s + f4(1.18534705686654e-04)
    q = q * s + f4(2.26843463243900e-03)
    q = q * s + f4(4.89352518554385e-03)
    return x * p / q


@elementwise
def sigmoid(x):
    """1 / (1 + e^-x); not computed from tanh, whose absolute error would swamp the value of a nearly closed gate."""
    return f4(1) / (f4(1) + exp(-x))


@elementwise
def gelu(x):
    """(x Phi(x), its derivative Phi(x) + x phi(x)); Phi, phi: the standard normal distribution and its density.

    The exact gelu (Hendrycks and Gimpel 2016), computed from the tail beyond a = |x|, which is small where gelu is:
    Phi(-a) = e^(-a^2 / 2) R(a), R a polynomial in 1 / (1 + 0.3 a), fitted on [0, 13.2] to 1.2e-7. The exponential is
    2^n 2^f, with a polynomial for 2^f on [-1/2, 1/2], fitted to 8e-8: fewer operations than `exp`, as it needs no
    clamping.
    """
    a = abs(x)
    a = f4(13.1) if a > f4(13.1) else a
    y = a * a * f4(-0.72134752)  # -a^2 / 2 as an exponent of 2
    n = np.floor(y + f4(0.5))
    f = y - n
    p = f4(0.00132765) * f + f4(0.00967554)
    p = p * f + f4(0.05550713)
    p = p * f + f4(0.2402212)
    p = p * f + f4(0.69314697)
    e = (p * f + f4(1.00000007)) * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    t = f4(1) / (f4(1) + f4(0.3) * a)
    p = f4(0.03608884) * t + f4(-0.15893373)
    p = p * t + f4(0.2093464)
    p = p * t + f4(-0.05645012)
    p = p * t + f4(0.13003263)
    p = p * t + f4(0.09946506)
    p = p * t + f4(0.12082632)
    p = p * t + f4(0.11962454)
    tail = p * t * e
    slope = tail - f4(0.39894228) * a * e  # at -a
    above = x if x > f4(0) else f4(0)
    return above - a * tail, f4(1) - slope if x > f4(0) else slope
