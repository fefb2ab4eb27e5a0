"""Where the bar is on the score of a pair: what the encoder reads before it, and what the decoder reads after it.

Of two sequences of symbols, the score is (T, ...) int32: source symbols are numbered from 0, -1 is padding, and those
of the decoder are numbered from V on. Of a picture and its caption, it is (T, ..., F + 1) float32: before the bar, the
first F columns hold a patch at each timestep and the last one -1; after it, the last one holds the decoder's symbol,
numbered from 0, and the others are 0.
"""

import numpy as np

from seqcore.records import I32, Inputs


def decoder_symbols(score: Inputs, V: int) -> I32:
    """Return the symbols that the decoder reads, numbered from 0; negative before the bar."""
    found = score - V if score.dtype.kind == "i" else score[..., -1]
    return found.astype(np.int32)


def bar_of(score: Inputs, V: int) -> int:
    """Return S, the timesteps before the first one at which the decoder reads; T if there is none."""
    symbols = decoder_symbols(score, V)
    after = (symbols.reshape(len(symbols), -1) >= 0).any(axis=1)
    return int(np.argmax(after)) if after.any() else len(score)


def joined(source: Inputs, symbols: I32, V: int) -> Inputs:
    """Return the score of a source, as it stands before the bar, and the symbols (U,) that the decoder reads."""
    if source.dtype.kind == "i":
        return np.concatenate([source, V + symbols]).astype(np.int32)
    after = np.zeros((len(symbols), source.shape[1]), np.float32)
    after[:, -1] = symbols
    return np.concatenate([source, after])
