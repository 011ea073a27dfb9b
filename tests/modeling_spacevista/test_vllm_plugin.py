import inspect
import subprocess
import sys
import types
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from packaging.version import Version
from torch import nn
from transformers import AutoModel

from modeling_spacevista import SpaceVistaConfig
from modeling_spacevista.modeling_spacevista import SpaceVistaModel, SpaceVistaTextModel
from modeling_spacevista.vllm_plugin import BASE_WEIGHTS, check_servable, register, serve_experts


@pytest.fixture
def registry(monkeypatch):
    """vLLM's documented registry in the place of vLLM, which needs a GPU."""

    class ModelRegistry:
        models = {}

        @classmethod
        def register_model(cls, model_arch: str, model_cls: str):
            cls.models[model_arch] = model_cls

    module = types.ModuleType("vllm")
    module.ModelRegistry = ModelRegistry
    monkeypatch.setitem(sys.modules, "vllm", module)
    return ModelRegistry.models


def test_entry_point_is_declared_and_loads_without_vllm():
    (found,) = (point for point in entry_points(group="vllm.general_plugins") if point.name == "spacevista")
    assert found.load() is register
    assert "vllm" not in sys.modules


def test_registering_names_a_class_and_may_happen_twice(registry, built):
    register()
    register()
    assert registry == {"SpaceVistaForConditionalGeneration": "modeling_spacevista.vllm_model:SpaceVistaForVLLM"}
    with torch.device("meta"):
        assert isinstance(AutoModel.from_config(built[0].config), SpaceVistaModel)


def test_registering_without_vllm_says_what_is_missing():
    with pytest.raises(ModuleNotFoundError, match="vllm"):
        register()


def make_parameter(shape, split):
    return nn.Parameter(torch.zeros(shape))


def test_served_experts_fill_from_a_checkpoint_and_give_the_same_logits(trained, encode, frames):
    batch = encode([frames(4), None])
    weights = {BASE_WEIGHTS.sub(r"\1.base.", name): value for name, value in trained.state_dict().items()}
    with torch.no_grad():
        expected = trained(**batch).logits
        serve_experts(trained, make_parameter, all_reduce=lambda low: low)
        trained.load_state_dict(weights, assign=True)
        torch.testing.assert_close(trained(**batch).logits, expected, atol=1e-5, rtol=1e-5)
    # vLLM replaces what is an `nn.Linear`; these are all that it finds in the layers besides the routers.
    plain = [name for name, m in trained.model.language_model.layers.named_modules() if isinstance(m, nn.Linear)]
    assert {name.rsplit(".", 1)[-1] for name in plain if "router" not in name} == {"base"}


class SummedLinear(nn.Module):
    """vLLM's `RowParallelLinear`, as far as it matters: its processes sum what they made of their parts."""

    def __init__(self, linear, inputs):
        super().__init__()
        self.outputs = nn.functional.linear(inputs, linear.weight)

    def forward(self, part):
        return self.outputs


@pytest.mark.parametrize(("name", "style"), [("gate_proj", "colwise"), ("down_proj", "rowwise")])
def test_two_processes_share_a_served_linear(trained, name, style):
    """Column-wise the processes hold parts of the outputs, row-wise parts of the inputs, whose products are summed."""
    mlp = trained.model.language_model.layers[0].mlp
    linear = getattr(mlp, name)
    inputs, linear.slot.gates = torch.randn(1, 5, linear.in_features), torch.rand(1, 5, len(linear.expert_a))
    with torch.no_grad():
        expected = linear(inputs)
        summed = nn.functional.linear(inputs, linear.expert_a)
        serve_experts(mlp, make_parameter, lambda low: summed, num_processes=2)
        part, outputs = getattr(mlp, name), []
        for rank in range(2):
            if style == "colwise":
                rows = slice(rank * linear.out_features // 2, (rank + 1) * linear.out_features // 2)
                part.base.weight = nn.Parameter(linear.weight[rows])
                part.expert_a.copy_(linear.expert_a)
                part.expert_b.copy_(linear.expert_b[rows])
                outputs.append(part(inputs))
            else:
                columns = slice(rank * linear.in_features // 2, (rank + 1) * linear.in_features // 2)
                part.base = SummedLinear(linear, inputs)
                part.expert_a.copy_(linear.expert_a[:, columns])
                part.expert_b.copy_(linear.expert_b)
                outputs.append(part(inputs[..., columns]))
    found = torch.cat(outputs, -1) if style == "colwise" else outputs[0]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.language_model.layers.11.self_attn.q_proj.bias", "q_proj.base.bias"),
        ("model.language_model.layers.0.mlp.down_proj.weight", "down_proj.base.weight"),
        ("model.language_model.layers.0.mlp.down_proj.expert_a", "down_proj.expert_a"),
        ("model.language_model.layers.0.router.up.weight", "router.up.weight"),
        ("model.visual.blocks.0.mlp.gate_proj.weight", "mlp.gate_proj.weight"),
        ("model.fusion.mixer.layers.0.q_proj.weight", "0.q_proj.weight"),
    ],
)
def test_checkpoint_names_map_to_served_ones(name, expected):
    assert BASE_WEIGHTS.sub(r"\1.base.", name).endswith(f".{expected}")


def test_what_cannot_be_served_is_refused(built):
    config = built[0].config
    check_servable(config, 2)
    with pytest.raises(ValueError, match="divide the 2 key-value heads, got 4"):
        check_servable(config, 4)
    with pytest.raises(ValueError, match="scale_labels, which vLLM does not pass on"):
        check_servable(SpaceVistaConfig(gate_mode="forced"), 1)
    with pytest.raises(ValueError, match="geometry tokens, which vLLM does not pass on"):
        check_servable(SpaceVistaConfig(dense_encoder="geometry", geometry_hidden_size=8), 1)


def test_vllm_reads_the_inputs_it_traces_from_the_signature():
    shown = inspect.signature(SpaceVistaTextModel.forward).parameters
    assert {"input_ids", "inputs_embeds", "position_ids"} <= set(shown)


@pytest.mark.skipif(Version(transformers.__version__) < Version("5.18"), reason="vLLM serves videos from 5.18 on")
def test_the_processor_answers_vllm_as_qwen_does(processor, frames):
    """vLLM hands over arrays with metadata and asks where each placeholder went, and how many tokens a size makes."""
    video = np.stack([np.asarray(frame) for frame in frames(4)])
    metadata = {"fps": 2.0, "duration": 2.0, "total_num_frames": 4, "frames_indices": [0, 1, 2, 3]}
    outputs = processor(
        text=f"{processor.image_token}{processor.video_token}",
        images=frames(1),
        videos=[video],
        video_metadata=[{**metadata, "video_backend": "opencv"}],
        do_sample_frames=False,
        return_text_replacement_offsets=True,
        return_tensors="pt",
    )
    ((image, clip),) = outputs["text_replacement_offsets"]
    counted = processor._get_num_multimodal_tokens(image_sizes=([168, 224],), video_sizes=([4, 168, 224],))
    assert image["replacement"] == processor.image_token * counted["num_image_tokens"][0]
    assert clip["replacement"] == processor.video_token * counted["num_video_tokens"][0]
    assert outputs["video_grid_thw"].tolist() == [[2, 6, 8]]
    assert outputs["second_per_grid_ts"].tolist() == [1.0]


@pytest.mark.skipif(torch.cuda.is_available() and find_spec("vllm") is not None, reason="has what the script needs")
def test_the_comparison_with_vllm_says_what_it_lacks():
    script = Path(__file__).parents[2] / "benchmarks" / "vllm_parity.py"
    done = subprocess.run([sys.executable, script, "--model", "nowhere"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: this comparison needs ")
