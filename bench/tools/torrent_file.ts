import { bencode } from "./bencode.ts";

/** Bytes per piece: what most programs choose for a file of 1 GiB. */
const PIECE = 1024 * 1024;
const SHA1_SIZE = 20;

/**
 * Writes a torrent file (BEP 3, version 1) for one file, with a tracker when there is one. `piece` is in
 * bytes.
 */
export async function writeTorrent(
  path: string,
  { file, name, announce, piece = PIECE }: {
    file: string;
    name: string;
    announce?: string;
    piece?: number;
  },
): Promise<void> {
  const { size } = await Deno.stat(file);
  const pieces = await hashPieces(file, size, piece);
  const info = { length: size, name, "piece length": piece, pieces };
  await Deno.writeFile(path, bencode(announce === undefined ? { info } : { announce, info }));
}

async function hashPieces(path: string, size: number, length: number): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const digests = new Uint8Array(Math.ceil(size / length) * SHA1_SIZE);
  const buffer = new Uint8Array(length);
  for (let piece = 0; piece * length < size; piece++) {
    const end = Math.min(length, size - piece * length);
    for (let at = 0; at < end;) {
      const read = await file.read(buffer.subarray(at, end));
      if (read === null) throw new Error(`Cannot hash ${path}: it ends too early`);
      at += read;
    }
    const digest = await crypto.subtle.digest("SHA-1", buffer.subarray(0, end));
    digests.set(new Uint8Array(digest), piece * SHA1_SIZE);
  }
  return digests;
}
