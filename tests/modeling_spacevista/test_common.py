"""The library's own tests of a model (`ModelTesterMixin`, `GenerationTesterMixin`), run on ours.

They are not in the wheel: set TRANSFORMERS_SOURCE to a checkout of the release that is installed, and install
`parameterized` and `httpx`. Where one cannot hold for ours, its override says why.
"""

import functools
import importlib
import os
import sys
import unittest.mock
from pathlib import Path

import pytest
import transformers
from transformers.models.auto import modeling_auto

from modeling_spacevista import SpaceVistaConfig, SpaceVistaForConditionalGeneration
from modeling_spacevista.modeling_spacevista import SpaceVistaModel

SOURCE = os.environ.get("TRANSFORMERS_SOURCE")
QWEN_TESTS = "tests.models.qwen2_5_vl.test_modeling_qwen2_5_vl"

if not SOURCE:
    pytest.skip("TRANSFORMERS_SOURCE names no checkout of transformers", allow_module_level=True)
if not (Path(SOURCE) / f"{QWEN_TESTS.replace('.', '/')}.py").exists():
    pytest.skip(f"{SOURCE} lacks {QWEN_TESTS}: the sdist does, a checkout has it", allow_module_level=True)
for needed in ("parameterized", "httpx"):
    pytest.importorskip(needed, reason=f"the library's tests need {needed}")


def library_tests():
    """Import the library's tests of Qwen2.5-VL; their package has the name that pytest gives to ours."""
    ours = _take_tests_package()
    sys.path.insert(0, SOURCE)
    try:
        return importlib.import_module(QWEN_TESTS)
    finally:
        sys.path.remove(SOURCE)
        _take_tests_package()
        sys.modules.update(ours)
        # `inspect` remembers that "tests" had a file; a package of that name whose file is None makes it fail.
        if "tests" in ours:
            vars(ours["tests"]).pop("__file__", None)


def _take_tests_package():
    names = [name for name in sys.modules if name.split(".")[0] == "tests"]
    return {name: sys.modules.pop(name) for name in names}


qwen = library_tests()


class SpaceVistaModelTester(qwen.Qwen2_5_VLVisionText2TextModelTester):
    def get_config(self):
        dense = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        return SpaceVistaConfig(
            text_config=self.text_config,
            vision_config=self.vision_config,
            dense_config=dense,
            fusion_hidden_size=16,
            fusion_num_layers=1,
            fusion_num_heads=2,
            num_experts=3,
            expert_rank=2,
            router_hidden_size=8,
            vision_start_token_id=self.vision_start_token_id,
            image_token_id=self.image_token_id,
            video_token_id=self.video_token_id,
        )


@pytest.mark.filterwarnings("default")  # one test records a warning that the project's settings hide
class TestSpaceVista(qwen.Qwen2_5_VLModelTest):
    all_model_classes = (SpaceVistaModel, SpaceVistaForConditionalGeneration)

    def setUp(self):
        self.model_tester = SpaceVistaModelTester(self)
        self.config_tester = qwen.ConfigTester(self, config_class=SpaceVistaConfig, has_text_modality=False)
        # By these tables of names the tests tell which class has a loss.
        for table, model_class in zip(("MODEL", "MODEL_FOR_IMAGE_TEXT_TO_TEXT"), self.all_model_classes, strict=True):
            names = getattr(modeling_auto, f"{table}_MAPPING_NAMES")
            patch = unittest.mock.patch.dict(names, {SpaceVistaConfig.model_type: model_class.__name__})
            patch.start()
            self.addCleanup(patch.stop)

    def test_inherits_generation_mixin(self):
        """Ours inherits it from Qwen2.5-VL's class, the library's test wants it as a direct base."""
        assert SpaceVistaForConditionalGeneration.__bases__ == (transformers.Qwen2_5_VLForConditionalGeneration,)
        assert issubclass(SpaceVistaForConditionalGeneration, transformers.GenerationMixin)

    def test_model_weights_reload_no_missing_tied_weights(self):
        """The library's test loads a checkpoint without weights, which ours refuses unless told otherwise."""
        load = functools.partial(SpaceVistaForConditionalGeneration.from_pretrained, allow_incomplete=True)
        with unittest.mock.patch.object(SpaceVistaForConditionalGeneration, "from_pretrained", load):
            super().test_model_weights_reload_no_missing_tied_weights()


def test_the_checkout_is_the_release_that_is_installed():
    text = (Path(SOURCE) / "src/transformers/__init__.py").read_text()
    assert f'__version__ = "{transformers.__version__}"' in text
