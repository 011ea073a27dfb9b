from importlib.util import find_spec

import pytest

from dataset_builders.errors import InputError
from evaluate_metrics.backends import BackendOptions, open_backend


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vllm is installed")
def test_without_vllm_one_line_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match="python: lacks the package vllm; install it with pip install vllm"):
        open_backend(BackendOptions("vllm", str(tmp_path), 16, tmp_path))


@pytest.mark.skipif(find_spec("vllm") is None, reason="needs vllm and a device that it runs on")
def test_it_completes(model_dir, tmp_path):
    backend = open_backend(BackendOptions("vllm", str(model_dir), 4, tmp_path))
    messages = [{"role": "user", "content": [{"type": "text", "text": "How many cups are there?"}]}]
    (completion,) = backend.complete(backend.prepare([messages]))
    assert completion.error is None and 1 <= completion.tokens_out <= 4
