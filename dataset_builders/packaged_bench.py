"""Makes `load_dataset("spacevista-bench", data_dir=DIR)` work: the held-out questions of a dataset folder."""

from dataset_builders import packaged


class SpaceVistaBench(packaged.SpaceVista1M):
    """The only change w.r.t. `SpaceVista1M` is that `test` is the only split, so that nothing of it is trained on."""

    def _split_generators(self, dl_manager):
        files = {str(split): names for split, names in (self.config.data_files or {}).items()}
        self.config.data_files = {"test": files.get("test", [])}
        return super()._split_generators(dl_manager)
