import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { type ArchiveFile, sorted, squeezed } from "./tar.ts";

const encoder = new TextEncoder();

/** The files as a ZIP archive. The same files give the same bytes, with the one time `seconds`. */
export async function zip(files: ArchiveFile[], seconds: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let position = 0;
  for (const { path, bytes, executable } of sorted(files)) {
    const name = encoder.encode(path);
    const packed = await squeezed(new Blob([bytes]), "deflate-raw");
    // Version 2.0, UTF-8 names, deflate; then time, checksum, both sizes, and the name's length.
    const common = [
      ...[le(2, 20), le(2, 0x800), le(2, 8), le(4, dosTime(seconds)), le(4, crc32(bytes))],
      ...[le(4, packed.length), le(4, bytes.length), le(2, name.length), le(2, 0)],
    ];
    const local = Buffer.concat([le(4, 0x04034b50), ...common, name]);
    parts.push(local, packed);
    const mode = (0o100000 | (executable ? 0o755 : 0o644)) * 2 ** 16;
    directory.push(Buffer.concat([
      ...[le(4, 0x02014b50), le(2, 0x314), ...common, le(2, 0), le(2, 0), le(2, 0)],
      ...[le(4, mode), le(4, position), name],
    ]));
    position += local.length + packed.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.concat([
    ...[le(4, 0x06054b50), le(4, 0), le(2, files.length), le(2, files.length)],
    ...[le(4, index.length), le(4, position), le(2, 0)],
  ]);
  return Buffer.concat([...parts, index, end]);
}

/** A number as `size` bytes, the lowest first. */
function le(size: 2 | 4, value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes.subarray(0, size);
}

/** The time as ZIP has it: local time without a zone, here UTC, in steps of two seconds. */
function dosTime(seconds: number): number {
  const at = new Date(Math.max(seconds, Date.UTC(1980) / 1000) * 1000);
  const day = (at.getUTCFullYear() - 1980) << 9 | (at.getUTCMonth() + 1) << 5 | at.getUTCDate();
  const time = at.getUTCHours() << 11 | at.getUTCMinutes() << 5 | at.getUTCSeconds() >> 1;
  return day * 2 ** 16 + time;
}
