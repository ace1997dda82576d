import { LINE_CAP } from "./protocol.ts";

/**
 * Rooms that are made at a time: 40 MiB of addresses, of which only what is written to is memory. What
 * has more than 32 MiB glibc maps, and unmaps when it is given back (`M_MMAP_THRESHOLD`, mallopt(3));
 * buffers that are made one by one leave holes in its heap that the system never gets back.
 */
const ROOMS = 640;
/** Rooms that may have been in use at a time for their memory to be kept: 4 MiB. */
const KEPT = 64;

/** The free rooms of one piece of memory. Those that were used last are used next. */
interface Slab {
  free: Uint8Array<ArrayBuffer>[];
  /** The fewest that were free at a time. */
  fewest: number;
}

const slabs = new Map<ArrayBuffer, Slab>();

/**
 * Room for a line of {@link LINE_CAP} bytes. Few connections have a long line at a time, so they share
 * what there is; after a rush of them the memory goes back to the system.
 */
export function takeBuffer(): Uint8Array<ArrayBuffer> {
  for (const slab of slabs.values()) if (slab.free.length > 0) return takeFrom(slab);
  const buffer = new ArrayBuffer(ROOMS * LINE_CAP);
  const free = Array.from(
    { length: ROOMS },
    (_, n) => new Uint8Array(buffer, n * LINE_CAP, LINE_CAP),
  );
  const slab = { free, fewest: ROOMS };
  slabs.set(buffer, slab);
  return takeFrom(slab);
}

/** True for what was taken and not given back. */
export function isPooledBuffer(buffer: Uint8Array<ArrayBuffer>): boolean {
  return slabs.has(buffer.buffer);
}

/** Gives a room back. Nothing may read from it, or into it, from then on. */
export function giveBuffer(room: Uint8Array<ArrayBuffer>): void {
  const slab = slabs.get(room.buffer);
  if (!slab) return;
  slab.free.push(room);
  if (slab.free.length === ROOMS && slab.fewest < ROOMS - KEPT) slabs.delete(room.buffer);
}

function takeFrom(slab: Slab): Uint8Array<ArrayBuffer> {
  const room = slab.free.pop()!;
  slab.fewest = Math.min(slab.fewest, slab.free.length);
  return room;
}
