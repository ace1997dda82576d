"""Messages: one line of JSON, and a payload where the line says so. See "Framing" and "Order"."""

import json
import socket

LINE_CAP = 65_536
PAYLOAD_CAP = 1 << 20
AGENT = "shoal-python/1"

# Time limits, in seconds. See "Time limits".
HANDSHAKE = 10
PROGRESS = 20
IDLE = 120


class Broken(Exception):
    """The other end broke the rules, or the connection ended."""


class Refused(Exception):
    """The other end answered `error`."""

    def __init__(self, code, message, retry_after=None):
        super().__init__(f"{code}: {message[:200]}")
        self.code = code
        # 0 is not given out by rights; to come back at once would be to ask on and on.
        self.retry_after = None if retry_after is None else max(1, retry_after)


class Stream:
    """A connection that carries messages, one way and the other."""

    def __init__(self, conn):
        self.conn = conn
        self.file = conn.makefile("rb")

    def send(self, message, payload=None):
        """Sends a message and its payload in one write: two would wait for an acknowledgement."""
        if payload is not None:
            message = {**message, "payload": len(payload)}
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        assert len(line) <= LINE_CAP and len(payload or b"") <= PAYLOAD_CAP
        self.conn.sendall(line + (payload or b""))

    def read(self, first_byte=PROGRESS):
        """The next message and its payload; None when the other end has closed between messages."""
        self.conn.settimeout(first_byte)
        first = self.file.read(1)
        if not first:
            return None
        self.conn.settimeout(PROGRESS)
        # No more than the cap is read, whatever the other end sends.
        line = first if first == b"\n" else first + self.file.readline(LINE_CAP - 1)
        if not line.endswith(b"\n"):
            raise Broken("a line is too long or cut off")
        try:
            message = json.loads(line.decode("utf-8"), parse_constant=refuse)
        except ValueError as error:
            raise Broken(f"a line is no JSON: {error}") from error
        if not isinstance(message, dict) or not isinstance(message.get("action"), str):
            raise Broken("a message is an object with an action")
        length = number(message.get("payload", 0), PAYLOAD_CAP)
        payload = self.file.read(length)
        if len(payload) < length:
            raise Broken("a payload is cut off")
        return message, payload

    def close(self):
        self.file.close()
        self.conn.close()


class Caller:
    """The end that asks: it says `hello`, then one request after the other."""

    def __init__(self, address, swarm=None, **hello):
        conn = socket.create_connection(address, HANDSHAKE)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The address that was dialled, which a registration signs.
        self.dialled = conn.getpeername()[:2]
        self.stream = swarm.join(conn) if swarm else Stream(conn)
        self.last = 0
        self.hello, _ = self.ask("hello", protocol=1, agent=AGENT, **hello)
        if self.hello.get("protocol") != 1:
            raise Broken("it speaks another version of the protocol")

    def ask(self, action, payload=None, **fields):
        """The reply to a request, and its payload. Raises Refused and Broken."""
        self.last += 1
        self.stream.send({"action": action, "id": self.last, **fields}, payload)
        while True:
            message = self.stream.read()
            if message is None:
                raise Broken("the connection was closed")
            reply, body = message
            if reply["action"] == "error" and reply.get("id") in (None, self.last):
                raise Refused(str(reply.get("code")), str(reply.get("message")),
                              reply.get("retry_after"))
            # Notices, which come after `have`, have no id; this client doesn't use them.
            if "id" in reply:
                break
        if reply["id"] != self.last:
            raise Broken("a reply came out of order")
        return reply, body

    def close(self):
        self.stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def number(value, cap=2**53 - 1):
    """An integer from 0 to `cap`. `true` is none, though Python says it is 1."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= cap:
        raise Broken("a number is out of range")
    return value


def refuse(constant):
    raise ValueError(f"{constant} is no JSON")
