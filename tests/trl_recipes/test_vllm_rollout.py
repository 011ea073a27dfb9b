"""What vLLM would be given, against the processor that it hands it to, and a server that answers as documented.

vLLM itself needs a GPU and is not run here.
"""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from itertools import groupby
from types import SimpleNamespace

import numpy as np
import pytest
import requests
import torch
from PIL import Image
from trl.generation.vllm_client import VLLMClient
from trl.generation.vllm_generation import VLLMGeneration
from video_prompts import VIDEOS, load_videos, make_prompts, make_trainer

from trl_recipes.grpo_trainer import SpaceVistaGRPOTrainer
from trl_recipes.vllm_rollout import VideoClient, VideoEngine, attach_videos, frames_url, pack_videos


@pytest.fixture(scope="module")
def videos(questions, frames):
    return load_videos(questions, frames)


@pytest.fixture(scope="module")
def processor(tiny):
    return tiny[1]


@pytest.fixture(scope="module")
def prompts(videos):
    """The conversations with their frames."""
    loaded = []
    for prompt in (row["prompt"] for row in make_prompts()):
        parts = [{**p, "video": videos[p["video"][0]]} if p["type"] == "video" else p for p in prompt[0]["content"]]
        loaded.append([{"role": "user", "content": parts}])
    return loaded


@pytest.fixture(scope="module")
def token_ids(processor, prompts):
    """The prompts as the training pass reads them."""
    return processor.apply_chat_template(prompts, add_generation_prompt=True, tokenize=True, return_dict=True)[
        "input_ids"
    ]


class DocumentedEngine:
    """In the place of `vllm.LLM`: reads prompts by vLLM's documented rules and records what it was given.

    Token prompts hold one placeholder per video, which is expanded by the features that the processor returns; videos
    come as (frames, metadata), and the metadata tells the processor whether to sample.
    """

    def __init__(self, processor, reply=(50, 51)):
        self.processor, self.reply, self.given, self.slept = processor, reply, [], False

    def sleep(self, level):
        self.slept = level

    def generate(self, prompts, sampling_params=None, use_tqdm=True):
        return [self._answer(prompt, sampling_params) for prompt in prompts]

    def _answer(self, prompt, sampling_params):
        ids = list(prompt["prompt_token_ids"])
        videos = prompt.get("multi_modal_data", {}).get("video", [])
        outputs = None
        if videos:
            metadata = [{k: v for k, v in told.items() if k != "do_sample_frames"} for _, told in videos]
            outputs = self.processor(
                text=[self.processor.tokenizer.decode(ids)],
                videos=[frames for frames, _ in videos],
                video_metadata=metadata,
                do_sample_frames=videos[0][1]["do_sample_frames"],
                return_tensors="pt",
            )
            ids = outputs["input_ids"][0].tolist()
        self.given.append((prompt, outputs, sampling_params))
        sampled = SimpleNamespace(
            token_ids=list(self.reply), logprobs=[{t: SimpleNamespace(logprob=-1.0, rank=1)} for t in self.reply]
        )
        return SimpleNamespace(prompt_token_ids=ids, outputs=[sampled])


def _given(prompts, token_ids):
    """Write prompts as TRL's `VLLMGeneration.generate` does, with our videos in the place of its images."""
    rows = []
    for prompt, ids in zip(prompts, token_ids, strict=True):
        packed = pack_videos(prompt)
        row = {"prompt_token_ids": ids}
        if packed is not None:
            row["multi_modal_data"] = {"image": packed if len(packed) > 1 else packed[0]}
        rows.append(row)
    return rows


def test_the_engine_reads_the_tokens_and_features_of_the_training_pass(processor, prompts, token_ids):
    engine = DocumentedEngine(processor)
    outputs = VideoEngine(engine, processor.video_token_id).generate(_given(prompts, token_ids))
    assert [output.prompt_token_ids for output in outputs] == token_ids
    for (_, features, _), prompt in zip(engine.given, prompts, strict=True):
        own = processor.apply_chat_template(
            [prompt], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        if features is None:
            assert "pixel_values_videos" not in own
            continue
        assert torch.equal(features["pixel_values_videos"], own["pixel_values_videos"])
        assert torch.equal(features["video_grid_thw"], own["video_grid_thw"])
        assert torch.allclose(
            torch.as_tensor(features["second_per_grid_ts"]), torch.as_tensor(own["second_per_grid_ts"])
        )


def test_an_engine_that_reads_another_prompt_is_refused(processor, prompts, token_ids):
    class Resampling(DocumentedEngine):
        def _answer(self, prompt, sampling_params):
            answer = super()._answer(prompt, sampling_params)
            return SimpleNamespace(prompt_token_ids=answer.prompt_token_ids[:-3], outputs=answer.outputs)

    with pytest.raises(ValueError, match=r"vLLM read a prompt of \d+ tokens, the training pass reads one of \d+"):
        VideoEngine(Resampling(processor), processor.video_token_id).generate(_given(prompts, token_ids)[:1])


def test_all_else_is_the_engines(processor):
    engine = DocumentedEngine(processor)
    VideoEngine(engine, 0).sleep(level=2)
    assert engine.slept == 2
    with pytest.raises(AttributeError, match="no_such_thing"):
        VideoEngine(engine, 0).no_such_thing  # noqa: B018


def test_a_step_learns_from_what_the_engine_writes(model_dir, videos, tmp_path, monkeypatch, processor):
    """TRL's own code between the trainer and the engine, except for the start of vLLM and the push of weights."""
    engine = DocumentedEngine(processor)
    sampling = "trl.generation.vllm_generation.SamplingParams"

    def start(generation):
        generation.llm, generation._llm_weights_sleeping = engine, False

    monkeypatch.setattr(VLLMGeneration, "_init_vllm", start)
    monkeypatch.setattr(VLLMGeneration, "sync_weights", lambda generation: None)
    monkeypatch.setattr(sampling, lambda **kwargs: kwargs, raising=False)
    settings = {"use_vllm": True, "vllm_mode": "colocate", "vllm_importance_sampling_correction": False}
    trainer = make_trainer(
        SpaceVistaGRPOTrainer,
        model_dir,
        videos,
        tmp_path,
        settings=settings,
        reward_funcs=[lambda completions, **_: [0.0, 1.0] * 2],
    )
    trainer.train()
    [entry] = [entry for entry in trainer.state.log_history if "reward" in entry]
    assert entry["reward"] == 0.5 and entry["completions/mean_length"] == 2
    asked = [
        sum(run[0] == processor.video_token_id for run in groupby(prompt["prompt_token_ids"]))
        for prompt, _, _ in engine.given
    ]
    assert len(asked) == 4
    for prompt, _, params in engine.given:
        held = prompt.get("multi_modal_data", {}).get("video", [])
        assert prompt["prompt_token_ids"].count(processor.video_token_id) == len(held)
        assert params["logit_bias"][processor.video_token_id] == -100 and "suppress_tokens" not in params


def test_pixels_survive_the_way_to_a_server():
    video = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), dtype=np.uint8)
    kind, _, data = frames_url(video).partition(",")
    assert kind == "data:video/jpeg;base64"
    frames = [np.asarray(Image.open(BytesIO(base64.b64decode(part)))) for part in data.split(",")]
    assert np.array_equal(np.stack(frames), video)


@pytest.fixture
def server(processor):
    """A server with the two endpoints that TRL's client asks for multimodal prompts; it keeps the requests."""
    requests_seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests_seen.append((self.path, body))
            answer = self._render(body) if self.path.endswith("/render") else self._generate(body)
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _render(self, body):
            lengths = []
            for part in body["messages"][0]["content"]:
                parts = part["video_url"]["url"].partition(",")[2].split(",")
                frames = [Image.open(BytesIO(base64.b64decode(one))) for one in parts]
                grid = processor.video_processor(videos=[frames], return_tensors="pt")["video_grid_thw"]
                lengths.append(int(grid.prod()) // 4)
            places = [{"offset": 1, "length": length} for length in lengths]
            return {"features": {"mm_hashes": {"video": ["h"] * len(lengths)}, "mm_placeholders": {"video": places}}}

        def _generate(self, body):
            content = [{"token": "token_id:7", "logprob": -0.5, "top_logprobs": []}]
            choice = {"token_ids": [7], "logprobs": {"content": content}}
            return {"choices": [choice] * body["sampling_params"]["n"]}

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests_seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_gets_videos_placed_where_the_training_pass_reads_them(server, processor, prompts, token_ids):
    """TRL's client and orchestration as they are, without the start of vLLM's communicator."""
    url, seen = server
    client = VLLMClient.__new__(VLLMClient)
    client.session, client.base_url, client.model = requests.Session(), url, "model"
    generation = VLLMGeneration.__new__(VLLMGeneration)
    generation.mode, generation.vllm_client, generation.processing_class = "server", client, processor
    generation.accelerator = SimpleNamespace(is_main_process=True, process_index=0)
    attach_videos(generation, processor.video_token_id)
    packed = [pack_videos(prompt) for prompt in prompts]
    features = generation.vllm_client.image_features(packed)
    features = [generation._place_features(one, ids) for one, ids in zip(features, token_ids, strict=True)]
    answer = generation.vllm_client.generate(prompts=token_ids, features=features, n=2, max_tokens=1)
    assert answer["completion_ids"] == [[7]] * 8
    sent = {tuple(body["token_ids"]): body["features"] for path, body in seen if path.endswith("/generate")}
    for ids, names in zip(token_ids, VIDEOS, strict=True):
        given = sent[tuple(ids)]
        if not names:
            assert given is None
            continue
        places = given["mm_placeholders"]["video"]
        assert len(places) == len(names) and given["mm_hashes"]["video"] == ["h"] * len(names)
        covered = [i for place in places for i in range(place["offset"], place["offset"] + place["length"])]
        assert covered == [i for i, token in enumerate(ids) if token == processor.video_token_id]


def test_a_server_with_another_processor_is_refused(processor, token_ids):
    features = {
        "mm_placeholders": {"image": []},
        "videos": {"mm_placeholders": {"video": [{"offset": 1, "length": 3}]}},
    }
    with pytest.raises(ValueError, match=r"the vLLM server made \[3\] tokens of the videos"):
        VideoClient(None, processor.video_token_id).generate([token_ids[1]], [features])
