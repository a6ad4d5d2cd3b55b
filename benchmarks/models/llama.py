"""Small decoder-only transformers of the llama form."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.models.data import FOLDER

#: Width, feed-forward width, layers, heads, key-value heads, vocabulary, context.
SHAPES = {
    "stories260k": (64, 172, 5, 8, 4, 512, 512),
    "zhpoem750k": (96, 256, 5, 6, 6, 2048, 128),
}


class Rotary(nn.Module):
    """Rotary positions: pair j of a head turns by position / 10000^(2j / size)."""

    def __init__(self, size: int, context: int) -> None:
        super().__init__()
        rates = 10000.0 ** -(torch.arange(0, size, 2).double() / size)
        angles = torch.arange(context).double()[:, None] * rates
        self.register_buffer("cosine", angles.cos().float(), persistent=False)
        self.register_buffer("sine", angles.sin().float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Turn x of shape (batch, heads, time, size)."""
        cosine, sine = self.cosine[: x.shape[2]], self.sine[: x.shape[2]]
        even, odd = x[..., ::2], x[..., 1::2]
        turned = (even * cosine - odd * sine, even * sine + odd * cosine)
        return torch.stack(turned, dim=-1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, kv_heads: int, context: int) -> None:
        super().__init__()
        self.size = width // heads
        self.groups = heads // kv_heads
        self.wq = nn.Linear(width, width, bias=False)
        self.wk = nn.Linear(width, kv_heads * self.size, bias=False)
        self.wv = nn.Linear(width, kv_heads * self.size, bias=False)
        self.wo = nn.Linear(width, width, bias=False)
        self.rotary = Rotary(self.size, context)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (-1, self.size)).transpose(1, 2)
            for layer in (self.wq, self.wk, self.wv)
        )
        q, k = self.rotary(q), self.rotary(k)
        k = k.repeat_interleave(self.groups, dim=1)
        v = v.repeat_interleave(self.groups, dim=1)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.wo(y.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, width, bias=False)
        self.w3 = nn.Linear(width, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.w2(functional.silu(self.w1(x)) * self.w3(x))


class Decoder(nn.Module):
    def __init__(
        self, width: int, hidden: int, heads: int, kv_heads: int, context: int
    ) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(width, eps=1e-5)
        self.attention = Attention(width, heads, kv_heads, context)
        self.ffn_norm = nn.RMSNorm(width, eps=1e-5)
        self.feed_forward = FeedForward(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.ffn_norm(x))


class Llama(nn.Module):
    """Tokens of shape (batch, time) to logits of shape (batch, time, vocabulary).

    The output matrix is the embedding.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        layers: int,
        heads: int,
        kv_heads: int,
        vocabulary: int,
        context: int,
    ) -> None:
        super().__init__()
        self.tok_embeddings = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(
            Decoder(width, hidden, heads, kv_heads, context) for _ in range(layers)
        )
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.output = nn.Linear(width, vocabulary, bias=False)
        self.output.weight = self.tok_embeddings.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tok_embeddings(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.output(self.norm(x))


def load_language_model(name: str = "stories260k", folder: Path = FOLDER) -> Llama:
    """Return a trained language model, a key of `SHAPES`, in evaluation mode."""
    model = Llama(*SHAPES[name])
    state = torch.load(folder / f"{name}.pt", weights_only=True)
    state["output.weight"] = state["tok_embeddings.weight"]
    model.load_state_dict(state)
    return model.eval()


def language_loss(model: nn.Module, stories: list[Tensor], batch: int = 16) -> float:
    """Return the mean loss, in nats, of predicting every token after the first.

    Stories are padded on the right; a causal model does not see that.
    """
    total, count = 0.0, 0
    with torch.no_grad():
        for first in range(0, len(stories), batch):
            padded = nn.utils.rnn.pad_sequence(
                stories[first : first + batch], batch_first=True, padding_value=-1
            )
            logits = model(padded[:, :-1].clamp(min=0))
            targets = padded[:, 1:]
            total += float(
                functional.cross_entropy(
                    logits.flatten(0, 1).float(),
                    targets.flatten(),
                    ignore_index=-1,
                    reduction="sum",
                )
            )
            count += int((targets >= 0).sum())
    return total / count
