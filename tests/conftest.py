"""Settings that must be there before Numba is imported by any test."""

import os

# Two workers on a machine with one core too, so that comparing numbers of threads compares something.
os.environ.setdefault("NUMBA_NUM_THREADS", str(max(2, os.cpu_count() or 1)))
