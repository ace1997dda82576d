"""Private swarms: the key, TLS with certificates made from it, and the proof of membership."""

import datetime
import hmac
import ipaddress
import os
import re
import ssl
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from wire import Broken, Stream, HANDSHAKE

LISTENER = "192.0.2.1"
ALWAYS = datetime.datetime(1970, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59)


def derive(secret, what):
    info = b"shoal/1 swarm " + what
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret)


def read_keys(path):
    """The keys in a file that are good now, the latest first."""
    with open(path, encoding="utf-8") as file:
        version, *lines = file.read(4096).splitlines()
    if version != "shoal swarm key 1":
        raise SystemExit(f"{path} is not a swarm key")
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = []
    for line in lines:
        found = re.fullmatch(r"(?:key|old) +([0-9a-f]{64})(?: +until +(\S+))?", line.strip())
        if found and (found[2] is None or now < found[2]):
            keys.append(bytes.fromhex(found[1]))
    return keys


def certificate(subject, issuer, key, signer, extensions):
    """A certificate for `key`. The names' type is compared, too: PrintableString, 13 hex."""
    def name(text):
        attribute = x509.NameAttribute(
            NameOID.COMMON_NAME, text, _type=_ASN1Type.PrintableString)
        return x509.Name([attribute])
    builder = x509.CertificateBuilder(
        name(issuer), name(subject), key.public_key(), x509.random_serial_number(), *ALWAYS)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(signer, None)


def authority_over(depth):
    signs = dict.fromkeys([
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "crl_sign", "encipher_only", "decipher_only"], False)
    return [
        x509.BasicConstraints(ca=True, path_length=depth),
        x509.KeyUsage(key_cert_sign=True, **signs),
    ]


def pem(*certificates):
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


class Swarm:
    """A member's side of a private swarm, as caller (`join`) and as callee (`admit`)."""

    def __init__(self, path):
        secrets = read_keys(path)
        self.tokens = [derive(secret, b"token") for secret in secrets]
        authorities = [
            Ed25519PrivateKey.from_private_bytes(derive(secret, b"authority"))
            for secret in secrets
        ]
        # A caller trusts the authorities of its keys, and nothing else.
        self.calling = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.calling.minimum_version = ssl.TLSVersion.TLSv1_3
        roots = [certificate("authority", "authority", one, one, authority_over(1))
                 for one in authorities]
        self.calling.load_verify_locations(cadata=pem(*roots).decode())
        # A callee presents a key that no other has, certified by one that all authorities certify.
        middle, own = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
        leaf = certificate("listener", "intermediate", own, middle, [
            x509.BasicConstraints(ca=False, path_length=None),
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LISTENER))]),
        ])
        middles = [certificate("intermediate", "authority", middle, one, authority_over(0))
                   for one in authorities]
        private = own.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.listening = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.listening.minimum_version = ssl.TLSVersion.TLSv1_3
        with tempfile.TemporaryDirectory() as folder:
            chain = os.path.join(folder, "chain.pem")
            with open(os.open(chain, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write(private + pem(leaf, *middles))
            self.listening.load_cert_chain(chain)

    def join(self, conn):
        """The caller's part of what comes before `hello`."""
        # TLS sends no addresses, so this name is not sent; it is only checked.
        conn = self.calling.wrap_socket(conn, server_hostname=LISTENER)
        stream = Stream(conn)
        mine = os.urandom(32)
        proofs = [prove(token, b"join", mine) for token in self.tokens]
        stream.send({"action": "join", "nonce": mine.hex(), "proofs": proofs})
        member = self.next(stream, "member")
        nonces = mine + nonce_of(member)
        for token in self.tokens:
            if same(member.get("proof"), prove(token, b"member", nonces)):
                stream.send({"action": "joined", "proof": prove(token, b"joined", nonces)})
                return stream
        raise Broken("it did not prove that it has the swarm key")

    def admit(self, conn):
        """The callee's part. Whoever is no member is told nothing."""
        conn.settimeout(HANDSHAKE)
        conn = self.listening.wrap_socket(conn, server_side=True)
        stream = Stream(conn)
        join = self.next(stream, "join")
        theirs = nonce_of(join)
        proofs = join.get("proofs")
        if not isinstance(proofs, list) or not 1 <= len(proofs) <= 9:
            raise Broken("that is no proof of membership")
        for token in self.tokens:
            if any([same(one, prove(token, b"join", theirs)) for one in proofs]):
                mine = os.urandom(32)
                nonces = theirs + mine
                proof = prove(token, b"member", nonces)
                stream.send({"action": "member", "nonce": mine.hex(), "proof": proof})
                joined = self.next(stream, "joined")
                if same(joined.get("proof"), prove(token, b"joined", nonces)):
                    return stream
                break
        raise Broken("it did not prove that it has the swarm key")

    @staticmethod
    def next(stream, action):
        message = stream.read(HANDSHAKE)
        if message is None or message[0]["action"] != action:
            raise Broken("that is no proof of membership")
        return message[0]


def prove(token, what, nonces):
    return hmac.new(token, b"shoal/1 " + what + b"\0" + nonces, "sha256").hexdigest()


def nonce_of(message):
    nonce = message.get("nonce")
    if not isinstance(nonce, str) or not re.fullmatch("[0-9a-f]{64}", nonce):
        raise Broken("that is no proof of membership")
    return bytes.fromhex(nonce)


def same(given, proof):
    """Compares in constant time."""
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(given, proof)
