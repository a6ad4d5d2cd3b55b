"""Layers that servers fuse, found in the networks of transformers."""

import pytest

from tests.hosts.conftest import require

require("transformers", "torch")

import torch  # noqa: E402
from torch import nn  # noqa: E402
from transformers import (  # noqa: E402
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
)

from mpsolve.integrations.fusion import Engine, find_fused  # noqa: E402
from mpsolve.torch import trace  # noqa: E402

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore")]

SMALL = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}
#: Knows no name at all: what it finds, it finds in the graph.
NAMELESS = Engine("nameless", {})


def sets(model, engine, **options):
    inputs = {"input_ids": torch.zeros(1, 8, dtype=torch.long), "use_cache": False}
    graph = trace(model.eval(), inputs, **options)
    assert graph.reason is None
    found = find_fused([layer.name for layer in graph.layers], engine, graph=graph)
    return {fused.layers for fused in found}


def attention(block):
    return tuple(f"model.layers.{block}.self_attn.{p}_proj" for p in "qkv")


@pytest.mark.parametrize("engine", [NAMELESS, "vllm", "sglang", "tensorrt-llm"])
def test_llama(engine):
    model = LlamaForCausalLM(LlamaConfig(**SMALL, tie_word_embeddings=True))
    gates = [
        tuple(f"model.layers.{block}.mlp.{part}_proj" for part in ("gate", "up"))
        for block in range(2)
    ]
    ends = ("model.embed_tokens", "lm_head")
    assert sets(model, engine) == {attention(0), attention(1), *gates, ends}


@pytest.mark.parametrize("engine", [NAMELESS, "vllm"])
def test_a_mixture_of_experts(engine):
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
    config = Qwen2MoeConfig(
        **SMALL, **experts, shared_expert_intermediate_size=16, decoder_sparse_step=1
    )
    shared = [
        tuple(
            f"model.layers.{block}.mlp.shared_expert.{part}_proj"
            for part in ("gate", "up")
        )
        for block in range(2)
    ]
    expected = {attention(0), attention(1), *shared}
    assert sets(Qwen2MoeForCausalLM(config), engine) == expected

    # The routed experts are one module there, and so one layer.
    def is_layer(module, name):
        return isinstance(module, nn.Linear) or name.endswith(".experts")

    assert sets(Qwen2MoeForCausalLM(config), engine, filter_fn=is_layer) == expected
