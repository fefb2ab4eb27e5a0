"""Whether a model is well: saturated gates, dead units, heads, the recurrence, updates; and a verdict on its curves.

Each measure has one sentence that says what is good, in `sentences`. `examine` takes them all of a stored model.
"""
