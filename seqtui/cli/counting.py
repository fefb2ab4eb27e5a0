"""What models that only count reach, beside which a network's loss means something."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqcore.records import I32


def count(train: "I32", validation: "I32", size: int) -> dict[str, Any]:
    """Models counted on `train` (M,) and measured on `validation` (N,), with `size` tokens in the vocabulary.

    Entries of a JSON object: "references", the losses that are known by their models' names, in nats a token; and of
    how many tokens, "references_counted" and "references_measured", where the texts are too long to be read whole.
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
    """What to say of what `count` found where only a part was read; empty where all was."""
    if "references_counted" not in entry:
        return ""
    counted, measured = entry["references_counted"], entry["references_measured"]
    return f"counted on {counted:,} tokens, measured on {measured:,}"
