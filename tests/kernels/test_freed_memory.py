"""Memory that was freed stays with the process, so that the next array of its size causes no page faults."""

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
import {module}

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work(n):
    for _ in range(n):
        arrays = [np.ones(12_000) for _ in range(6)]
        del arrays

work(20)
before = faults()
work(100)
print(faults() - before)
"""


def faults(module):
    """How many page faults 100 rounds of 600 KB cause."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    code = PROGRAM.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc")
def test_freed_memory_causes_no_page_faults():
    assert faults("tapegrad") < 1000  # of "math" 6200
