"""N-gram baselines, to compare the loss of a network with."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqcore.records import I32


def count(train: "I32", validation: "I32", size: int) -> dict[str, Any]:
    """Count n-grams on `train` (M,) and measure them on `validation` (N,), with `size` tokens in the vocabulary.

    Return entries of a JSON object: "references", the losses by model name in nats per token; and, if only a part of a
    long text was used, the number of tokens in "references_counted" and "references_measured".
    """
    from seqcore.data.ngrams import MEASURED, MOST, references

    found = references(train, validation, size)
    names = ("uniform", "unigram", "bigram", "trigram")
    entry: dict[str, Any] = {
        "references": {name: value for name in names if math.isfinite(value := getattr(found, name))}
    }
    if train.size > MOST or validation.size > MEASURED:
        entry["references_counted"] = min(MOST, int(train.size))
        entry["references_measured"] = min(MEASURED, int(validation.size))
    return entry


def remark(entry: Mapping[str, Any]) -> str:
    """Return a remark on the result of `count` if only a part was used, else an empty string."""
    if "references_counted" not in entry:
        return ""
    counted, measured = entry["references_counted"], entry["references_measured"]
    return f"counted on {counted:,} tokens, measured on {measured:,}"
