"""A Llama in plain PyTorch, laid out as llama.cpp's `llama` architecture computes it.

RMSNorm, SwiGLU, rotary positions on interleaved pairs (so the export permutes nothing), the output tied to the
embedding. It only trains: generation is llama.cpp's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

ROPE_BASE = 10_000.0
NORM_EPSILON = 1e-5
EMBEDDING_SCALE = 0.02
DIFFERENCE_PACE = 0.3
DIFFERENCE_DROPPED = 0.3


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model. `width` is a multiple of 64 (two heads' halves and Q8_0's blocks of 32)."""

    vocabulary: int
    width: int = 256
    layers: int = 5
    heads: int = 4
    hidden: int = 768
    context: int = 512

    @property
    def head_width(self) -> int:
        """Dimensions of one attention head."""
        return self.width // self.heads


def rotations(shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosines and sines, (context, head_width / 2) each."""
    pairs = torch.arange(0, shape.head_width, 2, dtype=torch.float32)
    angles = torch.outer(torch.arange(shape.context, dtype=torch.float32), ROPE_BASE ** (-pairs / shape.head_width))
    return angles.cos(), angles.sin()


def rotate(values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn each neighbouring pair of (batch, heads, positions, head_width) by its position's angle."""
    even, odd = values[..., 0::2], values[..., 1::2]
    turned = torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), dim=-1)
    return turned.flatten(-2).type_as(values)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention over (batch, heads, positions, head_width), spelled out.

    At our forty positions the fused kernel's backward pass is several times slower on a CPU than these two products.
    """
    positions = query.size(2)
    future = torch.ones(positions, positions, dtype=torch.bool, device=query.device).triu(1)
    scores = (query @ key.transpose(2, 3)) * query.size(3) ** -0.5
    shares: Tensor = scores.masked_fill(future, float("-inf")).softmax(-1)
    return shares.type_as(value) @ value


class Norm(nn.Module):
    """Root-mean-square norm with a learnt scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, values: Tensor) -> Tensor:
        return functional.rms_norm(values, (values.size(-1),), self.weight.type_as(values), NORM_EPSILON)


class Block(nn.Module):
    """Attention, then the gated feed-forward, each on a normed copy added back."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.attn_norm, self.ffn_norm = Norm(shape.width), Norm(shape.width)
        self.attn_q = nn.Linear(shape.width, shape.width, bias=False)
        self.attn_k = nn.Linear(shape.width, shape.width, bias=False)
        self.attn_v = nn.Linear(shape.width, shape.width, bias=False)
        self.attn_output = nn.Linear(shape.width, shape.width, bias=False)
        self.ffn_gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        normed = self.attn_norm(values)
        batch, positions, width = normed.shape
        query, key, value = (
            part(normed).view(batch, positions, self.heads, width // self.heads).transpose(1, 2)
            for part in (self.attn_q, self.attn_k, self.attn_v)
        )
        mixed = attend(rotate(query, cosine, sine), rotate(key, cosine, sine), value)
        values = values + self.attn_output(mixed.transpose(1, 2).reshape(batch, positions, width))
        normed = self.ffn_norm(values)
        fed: Tensor = self.ffn_down(functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed))
        return values + fed


class WordSpace(nn.Module):
    """Where known words stand before training: fixed vectors, turned as a whole by one learnt matrix.

    A word's own embedding is then a difference to that, learnt at a third of the pace and left out now and then. So the
    model reads meanings rather than words, and a verb that no phrase says is near those that are said.
    """

    start: Tensor
    pace: Tensor

    def __init__(self, shape: Shape, vectors: dict[int, Tensor] | None = None) -> None:
        super().__init__()
        self.turn = nn.Parameter(torch.eye(shape.width))
        self.register_buffer("start", torch.zeros(shape.vocabulary, shape.width))
        self.register_buffer("pace", torch.ones(shape.vocabulary, 1))
        for token, vector in (vectors or {}).items():
            self.start[token] = vector * EMBEDDING_SCALE
            self.pace[token] = DIFFERENCE_PACE

    def forward(self, differences: Tensor, tokens: Tensor) -> Tensor:
        """Embeddings (tokens, width) of distinct token ids, from their learnt differences."""
        pace = self.pace[tokens]
        if self.training:
            kept = torch.rand(len(tokens), 1, device=tokens.device) >= DIFFERENCE_DROPPED
            pace = torch.where((pace < 1) & ~kept, 0.0, pace)
        return self.start[tokens] @ self.turn + pace * differences


class Llama(nn.Module):
    """The whole model. `rows` embeds, `body` reads; scores are taken against any rows, because the output is tied."""

    cosine: Tensor
    sine: Tensor

    def __init__(self, shape: Shape, vectors: dict[int, Tensor] | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.words = WordSpace(shape, vectors) if vectors else None
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width)
        cosine, sine = rotations(shape)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        nn.init.normal_(self.token_embd.weight, std=EMBEDDING_SCALE)
        with torch.no_grad():
            for token in vectors or ():
                self.token_embd.weight[token] = 0.0
        for name, weight in self.named_parameters():
            if weight.dim() == 2 and name.startswith("blk"):
                ends = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(weight, std=0.02 / (2 * shape.layers) ** 0.5 if ends else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Hidden states (batch, positions, width) of token ids (batch, positions)."""
        distinct, places = torch.unique(tokens, return_inverse=True)
        return self.body(functional.embedding(places, self.rows(distinct)))

    def rows(self, tokens: Tensor) -> Tensor:
        """Embeddings (tokens, width) of distinct token ids (tokens,)."""
        learnt: Tensor = self.token_embd.weight[tokens]
        if self.words is None:
            return learnt
        placed: Tensor = self.words(learnt, tokens)
        return placed

    def body(self, values: Tensor) -> Tensor:
        """Hidden states (batch, positions, width) of embedded tokens, of the same shape."""
        cosine, sine = self.cosine[: values.size(1)], self.sine[: values.size(1)]
        for block in self.blk:
            values = block(values, cosine, sine)
        normed: Tensor = self.output_norm(values)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the whole vocabulary of some hidden states (…, width)."""
        return functional.linear(hidden, self.rows(self._every_token()))

    def plain(self) -> Llama:
        """The same model with its word space worked into the embeddings: what is exported."""
        plain = Llama(self.shape)
        self.eval()
        with torch.no_grad():
            state = {name: value for name, value in self.state_dict().items() if not name.startswith("words.")}
            plain.load_state_dict(state)
            plain.token_embd.weight.copy_(self.rows(self._every_token()))
        self.train()
        return plain.eval()

    def _every_token(self) -> Tensor:
        return torch.arange(self.shape.vocabulary, device=self.token_embd.weight.device)

    def parameters_total(self) -> int:
        """How many numbers the exported model has."""
        return sum(weight.numel() for name, weight in self.named_parameters() if not name.startswith("words."))
