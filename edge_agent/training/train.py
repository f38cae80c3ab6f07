"""The training loop: Muon for the matrices, AdamW for the rest, warm-up and linear decay, checkpoints to go on from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from edge_agent.training.batches import Batch
from edge_agent.training.model import Llama, Shape

CLIP = 1.0
ORTHOGONAL_STEPS = 4
"""Muon's own iterations a step, a quarter of a step's time; five are usual."""
REPORT_STEPS = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast. `steps` repeats a run exactly; otherwise `seconds` of training time end it."""

    seconds: float = 1800.0
    steps: int | None = None
    seed: int = 1
    warmup_steps: int = 60
    matrix_rate: float = 3.5e-3
    other_rate: float = 3e-3
    weight_decay: float = 0.05
    bfloat16: bool = True
    device: str = "cpu"
    """Where it computes, in PyTorch's words: "cpu", "cuda"."""


@dataclass(slots=True)
class Progress:
    """Where a run stands; kept in its checkpoint."""

    step: int = 0
    blocks: int = 0
    tokens: int = 0
    seconds: float = 0.0
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Step, and the answers' mean loss in nats a token over the steps before it."""


class Trainer:
    """A model, its optimizers and its progress."""

    def __init__(self, shape: Shape, plan: Plan, vectors: dict[int, Tensor] | None = None) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.progress = plan, Progress()
        self.model = Llama(shape, vectors).to(plan.device)
        matrices = [weight for name, weight in self.model.named_parameters() if _is_matrix(name, weight)]
        others = [weight for name, weight in self.model.named_parameters() if not _is_matrix(name, weight)]
        self._muon = torch.optim.Muon(
            matrices,
            lr=plan.matrix_rate,
            weight_decay=plan.weight_decay,
            adjust_lr_fn="match_rms_adamw",
            ns_steps=ORTHOGONAL_STEPS,
        )
        self._adam = torch.optim.AdamW(others, lr=plan.other_rate, betas=(0.9, 0.98), weight_decay=0.0)

    def run(self, blocks: Iterator[list[Batch]], report: Callable[[str], None], checkpoint: Path | None = None) -> None:
        """Train to the plan's end, one checkpoint a minute. `blocks` begins at `progress.blocks`."""
        if self.done >= 1:
            return
        recent: list[float] = []
        began = time.monotonic() - self.progress.seconds
        saved = self.progress.seconds
        for block in blocks:
            for batch in block:
                recent.append(self._step(batch))
                self.progress.seconds = time.monotonic() - began
                if self.progress.step % REPORT_STEPS == 0:
                    self.progress.curve.append((self.progress.step, sum(recent) / len(recent)))
                    report(self._line())
                    recent.clear()
                if self.done >= 1:
                    break
            self.progress.blocks += 1
            if checkpoint and (self.done >= 1 or self.progress.seconds - saved > 60):
                self.save(checkpoint)
                saved = self.progress.seconds
            if self.done >= 1:
                return

    @property
    def done(self) -> float:
        """The share of the plan that is behind us, 1.0 at its end."""
        if self.plan.steps is not None:
            return self.progress.step / self.plan.steps
        return self.progress.seconds / self.plan.seconds

    def _line(self) -> str:
        step, loss = self.progress.curve[-1]
        rate = self.progress.tokens / self.progress.seconds
        return f"step {step}  loss {loss:.4f}  {self.progress.seconds:.0f} s  {rate:.0f} tokens/s"

    def _step(self, batch: Batch) -> float:
        """One update; the answers' mean loss."""
        scale = min(1.0, (self.progress.step + 1) / self.plan.warmup_steps) * max(0.02, 1.0 - self.done)
        self._muon.param_groups[0]["lr"] = self.plan.matrix_rate * scale
        self._adam.param_groups[0]["lr"] = self.plan.other_rate * scale
        tokens = torch.from_numpy(batch.tokens).to(self.plan.device)
        weights = torch.from_numpy(batch.weights).to(self.plan.device)
        loss, answers = self.loss(tokens, weights)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        for optimizer in (self._muon, self._adam):
            optimizer.step()  # type: ignore[no-untyped-call, unused-ignore]
            optimizer.zero_grad(set_to_none=True)
        self.progress.step += 1
        self.progress.tokens += tokens.numel()
        return answers

    def loss(self, tokens: Tensor, weights: Tensor) -> tuple[Tensor, float]:
        """The weighted loss, and the mean over the answers' tokens alone.

        A token competes with those of its own batch, not with the whole vocabulary: the grammar of a sentence never
        offers another one, and a quarter of a step's time is saved.
        """
        distinct, places = torch.unique(tokens, return_inverse=True)
        with torch.autocast(tokens.device.type, torch.bfloat16, enabled=self.plan.bfloat16):
            rows = self.model.rows(distinct)
            hidden = self.model.body(functional.embedding(places[:, :-1], rows))
            scored = weights[:, 1:] > 0
            logits = functional.linear(hidden[scored], rows).float()
        each = functional.cross_entropy(logits, places[:, 1:][scored], reduction="none")
        weight = weights[:, 1:][scored]
        of_answers = each.detach()[weight >= 1].mean().item()
        return (each * weight).sum() / weight.sum(), of_answers

    def save(self, path: Path) -> None:
        """Write everything needed to go on."""
        partial = path.with_suffix(".partial")
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "muon": self._muon.state_dict(),
            "adam": self._adam.state_dict(),
            "progress": [getattr(self.progress, name) for name in Progress.__slots__],
            "random": torch.get_rng_state(),
        }
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint of the same shape and plan."""
        state = torch.load(path, weights_only=True, map_location=self.plan.device)
        self.model.load_state_dict(state["model"])
        self._muon.load_state_dict(state["muon"])
        self._adam.load_state_dict(state["adam"])
        self.progress = Progress(*state["progress"])
        torch.set_rng_state(state["random"].cpu())


def _is_matrix(name: str, weight: Tensor) -> bool:
    return weight.dim() == 2 and name.startswith("blk")
