"""Asks a bootstrap for a name, and fetches the content from the peers that it names."""

import json
import os
import shutil
import tempfile

from content import CHUNK, file_id, is_right, blocks_of_levels, read_manifest, sha256, why_unsafe
from trust import is_genuine
from wire import PAYLOAD_CAP, Broken, Caller, Refused

# Chunks in one request: 16 full ones are exactly the largest payload.
MOST_CHUNKS = 16
# Files in one request.
MOST_FILES = 500


class Unavailable(Exception):
    """No source has the content."""


class Wrong(Exception):
    """A source sent what doesn't fit its hash."""


def find(bootstrap, name, swarm=None):
    """The announcement that a name stands for, and its sources. Never a guess."""
    with Caller(bootstrap, swarm) as caller:
        _, payload = caller.ask("find", name=name)
    # A bootstrap can keep things to itself, but what it makes up is dropped.
    found = [one for one in json.loads(payload)
             if one["announcement"]["name"] == name and is_genuine(one["announcement"])]
    contents = {(one["announcement"]["id"], one["announcement"]["publisher"]) for one in found}
    if not found:
        raise Unavailable(f"nobody has {name}")
    if len(contents) > 1:
        raise Unavailable(f"{name} stands for several contents: {sorted(contents)}")
    announcement = found[0]["announcement"]
    return announcement, [(one["address"], one["port"]) for one in found[0]["sources"]]


def each_source(sources, swarm, work):
    """Has one source after the other go on with `work`, until it is done."""
    failures = []
    for address in sources:
        try:
            with Caller(address, swarm) as caller:
                return work(caller)
        except (OSError, Broken, Refused, Wrong) as error:
            failures.append(f"{address[0]}:{address[1]}: {error}")
    raise Unavailable("; ".join(failures) or "there is no source")


def digests_of(caller, file, size):
    """The digests of all chunks. Nothing below a block is looked at before it is checked."""
    blocks = blocks_of_levels(size)
    top = len(blocks) - 1
    digests = b""
    if size > 0:
        _, digests = caller.ask("get_digests", file=file, level=top, page=0)
    if file_id(size, digests) != file:
        raise Wrong("the top block doesn't fit the id")
    for level in range(top - 1, -1, -1):
        below = []
        for block in range(blocks[level]):
            _, data = caller.ask("get_digests", file=file, level=level, page=block)
            if sha256(data) != digests[block * 32:block * 32 + 32]:
                raise Wrong("a block doesn't fit its digest")
            below.append(data)
        digests = b"".join(below)
    return digests


def fetch_file(caller, file, size, out):
    """Writes a file's chunks to `out`, each once it is checked. Goes on where `out` ends."""
    digests = digests_of(caller, file, size)
    chunks = -(-size // CHUNK)
    first = out.tell() // CHUNK
    while first < chunks:
        count = min(MOST_CHUNKS, chunks - first)
        _, data = caller.ask("get_chunks", file=file, first=first, count=count)
        if len(data) != min(count * CHUNK, size - first * CHUNK):
            raise Wrong("the chunks are not that long")
        for at in range(count):
            chunk = data[at * CHUNK:at * CHUNK + CHUNK]
            if sha256(chunk) != digests[(first + at) * 32:(first + at) * 32 + 32]:
                raise Wrong("a chunk doesn't fit its digest")
            out.write(chunk)
        first += count


def get(bootstrap, name, output, swarm=None):
    """Fetches a name. Nothing stands at `output` before all of it was checked."""
    announcement, sources = find(bootstrap, name, swarm)
    parent = os.path.dirname(os.path.abspath(output))
    staging = tempfile.mkdtemp(prefix=".shoal-", dir=parent)
    try:
        whole = os.path.join(staging, "content")
        with open(whole, "wb") as out:
            each_source(sources, swarm, lambda caller: fetch_file(
                caller, announcement["id"], announcement["size"], out))
        if announcement.get("kind") == "folder":
            with open(whole, "rb") as file:
                head, entries = read_manifest(file.read())
            if (head["entries"], head["bytes"]) != (
                    announcement.get("entries"), announcement.get("bytes")):
                raise Wrong("the folder is not what its publisher announced")
            whole = os.path.join(staging, "folder")
            os.mkdir(whole)
            fetch_folder(entries, sources, whole, swarm)
        else:
            os.utime(whole, ns=2 * (announcement["mtime"] * 1_000_000,))
        os.rename(whole, output)
    finally:
        shutil.rmtree(staging)


def fetch_folder(entries, sources, root, swarm):
    """Puts a folder in place: folders first, then the files, then links and times."""
    for entry in entries:
        assert why_unsafe(entry["path"]) is None
        if entry["type"] == "folder":
            os.mkdir(os.path.join(root, entry["path"]))
    missing = [entry for entry in entries if entry["type"] == "file"]

    def work(caller):
        while missing:
            batch = small_files(missing)
            if not batch:
                with open(os.path.join(root, missing[0]["path"]), "wb") as out:
                    fetch_file(caller, missing[0]["id"], missing[0]["size"], out)
                del missing[0]
                continue
            # An id is asked for once, however many files have it.
            ids = list(dict.fromkeys(entry["id"] for entry in batch))
            sizes = {entry["id"]: entry["size"] for entry in batch}
            reply, data = caller.ask("get_files", files=ids)
            at, come = 0, {}
            for id in ids[:reply["count"]]:
                content = data[at:at + sizes[id]]
                if not is_right(content, id):
                    raise Wrong("a file doesn't fit its id")
                come[id] = content
                at += sizes[id]
            if not come:
                raise Wrong("it has nothing of the folder that is missing")
            for entry in [one for one in batch if one["id"] in come]:
                with open(os.path.join(root, entry["path"]), "wb") as out:
                    out.write(come[entry["id"]])
                missing.remove(entry)

    if missing:
        each_source(sources, swarm, work)
    for entry in entries:
        path = os.path.join(root, entry["path"])
        if entry["type"] == "link":
            os.symlink(entry["target"], path)
        elif entry["type"] == "file":
            os.chmod(path, 0o755 if entry["mode"] == "755" else 0o644)
            os.utime(path, ns=2 * (entry["mtime"] * 1_000_000,))


def small_files(missing):
    """The first files that together fit one payload; none when the first alone doesn't."""
    batch, total = [], 0
    for entry in missing[:MOST_FILES]:
        total += entry["size"]
        if total > PAYLOAD_CAP:
            break
        batch.append(entry)
    return batch
