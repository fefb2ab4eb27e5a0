"""The way of a gradient back through the timesteps of a recurrent layer."""

from collections.abc import Sequence

import numpy as np

from seqcore.cellwork.layer_back import LayerBack, lengths
from seqcore.cellwork.records import Step
from seqcore.cellwork.terms import Names
from seqcore.records import F32


def recurrent_path(
    back: LayerBack, times: Sequence[int], unit: int, kept: Sequence[float], last: int, names: Names
) -> tuple[Step, ...]:
    """Return the steps of a layer, in the order of the sequence.

    times (T,): the timestep of each row, in the order in which the layer reads; kept (T,): see `Step.keep`; `last`: the
    row of the last loss, or where the gradient enters from another part of the model.
    """
    sizes, entering, stretches = back.sizes.tolist(), lengths(back.entering).tolist(), back.stretches.tolist()
    steps, product = [], 1.0
    for i in range(len(times) - 1, -1, -1):
        steps.append(
            Step(
                times[i], names.symbol(times[i]), sizes[i], entering[i], stretches[i], float(back.dh[i, unit]), kept[i],
                product if i <= last else np.nan, float(back.shares[i]),
            )
        )  # fmt: skip
        product *= kept[i] if i <= last else 1.0
    return tuple(sorted(steps))


def plain_path(gradients: F32, entering: F32, unit: int, names: Names, first: int = 0) -> tuple[Step, ...]:
    """Return the steps of a layer without recurrence, from timestep `first` on.

    gradients (n, H): of its units; entering (n, H): the part that enters at each timestep.
    """
    rows = zip(lengths(gradients).tolist(), lengths(entering).tolist(), gradients[:, unit].tolist(), strict=True)
    nan = float("nan")
    return tuple(
        Step(t, names.symbol(t), size, part, nan, one, nan, nan, nan) for t, (size, part, one) in enumerate(rows, first)
    )
