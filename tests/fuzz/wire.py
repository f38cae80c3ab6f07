"""What comes over a wire: frames, sound, and the words of a server elsewhere."""

from __future__ import annotations

from collections import Counter

import numpy as np

from edge_agent import limits
from edge_agent.errors import ClientFault, Code, NodeFault
from edge_agent.grammar.accepts import accepts
from edge_agent.grammar.general import general_gbnf
from edge_agent.language.remote_reply import believed, read_models, read_reply
from edge_agent.messages import FROM_NODE, TO_NODE, ErrorReply
from edge_agent.messages.codec import Codec, encode, request_id_of
from edge_agent.packs import robot
from edge_agent.speech.audio import PcmFormat, decode_pcm, samples_of, to_samples, to_wave
from edge_agent.speech.resampling import Resampler
from fuzz.target import Target, refused_well

_TO, _FROM = Codec(TO_NODE), Codec(FROM_NODE)
_WIRE_CODES = (
    Code.EMPTY_FRAME,
    Code.TOO_LARGE,
    Code.NOT_UTF8,
    Code.NOT_JSON,
    Code.DUPLICATE_KEY,
    Code.NOT_FINITE,
    Code.TOO_DEEP,
    Code.NUMBER_TOO_LONG,
    Code.UNKNOWN_TYPE,
    Code.UNKNOWN_FIELD,
    Code.INVALID_MESSAGE,
)
_GRAMMAR = general_gbnf(robot.PACK)
_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000)


def check_frame(data: bytes) -> None:
    """A frame is a message that reads the same once it is written again, or is refused in a reply that can be sent."""
    for codec in (_TO, _FROM):
        try:
            message = codec.decode(data)
        except ClientFault as problem:
            refused_well(problem, *_WIRE_CODES)
            reply = ErrorReply(
                code=problem.code, message=problem.message, where=problem.where, request_id=request_id_of(data)
            )
            assert _FROM.decode(encode(reply)) == reply
            continue
        again = encode(message)
        if len(again) <= limits.FRAME_BYTES_MAX:  # defaults are written out, so it may be longer than it came
            assert codec.decode(again) == message


def check_sound(data: bytes) -> None:
    """PCM of any format is samples within full scale, as long as the sound was, or is refused."""
    if len(data) < 2:
        return
    form = PcmFormat(_RATES_HZ[data[0] % len(_RATES_HZ)], 1 + data[1] % 2, "f32le" if data[1] & 2 else "s16le")
    pcm = data[2:]
    try:
        wave = decode_pcm(pcm, form)
    except ClientFault as problem:
        refused_well(problem, Code.AUDIO_ODD_BYTES, Code.AUDIO_NOT_FINITE)
        return
    assert wave.shape == (len(pcm) // form.frame_bytes,)
    assert wave.dtype == np.float32 and np.isfinite(wave).all() and (np.abs(wave) <= 1.0).all()
    resampler = Resampler(form.rate_hz)
    cut = len(wave) // 3
    parts = [resampler.resampled(wave[:cut]), resampler.resampled(wave[cut:]), resampler.rest()]
    samples = to_samples(np.concatenate(parts) if form.rate_hz != 16_000 else wave)
    assert abs(len(samples) - len(wave) * 16_000 / form.rate_hz) <= 2
    assert np.array_equal(samples_of(samples.tobytes()), samples)
    assert np.array_equal(to_samples(to_wave(samples)), samples)


def check_reply(data: bytes) -> None:
    """A server's answer is believed only in words that the sentence's grammar takes."""
    for read in (read_models, read_reply):
        try:
            read(data)
        except NodeFault as problem:
            refused_well(problem, Code.OUTPUT_INVALID)
    try:
        reply = read_reply(data)
        assert reply.tokens >= 0
        assert reply.probability is None or 0.0 <= reply.probability <= 1.0
        text = reply.text
    except NodeFault:
        text = data.decode("utf-8", "replace")
    for wrapped in (False, True):
        try:
            answer = believed(robot.PACK, _GRAMMAR, text, wrapped=wrapped)
        except NodeFault as problem:
            refused_well(problem, Code.OUTPUT_INVALID)
        else:
            assert accepts(_GRAMMAR, answer)


def _kinds() -> tuple[bytes, ...]:
    """Every message's name and every field's, as they stand in JSON."""
    names = Counter(
        word for kind in (*TO_NODE, *FROM_NODE) for word in (str(kind.model_fields["type"].default), *kind.model_fields)
    )
    return tuple(f'"{name}"'.encode() for name in sorted(names))


_JSON = (
    b"{", b"}", b"[", b"]", b":", b",", b'"', b'":"', b'","', b"null", b"true", b"false", b"NaN", b"-Infinity",
    b"1e999", b"-0", b"1.5", b"9" * 33, b"\\u0000", b"\\ud800", b"\\ud83d\\ude00", b"\\n", b"\xed\xa0\x80",
    b"\xc3\x28", b"\xef\xbb\xbf",
)  # fmt: skip
_REPLY = (
    b'{"choices":[{"message":{"content":"', b'"},"finish_reason":"length"', b'"}}],"usage":{"completion_tokens":',
    b'"logprobs":{"content":[{"logprob":', b'"token_logprobs":[', b'{"data":[{"id":"', b'"owned_by":"', b'{"text":"',
    b'[{\\"action\\":\\"go_to\\",\\"place\\":1}]', b'{\\"actions\\":[', b"1" + b"0" * 400,
)  # fmt: skip

TARGETS = (
    Target("frame", check_frame, (*_kinds(), *_JSON), limits.FRAME_BYTES_MAX + 64),
    Target(
        "sound", check_sound, (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\xff", b"\xff\xff\x7f\x7f", b"\x00\x80", b"\xff\x7f")
    ),
    Target("reply", check_reply, (*_REPLY, *_JSON)),
)
