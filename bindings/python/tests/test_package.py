"""What importing the package costs."""

import subprocess
import sys


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_importing_takes_less_than_a_tenth_of_a_second():
    timed = "import time; start = time.perf_counter(); import elman, elman.kenlm; print(time.perf_counter() - start)"
    seconds = min(float(run(timed)) for _ in range(10))
    assert seconds < 0.1, f"{seconds:.3f} s"


def test_importing_loads_no_other_package():
    loaded = run(
        "import sys; before = set(sys.modules); import elman, elman.kenlm, elman.pyctcdecode, elman.sklearn\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    ).split()
    others = {name for name in loaded if name not in sys.stdlib_module_names}
    assert others == {"elman"}


def test_without_numpy_all_but_arrays_works():
    program = """
import sys
sys.modules["numpy"] = None
import elman
model = elman.ngram.train(sentences=["the king was calm", "the sea"], order=2)
distribution = model.session().feed("the").next()
print(model.score("the king")[0]["tokens"], round(sum(distribution.prob(id) for id in range(len(distribution))), 6))
network = elman.inspect.untrained("a b\\n", vocab="chars", hidden=8)
try:
    elman.inspect.hidden_states(network, "a")
except ImportError as error:
    print(error)
"""
    assert run(program).splitlines() == ["3 1.0", "arrays need numpy, which is not installed: pip install numpy"]
