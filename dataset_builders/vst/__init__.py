"""The skills of VST, as rules of the builder: perception (`--config vst-p`) and reasoning (`--config vst-r`).

They are not among the rules of a default build. `docs/vst.md` shows a sample of each.
"""

from dataset_builders.vst.configs import CONFIGS, VST_RULES

__all__ = ["CONFIGS", "VST_RULES"]
