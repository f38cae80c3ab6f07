"""CURVE keys as text: 40 characters of Z85 each (https://rfc.zeromq.org/spec/32), and how a new pair is made.

Refuses with KEY_INVALID what is no key, the pairs that stand in libzmq's own manual, whose secrets everybody knows, and
a public key that is not its secret's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import zmq

from edge_agent.errors import Code, ConfigurationFault

_Z85: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_KEY: Final = re.compile(f"[{re.escape(_Z85)}]{{40}}")
_PUBLISHED: Final = frozenset(
    {
        "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
        "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
    }
)
"""Public keys of the two pairs in zmq_curve(7)."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A public key, and the secret that belongs to it (which `repr` leaves out)."""

    public: str
    secret: str = field(repr=False)


def new_pair() -> KeyPair:
    """A fresh pair from the system's randomness."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode("ascii"), secret.decode("ascii"))


def check_public(key: str, *, where: str) -> str:
    """The key, when it may be trusted with anything.

    Raises:
        ConfigurationFault: KEY_INVALID.
    """
    if not _is_key(key) or len(set(key)) == 1:
        raise ConfigurationFault(Code.KEY_INVALID, "a key is 40 characters of Z85", where=where)
    if key in _PUBLISHED:
        raise ConfigurationFault(
            Code.KEY_INVALID, "everybody has the secret of this key: it stands in libzmq's manual", where=where
        )
    return key


def check_pair(public: str, secret: str, *, where: str) -> KeyPair:
    """A pair that was read from somewhere.

    Raises:
        ConfigurationFault: KEY_INVALID; never with the secret in its words.
    """
    check_public(public, where=where)
    if not _is_key(secret):
        raise ConfigurationFault(Code.KEY_INVALID, "the secret is not 40 characters of Z85", where=where)
    if zmq.curve_public(secret.encode("ascii")).decode("ascii") != public:
        raise ConfigurationFault(Code.KEY_INVALID, "the public key is not this secret's", where=where)
    return KeyPair(public, secret)


def _is_key(text: str) -> bool:
    """Whether libzmq reads it: 40 characters, of which each five are a number of 32 bits."""
    return bool(_KEY.fullmatch(text)) and all(_number(text[place : place + 5]) < 1 << 32 for place in range(0, 40, 5))


def _number(five: str) -> int:
    value = 0
    for char in five:
        value = value * len(_Z85) + _Z85.index(char)
    return value
