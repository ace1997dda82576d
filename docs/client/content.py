"""Chunks, the hash tree and file ids; names; and the manifests of folders."""

import hashlib
import json
import os
import re
import struct
import unicodedata

CHUNK = 65_536
DIGEST = 32
BLOCK = CHUNK // DIGEST
MANIFEST_CAP = 64 << 20
MANIFEST_LINE_CAP = 8_192
ENTRIES_CAP = 500_000


def sha256(data):
    return hashlib.sha256(data).digest()


def file_id(size, top):
    """The id of a file with that size and top block, in hex."""
    return sha256(b"shoal/1\0" + struct.pack(">Q", size) + top).hex()


def blocks_of_levels(size):
    """How many blocks each level of a file's hash tree has, from level 0 up."""
    chunks = -(-size // CHUNK)
    blocks = [max(1, -(-chunks // BLOCK))]
    while blocks[-1] > 1:
        blocks.append(-(-blocks[-1] // BLOCK))
    return blocks


def blocks_in(level):
    return [level[at:at + CHUNK] for at in range(0, len(level), CHUNK)] or [b""]


class Tree:
    """The hash tree of a file: the digests of each level, one after the other."""

    def __init__(self, chunks):
        self.size = 0
        digests = []
        for chunk in chunks:
            self.size += len(chunk)
            digests.append(sha256(chunk))
        self.levels = [b"".join(digests)]
        while len(blocks_in(self.levels[-1])) > 1:
            self.levels.append(b"".join(map(sha256, blocks_in(self.levels[-1]))))
        self.id = file_id(self.size, self.levels[-1])

    def block(self, level, block):
        """One block, or None when there is none of that number."""
        blocks = blocks_in(self.levels[level]) if level < len(self.levels) else []
        return blocks[block] if block < len(blocks) else None


def chunks_of(source):
    """The chunks of an open file."""
    return iter(lambda: source.read(CHUNK), b"")


def is_right(data, id):
    """True for the whole content of a small file: its tree is one block, so its id alone says so."""
    return Tree(data[at:at + CHUNK] for at in range(0, len(data), CHUNK)).id == id


# --- Names ------------------------------------------------------------------------------------

CONTROL = re.compile("[\u0000-\u001f\u007f-\u009f]")
# Characters that HFS+ leaves out when it compares names.
IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def why_unsafe(name):
    """Why a name from the network must not become a path; None when it may."""
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError:
        return "it has a lone surrogate"
    if not 1 <= len(encoded) <= 1024:
        return "it is empty or too long"
    if CONTROL.search(name):
        return "it has a control character"
    if re.match(r"/|\\\\|[A-Za-z]:[\\/]", name):
        return "it is absolute"
    if unicodedata.normalize("NFC", name) != name:
        return "it is not in NFC"
    parts = name.split("/")
    if len(parts) > 64:
        return "it has too many parts"
    for part in parts:
        if part in ("", ".", ".."):
            return "it has an empty part, or . or .."
        if len(part.encode("utf-8")) > 255:
            return "a part of it is too long"
    if IGNORED.sub("", parts[0]).upper() == ".SHOAL":
        return "it begins with .shoal"
    return None


def fold(name):
    """The same for all names that some disk takes for one."""
    name = unicodedata.normalize("NFD", name).lower().upper().lower()
    return unicodedata.normalize("NFC", name)


# --- Manifests --------------------------------------------------------------------------------


class Malformed(Exception):
    """A manifest that must not be used."""


def canonical(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def write_manifest(root):
    """The manifest of a folder on disk, and where each of its files is, by id."""
    entries, files, total = [], {}, 0
    for folder, names, leaves in os.walk(root):
        for leaf in names + leaves:
            where = os.path.join(folder, leaf)
            path = os.path.relpath(where, root).replace(os.sep, "/")
            if unsafe_path(path):
                continue
            if os.path.islink(where):
                target = os.readlink(where)
                if is_inside(path, target):
                    entries.append({"path": path, "target": target, "type": "link"})
            elif os.path.isdir(where):
                entries.append({"path": path, "type": "folder"})
            elif os.path.isfile(where):
                with open(where, "rb") as source:
                    tree = Tree(chunks_of(source))
                stat = os.stat(where)
                files[tree.id] = (where, tree)
                total += tree.size
                entries.append({
                    "id": tree.id,
                    "mode": "755" if stat.st_mode & 0o100 else "644",
                    "mtime": max(0, stat.st_mtime_ns // 1_000_000),
                    "path": path,
                    "size": tree.size,
                    "type": "file",
                })
    entries.sort(key=lambda entry: entry["path"].encode("utf-8"))
    head = {"bytes": total, "entries": len(entries), "manifest": 1}
    text = "".join(canonical(line) + "\n" for line in [head, *entries])
    return text.encode("utf-8"), head, files


FIELDS = {
    "folder": {"path", "type"},
    "file": {"id", "mode", "mtime", "path", "size", "type"},
    "link": {"path", "target", "type"},
}


def read_manifest(data):
    """The entries of a manifest. Raises Malformed unless all of it is as it has to be."""
    need(len(data) <= MANIFEST_CAP and data.endswith(b"\n"), "it is too long, or cut off")
    try:
        lines = data[:-1].decode("utf-8").split("\n")
        head, *entries = [json.loads(line) for line in lines]
    except ValueError as error:
        raise Malformed(str(error)) from error
    need(all(isinstance(one, dict) for one in [head, *entries]), "a line is no object")
    need(set(head) == {"bytes", "entries", "manifest"} and head["manifest"] == 1, "no manifest")
    need(len(entries) == head["entries"] <= ENTRIES_CAP, "the entries are not that many")
    folders, folded, last, total = {""}, set(), b"", 0
    for line, entry in zip(lines[1:], entries):
        need(len(line) <= MANIFEST_LINE_CAP and canonical(entry) == line, "it is not canonical")
        need(FIELDS.get(entry.get("type")) == set(entry), "a line has other fields")
        path = entry["path"]
        need(isinstance(path, str) and not unsafe_path(path), f"{path!r} can't be a path")
        need(path.encode("utf-8") > last, f"{path!r} is not in its place")
        need(path.rpartition("/")[0] in folders, f"{path!r} is in no folder")
        need(fold(path) not in folded, f"{path!r} is another's name on some disks")
        last = path.encode("utf-8")
        folded.add(fold(path))
        if entry["type"] == "folder":
            folders.add(path)
        elif entry["type"] == "link":
            need(is_inside(path, entry["target"]), f"{path!r} leads out of it")
        else:
            need(is_count(entry["size"]) and is_count(entry["mtime"]), f"{path!r} has no size")
            need(entry["mode"] in ("644", "755"), f"{path!r} has another mode")
            need(re.fullmatch("[0-9a-f]{64}", str(entry["id"])), f"{path!r} has no id")
            need(entry["size"] > 0 or entry["id"] == file_id(0, b""), f"{path!r} is not empty")
            total += entry["size"]
    need(total == head["bytes"], "the sizes don't add up")
    return head, entries


def unsafe_path(path):
    """As for a name, and `.shoal` is not allowed at any depth."""
    return why_unsafe(path) or any(part.upper() == ".SHOAL" for part in path.split("/"))


def is_inside(path, target):
    """True when a link leads to a place in its folder: some `..`, then names."""
    if not isinstance(target, str) or not 1 <= len(target.encode("utf-16-le")) // 2 <= 1024:
        return False
    parts = target.split("/")
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    return up <= path.count("/") and (up == len(parts) or not unsafe_path("/".join(parts[up:])))


def is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def need(condition, why):
    if not condition:
        raise Malformed(why)
