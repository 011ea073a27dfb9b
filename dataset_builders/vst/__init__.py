"""The perception skills of VST on one image, as rules of the builder that `--config vst-p` selects.

They are not among the rules of a default build. `docs/vst.md` shows a sample of each.
"""

from dataset_builders.vst.configs import CONFIGS, VST_RULES

__all__ = ["CONFIGS", "VST_RULES"]
