import pytest
from transformers import AutoConfig, Dinov2WithRegistersConfig, DINOv3ViTConfig

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
        ({"num_experts": -1}, "num_experts must be at least 0, got -1"),
        ({"expert_rank": -2}, "expert_rank must be at least 1, got -2"),
        ({"router_hidden_size": 0}, "router_hidden_size must be at least 1, got 0"),
        ({"fusion_num_layers": 0}, "fusion_num_layers must be at least 1, got 0"),
        ({"fusion_num_heads": 0}, "fusion_num_heads must be at least 1, got 0"),
        ({"fusion_hidden_size": 10, "fusion_num_heads": 2}, "multiple of 4, got 10"),
        ({"fusion_hidden_size": 16, "fusion_num_heads": 3}, "multiple of fusion_num_heads=3, got 16"),
        ({"gate_mode": "loud"}, "gate_mode must be one of router, forced, uniform, off, got 'loud'"),
        ({"router_level": "token"}, "router_level must be one of layer, model, got 'token'"),
        ({"dense_encoder": "vggt"}, "dense_encoder must be one of none, dinov3, geometry, both, got 'vggt'"),
        ({"fusion": "film"}, "fusion must be one of cross_attention, add, concat, got 'film'"),
        ({"router_z_loss_coef": -0.1}, "router_z_loss_coef must be at least 0, got -0.1"),
        ({"dense_encoder": "both"}, "needs geometry_hidden_size, the width of the geometry tokens, got None"),
        ({"dense_config": {"model_type": "clip"}}, "must be one of dinov3_vit, dinov2_with_registers, got 'clip'"),
        ({"num_experts": 2, "expert_scales": ["indoor"]}, r"num_experts=2 experts once, got \['indoor'\]"),
        ({"num_experts": 2, "expert_scales": ["indoor"] * 2}, r"once, got \['indoor', 'indoor'\]"),
        ({"dense_config": {"patch_size": 8}}, r"must be 14 and 16 \(or 14\) for their grids to align, got 14 and 8"),
    ],
)
def test_refuses_quoting_the_value(values, message):
    with pytest.raises(ValueError, match=message):
        SpaceVistaConfig(**values)


def test_the_other_kind_of_dense_encoder(tmp_path):
    config = SpaceVistaConfig(
        dense_config={"model_type": "dinov2_with_registers", "hidden_size": 48, "patch_size": 14}
    )
    config.save_pretrained(tmp_path)
    loaded = SpaceVistaConfig.from_pretrained(tmp_path)
    assert isinstance(loaded.dense_config, Dinov2WithRegistersConfig)
    assert (loaded.dense_config.hidden_size, loaded.dense_config.num_register_tokens) == (48, 4)


def test_experts_by_scale():
    config = SpaceVistaConfig(num_experts=6)
    assert config.expert_scales == ["tiny_tabletop", "tabletop", "indoor", "outdoor", "drone", "expert_5"]
    assert [config.expert_index(name) for name in ("tiny_tabletop", "drone", 5)] == [0, 4, 5]
    with pytest.raises(ValueError, match=r"no expert 'moon'; the experts are 0 \(indoor\), 1 \(drone\)"):
        SpaceVistaConfig(num_experts=2, expert_scales=["indoor", "drone"]).expert_index("moon")
    with pytest.raises(ValueError, match="no expert 0; the experts are none"):
        SpaceVistaConfig(num_experts=0).expert_index(0)
