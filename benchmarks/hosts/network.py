"""A small transformer that was trained here, and text it has not seen; no downloads.

The text is Python's own reference manual, which comes with every CPython.
"""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

SEED = 0
SEQUENCE = 64
BATCH = 16
STEPS = 120


@functools.cache
def text() -> torch.Tensor:
    """Return the characters of the manual as tokens from 0 to 255."""
    from pydoc_data import topics

    whole = "\n".join(topics.topics[name] for name in sorted(topics.topics))
    return torch.tensor([min(ord(character), 255) for character in whole])


def batches(count: int, *, held_out: bool = False, seed: int = SEED) -> list[Any]:
    """Return batches of tokens, from the last tenth where held out."""
    tokens = text()
    cut = len(tokens) * 9 // 10
    part = tokens[cut:] if held_out else tokens[:cut]
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(0, len(part) - SEQUENCE, (count, BATCH), generator=generator)
    return [
        torch.stack([part[start : start + SEQUENCE] for start in row.tolist()])
        for row in starts
    ]


def _network(layers: int, hidden: int) -> LlamaForCausalLM:
    torch.manual_seed(SEED)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=256,
            hidden_size=hidden,
            intermediate_size=2 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=2 * SEQUENCE,
            tie_word_embeddings=False,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )
    )


@functools.cache
def _trained(layers: int, hidden: int) -> LlamaForCausalLM:
    model = _network(layers, hidden)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for tokens in batches(STEPS, seed=SEED + 1):
        loss = model(input_ids=tokens, labels=tokens).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


def trained(layers: int = 4, hidden: int = 128) -> LlamaForCausalLM:
    """Return a copy of the network, trained for a few steps."""
    return copy.deepcopy(_trained(layers, hidden))


def untrained(layers: int = 12, hidden: int = 64) -> LlamaForCausalLM:
    """Return a deeper network with random weights, to look at names and formats."""
    return _network(layers, hidden).eval()


def linears(model: torch.nn.Module) -> list[str]:
    """Return the names of the linear layers, the head aside."""
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name != "lm_head"
    ]


@torch.no_grad()
def held_out_loss(model: Any) -> float:
    """Return the mean cross-entropy on text that was not trained on, in nats."""
    total = 0.0
    data = batches(8, held_out=True)
    for tokens in data:
        logits = model(input_ids=tokens).logits.float()
        total += torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
        ).item()
    return total / len(data)


def tokenizer() -> Any:
    """Return a tokenizer of single characters, as some hosts insist on one."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {chr(i): i for i in range(256)}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token=chr(0)))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token=chr(0), pad_token=chr(0), eos_token=chr(2)
    )


def save(folder: Path, model: LlamaForCausalLM) -> str:
    """Write a model and its tokenizer; return the folder's name."""
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)
