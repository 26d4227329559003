"""Names under which scripts outside the course import medxai: they pass on to where things are."""

import subprocess
import sys

from medxai import cam, own
from medxai.explain import cam as maps
from medxai.explain import explainable
from medxai.networks import layers, own_network


def test_modules_that_have_moved_pass_on():
    assert own.load is own_network.load
    assert cam.maps is maps.maps and {"bias", "enlarge", "finer_layer"} <= set(dir(cam))
    assert explainable.output_activation is layers.output_activation


def test_the_training_command_keeps_its_name():
    done = subprocess.run([sys.executable, "-m", "medxai.train", "--help"], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("Usage: python -m medxai.train")
