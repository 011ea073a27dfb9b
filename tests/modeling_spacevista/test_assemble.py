"""Real checkpoints of tiny backbones on disk, in the names of this release and in those of the Hub."""

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForImageTextToText,
    AutoProcessor,
    Dinov2WithRegistersConfig,
    DINOv3ViTConfig,
)

from modeling_spacevista import SpaceVistaForConditionalGeneration
from modeling_spacevista.__main__ import main

DENSE = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 2}
SMALL = {"fusion_hidden_size": 48, "fusion_num_heads": 2, "router_hidden_size": 16, "expert_rank": 2}
FLAGS = ["--fusion-hidden-size", "48", "--fusion-num-heads", "2", "--router-hidden-size", "16", "--expert-rank", "2"]


@pytest.fixture(scope="module")
def backbones(built, to_backbone, tmp_path_factory):
    """Folders: a Qwen2.5-VL with its processor, the same in the names of the Hub, a DINOv3, a DINOv2."""
    root = tmp_path_factory.mktemp("backbones")
    backbone, processor = to_backbone(built[0]), built[1]
    for name in ("qwen", "hub"):
        backbone.save_pretrained(root / name)
        processor.save_pretrained(root / name)
    path = root / "hub" / "model.safetensors"
    names = {"model.visual.": "visual.", "model.language_model.": "model."}
    save_file({_renamed(key, names): value for key, value in load_file(path).items()}, path, {"format": "pt"})
    torch.manual_seed(5)
    AutoModel.from_config(DINOv3ViTConfig(**DENSE)).save_pretrained(root / "dinov3")
    dinov2 = Dinov2WithRegistersConfig(**DENSE, patch_size=14, image_size=28)
    AutoModel.from_config(dinov2).save_pretrained(root / "dinov2")
    return root


def _renamed(key, names):
    return next((new + key.removeprefix(old) for old, new in names.items() if key.startswith(old)), key)


@pytest.fixture
def batches(encode, frames):
    return [
        encode([frames(1)[0], frames(1, (140, 280), seed=1)[0]], kind="image"),
        encode([frames(8), frames(3, (168, 224), seed=2)]),
        encode([None, None]),
    ]


@pytest.mark.parametrize("qwen", ["qwen", "hub"])
@pytest.mark.parametrize("dense", ["dinov3", "dinov2"])
def test_assembled_logits_equal_the_backbone_exactly(backbones, batches, built, to_backbone, qwen, dense):
    model = SpaceVistaForConditionalGeneration.from_backbones(backbones / qwen, backbones / dense, **SMALL)
    backbone = to_backbone(built[0])
    for batch in batches:
        assert (model(**batch).logits - backbone(**batch).logits).abs().max().item() == 0.0
    encoder = AutoModel.from_pretrained(backbones / dense)
    for name, value in encoder.state_dict().items():
        assert torch.equal(model.model.dense_branch.encoder.state_dict()[name], value), name
    assert not any(p.requires_grad for p in model.model.dense_branch.parameters())
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    assert model.generation_config.eos_token_id == backbone.config.text_config.eos_token_id


def test_the_command_writes_a_model_that_loads(backbones, batches, tmp_path, built, to_backbone):
    output = tmp_path / "assembled"
    command = [sys.executable, "-m", "modeling_spacevista", "assemble", "--base", str(backbones / "hub")]
    command += ["--dense", str(backbones / "dinov3"), "--output", str(output), *FLAGS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(str(output)) and "one expert" in done.stdout
    model = AutoModelForImageTextToText.from_pretrained(output, trust_remote_code=True)
    backbone = to_backbone(built[0])
    assert all(torch.equal(model(**batch).logits, backbone(**batch).logits) for batch in batches)
    assert type(AutoProcessor.from_pretrained(output, trust_remote_code=True)).__name__ == "SpaceVistaProcessor"
    assert json.loads((output / "config.json").read_text())["expert_rank"] == 2


def test_without_a_dense_encoder(backbones, batches, built, to_backbone):
    model = SpaceVistaForConditionalGeneration.from_backbones(backbones / "hub", dense_encoder="none", **SMALL)
    assert torch.equal(model(**batches[1]).logits, to_backbone(built[0])(**batches[1]).logits)


@pytest.mark.parametrize(
    ("qwen", "dense", "options", "message"),
    [
        ("dinov3", "dinov3", {}, "must be a qwen2_5_vl model, got dinov3_vit"),
        ("qwen", "qwen", {}, "must be one of dinov3_vit, dinov2_with_registers, got qwen2_5_vl"),
        ("qwen", None, {}, "dense_encoder='dinov3' needs a dense encoder, got None"),
        ("qwen", "dinov3", {"dense_encoder": "none"}, "dense_encoder='none' needs none, got"),
        ("qwen", "dinov3", {"num_experts": -1}, "num_experts must be at least 0, got -1"),
    ],
)
def test_backbones_that_cannot_be_used(backbones, qwen, dense, options, message):
    with pytest.raises(ValueError, match=message):
        SpaceVistaForConditionalGeneration.from_backbones(
            backbones / qwen, dense and backbones / dense, **{**SMALL, **options}
        )


def test_an_incomplete_backbone_is_refused(built, to_backbone, backbones, tmp_path):
    backbone = to_backbone(built[0])
    weights = backbone.state_dict()
    lost = "model.language_model.norm.weight"
    backbone.save_pretrained(tmp_path, state_dict={key: value for key, value in weights.items() if key != lost})
    with pytest.raises(ValueError, match=f"the checkpoint lacks {lost}: give one of this architecture"):
        SpaceVistaForConditionalGeneration.from_backbones(tmp_path, backbones / "dinov3", **SMALL)


@pytest.mark.parametrize("kind", ["missing", "unexpected"])
def test_a_checkpoint_with_other_weights_is_refused_unless_asked(model, tmp_path, kind):
    name, weights = "model.fusion.gate", model.state_dict()
    if kind == "missing":
        del weights[name]
    else:
        weights["model.fusion.door"] = torch.zeros(2)
    model.save_pretrained(tmp_path, state_dict=weights)
    message = f"lacks {name}" if kind == "missing" else "holds model.fusion.door besides"
    with pytest.raises(ValueError, match=f"the checkpoint {message}: give one of this architecture"):
        SpaceVistaForConditionalGeneration.from_pretrained(tmp_path)
    assert SpaceVistaForConditionalGeneration.from_pretrained(tmp_path, allow_incomplete=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--dense", "nowhere/at-all"], "nowhere/at-all"),
        (["--num-experts", "-2"], "num_experts must be at least 0, got -2"),
        (["--expert-scales", "indoor"], "expert_scales must name each of the num_experts=4 experts once"),
        (["--output", "."], ". exists and is not an empty folder; name another one"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(backbones, tmp_path, capsys, monkeypatch, change, message):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    output = tmp_path / "out"
    flags = ["--base", str(backbones / "qwen"), "--dense", str(backbones / "dinov3"), "--output", str(output)]
    assert main(["assemble", *flags, *FLAGS, *change]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and error.startswith("error: ")
    assert not output.exists()
