"""Training while generating and probing, on as many threads as there are cores and on many more."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.usefixtures("kernels"), pytest.mark.long]
SECONDS, LONG = 10, 60
SAME_AT = 100  # steps after which the weights are compared with those of a run without other threads

LOOKED_AT = """
import hashlib, json, sys, threading, time
from seqcore import cores, jit, probe, serial, team
from seqcore.generate import Writer
from seqcore.sampling import Sampling
from tests.core import runs

seconds, same_at = float(sys.argv[1]), int(sys.argv[2])
jit.compile_kernels(jit.kernel_groups("lstm", "train", "look"))
team.set_threads(cores.most_threads())
run = runs.start(None, {"hidden": 48}, batch=16)
copy, written, probed, failed = [run.trainer.parameters.flat.copy()], [0], [0], []
done = threading.Event()

def write():
    try:
        model = serial.serial_model(run.config.model)
        while not done.is_set():
            model.load(copy[0])
            writer = Writer(model, run.vocabulary, "foxes", Sampling(), 1)
            for _ in range(200):
                next(writer)
                written[0] += 1
    except BaseException as error:
        failed.append(repr(error))

def look():
    try:
        model = serial.serial_model(run.config.model)
        while not done.is_set():
            model.load(copy[0])
            probe.probe(model, run.vocabulary, run.data.validation[:40], 0)
            probed[0] += 1
    except BaseException as error:
        failed.append(repr(error))

threads = [threading.Thread(target=target) for target in (write, look)]
for thread in threads:
    thread.start()
until, digest = time.monotonic() + seconds, ""
while time.monotonic() < until or run.trainer.steps < same_at:
    assert run.advance().step.finite
    copy[0] = run.trainer.parameters.flat.copy()
    if run.trainer.steps == same_at:
        digest = hashlib.sha256(runs.weights(run)).hexdigest()
done.set()
for thread in threads:
    thread.join()
print(json.dumps({"threads": team.TEAM.threads, "steps": run.trainer.steps, "written": written[0],
                  "probed": probed[0], "failed": failed, "digest": digest}))
"""

ALONE = """
import hashlib, sys
from seqcore import jit, team
from tests.core import runs
jit.compile_kernels(jit.kernel_groups("lstm", "train"))
team.set_threads(1)
run = runs.start(None, {"hidden": 48}, batch=16)
for _ in range(int(sys.argv[1])):
    run.advance()
print(hashlib.sha256(runs.weights(run)).hexdigest())
"""


@pytest.mark.parametrize("seconds", [SECONDS, pytest.param(LONG, marks=pytest.mark.proof)])
def test_training_goes_on_unchanged_while_writing_and_probing(seconds: int) -> None:
    command = [sys.executable, "-c", LOOKED_AT, str(seconds), str(SAME_AT)]
    alone = subprocess.run([sys.executable, "-c", ALONE, str(SAME_AT)], capture_output=True, text=True, check=True)
    counts = (2, 5)
    both = [  # in parallel: more threads than cores is a harder test
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"NUMBA_NUM_THREADS": str(count)})
        for count in counts
    ]
    try:
        outputs = [process.communicate(timeout=240)[0] for process in both]
    finally:
        for process in both:
            process.kill()
    for count, process, output in zip(counts, both, outputs, strict=True):
        assert process.returncode == 0, f"{count} threads: the process died"
        told = json.loads(output)
        assert told["threads"] == count
        assert told["failed"] == []
        assert told["steps"] > SAME_AT
        assert told["written"] > 1000
        assert told["probed"] > 10
        assert told["digest"] == alone.stdout.strip(), f"{count} threads: looking at the training changed it"
