"""The engine: sequence models in Numba, forward and backward by hand. Needs no screen and no command line."""
