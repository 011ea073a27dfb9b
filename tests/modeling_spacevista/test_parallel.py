import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("parallel_logits.py")


@pytest.mark.slow
def test_two_tensor_parallel_processes_answer_as_one(trained, encode, frames, tmp_path):
    """Halves of the experts are split with their linears, the others, the router and the fusion are whole."""
    batch = encode([frames(4)])
    trained.save_pretrained(tmp_path / "model")
    torch.save(dict(batch), tmp_path / "batch.pt")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", SCRIPT]
        + [tmp_path / "model", tmp_path / "batch.pt", tmp_path / "found.pt"],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(SCRIPT.parents[2])},
        timeout=300,
    )
    found = torch.load(tmp_path / "found.pt")
    with torch.no_grad():
        torch.testing.assert_close(found["logits"], trained(**batch).logits, atol=1e-4, rtol=1e-4)
    assert torch.equal(found["tokens"], trained.generate(**batch, max_new_tokens=4, do_sample=False))
    assert found["split"] == [(64, 16), (16, 64)]
    assert found["whole"] == [(16, 64), (64, 16)]
    assert "answer but do not train" in found["refusal"]
