"""BLEU (Papineni et al. 2002) and chrF (Popović 2015) as sacrebleu computes them, if it is installed."""

import importlib
from collections.abc import Sequence

from seqcore.tasks.task import Measures


def bleu_and_chrf(found: Sequence[str], wanted: Sequence[str]) -> Measures:
    """Return "bleu" and "chrf", 0 to 100, of texts and one reference each; empty without sacrebleu.

    The texts are compared as the tokens that spaces separate.
    """
    try:
        metrics = importlib.import_module("sacrebleu.metrics")
    except ImportError:
        return {}
    bleu = metrics.BLEU(tokenize="none", force=True).corpus_score(list(found), [list(wanted)])
    return {"bleu": float(bleu.score), "chrf": float(metrics.CHRF().corpus_score(list(found), [list(wanted)]).score)}
