"""What is signed, byte by byte. See "What is signed"."""

import os
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HEX_32 = re.compile("[0-9a-f]{64}")
HEX_64 = re.compile("[0-9a-f]{128}")
P = 2**255 - 19
# The y coordinates of the points of small order: one signature fits every text under such a key.
SMALL_ORDER = {0, 1, P - 1} | {
    int.from_bytes(bytes.fromhex(y), "little")
    for y in (
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
}


class Identity:
    """A peer's key pair. Its public key in hex is the peer's id."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
        self.id = self.key.public_key().public_bytes(*raw).hex()

    def sign(self, data):
        return self.key.sign(data).hex()


def verify(key, signature, data):
    """True when a signature is that key's, and the key is one that a single peer can have."""
    if not HEX_32.fullmatch(str(key)) or not HEX_64.fullmatch(str(signature)):
        return False
    y = int.from_bytes(bytes.fromhex(key), "little") & (2**255 - 1)
    if y >= P or y in SMALL_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(signature), data)
        return True
    except (InvalidSignature, ValueError):
        return False


def announcement_bytes(said):
    folder = said.get("kind") == "folder"
    counts = [said.get("entries", 0), said.get("bytes", 0)] if folder else []
    return b"".join([
        b"shoal/1 folder\0" if folder else b"shoal/1 announcement\0",
        bytes.fromhex(said["id"]),
        struct.pack(">QQQ", said["size"], said["mtime"], said["time"]),
        bytes.fromhex(said["publisher"]),
        *(struct.pack(">Q", count) for count in counts),
        said["name"].encode("utf-8"),
    ])


def sign_announcement(identity, **said):
    said["publisher"] = identity.id
    return {**said, "signature": identity.sign(announcement_bytes(said))}


def is_genuine(said):
    """True when the publisher that an announcement names has signed all of it."""
    try:
        return verify(said["publisher"], said["signature"], announcement_bytes(said))
    except (KeyError, ValueError, TypeError, struct.error):
        # Among others, a name with a lone surrogate, which has no UTF-8.
        return False


def address_text(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def sign_registration(identity, bootstrap_nonce, port, dialled):
    """The fields of a `register`, over the nonce of the bootstrap's `hello`."""
    nonce = os.urandom(32)
    signature = identity.sign(b"".join([
        b"shoal/1 register\0",
        bytes.fromhex(bootstrap_nonce),
        nonce,
        bytes.fromhex(identity.id),
        struct.pack(">H", port),
        address_text(*dialled).encode() + b"\0",
    ]))
    host, at = dialled
    return {
        "peer": identity.id,
        "port": port,
        "nonce": nonce.hex(),
        "dialled": {"host": host, "port": at},
        "signature": signature,
    }


def prove_identity(identity, nonce, verifier):
    """The fields of a `hello` that prove this peer's id to `verifier`: text, perhaps empty."""
    own = os.urandom(32)
    proof = identity.sign(b"".join([
        b"shoal/1 proof\0",
        bytes.fromhex(nonce),
        own,
        bytes.fromhex(identity.id),
        verifier.encode(),
    ]))
    return {"nonce": own.hex(), "proof": proof}
