"""The same build beyond one machine: shards as the tasks of a datatrove executor (local, Slurm or Ray).

Needs `pip install spacevista[cluster]` and a folder that every node sees. Two pipelines run one after the other:

    build, finish = build_pipelines(source, "/fsx/spacevista", settings)
    shards = SlurmPipelineExecutor(build, tasks=128, time="4:00:00", partition="cpu", logging_dir="/fsx/logs/build")
    SlurmPipelineExecutor(finish, tasks=1, time="1:00:00", partition="cpu", depends=shards).run()
"""

from pathlib import Path

from datatrove.pipeline.base import PipelineStep

from dataset_builders.build import build_identity, finish_build, plan
from dataset_builders.settings import BuildSettings
from dataset_builders.shards import Shard, build_shard
from dataset_builders.sources import Source
from dataset_builders.workspace import claim


class BuildShards(PipelineStep):
    """Builds every shard whose number is that of the task, modulo the number of tasks."""

    type, name = "SpaceVista", "shards"

    def __init__(self, source: Source, output: str, settings: BuildSettings):
        """Keep what each task needs; the arguments are those of `build_dataset`."""
        super().__init__()
        self.source, self.output, self.settings = source, output, settings

    def run(self, data=None, rank: int = 0, world_size: int = 1):
        """Build the shards of task `rank` of `world_size`."""
        yield from data or ()
        shards = plan(self.source, self.settings)
        space = claim(self.output, build_identity(self.source, self.settings, shards))
        for shard in shards[rank::world_size]:
            with self.track_time("shard"):
                report = build_shard(self.source, self.settings, space, shard)
            self.stat_update("questions", value=report.splits.total(), unit="shard")


class FinishBuild(PipelineStep):
    """Puts the shards together, as one task; a shard that is missing is built here."""

    type, name = "SpaceVista", "finish"

    def __init__(self, source: Source, output: str, settings: BuildSettings):
        """Keep what the task needs; the arguments are those of `build_dataset`."""
        super().__init__()
        self.source, self.output, self.settings = source, output, settings

    def run(self, data=None, rank: int = 0, world_size: int = 1):
        """Write report and card and put the dataset in its place."""
        yield from data or ()
        shards: list[Shard] = plan(self.source, self.settings)
        space = claim(self.output, build_identity(self.source, self.settings, shards))
        if not space.is_moved:
            reports = (build_shard(self.source, self.settings, space, shard) for shard in shards)
            finish_build(self.source, self.settings, space, shards, reports)
        space.finish()


def build_pipelines(source: Source, output: Path | str, settings: BuildSettings) -> tuple[list, list]:
    """Return the pipeline that builds shards, for any number of tasks, and the one that finishes, for one task."""
    arguments = source, str(output), settings
    return [BuildShards(*arguments)], [FinishBuild(*arguments)]
