"""A Whisper in plain PyTorch, as CTranslate2 computes it, that trains on three and a half seconds instead of thirty.

faster-whisper pads every sound with zeros to 30 seconds, and Whisper attends to all of its 1,500 positions. Here the
positions from `POSITIONS` on share one embedding. Behind a short sound they are then equal in every layer, so in
training one of them stands for all, its attention raised by the logarithm of their number: the same sums at an eighth
of the work. A batch of still shorter sounds is computed in a window of its own length; then the same is nearly so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_agent.training.speech_features import MELS

POSITIONS = 180
"""Positions of 20 ms with an embedding of their own."""
POSITIONS_TOTAL = 1_500
TEXT_POSITIONS = 448
"""Tokens with prompt: faster-whisper's own number."""
FRAMES_BEYOND = 4
"""Frames of 10 ms that are computed behind a window: enough zeros for the position beyond to see nothing else."""
_PLACE_SCALE = 0.3


@dataclass(frozen=True, slots=True)
class SpeechShape:
    """The sizes of a model."""

    vocabulary: int
    width: int = 128
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 2
    phonemes: int = 64
    words: int = 256
    """How many phonemes and words the encoder is taught to name, nothing included; not exported."""


class Attention(nn.Module):
    """Whisper's attention: no bias on the keys."""

    def __init__(self, shape: SpeechShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query = nn.Linear(shape.width, shape.width)
        self.key = nn.Linear(shape.width, shape.width, bias=False)
        self.value = nn.Linear(shape.width, shape.width)
        self.out = nn.Linear(shape.width, shape.width)

    def forward(self, values: Tensor, sources: Tensor, raised: Tensor) -> tuple[Tensor, Tensor]:
        """Values (batch, positions, width) looking at sources; `raised` is added to the scores.

        Returns what was seen, and how much the first head looked where: (batch, positions, sources).
        """
        query, key, value = (
            part(given).view(*given.shape[:2], self.heads, -1).transpose(1, 2)
            for part, given in ((self.query, values), (self.key, sources), (self.value, sources))
        )
        shares = _shares(query, key, raised)
        seen: Tensor = self.out((shares @ value).transpose(1, 2).flatten(2))
        return seen, shares[:, 0]


def _shares(query: Tensor, key: Tensor, raised: Tensor) -> Tensor:
    """Attention spelled out, all of it in the precision it is given: on a CPU half the time of the fused kernel."""
    with torch.autocast(query.device.type, enabled=False):
        scores = query @ key.transpose(2, 3) * query.size(3) ** -0.5 + raised.type_as(query)
        shares: Tensor = scores.softmax(-1)
        return shares


class Layer(nn.Module):
    """Attention to itself, in the decoder also to the sound, then the feed-forward; each on a normed copy."""

    def __init__(self, shape: SpeechShape, *, hears: bool) -> None:
        super().__init__()
        self.attention, self.attention_norm = Attention(shape), nn.LayerNorm(shape.width)
        self.hearing = Attention(shape) if hears else None
        self.hearing_norm = nn.LayerNorm(shape.width) if hears else None
        self.feed, self.feed_norm = nn.Linear(shape.width, 4 * shape.width), nn.LayerNorm(shape.width)
        self.fed = nn.Linear(4 * shape.width, shape.width)

    def forward(
        self, values: Tensor, own: Tensor, sound: Tensor | None = None, beyond: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The values one layer on, and where its first head looked: in the sound where there is one."""
        normed = self.attention_norm(values)
        seen, looked = self.attention(normed, normed, own)
        values = values + seen
        if self.hearing is not None and self.hearing_norm is not None:
            seen, looked = self.hearing(self.hearing_norm(values), sound, beyond)
            values = values + seen
        fed: Tensor = self.fed(functional.gelu(self.feed(self.feed_norm(values))))
        return values + fed, looked


class Whisper(nn.Module):
    """The whole model. `phonemes` and `words` help the encoder to learn and are not exported."""

    def __init__(self, shape: SpeechShape) -> None:
        super().__init__()
        self.shape = shape
        self.conv1 = nn.Conv1d(MELS, shape.width, 3, padding=1)
        self.conv2 = nn.Conv1d(shape.width, shape.width, 3, stride=2, padding=1)
        self.places = nn.Parameter(_PLACE_SCALE * waves(POSITIONS, shape.width))
        self.place_beyond = nn.Parameter(torch.zeros(1, shape.width))
        self.encoder = nn.ModuleList(Layer(shape, hears=False) for _ in range(shape.encoder_layers))
        self.encoder_norm = nn.LayerNorm(shape.width)
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.text_places = nn.Parameter(_PLACE_SCALE * waves(TEXT_POSITIONS, shape.width))
        self.decoder = nn.ModuleList(Layer(shape, hears=True) for _ in range(shape.decoder_layers))
        self.decoder_norm = nn.LayerNorm(shape.width)
        self.phonemes, self.words = nn.Linear(shape.width, shape.phonemes), nn.Linear(shape.width, shape.words)
        nn.init.normal_(self.tokens.weight, std=0.05)
        for layer in (*self.encoder, *self.decoder):
            for last in (layer.attention.out, layer.fed):
                nn.init.normal_(last.weight, std=0.02)

    def hear(self, features: Tensor) -> Tensor:
        """Features (batch, 80, 2 x window + FRAMES_BEYOND), six zeros last, to (batch, window + 1, width)."""
        window = (features.size(2) - FRAMES_BEYOND) // 2
        values = functional.gelu(self.conv2(functional.gelu(self.conv1(features))))[..., : window + 1]
        values = values.transpose(1, 2) + torch.cat((self.places[:window], self.place_beyond))
        raised = _beyond(window)
        for layer in self.encoder:
            values, _ = layer(values, raised)
        normed: Tensor = self.encoder_norm(values)
        return normed

    def write(self, tokens: Tensor, sound: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores (batch, positions, vocabulary) of what follows each token (batch, positions).

        With them where the first head of each layer listened, (batch, positions, window + 1).
        """
        count = tokens.size(1)
        later = torch.full((count, count), float("-inf")).triu(1)
        raised = _beyond(sound.size(1) - 1)
        values = self.tokens(tokens) + self.text_places[:count]
        listened: list[Tensor] = []
        for layer in self.decoder:
            values, looked = layer(values, later, sound, raised)
            listened.append(looked)
        return functional.linear(self.decoder_norm(values), self.tokens.weight), listened

    def named(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of each position's phoneme and word, (batch, window, phonemes) and (batch, window, words)."""
        inside = sound[:, :-1]
        return self.phonemes(inside), self.words(inside)


def _beyond(window: int) -> Tensor:
    """What is added to the scores, (1, window + 1): the last position counts for all that follow."""
    raised = torch.zeros(1, window + 1)
    raised[:, -1] = math.log(POSITIONS_TOTAL - window)
    return raised


def waves(positions: int, width: int) -> Tensor:
    """Whisper's sines and cosines, (positions, width)."""
    paces = torch.exp(-math.log(10_000.0) / (width // 2 - 1) * torch.arange(width // 2))
    turns = torch.arange(positions)[:, None] * paces
    return torch.cat((turns.sin(), turns.cos()), dim=1)
