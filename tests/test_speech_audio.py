"""From foreign sound to the one inner format: decoding, levels, offsets, rates and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import speech_sounds as sounds
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_agent.errors import ClientFault, Code, ConfigurationFault
from edge_agent.limits import SOUND_FILE_S_MAX
from edge_agent.speech.audio import (
    RATE_HZ,
    PcmFormat,
    decode_pcm,
    duration_ms,
    samples_of,
    to_samples,
    to_wave,
)
from edge_agent.speech.energy import LEVEL_DB_MIN, HighPass, level_db
from edge_agent.speech.files import read_audio
from edge_agent.speech.resampling import Resampler

FLOATS = PcmFormat(encoding="f32le")


def sine(rate_hz: int, frequency_hz: float = 440.0, duration_s: float = 1.0) -> NDArray[np.float32]:
    time_s = np.arange(round(rate_hz * duration_s)) / rate_hz
    return (0.5 * np.sin(2.0 * np.pi * frequency_hz * time_s)).astype(np.float32)


class TestDecoding:
    """PCM bytes to floats."""

    def test_integers_become_floats_of_full_scale_one(self) -> None:
        wave = decode_pcm(np.array([0, 16_384, -32_768, 32_767], "<i2").tobytes(), PcmFormat())
        assert wave.tolist() == [0.0, 0.5, -1.0, 32_767 / 32_768]

    def test_two_channels_are_averaged(self) -> None:
        wave = decode_pcm(np.array([0.5, -0.25, 1.0, 0.0], "<f4").tobytes(), PcmFormat(channels=2, encoding="f32le"))
        assert wave.tolist() == [0.125, 0.5]

    @pytest.mark.parametrize("form", [PcmFormat(), PcmFormat(channels=2), FLOATS], ids=str)
    def test_bytes_that_make_no_frames_are_refused(self, form: PcmFormat) -> None:
        with pytest.raises(ClientFault) as refused:
            decode_pcm(bytes(form.frame_bytes * 10 + 1), form)
        assert refused.value.code is Code.AUDIO_ODD_BYTES
        with pytest.raises(ClientFault):
            samples_of(b"\0" * 3)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_what_is_no_number_is_refused(self, bad: float) -> None:
        wave = sine(RATE_HZ)
        wave[700] = bad
        with pytest.raises(ClientFault) as refused:
            decode_pcm(wave.tobytes(), FLOATS)
        assert refused.value.code is Code.AUDIO_NOT_FINITE

    def test_floats_past_full_scale_are_cut(self) -> None:
        wave = np.array([3e38, 3e38, -3e38, 0.5], "<f4")
        assert decode_pcm(wave.tobytes(), FLOATS).tolist() == [1.0, 1.0, -1.0, 0.5]
        assert decode_pcm(wave.tobytes(), PcmFormat(channels=2, encoding="f32le")).tolist() == [1.0, -0.25]
        assert to_samples(np.array([2.0, -2.0, 1e30], np.float32)).tolist() == [32_767, -32_768, 32_767]

    @given(st.binary(max_size=4_000))
    def test_samples_survive_floats(self, data: bytes) -> None:
        """Any samples, to floats and back, are the same."""
        samples = samples_of(data[: len(data) // 2 * 2])
        assert to_samples(to_wave(samples)).tolist() == samples.tolist()

    def test_durations_agree(self) -> None:
        assert PcmFormat(48_000, 2, "f32le").duration_ms(bytes(48_000 * 8)) == 1_000.0
        assert duration_ms(np.zeros(RATE_HZ // 2, np.int16)) == 500.0


class TestLevels:
    """How loud, and about which middle."""

    def test_levels_are_those_of_the_sound(self) -> None:
        assert level_db(sine(RATE_HZ)) == pytest.approx(-9.03, abs=0.02)
        assert level_db(np.zeros(512, np.float32)) == LEVEL_DB_MIN
        assert level_db(np.empty(0, np.float32)) == LEVEL_DB_MIN

    def test_a_constant_offset_is_gone_from_the_first_sample(self) -> None:
        assert np.abs(HighPass().filtered(np.full(5_000, 0.4, np.float32))).max() < 1e-6

    def test_an_offset_under_speech_goes_and_speech_stays(self) -> None:
        speech = to_wave(sounds.spoken("take the box to the door"))
        heard = HighPass().filtered(speech + np.float32(0.3))
        assert abs(float(heard[RATE_HZ // 2 :].mean())) < 0.001
        assert level_db(heard[RATE_HZ // 2 :]) == pytest.approx(level_db(speech[RATE_HZ // 2 :]), abs=0.2)

    @pytest.mark.parametrize(
        ("frequency_hz", "change_db"), [(20.0, -3.0), (80.0, -0.3), (1_000.0, 0.0)], ids=["corner", "voice", "middle"]
    )
    def test_what_is_below_hearing_is_taken_out(self, frequency_hz: float, change_db: float) -> None:
        wave = sine(RATE_HZ, frequency_hz, 4.0)
        assert level_db(HighPass().filtered(wave)[RATE_HZ:]) - level_db(wave[RATE_HZ:]) == pytest.approx(
            change_db, abs=0.1
        )

    def test_portions_make_no_difference(self) -> None:
        """The filter goes on where it was, whatever the lengths."""
        wave = to_wave(sounds.pink_noise(2_000.0)) + np.float32(0.1)
        first, whole, parts = wave[:512], HighPass(), HighPass()
        expected = np.concatenate((whole.filtered(first), whole.filtered(wave[512:])))
        cuts = np.split(wave[512:], [1, 7, 519, 4_000, 20_001])
        assert np.allclose(np.concatenate([parts.filtered(first), *map(parts.filtered, cuts)]), expected, atol=1e-6)


class TestRates:
    """Everything becomes 16 kHz."""

    @pytest.mark.parametrize("rate_hz", [8_000, 11_025, 22_050, 32_000, 44_100, 48_000])
    def test_a_tone_stays_the_tone_it_was(self, rate_hz: int) -> None:
        """In portions of 20 ms and with the tail: same length, same wave."""
        wave = sine(rate_hz)
        resampler = Resampler(rate_hz)
        step = rate_hz // 50
        parts = [resampler.resampled(wave[begin : begin + step]) for begin in range(0, len(wave), step)]
        heard = np.concatenate([*parts, resampler.rest()])
        assert len(heard) == pytest.approx(RATE_HZ, abs=2)
        middle = slice(RATE_HZ // 10, RATE_HZ * 9 // 10)
        assert np.abs(heard[middle] - sine(RATE_HZ)[middle]).max() < 0.002

    def test_our_own_rate_passes_untouched(self) -> None:
        resampler = Resampler(RATE_HZ)
        assert resampler.resampled(sine(RATE_HZ)).tolist() == sine(RATE_HZ).tolist()
        assert not len(resampler.rest())

    def test_what_cannot_be_heard_at_16_khz_is_not_folded_into_it(self) -> None:
        resampler = Resampler(48_000)
        heard = np.concatenate((resampler.resampled(sine(48_000, 11_000.0)), resampler.rest()))
        assert level_db(heard[1_000:-1_000]) < -80.0

    @pytest.mark.parametrize("rate_hz", [0, -16_000, 1, 7_999, 48_001, 192_000])
    def test_other_rates_are_refused(self, rate_hz: int) -> None:
        with pytest.raises(ClientFault, match=r"8000 to 48000 Hz") as refused:
            Resampler(rate_hz)
        assert refused.value.code is Code.AUDIO_FORMAT


class TestFiles:
    """Files that a person names."""

    @pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
    @pytest.mark.parametrize("rate_hz", [16_000, 44_100])
    def test_sound_files_are_read(self, tmp_path: Path, name: str, rate_hz: int) -> None:
        stereo = np.stack((sine(rate_hz), sine(rate_hz)), axis=1)
        soundfile.write(tmp_path / name, stereo, rate_hz)
        wave = to_wave(read_audio(tmp_path / name))
        assert len(wave) == pytest.approx(RATE_HZ, abs=2)
        middle = slice(2_000, 14_000)
        assert np.abs(wave[middle] - sine(RATE_HZ)[middle]).max() < (0.05 if name.endswith("ogg") else 0.002)

    def test_an_empty_file_is_empty_sound(self, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), 16_000)
        assert not len(read_audio(tmp_path / "a.wav"))

    @pytest.mark.parametrize(
        "content", [b"", b"RIFF\x00\x00", b"not a sound at all" * 40], ids=["empty", "cut", "text"]
    )
    def test_what_is_no_sound_is_refused_by_name(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "speech.wav"
        path.write_bytes(content)
        with pytest.raises(ConfigurationFault, match=r"speech\.wav") as refused:
            read_audio(path)
        assert refused.value.code is Code.AUDIO_INVALID

    def test_a_missing_file_and_a_folder_are_refused(self, tmp_path: Path) -> None:
        for path in (tmp_path / "nowhere.wav", tmp_path):
            with pytest.raises(ConfigurationFault, match="no such file") as refused:
                read_audio(path)
            assert refused.value.code is Code.AUDIO_INVALID

    def test_a_truncated_file_is_refused(self, tmp_path: Path) -> None:
        """Half a FLAC file is not silently half a sentence."""
        path = tmp_path / "a.flac"
        soundfile.write(path, to_wave(sounds.spoken("take the box to the door")), 16_000)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(ConfigurationFault) as refused:
            read_audio(path)
        assert refused.value.code is Code.AUDIO_INVALID

    def test_a_file_of_floats_that_are_no_numbers_is_refused(self, tmp_path: Path) -> None:
        wave = sine(RATE_HZ)
        wave[99] = np.nan
        soundfile.write(tmp_path / "a.wav", wave, RATE_HZ, subtype="FLOAT")
        with pytest.raises(ConfigurationFault, match="NaN") as refused:
            read_audio(tmp_path / "a.wav")
        assert refused.value.code is Code.AUDIO_INVALID

    def test_other_rates_and_too_long_files_are_refused(self, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "high.wav", sine(96_000), 96_000)
        soundfile.write(tmp_path / "long.wav", np.zeros((SOUND_FILE_S_MAX + 1) * 8_000, np.int16), 8_000)
        for name, why in (("high.wav", "96000 Hz"), ("long.wav", "10 minutes")):
            with pytest.raises(ConfigurationFault, match=why) as refused:
                read_audio(tmp_path / name)
            assert refused.value.code is Code.AUDIO_INVALID
