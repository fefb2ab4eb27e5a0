"""One sentence for each measure that says what is good; shown beside it."""

GOOD = {
    "saturation": "Good is a cloud away from the corners: a unit far to the right is nearly always shut, one far up "
    "nearly always open (it keeps or passes everything), and both get little gradient.",
    "singular": "Good is near 1: gradients through a tanh RNN must vanish below 1 and may explode above; a gate's "
    "matrix may be larger, since its sigmoid has a slope of 1/4 at most.",
    "dead": "Good is none: a unit that never changes takes room and learns nothing.",
    "entropy": "Good is a spread: a head near 0 looks at one position, a head near 1 at all alike; if all are near 1, "
    "attention has found nothing yet.",
    "updates": "Good is about 0.001, a tenth of a percent a step: far below, the matrix hardly learns; far above, the "
    "learning rate is too high.",
    "gradients": "Good is alike in all layers and steady: falling by orders of magnitude towards the bottom is "
    "vanishing, spikes are exploding.",
    "loss": "Good is below the baselines, with a validation loss that still falls.",
}
