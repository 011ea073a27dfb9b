import pytest

from dataset_builders.errors import InputError
from dataset_builders.sources.opening import OPTIONS, SourceOptions, open_sources


def test_several_sources_are_one_and_take_their_folders_in_order(write_rooms):
    options = SourceOptions(inputs=[str(write_rooms(3))], num_scenes=4, no_media=True)
    source = open_sources(["vsi-meta", "synthetic"], options)
    refs = source.refs()
    assert source.name == "vsi-meta+synthetic" and len(refs) == 7
    assert [source.load(ref).source for ref in refs] == ["vsi-meta"] * 3 + ["synthetic"] * 4
    assert not any(source.load(ref).frames for ref in refs)


@pytest.mark.parametrize(
    ("names", "options", "problem"),
    [
        (["synthetic"], SourceOptions(inputs=["x"]), "--input: has no use"),
        (["vsi-meta"], SourceOptions(), "--input: is missing"),
        (["vsi-meta", "kitti"], SourceOptions(inputs=["x"]), "names 1 folders for 2 sources"),
        (["vsi-meta"], SourceOptions(inputs=["x"], no_media=True), "--no-media: has no use"),
        (["scannet"], SourceOptions(inputs=["x"], num_frames=3), "--num-frames: has no use"),
    ],
)
def test_options_without_a_use_or_a_folder_are_refused(names, options, problem):
    with pytest.raises(InputError, match=problem):
        open_sources(names, options)


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - {"synthetic"}))
def test_every_source_says_in_one_line_that_its_folder_is_missing(name, tmp_path):
    with pytest.raises(InputError) as error:
        open_sources([name], SourceOptions(inputs=[str(tmp_path / "nowhere")])).refs()
    assert "nowhere" in str(error.value) and "\n" not in str(error.value)
