"""The bytes that the guard signs, and checking a signature.

A clearance is signed with Ed25519 (RFC 8032) over the JSON array `[terms, order_class, epoch]`, terms as encoded on the
wire: one changed digit and it is void. Keys and signatures are hex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

if TYPE_CHECKING:
    from schemas.order import OrderClass, OrderTerms

__all__ = ["clearance_bytes", "sign", "verify"]


def clearance_bytes(terms: OrderTerms, order_class: OrderClass, epoch: int) -> bytes:
    """What is signed."""
    return msgspec.json.encode((terms, order_class, epoch))


def sign(key: SigningKey, terms: OrderTerms, order_class: OrderClass, epoch: int) -> str:
    """The signature, 128 hex digits."""
    return key.sign(clearance_bytes(terms, order_class, epoch)).signature.hex()


def verify(public: str, signature: str, terms: OrderTerms, order_class: OrderClass, epoch: int) -> bool:
    """Whether `signature` was made over exactly this by the holder of the key whose public half is `public`."""
    try:
        VerifyKey(bytes.fromhex(public)).verify(clearance_bytes(terms, order_class, epoch), bytes.fromhex(signature))
    except (BadSignatureError, ValueError):
        return False
    return True
