/**
 * Announcements and peers as they lie in Redis. Redis may hold anything, so what is read is checked
 * again: `decode…` gives undefined for what it can't read.
 *
 * An announcement: format, id (32 bytes), publisher (32), time, size and mtime (7 each), kind, of a
 * folder the numbers of its entries and bytes (7 each), signature (64), name. A peer: format, flags,
 * id (32), port, number of files, address, agent, and what else its record has as JSON.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import * as v from "valibot";
import { Announcement, PeerRecord } from "../../wire/protocol.ts";
import ipaddr from "ipaddr.js";

/** The first byte of each: records of a newer release begin with another, and are passed over. */
const FORMAT = 1;
const FILE_NAME_AT = 151;
const FOLDER_NAME_AT = 165;
const FOLDER = 1;
const KINDS = [undefined, "folder", "file"] as const;

/** Encodes an announcement. */
export function encodeAnnouncement(announcement: Announcement): Buffer {
  const { name, id, publisher, time, size, mtime, kind, entries, bytes, signature } = announcement;
  const isFolder = kind === "folder";
  const nameBytes = encodeName(name);
  const at = isFolder ? FOLDER_NAME_AT : FILE_NAME_AT;
  const buffer = Buffer.allocUnsafe(at + nameBytes.length);
  buffer[0] = FORMAT;
  buffer.write(id, 1, "hex");
  buffer.write(publisher, 33, "hex");
  writeNumber(buffer, time, 65);
  writeNumber(buffer, size, 72);
  writeNumber(buffer, mtime, 79);
  buffer[86] = KINDS.indexOf(kind);
  if (isFolder) {
    writeNumber(buffer, entries ?? 0, 87);
    writeNumber(buffer, bytes ?? 0, 94);
  }
  buffer.write(signature, at - 64, "hex");
  nameBytes.copy(buffer, at);
  return buffer;
}

/** Decodes an announcement. */
export function decodeAnnouncement(buffer: Buffer): Announcement | undefined {
  if (buffer[0] !== FORMAT || buffer.length <= FILE_NAME_AT) return;
  const kind = KINDS[buffer[86]!];
  const isFolder = buffer[86] === FOLDER;
  const at = isFolder ? FOLDER_NAME_AT : FILE_NAME_AT;
  if (buffer.length <= at) return;
  const announcement = {
    name: decodeName(buffer.subarray(at)),
    id: buffer.toString("hex", 1, 33),
    size: readNumber(buffer, 72),
    mtime: readNumber(buffer, 79),
    time: readNumber(buffer, 65),
    publisher: buffer.toString("hex", 33, 65),
    ...kind && { kind },
    ...isFolder && { entries: readNumber(buffer, 87), bytes: readNumber(buffer, 94) },
    signature: buffer.toString("hex", at - 64, at),
  };
  return v.is(Announcement, announcement) ? announcement : undefined;
}

/** The number under which a name is kept: 48 bits of its SHA-256, which Lua holds exactly. */
export function nameNumber(name: string): string {
  return String(createHash("sha256").update(encodeName(name)).digest().readUIntBE(0, 6));
}

/** The key of a content under a name by a publisher: 64 bits of a SHA-1, which Lua can make as well. */
export function sourcesKey(encoded: Buffer): string {
  const at = encoded[86] === FOLDER ? FOLDER_NAME_AT : FILE_NAME_AT;
  const hash = createHash("sha1").update(encoded.subarray(1, 65)).update(encoded.subarray(at));
  return hash.digest("hex").slice(0, 16);
}

/**
 * A name, each surrogate by itself (CESU-8): so the order of bytes is that of UTF-16 code units, which
 * the protocol promises.
 */
export function encodeName(name: string): Buffer {
  const buffer = Buffer.from(name);
  // Four-byte sequences, and nothing else, are what surrogates become.
  if (!buffer.some((byte) => byte >= 0xf0)) return buffer;
  const bytes: number[] = [];
  for (const character of name) {
    if (character.length === 1) {
      bytes.push(...Buffer.from(character));
      continue;
    }
    for (let n = 0; n < 2; n++) {
      const unit = character.charCodeAt(n);
      bytes.push(0xe0 | unit >> 12, 0x80 | unit >> 6 & 0x3f, 0x80 | unit & 0x3f);
    }
  }
  return Buffer.from(bytes);
}

/** The name that {@link encodeName} encoded. */
export function decodeName(bytes: Buffer): string {
  const isSurrogate = (at: number) => bytes[at] === 0xed && bytes[at + 1]! >= 0xa0;
  let text = "";
  for (let at = 0, plain = 0; at <= bytes.length; at++) {
    if (at < bytes.length && !isSurrogate(at)) continue;
    text += bytes.toString("utf8", plain, at);
    if (at === bytes.length) break;
    const [high, middle, low] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2] ?? 0];
    text += String.fromCharCode((high & 0x0f) << 12 | (middle & 0x3f) << 6 | low & 0x3f);
    at += 2;
    plain = at + 1;
  }
  return text;
}

const HAS_ID = 1;
const HAS_AGENT = 2;
const REACHED = 4;
const NOT_REACHED = 8;
const IPV4 = 16;
const IPV6 = 32;

/** Encodes a peer: 52 bytes for one with an IPv4 address, beside its agent. */
export function encodePeer(record: PeerRecord): Buffer {
  const { peer, address, port, agent, files = 0, reachable, ...rest } = record;
  const packed = packAddress(address);
  const agentBytes = Buffer.from(agent ?? "").subarray(0, 255);
  const isKnown = reachable !== null && reachable !== undefined;
  const flags = (peer ? HAS_ID : 0) | (agent === undefined ? 0 : HAS_AGENT) |
    (isKnown ? reachable ? REACHED : NOT_REACHED : 0) | packed.flag;
  const fixed = Buffer.alloc(6);
  fixed.writeUInt16BE(port, 0);
  fixed.writeUInt32BE(Math.min(files, 0xffffffff), 2);
  return Buffer.concat([
    Buffer.of(FORMAT, flags),
    Buffer.from(peer ?? "", "hex"),
    fixed,
    ...packed.flag ? [] : [Buffer.of(packed.bytes.length)],
    packed.bytes,
    Buffer.of(agentBytes.length),
    agentBytes,
    Buffer.from(Object.keys(rest).length > 0 ? JSON.stringify(rest) : ""),
  ]);
}

/** Decodes a peer. A peer with an id comes with its number of files, a legacy one without. */
export function decodePeer(buffer: Buffer): PeerRecord | undefined {
  try {
    const flags = buffer[1]!;
    let at = 2;
    const take = (bytes: number) => {
      if (at + bytes > buffer.length) throw new RangeError("it is cut off");
      return buffer.subarray(at, at += bytes);
    };
    if (buffer[0] !== FORMAT) return;
    const peer = flags & HAS_ID ? take(32).toString("hex") : undefined;
    const port = take(2).readUInt16BE();
    const files = take(4).readUInt32BE();
    const packed = take(flags & IPV4 ? 4 : flags & IPV6 ? 16 : take(1)[0]!);
    const address = flags & (IPV4 | IPV6)
      ? ipaddr.fromByteArray([...packed]).toString()
      : packed.toString();
    const agent = take(take(1)[0]!).toString();
    const rest = at < buffer.length ? JSON.parse(buffer.toString("utf8", at)) : {};
    const record = {
      ...rest,
      ...peer && { peer },
      address,
      port,
      ...flags & HAS_AGENT && { agent },
      ...peer && { files },
      reachable: flags & REACHED ? true : flags & NOT_REACHED ? false : null,
    };
    return v.is(PeerRecord, record) ? record : undefined;
  } catch {
    return;
  }
}

/** An IP address as its bytes, when it is spelled as they are read back; else the text. */
function packAddress(address: string): { flag: number; bytes: Buffer } {
  if (ipaddr.isValid(address)) {
    const parsed = ipaddr.parse(address);
    const bytes = Buffer.from(parsed.toByteArray());
    if (ipaddr.fromByteArray([...bytes]).toString() === address) {
      return { flag: bytes.length === 4 ? IPV4 : IPV6, bytes };
    }
  }
  return { flag: 0, bytes: Buffer.from(address).subarray(0, 255) };
}

function writeNumber(buffer: Buffer, value: number, at: number): void {
  buffer[at] = Math.floor(value / 2 ** 48);
  buffer.writeUIntBE(value % 2 ** 48, at + 1, 6);
}

function readNumber(buffer: Buffer, at: number): number {
  return buffer[at]! * 2 ** 48 + buffer.readUIntBE(at + 1, 6);
}
