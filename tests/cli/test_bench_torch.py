"""Where PyTorch is installed: what is measured in it computes what ours does, and every way to write writes."""

from typing import Any

import numpy as np
import pytest
from seqcore.config import FAMILIES, ModelConfig, TrainingConfig
from seqcore.model import build, initial, workspace
from seqcore.parameters import Parameters

torch = pytest.importorskip("torch", exc_type=ImportError)

from seqtui.cli import bench_torch  # noqa: E402  # it needs PyTorch

T, B, V = 9, 3, 11


ALL = [(family, "learned") for family in FAMILIES] + [("attention", "rotary")]


def config_of(family: str, positions: str = "learned") -> ModelConfig:
    layers = 1 if family == "feedforward" else 2
    context = {"attention": 10, "feedforward": 4}.get(family, 0)
    return ModelConfig(V, family=family, hidden=16, layers=layers, embedding=12, context=context, positions=positions)


def load(net: Any, p: Parameters, family: str) -> None:
    """Our weights into PyTorch's modules: matrices are (out, in) there."""
    layers = range(getattr(net, "layers", 1))
    if family == "attention":
        pairs = [(net.E.weight, p["embedding.E"]), (net.norm.weight, p["norm.g"])]
        if net.P is not None:
            pairs += [(net.P.weight, p["embedding.P"])]
        names = ("norm1.g", "W_qkv", "W_o", "norm2.g", "W_fc", "W_proj")
        for n, block in enumerate(net.blocks):
            pairs += [(part.weight, p[f"layers.{n}.{name}"].T) for part, name in zip(block, names, strict=True)]
    else:
        pairs = [(net.embedding.weight, p["embedding.E"]), (net.head.weight, p["head.W_hy"].T),
                 (net.head.bias, p["head.b_y"])]  # fmt: skip
    if family == "feedforward":
        pairs += [(net.layer.weight, p["layers.0.W_xh"].T), (net.layer.bias, p["layers.0.b"])]
    elif family != "attention":
        for n in layers:
            pairs += [(getattr(net.layer, f"weight_{part}_l{n}"), p[f"layers.{n}.W_{ours}"].T)
                      for part, ours in (("ih", "xh"), ("hh", "hh"))]  # fmt: skip
            inner = np.zeros_like(p[f"layers.{n}.b"])
            if family == "gru":
                inner[-16:] = p[f"layers.{n}.b_hn"]
            pairs += [(getattr(net.layer, f"bias_ih_l{n}"), p[f"layers.{n}.b"])]
            pairs += [(getattr(net.layer, f"bias_hh_l{n}"), inner)]
    with torch.no_grad():
        for theirs, ours in pairs:
            theirs.copy_(torch.tensor(np.ascontiguousarray(ours)))


@pytest.mark.parametrize(("family", "positions"), ALL)
def test_both_sides_compute_the_same_loss(warm: None, family: str, positions: str) -> None:
    config = config_of(family, positions)
    p, draw = initial(config, 3), np.random.default_rng(0)
    x, y = (draw.integers(0, V, (T, B)).astype(np.int32) for _ in range(2))
    model, work = build(config, p), workspace(config, T, B, backward=False)
    model.pack(False)
    work.reset()
    ours = float(model.losses(x, y, work).mean())
    net = bench_torch.NETS[family](config.to_dict())
    load(net, p, family)
    tokens, targets = torch.tensor(x).long(), torch.tensor(y).long()
    if net.batch_first:
        tokens, targets = tokens.T.contiguous(), targets.T
    logits, _ = net(tokens, net.start(B))
    theirs = torch.nn.functional.cross_entropy(logits.detach(), targets.reshape(-1))
    assert float(theirs) == pytest.approx(ours, abs=1e-5)


@pytest.mark.parametrize("adam", bench_torch.ADAM)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_learns_with_every_adam(family: str, adam: str) -> None:
    training = TrainingConfig(batch=B, length=T, learning_rate=0.01, weight_decay=0.1 if family == "attention" else 0.0)
    step = bench_torch.Step(config_of(family).to_dict(), training.to_dict())
    step.batches = step.batches[:1] * bench_torch.BATCHES  # the same again and again: it can be learned
    step.use(adam)
    losses = [step() for _ in range(30)]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(("family", "way"), [(f, way) for f in FAMILIES for way in bench_torch.WAYS[f]])
def test_every_way_writes_tokens_of_the_vocabulary(family: str, way: str) -> None:
    write = bench_torch.NETS[family](config_of(family).to_dict()).writer(way)
    with torch.inference_mode():
        tokens = [write() for _ in range(40)]  # four contexts
    assert set(tokens) <= set(range(V))
    assert len(set(tokens)) > 3


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_generation_with_a_cache_equals_generation_without_until_the_context_is_full(positions: str) -> None:
    net = bench_torch.NETS["attention"](config_of("attention", positions).to_dict())
    written = []
    for way in bench_torch.WAYS["attention"]:
        torch.manual_seed(5)
        write = net.writer(way)
        with torch.inference_mode():
            written.append([write() for _ in range(10)])
    assert written[0] == written[1]
