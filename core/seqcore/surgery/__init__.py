"""Cut units, gates and heads out of a copy of a model's weights, and symbols out of what it reads.

A cut is an edit of the weights: every kernel computes the cut model as it computes any other. `places` is what can be
cut, `cut` one cut as a record and as text, `edits` what it does to the weights, `context` cuts of an example.
"""
