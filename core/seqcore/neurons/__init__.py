"""The units of a model: what each follows, where else the same units are on, and which separate two selections.

- `passage`: what is read; `recording`: what the units did meanwhile.
- `features`: the nameable things that a unit may follow; `search` finds those that do.
- `matching`: other places where the units of a selection are on; `contrast`: units that tell two selections apart.
"""
