"""Makes `load_dataset("spacevista-1m", data_dir=DIR)` work once `dataset_builders` is imported.

`datasets` dropped loading scripts; what is left is its table of packaged builders, which is private. If a version
lacks it, everything else works: `load_dataset(DIR)` needs no registration.
"""

import hashlib
import warnings
from pathlib import Path, PurePosixPath

import datasets
from datasets.packaged_modules.parquet.parquet import Parquet, ParquetConfig

NAME = "spacevista-1m"


class SpaceVista(Parquet):
    """The Parquet builder of `datasets`; the only change is that a config reads the files of its own folder."""

    BUILDER_CONFIGS = [ParquetConfig(name="questions"), ParquetConfig(name="scenes")]
    DEFAULT_CONFIG_NAME = "questions"

    def _split_generators(self, dl_manager):
        own = {
            split: [name for name in names if PurePosixPath(name).parent.name == self.config.name]
            for split, names in (self.config.data_files or {}).items()
        }
        self.config.data_files = {split: names for split, names in own.items() if names}
        if not self.config.data_files:
            raise ValueError(
                f"no {self.config.name}/*.parquet in data_dir={self.config.data_dir!r}; "
                "give the folder that `python -m dataset_builders build` wrote"
            )
        return super()._split_generators(dl_manager)


def register() -> bool:
    """Enter `spacevista-1m` in the table of `datasets`; warn and return False where that table no longer exists."""
    table = getattr(datasets.packaged_modules, "_PACKAGED_DATASETS_MODULES", None)
    if table is None:
        problem = f"datasets {datasets.__version__} has no table of packaged builders"
        warnings.warn(f"{problem}: use load_dataset(DIR), not load_dataset({NAME!r})", stacklevel=2)
        return False
    table[NAME] = (__name__, hashlib.sha256(Path(__file__).read_bytes()).hexdigest())
    return True
