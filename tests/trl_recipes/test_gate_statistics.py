import math

import pytest
import torch

from trl_recipes.gate_statistics import GateStatistics, count


def test_counts_and_entropy_by_brute_force():
    torch.manual_seed(0)
    layers, batch, tokens, experts, scales = 2, 3, 5, 4, 3
    logits = torch.randn(layers, batch, tokens, experts)
    labels, mask = torch.tensor([2, 0, 2]), torch.ones(batch, tokens, dtype=torch.long)
    mask[1, 3:] = 0
    top, entropy, num_tokens = count(logits, labels, mask, scales)
    expected, sums = torch.zeros(scales, experts, dtype=torch.long), [0.0] * layers
    for layer in range(layers):
        for sample in range(batch):
            for token in range(tokens):
                if mask[sample, token]:
                    gates = [math.exp(value) for value in logits[layer, sample, token].tolist()]
                    gates = [gate / sum(gates) for gate in gates]
                    expected[labels[sample], gates.index(max(gates))] += 1
                    sums[layer] -= sum(gate * math.log(gate) for gate in gates)
    assert torch.equal(top, expected) and num_tokens == 13
    assert entropy.tolist() == pytest.approx(sums, rel=1e-5)
    by_token = count(logits, labels[:, None].expand(batch, tokens), mask, scales)
    assert torch.equal(by_token[0], top)


def test_entropy_lies_between_one_expert_and_all_alike():
    statistics = GateStatistics(["near", "far"], ["a", "b"])
    statistics.add(*count(torch.zeros(1, 1, 4, 2), torch.tensor([0]), None, 2))
    assert statistics.to_dict()["entropy"] == pytest.approx(math.log(2), abs=1e-6)
    statistics.reset()
    sure = torch.tensor([50.0, -50.0]).expand(1, 1, 4, 2)
    statistics.add(*count(sure, torch.tensor([1]), None, 2))
    told = statistics.to_dict()
    assert told["entropy"] == pytest.approx(0, abs=1e-6)
    assert told["top_gate_counts"] == [[0, 0], [4, 0]] and told["top_gate_shares"][1] == [1.0, 0.0]
    lines = statistics.table().splitlines()
    assert [line.split()[0] for line in lines] == ["top", "far", "gate"]
