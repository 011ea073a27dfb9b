"""Experts against real PEFT: adapters trained apart become experts, and experts become adapters."""

import json

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import Qwen2_5_VLForConditionalGeneration

from modeling_spacevista import SpaceVistaForConditionalGeneration, load_adapters, save_adapter
from modeling_spacevista.experts import ExpertLinear

LINEARS = r".*language_model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj"
SCALES = ["tiny_tabletop", "tabletop", "indoor", "outdoor"]
# Ranks, scalings and targets as people choose them.
RECIPES = [
    {"r": 4, "lora_alpha": 8, "target_modules": LINEARS},
    {"r": 2, "lora_alpha": 16, "target_modules": LINEARS},
    {"r": 4, "lora_alpha": 4, "target_modules": LINEARS, "use_rslora": True},
    {"r": 3, "lora_alpha": 6, "target_modules": r".*language_model\.layers\.\d+\.self_attn\.(q|v)_proj"},
]


@pytest.fixture
def batch(encode, frames):
    return encode([frames(4), None])


@pytest.fixture
def adapters(built, to_backbone, batch, tmp_path):
    """Four adapters with random weights on the stock backbone, and the logits of each."""
    logits = []
    for number, recipe in enumerate(RECIPES):
        torch.manual_seed(number)
        adapted = get_peft_model(to_backbone(built[0]), LoraConfig(**recipe)).eval()
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        adapted.save_pretrained(tmp_path / SCALES[number])
        logits.append(adapted(**batch).logits.detach())
    return {scale: tmp_path / scale for scale in SCALES}, logits


def test_four_adapters_become_four_experts(model, adapters, batch):
    folders, expected = adapters
    load_adapters(model, folders)
    model.config.gate_mode = "forced"
    for index, logits in enumerate(expected):
        found = model(**batch, scale_labels=torch.full((2,), index)).logits
        assert (found - logits).abs().max() < 1e-5
        assert (found - expected[index - 1]).abs().max() > 1e-2


@pytest.mark.parametrize("scale", ["tabletop", 3])
def test_an_expert_becomes_an_adapter_and_comes_back(trained, built, to_backbone, batch, tmp_path, scale):
    index = trained.config.expert_index(scale)
    save_adapter(trained, scale, tmp_path / "adapter", base_model="Qwen/Qwen2.5-VL-3B-Instruct")
    adapted = PeftModel.from_pretrained(to_backbone(built[0]), tmp_path / "adapter")
    closed = SpaceVistaForConditionalGeneration(trained.config).eval()
    closed.load_state_dict(trained.state_dict())
    closed.model.fusion.reset_gate()
    closed.config.gate_mode = "forced"
    expected = closed(**batch, scale_labels=torch.full((2,), index)).logits
    assert (adapted(**batch).logits - expected).abs().max() < 1e-5
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "Qwen/Qwen2.5-VL-3B-Instruct"
    load_adapters(closed, {0: tmp_path / "adapter"})
    for module in closed.modules():
        if isinstance(module, ExpertLinear):
            for found, kept in zip(module.expert(0), module.expert(index), strict=True):
                assert torch.equal(found, kept)


@pytest.mark.parametrize("scale", ["tiny_tabletop", "outdoor"])
def test_a_merged_expert_is_plain_weights(trained, batch, tmp_path, scale):
    trained.config.gate_mode = "forced"
    labels = torch.full((2,), trained.config.expert_index(scale))
    expected = trained(**batch, scale_labels=labels).logits
    merged = trained.merge_expert(scale)
    assert merged.config.num_experts == 0 and not any(isinstance(module, ExpertLinear) for module in merged.modules())
    torch.testing.assert_close(merged(**batch).logits, expected, atol=2e-5, rtol=1e-4)
    assert torch.equal(trained(**batch, scale_labels=labels).logits, expected)
    merged.save_pretrained(tmp_path)
    loaded = SpaceVistaForConditionalGeneration.from_pretrained(tmp_path)
    assert torch.equal(loaded(**batch).logits, merged(**batch).logits)


def test_merged_without_fusion_loads_as_the_stock_class(built, to_backbone, batch, trained, tmp_path):
    """The merged weights have the names of Qwen2.5-VL: without a dense branch they are one."""
    merged = trained.merge_expert("indoor")
    merged.model.fusion.reset_gate()
    stock = Qwen2_5_VLForConditionalGeneration(to_backbone(built[0]).config).eval()
    stock.load_state_dict({name: merged.state_dict()[name] for name in stock.state_dict()})
    assert torch.equal(stock(**batch).logits, merged(**batch).logits)


def _edit(folder, **changes):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "holds no adapter_model.safetensors"),
        (
            lambda folder: _edit(folder, use_dora=True),
            "must be a plain LoRA adapter .*, got use_dora",
        ),
        (lambda folder: _edit(folder, r=2), r"needs A and B of shapes \[\(2, 128\), \(64, 2\)\], got \[\(4, 128\)"),
        (lambda folder: _rename(folder, "visual.blocks.0.attn.qkv"), "changes what has no experts: .*visual.blocks"),
    ],
)
def test_adapters_that_are_no_expert_change_nothing(model, adapters, change, message):
    folders, _ = adapters
    before = {name: value.clone() for name, value in model.state_dict().items()}
    change(folders["tiny_tabletop"])
    with pytest.raises(ValueError, match=message):
        load_adapters(model, {"outdoor": folders["outdoor"], "tiny_tabletop": folders["tiny_tabletop"]})
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def _rename(folder, linear):
    path = folder / "adapter_model.safetensors"
    weights = load_file(path)
    old = next(iter(weights))
    weights[f"base_model.model.model.{linear}.lora_A.weight"] = weights.pop(old)
    save_file(weights, path)


def test_a_larger_rank_and_an_unknown_scale_are_refused(model, built, to_backbone, adapters, tmp_path):
    adapted = get_peft_model(to_backbone(built[0]), LoraConfig(r=5, target_modules=LINEARS))
    adapted.save_pretrained(tmp_path / "large")
    with pytest.raises(ValueError, match="has rank 5, but the experts have expert_rank=4"):
        load_adapters(model, {"indoor": tmp_path / "large"})
    with pytest.raises(ValueError, match="there is no expert 'moon'; the experts are 0 "):
        load_adapters(model, {"moon": adapters[0]["indoor"]})
    with pytest.raises(ValueError, match="there is no expert 7"):
        model.merge_expert(7)
