"""The engine: sequence models in Numba, forward and backward by hand. Knows no screen and no command line."""
