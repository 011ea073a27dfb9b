import pytest
from transformers import AutoConfig, DINOv3ViTConfig

from modeling_spacevista import SpaceVistaConfig


def test_nested_configurations_have_their_own_classes():
    config = SpaceVistaConfig(dense_config={"hidden_size": 48, "num_attention_heads": 4}, num_experts=2)
    assert config.model_type == "spacevista"
    assert isinstance(config.dense_config, DINOv3ViTConfig)
    assert (config.dense_config.hidden_size, config.text_config.model_type) == (48, "qwen2_5_vl_text")


def test_round_trip(tmp_path, built):
    config = built[0].config
    config.save_pretrained(tmp_path)
    loaded = SpaceVistaConfig.from_pretrained(tmp_path)
    for name in ("dense_config", "text_config", "vision_config"):
        before, after = getattr(config, name).to_dict(), getattr(loaded, name).to_dict()
        assert {**before, "dtype": None} == {**after, "dtype": None}
    assert (loaded.fusion_hidden_size, loaded.num_experts, loaded.expert_rank) == (48, 4, 4)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), SpaceVistaConfig)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_experts": 0}, "num_experts must be at least 1, got 0"),
        ({"expert_rank": -2}, "expert_rank must be at least 1, got -2"),
        ({"router_hidden_size": 0}, "router_hidden_size must be at least 1, got 0"),
        ({"fusion_num_layers": 0}, "fusion_num_layers must be at least 1, got 0"),
        ({"fusion_num_heads": 0}, "fusion_num_heads must be at least 1, got 0"),
        ({"fusion_hidden_size": 10, "fusion_num_heads": 2}, "multiple of 4, got 10"),
        ({"fusion_hidden_size": 16, "fusion_num_heads": 3}, "multiple of fusion_num_heads=3, got 16"),
        ({"gate_mode": "loud"}, "gate_mode must be one of router, off, got 'loud'"),
        ({"dense_config": {"patch_size": 8}}, "must be 14 and 16 for their grids to align, got 14 and 8"),
    ],
)
def test_refuses_quoting_the_value(values, message):
    with pytest.raises(ValueError, match=message):
        SpaceVistaConfig(**values)
