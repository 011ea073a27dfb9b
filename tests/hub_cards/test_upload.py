"""Publishing to a Hub on the loopback interface: what it holds in the end, and what it holds when something fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants
from loopback_hub import TOKEN, Fault, running

from dataset_builders.errors import InputError
from hub_cards import upload, write_dataset_card, write_model_card
from hub_cards.publishing import planned
from hub_cards.upload import publish

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub(monkeypatch):
    with running() as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(upload, "FIRST_WAIT", 0.01)
        yield served


@pytest.fixture
def carded(model, results, dataset):
    write_model_card(model, results, dataset)
    return model


def send(kind: str, folder: Path, **options) -> str:
    with planned(kind, folder, "tester/thing") as plan:
        return publish(plan, TOKEN, **options)


def on_disk(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_model_arrives_whole_tagged_and_public(hub, carded):
    assert send("model", carded) == f"{hub.url}/tester/thing"
    repo = hub.repos["models", "tester/thing"]
    assert repo.files == on_disk(carded)
    assert not repo.private
    assert repo.visible == [False], "the files came while the repository was private"
    assert [commit["summary"] for commit in repo.commits] == ["Publish model"]
    (tag,) = repo.tags
    assert tag.startswith("sha256-") and repo.tags[tag] == repo.sha


def test_private_stays_private_and_words_are_those_given(hub, carded):
    send("model", carded, private=True, message="First", tag="v1")
    repo = hub.repos["models", "tester/thing"]
    assert repo.private and repo.commits[0]["summary"] == "First" and list(repo.tags) == ["v1"]


def test_a_dataset_arrives_and_shards_of_an_earlier_version_go(hub, dataset):
    write_dataset_card(dataset)
    send("dataset", dataset)
    repo = hub.repos["datasets", "tester/thing"]
    repo.files["questions/train-00001-of-00002.parquet"] = b"old"
    repo.files["notes.txt"] = b"written on the Hub"
    send("dataset", dataset)
    assert repo.files == on_disk(dataset) | {"notes.txt": b"written on the Hub"}
    assert len(repo.tags) == 1, "the same content has the same tag"


@pytest.mark.parametrize("status", [None, 500, 503])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/repos/create"),
        ("POST", "/preupload/"),
        ("POST", "objects/batch"),
        ("PUT", "/storage/"),
        ("POST", "/commit/"),
        ("POST", "/tag/"),
        ("PUT", "/settings"),
    ],
)
def test_one_dropped_connection_or_server_error_is_survived(hub, carded, method, path, status, monkeypatch):
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    hub.faults.append(Fault(method, path, status))
    send("model", carded)
    repo = hub.repos["models", "tester/thing"]
    assert repo.files == on_disk(carded) and not repo.private and len(repo.tags) == 1
    assert hub.faults[0].times == 0


@pytest.mark.parametrize("status", [None, 403, 500])
@pytest.mark.parametrize("path", ["/preupload/", "/storage/", "/commit/", "/tag/"])
def test_a_failing_upload_leaves_nothing_public_and_is_taken_up_again(hub, carded, path, status, monkeypatch):
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda _: None)
    method = "PUT" if path == "/storage/" else "POST"
    hub.faults.append(Fault(method, path, status, times=1000))
    with pytest.raises(InputError, match=r"tester/thing: upload: stopped \(.*stays private.*same command again"):
        send("model", carded)
    repo = hub.repos["models", "tester/thing"]
    assert repo.private
    hub.faults.clear()
    hub.requests.clear()
    send("model", carded)
    assert repo.files == on_disk(carded) and not repo.private
    if path in {"/commit/", "/tag/"}:
        assert hub.count("PUT", "/storage/") == 0, "weights that arrived are not sent twice"


def test_a_public_repository_never_shows_half_of_a_new_version(hub, carded, model, results):
    send("model", carded)
    repo = hub.repos["models", "tester/thing"]
    before = dict(repo.files)
    (model / "NOTICE").write_text("More.\n")
    hub.faults.append(Fault("POST", "/commit/", 403))
    with pytest.raises(InputError):
        send("model", carded)
    assert repo.files == before and not repo.private
    send("model", carded)
    assert repo.files["NOTICE"] == b"More.\n" and len(repo.commits) == 2 and len(repo.tags) == 2


def test_a_file_that_changed_size_on_the_way_is_not_made_public(hub, carded):
    with planned("model", carded, "tester/thing") as plan:
        (carded / "training.json").write_bytes((carded / "training.json").read_bytes() + b" ")
        with pytest.raises(InputError, match=r"training\.json has \d+ bytes here and \d+ on the Hub"):
            publish(plan, TOKEN)
    assert hub.repos["models", "tester/thing"].private


def test_a_wrong_token_is_one_line(hub, carded):
    with planned("model", carded, "tester/thing") as plan, pytest.raises(InputError, match="401"):
        publish(plan, "hf_wrong")
    assert not hub.repos


def command(hub, *arguments, token=TOKEN, **environment):
    return subprocess.run(
        [sys.executable, "-m", "hub_cards", "publish", *map(str, arguments)],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(environment.pop("home")),
            **({"HF_TOKEN": token} if token else {}),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_publishes_to_the_endpoint_of_the_environment(hub, carded, tmp_path):
    done = command(hub, "model", carded, "--repo-id", "tester/thing", home=tmp_path, HF_HUB_DISABLE_XET="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{hub.url}/tester/thing\n")
    assert hub.repos["models", "tester/thing"].files == on_disk(carded)


def test_without_xet_storage_large_files_go_over_lfs(hub, carded, tmp_path):
    """hf_xet is installed and this Hub has no Xet storage: it answers 404 to the request for a token of it."""
    pytest.importorskip("hf_xet")
    done = command(hub, "model", carded, "--repo-id", "tester/thing", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "sending over LFS" in done.stderr
    assert hub.repos["models", "tester/thing"].files == on_disk(carded)


def test_without_a_token_one_line_says_how_to_log_in(hub, carded, tmp_path):
    done = command(hub, "model", carded, "--repo-id", "tester/thing", token=None, home=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "error: Hugging Face Hub: token: there is none on this machine; "
        "log in with `hf auth login`, or set HF_TOKEN to a token with the right to write\n"
    )
    assert not hub.requests
