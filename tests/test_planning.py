"""Plans without llama.cpp: what fits a card, what is asked of it next, how long a command takes, what is measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.language.models import bundled_model, header_of
from edge_agent.planning.cache import Cache
from edge_agent.planning.devices import GIB, PRESETS, Device, card, processor, reserve_of
from edge_agent.planning.fitting import card_bytes, fit, host_bytes, layers_that_fit, step_down
from edge_agent.planning.machine import bandwidth_gb_s, cards_of, described, free_bytes, this_machine
from edge_agent.planning.memory import Demand, demand_of
from edge_agent.planning.mixtures import MIXTURES
from edge_agent.planning.plan import plan_of
from edge_agent.planning.shapes import NAMED, Model, Shape, named_model
from edge_agent.planning.speed import HOST_MS, TOKENS, command_ms, one_pass

Q4 = MIXTURES["Q4_K_M"]
HOST = processor(32 * GIB, 50.0)


def demand(name: str, n_ctx: int = 2_048) -> Demand:
    return demand_of(named_model(name, Q4), Cache(n_ctx))


def own_card(free: float, gb_s: float = 1_000.0) -> Device:
    """A card of so many GiB beside a processor."""
    return Device("own", "a card", card(int(free * 1_024), gb_s, 0.5), HOST)


class TestFit:
    def test_all_of_a_model_goes_to_a_card_that_holds_it(self) -> None:
        """Everything but the embedding, which stays with the processor."""
        needs = demand("llama-3-8b")
        found = fit(needs, PRESETS["rtx-4090"])
        assert (found.n_gpu_layers, found.total_layers, found.fits, found.is_split) == (33, 33, True, False)
        assert found.host == needs.input
        assert found.card + found.host == needs.in_one_place
        assert found.message.startswith("all 33 layers fit")

    def test_tied_embeddings_are_there_twice(self) -> None:
        needs = demand("llama-3.2-1b")
        found = fit(needs, PRESETS["rtx-4090"])
        assert found.card + found.host == needs.in_one_place + needs.input

    def test_what_does_not_fit_is_split_with_nothing_lost(self) -> None:
        """A 70B on 24 GB: card and processor hold all of it, and the next layer would not have fitted."""
        needs, device = demand("llama-3-70b", 4_096), PRESETS["rtx-4090"]
        found = fit(needs, device)
        assert device.card is not None
        assert found.is_split
        assert found.fits
        assert found.card <= device.card.usable < card_bytes(needs, found.n_gpu_layers + 1)
        both_compute, borrowed = needs.compute, needs.largest
        assert found.card + found.host == needs.in_one_place + both_compute + borrowed
        assert "45 of 81" in found.message

    def test_a_card_too_small_for_anything_leaves_all_to_the_processor(self) -> None:
        needs = demand("llama-3-8b")
        found = fit(needs, own_card(0.5))
        assert (found.n_gpu_layers, found.card, found.host) == (0, 0, needs.in_one_place)
        assert found.fits

    def test_what_card_and_host_together_do_not_hold_does_not_fit(self) -> None:
        found = fit(demand("llama-3.1-405b"), PRESETS["rtx-4090"])
        assert not found.fits
        assert found.message.startswith("does not fit")

    @pytest.mark.parametrize(("name", "fits"), [("llama-3.1-8b", True), ("llama-3.1-70b", False)])
    def test_one_memory_for_both_is_counted_once(self, name: str, fits: bool) -> None:
        """A Jetson has no card to spill from: all layers, or it does not fit."""
        found = fit(demand(name), PRESETS["orin-nano"])
        assert found.fits is fits
        assert found.n_gpu_layers == (found.total_layers if fits else 0)

    def test_a_processor_alone_has_no_layers_on_a_card(self) -> None:
        device = Device("cpu", "a processor", None, HOST)
        assert fit(demand("llama-3-8b"), device).n_gpu_layers == 0
        assert not fit(demand("llama-3-70b"), device).fits

    @given(st.integers(0, 64), st.sampled_from(["llama-3-8b", "llama-3.2-1b", "mixtral-8x7b"]))
    def test_a_larger_card_never_holds_fewer_layers(self, gib: int, name: str) -> None:
        needs = demand(name)
        smaller, larger = fit(needs, own_card(gib)), fit(needs, own_card(gib + 1))
        assert smaller.n_gpu_layers <= larger.n_gpu_layers
        assert smaller.card <= max(0, (gib << 30) - reserve_of(gib << 30))

    @given(st.integers(0, 33))
    def test_card_and_host_hold_every_layer_once(self, count: int) -> None:
        """Whatever the split, weights and cache are all there."""
        needs = demand("llama-3-8b")
        computing = needs.compute * (0 < count < 33) + needs.largest * (0 < count < 33)
        assert card_bytes(needs, count) + host_bytes(needs, count) - computing == needs.in_one_place

    def test_the_node_asks_with_a_header_and_what_is_free(self) -> None:
        """A little is kept free; nothing fits nothing."""
        header = header_of(bundled_model())
        found = layers_that_fit(header, GIB, Cache(2_048), name="bundled")
        assert (found.n_gpu_layers, found.total_layers) == (6, 6)
        assert found.card <= GIB - reserve_of(GIB)
        none = layers_that_fit(header, 0, Cache(2_048), name="bundled")
        assert (none.n_gpu_layers, none.card) == (0, 0)
        assert "no layer fits" in none.message
        some = layers_that_fit(header, found.card + reserve_of(found.card) // 2, Cache(2_048), name="bundled")
        assert 0 < some.n_gpu_layers < 6

    @pytest.mark.parametrize("total", [1, 2, 6, 33, 81, 127])
    def test_a_card_that_refuses_is_asked_for_less_until_nothing_is_left(self, total: int) -> None:
        """In at most ten steps, each smaller, from all layers to none and then no further."""
        asked: int | None = -1
        seen = []
        while (asked := step_down(asked, total)) is not None:
            seen.append(asked)
        assert seen == sorted(set(seen), reverse=True)
        assert seen[0] < total
        assert seen[-1] == 0
        assert len(seen) <= 10
        assert step_down(0, total) is None


class TestSpeed:
    def test_an_8b_on_a_4090_decides_in_the_time_that_its_bytes_take(self) -> None:
        """4.62 GB of weights and 512 cells of cache at 64 % of 1008 GB/s."""
        model, device = named_model("llama-3-8b", Q4), PRESETS["rtx-4090"]
        needs = demand_of(model, Cache(4_096))
        where = fit(needs, device)
        one = one_pass(model.shape, needs, where, device)
        weights = needs.weights - needs.input
        assert weights / 1e9 == pytest.approx(4.62, abs=0.005)
        assert one.card_bytes == weights + needs.cache // 8
        assert one.host_bytes == 0
        assert one.ms == pytest.approx(one.card_bytes / 0.64 / 1_008e6)
        by_token = command_ms(model.shape, needs, where, device, passes=TOKENS)
        assert by_token == pytest.approx(TOKENS * one.ms + HOST_MS)
        assert HOST_MS < command_ms(model.shape, needs, where, device, passes=1.3) < 20.0
        assert command_ms(model.shape, needs, where, device, passes=4.0) < 50.0 < by_token

    def test_a_split_costs_what_the_processor_reads(self) -> None:
        """Both parts one after the other, and together what one of them would read alone."""
        model, device = named_model("llama-3-70b", Q4), PRESETS["rtx-4090"]
        needs = demand_of(model, Cache(4_096))
        where = fit(needs, device)
        assert device.host is not None
        one = one_pass(model.shape, needs, where, device)
        assert one.host_ms == pytest.approx(one.host_bytes / (device.host.gb_s * device.host.share) / 1e6)
        assert one.ms == one.card_ms + one.host_ms
        whole = one_pass(model.shape, needs, replace(where, n_gpu_layers=where.total_layers), device)
        assert (whole.card_bytes, whole.host_bytes) == (one.card_bytes + one.host_bytes, 0)
        alone = one_pass(model.shape, needs, replace(where, n_gpu_layers=0), device)
        assert (alone.card_bytes, alone.host_bytes) == (0, whole.card_bytes)
        output_only = one_pass(model.shape, needs, replace(where, n_gpu_layers=1), device)
        assert output_only.card_bytes == needs.output

    def test_of_experts_a_token_reads_its_own_and_several_read_all(self) -> None:
        """Mixtral: two of eight for one token, all for four or more."""
        model, device = named_model("mixtral-8x7b", Q4), PRESETS["h200"]
        needs = demand_of(model, Cache(2_048))
        where = fit(needs, device)
        read_by = [one_pass(model.shape, needs, where, device, count).card_bytes for count in (1, 2, 4, 10)]
        experts = sum(layer.experts for layer in needs.layers)
        assert read_by[1] - read_by[0] == pytest.approx(experts / 4, abs=100)
        assert read_by[2] - read_by[0] == pytest.approx(experts * 3 / 4, abs=100)
        assert read_by[2] == read_by[3] == needs.weights - needs.input + needs.cache // 4

    def test_a_plan_that_does_not_fit_promises_no_speed(self) -> None:
        plan = plan_of(named_model("llama-3.1-405b", Q4), PRESETS["rtx-3060"], Cache(512), passes=4.0)
        assert plan.paces == ()
        assert plan.to_object()["commands"] == []

    def test_an_architecture_that_may_keep_less_is_told_as_a_bound(self) -> None:
        """Sliding windows, shared layers, states: llama.cpp may keep less than every cell."""
        model = named_model("llama-3-8b", Q4)
        other = Model(replace(model.shape, architecture="gemma3"), model.quantization, model.tensors)
        plan = plan_of(other, PRESETS["rtx-4090"], Cache(512), passes=4.0)
        assert not plan.to_object()["kv_exact"]
        assert any("gemma3" in remark for remark in plan.remarks)
        assert plan_of(model, PRESETS["rtx-4090"], Cache(512), passes=4.0).remarks == ()


class TestMachine:
    def test_this_machine_is_measured(self) -> None:
        """Some memory, read at some speed, by no more threads than there are."""
        assert 0.1 < bandwidth_gb_s(threads=10_000) < 10_000
        device = this_machine(threads=1)
        assert device.host is not None
        assert 0 < device.host.size < 1 << 50

    def test_free_memory_is_what_the_kernel_says_can_be_had(self) -> None:
        assert free_bytes("MemTotal:  100 kB\nMemAvailable:   24000 kB\n") == 24_000 << 10
        assert free_bytes("") == 0

    def test_cards_are_read_from_the_drivers_list(self) -> None:
        told = "NVIDIA GeForce RTX 4090, 22000\nOrin (nvgpu), [N/A]\n\n"
        found = cards_of(told)
        assert [(one.name, one.free) for one in found] == [
            ("NVIDIA GeForce RTX 4090", 22_000 << 20),
            ("Orin (nvgpu)", None),
        ]
        assert cards_of("No devices were found") == ()

    def test_a_known_card_is_as_fast_as_its_preset_and_as_large_as_it_is_free(self) -> None:
        device = described(HOST, 1, cards_of("NVIDIA GeForce RTX 4090, 10240"), board="")
        assert device.card is not None
        assert device.host == HOST
        assert (device.card.gb_s, device.card.size, device.card.reserve) == (1_008.0, 10 * GIB, GIB)

    def test_an_unknown_card_needs_its_bandwidth(self) -> None:
        cards = cards_of("NVIDIA GeForce RTX 9990, 8192")
        with pytest.raises(ConfigurationFault, match="--card-bandwidth") as fault:
            described(HOST, 1, cards, board="")
        assert fault.value.code is Code.PLAN_INVALID
        given_one = described(HOST, 1, cards, board="", card_gb_s=2_000.0).card
        assert given_one is not None
        assert (given_one.gb_s, given_one.size) == (2_000.0, 8 * GIB)

    def test_a_board_has_one_memory_for_both(self) -> None:
        device = described(HOST, 1, cards_of("Orin (nvgpu), [N/A]"), board="NVIDIA Jetson AGX Orin Developer Kit\0")
        assert device.card is not None
        assert device.host is None
        assert (device.card.gb_s, device.card.size) == (204.8, HOST.size)

    def test_no_card_is_no_card(self) -> None:
        assert described(HOST, 2, (), board="").card is None


def test_presets_are_named_after_themselves_and_have_a_speed() -> None:
    """What a preset says can be planned with."""
    shape: Shape = NAMED["llama-3.2-1b"]
    for name, device in PRESETS.items():
        assert device.name == name
        assert plan_of(named_model(shape.name, Q4), device, Cache(2_048), passes=4.0).paces[0].ms > HOST_MS
