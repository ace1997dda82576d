"""Serves files and folders: tells a bootstrap of them, and answers those who fetch."""

import json
import os
import random
import re
import socket
import threading
import time

from content import CHUNK, Tree, chunks_of, write_manifest
from trust import Identity, address_text, prove_identity, sign_announcement, sign_registration
from wire import AGENT, HANDSHAKE, IDLE, PAYLOAD_CAP, Broken, Caller, Refused, Stream, number

HEARTBEAT = 30


class Shared:
    """A content: its hash tree, and how to read a part of it."""

    def __init__(self, tree, read):
        self.tree = tree
        self.read = read

    @staticmethod
    def file(path, tree):
        def read(at, length):
            with open(path, "rb") as source:
                source.seek(at)
                return source.read(length)
        return Shared(tree, read)

    @staticmethod
    def bytes(data):
        tree = Tree(data[at:at + CHUNK] for at in range(0, len(data), CHUNK))
        return Shared(tree, lambda at, length: data[at:at + length])


class Server:
    """A peer that serves, until the program ends."""

    def __init__(self, bootstrap, paths, port, swarm=None):
        self.bootstrap = bootstrap
        self.swarm = swarm
        self.identity = Identity()
        self.contents = {}
        self.announcements = [self.share(path) for path in paths]
        # The address at which the bootstrap was dialled: it alone is proven to.
        self.dialled = None
        # Over both families where there are both: it is listed as the bootstrap saw it.
        both = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if both else socket.AF_INET
        self.listener = socket.create_server(("", port), family=family, dualstack_ipv6=both)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def share(self, path):
        """Takes a file or folder in, and returns its signed announcement."""
        said = {"name": os.path.basename(os.path.abspath(path)), "time": now()}
        if os.path.isdir(path):
            manifest, head, files = write_manifest(path)
            for id, (where, tree) in files.items():
                self.contents[id] = Shared.file(where, tree)
            content = Shared.bytes(manifest)
            said |= {"kind": "folder", "entries": head["entries"], "bytes": head["bytes"]}
        else:
            with open(path, "rb") as source:
                content = Shared.file(path, Tree(chunks_of(source)))
        self.contents[content.tree.id] = content
        mtime = max(0, os.stat(path).st_mtime_ns // 1_000_000)
        said |= {"id": content.tree.id, "size": content.tree.size, "mtime": mtime}
        return sign_announcement(self.identity, **said)

    # --- Towards the bootstrap ----------------------------------------------------------------

    def stay_listed(self, told=lambda: None):
        """Registers, announces and sends heartbeats; begins anew, later and later, when it fails."""
        pause = 1
        while True:
            try:
                with Caller(self.bootstrap, self.swarm, peer=self.identity.id) as caller:
                    self.register(caller)
                    told()
                    pause = 1
                    while True:
                        time.sleep(HEARTBEAT * random.uniform(0.8, 1.2))
                        caller.ask("heartbeat")
            except (OSError, Broken, Refused) as error:
                pause = max(pause, getattr(error, "retry_after", None) or 0)
                time.sleep(pause * random.uniform(1, 1.25))
                pause = min(2 * pause, 30)

    def register(self, caller):
        self.dialled = caller.dialled
        nonce = caller.hello["nonce"]
        registration = sign_registration(self.identity, nonce, self.port, caller.dialled)
        caller.ask("register", agent=AGENT, **registration)
        for at in range(0, len(self.announcements), 1000):
            payload = json.dumps(self.announcements[at:at + 1000]).encode()
            caller.ask("announce", payload)

    # --- Towards peers ------------------------------------------------------------------------

    def accept(self):
        while True:
            conn, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=[conn], daemon=True).start()

    def serve(self, conn):
        """One connection: `hello` first, then requests, each answered in its turn."""
        stream = None
        try:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = self.swarm.admit(conn) if self.swarm else Stream(conn)
            wait, greeted = HANDSHAKE, False
            while (message := stream.read(wait)) is not None:
                request, payload = message
                if "id" not in request and greeted and request["action"] == "cancel":
                    continue
                id = number(request.get("id"))
                try:
                    if not greeted and request["action"] != "hello" or payload:
                        raise Refused("bad_message", "say hello first, and nothing with a payload")
                    reply, body = self.answer(request)
                    stream.send({"id": id, **reply}, body)
                except Refused as refused:
                    code, text = str(refused).split(": ", 1)
                    stream.send({"action": "error", "id": id, "code": code, "message": text})
                    if code in ("bad_message", "bad_version"):
                        return
                wait, greeted = IDLE, True
        except (OSError, Broken):
            pass  # The other end went away, or broke the rules: it is not served further.
        finally:
            (stream or conn).close()

    def answer(self, request):
        """The reply to a request, and its payload."""
        action = request["action"]
        if action == "hello":
            return self.hello(request), None
        handlers = {
            "get_digests": self.get_digests,
            "get_chunks": self.get_chunks,
            "get_files": self.get_files,
            "have": lambda r: self.content(r) and ({"action": "map", "complete": True}, None),
            "sources": lambda r: self.content(r) and ({"action": "sources"}, b"[]"),
        }
        if action not in handlers:
            raise Refused("unknown_action", "that action is not known here")
        try:
            return handlers[action](request)
        except Broken as error:
            raise Refused("bad_message", str(error)) from error

    def hello(self, request):
        if request.get("protocol") != 1:
            raise Refused("bad_version", "this side speaks protocol 1")
        reply = {"action": "hello", "protocol": 1, "agent": AGENT, "peer": self.identity.id}
        nonce, bootstrap = request.get("nonce"), request.get("bootstrap")
        if isinstance(nonce, str) and re.fullmatch("[0-9a-f]{64}", nonce):
            verifier = f"peer {request['peer']}" if "peer" in request else ""
            if bootstrap is not None:
                if (bootstrap.get("host"), bootstrap.get("port")) != self.dialled:
                    return reply  # Not where this peer registered: nothing is proven there.
                verifier = f"bootstrap {address_text(*self.dialled)}"
            reply |= prove_identity(self.identity, nonce, verifier)
        return reply

    def content(self, request):
        content = self.contents.get(request.get("file"))
        if content is None:
            raise Refused("not_shared", "that file is not shared here")
        return content

    def get_digests(self, request):
        content = self.content(request)
        block = content.tree.block(number(request.get("level"), 3), number(request.get("page")))
        if block is None:
            raise Refused("out_of_range", "the file has no such block")
        return {"action": "digests"}, block

    def get_chunks(self, request):
        content = self.content(request)
        first, count = number(request.get("first")), number(request.get("count"), 16)
        if count == 0:
            raise Broken("count is 0")
        size = content.tree.size
        if first + count > -(-size // CHUNK):
            raise Refused("out_of_range", "the run lies outside the file")
        length = min(count * CHUNK, size - first * CHUNK)
        return {"action": "chunks"}, self.read(content, first * CHUNK, length)

    def get_files(self, request):
        """As many of the files, from the first on, as are here and fit one payload."""
        ids = request.get("files")
        if not isinstance(ids, list) or not 1 <= len(set(map(str, ids))) == len(ids) <= 500:
            raise Broken("files are 1 to 500 ids, none twice")
        files, total = [], 0
        for id in ids:
            content = self.contents.get(id)
            total += content.tree.size if content else 0
            if content is None or total > PAYLOAD_CAP:
                break
            files.append(self.read(content, 0, content.tree.size))
        return {"action": "files", "count": len(files)}, b"".join(files)

    @staticmethod
    def read(content, at, length):
        """A part of a content. Its digests tell the other end if it is not what it was."""
        try:
            data = content.read(at, length)
        except OSError as error:
            raise Refused("unreadable", "the file can't be read") from error
        if len(data) != length:
            raise Refused("changed", "the file changed since it was shared")
        return data


def now():
    return time.time_ns() // 1_000_000
