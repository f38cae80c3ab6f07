"""How many of a model's layers a card holds, and what to do when it refuses.

Decides `n_gpu_layers` as llama.cpp counts it: 1 is the output matrix, each further one a layer from the last to the
first, and all layers and 1 is everything but the embedding, which stays with the processor.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.planning.cache import Cache
from edge_agent.planning.devices import GIB, Device, reserve_of
from edge_agent.planning.gguf import Header
from edge_agent.planning.memory import BATCH_TOKENS, OUTPUT_ROWS, Demand, demand_of
from edge_agent.planning.shapes import model_of

_STEPS = 8
"""A card that refuses is offered an eighth of all layers less, so that it has been asked nine times at most."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a model goes. `total_layers` is what `n_gpu_layers` is when all of it is on the card. Bytes."""

    n_gpu_layers: int
    total_layers: int
    card: int
    host: int
    fits: bool
    """Whether card and host hold it all."""
    message: str

    @property
    def is_split(self) -> bool:
        """Whether some layers are the card's and some the processor's."""
        return 0 < self.n_gpu_layers < self.total_layers


def fit(demand: Demand, device: Device) -> Fit:
    """Where a model goes on a device."""
    total = len(demand.layers) + 1
    if device.card is None:
        needed, usable = demand.in_one_place, device.usable
        fits = needed <= usable
        words = "runs on the processor" if fits else "does not fit"
        return Fit(0, total, 0, needed, fits, f"{words}: {_of(needed, usable)}")
    if device.host is None:
        needed, usable = demand.in_one_place + demand.converted, device.card.usable
        fits = needed <= usable
        words = "runs on the GPU, which shares the processor's memory" if fits else "does not fit"
        return Fit(total if fits else 0, total, needed, 0, fits, f"{words}: {_of(needed, usable)}")
    count = _count(demand, device.card.usable)
    host = host_bytes(demand, count)
    message = _message(demand, count, device.card.usable)
    if host > device.host.usable:
        message = f"does not fit: {message}, but the rest takes {_of(host, device.host.usable)} of its memory"
        return Fit(count, total, card_bytes(demand, count), host, fits=False, message=message)
    return Fit(count, total, card_bytes(demand, count), host, fits=True, message=message)


def layers_that_fit(
    header: Header,
    free_card_bytes: int,
    cache: Cache,
    *,
    name: str,
    batch_tokens: int = BATCH_TOKENS,
    output_rows: int = OUTPUT_ROWS,
) -> Fit:
    """How many layers of a file go to a card with so much free memory, some of which is left free.

    The processor's memory is not asked.

    Raises:
        ConfigurationFault: PLAN_INVALID when the header does not say the model's sizes, or the cache cannot be made.
    """
    demand = demand_of(model_of(header, name), cache, batch_tokens=batch_tokens, output_rows=output_rows)
    usable = max(0, free_card_bytes - reserve_of(free_card_bytes))
    count = _count(demand, usable)
    return Fit(
        n_gpu_layers=count,
        total_layers=len(demand.layers) + 1,
        card=card_bytes(demand, count),
        host=host_bytes(demand, count),
        fits=True,
        message=_message(demand, count, usable),
    )


def step_down(n_gpu_layers: int, total_layers: int) -> int | None:
    """What to ask next of a card that refused so many layers (below 0: all); None when it had been asked for none."""
    asked = total_layers if n_gpu_layers < 0 else min(n_gpu_layers, total_layers)
    return None if asked == 0 else max(0, asked - max(1, total_layers // _STEPS))


def card_bytes(demand: Demand, count: int) -> int:
    """What `count` layers take of a card, room to compute included."""
    if count == 0:
        return 0
    layers = _layers_on_card(demand, count)
    borrowed = demand.largest if count <= len(demand.layers) else 0
    return layers + demand.output + demand.tied + demand.compute + demand.converted + borrowed


def host_bytes(demand: Demand, count: int) -> int:
    """What is left to the processor when `count` layers are on the card."""
    everything = demand.weights + demand.cache
    if count == 0:
        return everything + demand.compute
    rest = everything - _layers_on_card(demand, count) - demand.output
    return rest + (demand.compute if count <= len(demand.layers) else 0)


def _layers_on_card(demand: Demand, count: int) -> int:
    first = max(0, len(demand.layers) + 1 - count)
    return sum(layer.weights + layer.cache for layer in demand.layers[first:])


def _count(demand: Demand, usable: int) -> int:
    counts = range(len(demand.layers) + 1, 0, -1)
    return next((count for count in counts if card_bytes(demand, count) <= usable), 0)


def _message(demand: Demand, count: int, usable: int) -> str:
    total = len(demand.layers) + 1
    if count == 0:
        return f"no layer fits the card: {_of(card_bytes(demand, 1), usable)} for the first"
    if count == total:
        return f"all {total} layers fit the card: {_of(card_bytes(demand, count), usable)}"
    whole = card_bytes(demand, total)
    return (
        f"{count} of {total} layers fit the card: {_of(card_bytes(demand, count), usable)}, all would be "
        f"{whole / GIB:.2f}; the others run on the processor"
    )


def _of(needed: int, usable: int) -> str:
    return f"{needed / GIB:.2f} of {usable / GIB:.2f} GiB"
