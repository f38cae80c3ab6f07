"""Every malformed frame is refused with its own code, and nothing else ever comes out of the reader."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import FROM_NODE, TO_NODE, Command, ErrorReply, Halt, Message, Perform
from edge_agent.messages.codec import Codec, build, encode, request_id_of

TO = Codec(TO_NODE)
FROM = Codec(FROM_NODE)


def command(**changes: Any) -> bytes:
    """A good command with some fields changed."""
    return json.dumps({**Command.EXAMPLE, **changes}).encode()


def raw(member: str) -> bytes:
    """A good command with one more member written as it stands."""
    return command()[:-1] + b"," + member.encode() + b"}"


BAD_FRAMES = [
    pytest.param(b"", Code.EMPTY_FRAME, "", id="empty"),
    pytest.param(b" " * (limits.FRAME_BYTES_MAX + 1), Code.TOO_LARGE, "", id="one-byte-over-the-limit"),
    pytest.param(b"\xff\xfe\x00\x01", Code.NOT_UTF8, "", id="random-bytes"),
    pytest.param(b'{"type":"\xc3\x28"}', Code.NOT_UTF8, "", id="invalid-utf8-in-a-string"),
    pytest.param(b'{"type":"\xed\xa0\x80"}', Code.NOT_UTF8, "", id="surrogate-as-utf8-bytes"),
    pytest.param(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f", Code.NOT_UTF8, "", id="old-zeromq-greeting"),
    pytest.param(b"hello", Code.NOT_JSON, "", id="text"),
    pytest.param(b"\xef\xbb\xbf{}", Code.NOT_JSON, "", id="byte-order-mark"),
    pytest.param(b"[]", Code.NOT_JSON, "", id="a-list"),
    pytest.param(b"null", Code.NOT_JSON, "", id="null"),
    pytest.param(b'{"type":"command"', Code.NOT_JSON, "", id="cut-off"),
    pytest.param(b"{} {}", Code.NOT_JSON, "", id="two-objects"),
    pytest.param(b'{"a":01}', Code.NOT_JSON, "", id="leading-zero"),
    pytest.param(b'{"a":"\x00"}', Code.NOT_JSON, "", id="bare-nul"),
    pytest.param(b'{"a":"\\u12"}', Code.NOT_JSON, "", id="half-an-escape"),
    pytest.param(raw('"text":"again"'), Code.DUPLICATE_KEY, "text", id="duplicate-key"),
    pytest.param(raw('"x":{"a":1,"a":1}'), Code.DUPLICATE_KEY, "a", id="duplicate-key-nested"),
    pytest.param(raw('"x":[{"a":[{"b":1,"b":2}]}]'), Code.DUPLICATE_KEY, "b", id="duplicate-key-deep-in-lists"),
    pytest.param(raw('"t\\u0065xt":"again"'), Code.DUPLICATE_KEY, "text", id="duplicate-key-escaped"),
    pytest.param(b'{"\\ud800":1,"\\ud800":1}', Code.DUPLICATE_KEY, "?", id="duplicate-key-no-reply-could-carry"),
    pytest.param(raw('"x":NaN'), Code.NOT_FINITE, "", id="nan"),
    pytest.param(raw('"x":Infinity'), Code.NOT_FINITE, "", id="infinity"),
    pytest.param(raw('"x":-Infinity'), Code.NOT_FINITE, "", id="minus-infinity"),
    pytest.param(raw('"x":1e999'), Code.NOT_FINITE, "", id="beyond-a-double"),
    pytest.param(raw('"x":-1e999'), Code.NOT_FINITE, "", id="below-a-double"),
    pytest.param(raw('"x":' + "[" * 10_000 + "]" * 10_000), Code.TOO_DEEP, "", id="ten-thousand-lists"),
    pytest.param(raw('"x":' + '{"a":' * 6_000 + "1" + "}" * 6_000), Code.TOO_DEEP, "", id="six-thousand-objects"),
    pytest.param(b"[" * 60_000, Code.TOO_DEEP, "", id="lists-never-closed"),
    pytest.param(raw('"x":' + "9" * 5_000), Code.NUMBER_TOO_LONG, "", id="five-thousand-digits"),
    pytest.param(raw('"x":0.' + "1" * 5_000), Code.NUMBER_TOO_LONG, "", id="five-thousand-decimals"),
    pytest.param(b"{}", Code.UNKNOWN_TYPE, "type", id="no-type"),
    pytest.param(command(type="launch"), Code.UNKNOWN_TYPE, "type", id="unknown-type"),
    pytest.param(command(type=7), Code.UNKNOWN_TYPE, "type", id="type-is-a-number"),
    pytest.param(command(type=["command"]), Code.UNKNOWN_TYPE, "type", id="type-is-a-list"),
    pytest.param(command(type="answer"), Code.UNKNOWN_TYPE, "type", id="only-the-node-says-that"),
    pytest.param(command(priority=1), Code.UNKNOWN_FIELD, "priority", id="unknown-field"),
    pytest.param(command(context={"room": "x"}), Code.UNKNOWN_FIELD, "context.room", id="unknown-field-nested"),
    pytest.param(command(ttl_ms=True), Code.INVALID_MESSAGE, "ttl_ms", id="bool-for-an-integer"),
    pytest.param(command(ttl_ms="2000"), Code.INVALID_MESSAGE, "ttl_ms", id="text-for-an-integer"),
    pytest.param(command(ttl_ms=1.5), Code.INVALID_MESSAGE, "ttl_ms", id="half-a-millisecond"),
    pytest.param(command(ttl_ms=0), Code.INVALID_MESSAGE, "ttl_ms", id="ttl-zero"),
    pytest.param(command(ttl_ms=-5), Code.INVALID_MESSAGE, "ttl_ms", id="ttl-negative"),
    pytest.param(command(ttl_ms=limits.TTL_MS_MAX + 1), Code.INVALID_MESSAGE, "ttl_ms", id="ttl-too-long"),
    pytest.param(command(text=5), Code.INVALID_MESSAGE, "text", id="number-for-text"),
    pytest.param(command(text=None), Code.INVALID_MESSAGE, "text", id="null-for-text"),
    pytest.param(command(text="\ud800"), Code.INVALID_MESSAGE, "", id="lone-surrogate"),
    pytest.param(command(request_id=""), Code.INVALID_MESSAGE, "request_id", id="empty-id"),
    pytest.param(command(request_id="a b"), Code.INVALID_MESSAGE, "request_id", id="space-in-an-id"),
    pytest.param(command(request_id="r-1\n"), Code.INVALID_MESSAGE, "request_id", id="newline-after-an-id"),
    pytest.param(command(request_id="x" * 65), Code.INVALID_MESSAGE, "request_id", id="id-too-long"),
    pytest.param(b'{"type":"command","text":"go"}', Code.INVALID_MESSAGE, "request_id", id="missing-field"),
    pytest.param(command(context=[]), Code.INVALID_MESSAGE, "context", id="list-for-an-object"),
]


@pytest.mark.parametrize(("frame", "code", "where"), BAD_FRAMES)
def test_a_bad_frame_is_refused_with_its_own_code(frame: bytes, code: Code, where: str) -> None:
    """The code says what is wrong and `where` names the field, in words that a reply can carry."""
    with pytest.raises(ClientFault) as caught:
        TO.decode(frame)
    assert (caught.value.code, caught.value.where) == (code, where)
    assert caught.value.message
    str(caught.value).encode("utf-8")


def test_a_refusal_fits_a_frame_whatever_it_names() -> None:
    """An unknown field whose name fills the frame is named by its beginning."""
    frame = raw(f'"{"x" * (limits.FRAME_BYTES_MAX - len(command()) - 5)}":1')
    assert len(frame) == limits.FRAME_BYTES_MAX
    with pytest.raises(ClientFault) as caught:
        TO.decode(frame)
    assert caught.value.where == "x" * limits.REASON_CHARS_MAX
    reply = ErrorReply(code=caught.value.code, message=caught.value.message, where=caught.value.where)
    assert FROM.decode(encode(reply)) == reply


def test_the_largest_frame_is_read() -> None:
    """The limit itself is allowed: exactly as many bytes as it says."""
    frame = command()
    assert TO.decode(frame + b" " * (limits.FRAME_BYTES_MAX - len(frame))) == TO.decode(frame)


def test_the_deepest_frame_is_read() -> None:
    """Nesting up to the limit reaches the type check; one more does not."""
    inside = limits.NESTING_MAX - 1
    with pytest.raises(ClientFault, match="x"):
        TO.decode(raw('"x":' + "[" * inside + "]" * inside))
    with pytest.raises(ClientFault) as caught:
        TO.decode(raw('"x":' + "[" * (inside + 1) + "]" * (inside + 1)))
    assert caught.value.code is Code.TOO_DEEP


def test_brackets_in_a_text_are_not_nesting() -> None:
    """Depth is counted outside strings, escaped quotes included."""
    text = '\\"' + "[" * 400
    message = TO.decode(command(text=text))
    assert isinstance(message, Command)
    assert message.text == text


def test_a_text_keeps_every_character() -> None:
    """What the codec lets through is for the text check to judge: NUL, bidi marks, emoji arrive as they were sent."""
    text = "a\u0000b \u202e \U0001f6d1 \u200b"
    message = TO.decode(command(text=text))
    assert isinstance(message, Command)
    assert message.text == text


def test_the_node_does_not_take_its_own_messages() -> None:
    """Each direction reads its own types only."""
    perform = json.dumps(Perform.EXAMPLE).encode()
    assert isinstance(FROM.decode(perform), Perform)
    with pytest.raises(ClientFault) as caught:
        TO.decode(perform)
    assert caught.value.code is Code.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("frame", "request_id"),
    [
        pytest.param(command(ttl_ms=0), "r-1", id="invalid-field"),
        pytest.param(b'{"request_id":"r-2"}', "r-2", id="no-type"),
        pytest.param(b'{"request_id":7}', None, id="not-a-text"),
        pytest.param(b'{"request_id":"' + b"x" * 900 + b'"}', "x" * 64, id="too-long"),
        pytest.param(b'{"request_id":"\\ud800"}', "?", id="lone-surrogate"),
        pytest.param(b"{", None, id="unreadable"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_the_request_id_of_a_refused_frame_is_read_as_far_as_possible(frame: bytes, request_id: str | None) -> None:
    """So that a client with several requests in flight knows which one was refused."""
    assert request_id_of(frame) == request_id


def test_building_from_a_programs_values_names_the_bad_one() -> None:
    """A client's own mistake is a ClientFault too, before anything is sent."""
    assert build(Halt, request_id="r-1").reason == ""
    with pytest.raises(ClientFault) as caught:
        build(Halt, request_id="no spaces")
    assert (caught.value.code, caught.value.where) == (Code.INVALID_MESSAGE, "request_id")


def test_absent_fields_are_left_out() -> None:
    """None never stands on the wire."""
    assert b"null" not in encode(TO.decode(b'{"type":"command","request_id":"r","text":"go"}'))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
EXAMPLES = st.sampled_from([kind.EXAMPLE for kind in TO_NODE])


def decode_or_refuse(frame: bytes) -> Message | None:
    """The message, or None where it was refused in the one way allowed."""
    try:
        return TO.decode(frame)
    except ClientFault as refused:
        str(refused).encode("utf-8")
        return None


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(frame: bytes) -> None:
    """Random bytes are refused as a ClientFault or not at all."""
    decode_or_refuse(frame)
    request_id_of(frame)


@given(EXAMPLES, st.dictionaries(st.sampled_from(["type", "text", "robot", "ttl_ms", "x"]), JSON_VALUES, min_size=1))
def test_no_json_raises_anything_else(example: dict[str, Any], changes: dict[str, Any]) -> None:
    """Good messages with random members are refused as a ClientFault, or read and written back the same."""
    message = decode_or_refuse(json.dumps({**example, **changes}).encode())
    if message is not None:
        assert TO.decode(encode(message)) == message


@given(EXAMPLES, st.data())
def test_no_broken_frame_raises_anything_else(example: dict[str, Any], data: st.DataObject) -> None:
    """Cut, doubled and flipped bytes of good frames are refused as a ClientFault, or still read."""
    frame = bytearray(json.dumps(example).encode())
    place = data.draw(st.integers(0, len(frame) - 1))
    match data.draw(st.sampled_from(["cut", "flip", "double"])):
        case "cut":
            del frame[place:]
        case "flip":
            frame[place] ^= data.draw(st.integers(1, 255))
        case "double":
            frame[place:place] = frame[: data.draw(st.integers(0, len(frame)))]
    decode_or_refuse(bytes(frame))
