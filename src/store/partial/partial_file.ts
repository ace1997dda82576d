import fs from "node:fs";
import { PIECE_CHUNKS, PIECE_SIZE, pieceCount, PieceMap } from "../../content/piece_map.ts";
import { BLOCK_DIGESTS, DIGEST_SIZE } from "../../content/sizes.ts";
import { Fault, inQuotes } from "../../fault.ts";
import type { Servable } from "../disk/servable.ts";
import type { Payload, Sink } from "../disk/sink.ts";
import { CHUNK_SIZE } from "../../wire/protocol.ts";
import { type CheckpointOptions, Checkpoints } from "./checkpoints.ts";
import type { DigestStore } from "../hash/digest_store.ts";
import type { Disk } from "../disk/disk.ts";
import type { Stored } from "../disk/sink.ts";
import type { DownloadStore, Wanted } from "./download_store.ts";
import { type FileStamp, stampOfPath, writeFault } from "../disk/file_stamp.ts";
import { canMakeIn } from "../disk/can_make_in.ts";
import { publishFile } from "../disk/publish_file.ts";
import { readFully } from "../disk/read_fully.ts";
import type { Destination } from "../../trust/permit.ts";
import { type FreeSpace, freeSpace } from "../../system/free_space.ts";
import { nearest, parentOf } from "../../system/paths.ts";
import { openRegularFile } from "../../system/open_regular.ts";

/** Files up to this size, in bytes, are not worth a thread. */
const SMALL = 1 << 20;
/** Runs that the disk is asked to check at a time, so that it never waits for the next one. */
const CHECKS = 8;

export interface PartialOptions {
  disk: Disk;
  downloads: DownloadStore;
  /** Where the digests of what is there already are known. */
  digests: DigestStore;
  /** The path that it goes to, when it is to be known beforehand that it fits there. */
  target?: string;
  /** For tests. */
  checkpoints?: Partial<Pick<CheckpointOptions, "sync" | "timer">>;
}

/**
 * A download that is not whole yet: a file in the state folder or beside its target, written at any
 * position, and served while it grows. What it has survives the process, up to the last checkpoint (checkpoints.ts).
 */
export class PartialFile implements Sink, Servable {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly path: string;
  /** Any piece may be written at any time. */
  readonly horizon = Infinity;
  /** The pieces that this process has verified: nothing else is served, and nothing of it is fetched. */
  readonly map: PieceMap;
  /** See {@link Servable}. */
  sources?: Servable["sources"];
  readonly #options: PartialOptions;
  /** The pieces that checkpoints vouch for: those of `map`, and those still to be checked. */
  readonly #claims: PieceMap;
  readonly #checkpoints: Checkpoints;
  /** For reading and for syncing; the disk's thread has its own. */
  readonly #fd: number;
  readonly #syncable: Deno.FsFile;
  #open = true;

  private constructor(
    { id, name, size }: Wanted,
    { path, claims, verified, options }: {
      path: string;
      claims: PieceMap;
      verified: boolean;
      options: PartialOptions;
    },
  ) {
    this.id = id;
    this.name = name;
    this.size = size;
    this.path = path;
    this.#claims = claims;
    this.map = verified
      ? PieceMap.from(claims.pieces, claims.bytes())
      : new PieceMap(claims.pieces);
    // What is added from now on is served at once, and the next checkpoint vouches for it.
    this.map.onAdded((piece) => {
      if (this.#open && claims.add(piece)) this.#checkpoints.add(this.#lengthOf(piece));
    });
    this.#options = options;
    this.#fd = openRegularFile(path);
    this.#syncable = Deno.openSync(path, { write: true });
    this.#checkpoints = new Checkpoints({
      snapshot: () => this.#claims.bytes(),
      // Not by the disk's thread: a sync may take seconds, and this one delays nothing.
      sync: () => this.#syncable.syncData(),
      save: (map) => this.#save(map),
      ...options.checkpoints,
    });
  }

  /**
   * The partial of a content: the one that is there from before, which {@link check} must look at
   * first, or a new one. Throws a `disk` Fault when there isn't room for what is missing.
   */
  static open(wanted: Wanted, options: PartialOptions): PartialFile {
    const { downloads } = options;
    const { id, size } = wanted;
    let path = downloads.pathOf(id);
    try {
      const partials = downloads.folder();
      const known = downloads.get(id);
      const before = path;
      const stat = fs.lstatSync(before, { throwIfNoEntry: false });
      // Under a second name, or another user's, it must not be written to.
      const usable = stat !== undefined && stat.isFile() && stat.nlink === 1 && isOwn(stat) &&
        stat.size <= size && known?.size === size;
      // What has come stays where it is, also if the content goes elsewhere by now.
      const place = usable && known.map.count > 0 ? known.place : wanted.place;
      path = place ?? `${partials}/${id}.part`;
      const disk = spaceOf(parentOf(path));
      const kept = usable && path === before;
      if (!kept) downloads.remove(id);
      const there = kept ? Math.max((stat.blocks ?? 0) * 512, bytesOf(known.map, size)) : 0;
      const needed = Math.max(0, size - there);
      // What no room can be made for is not even noted: its map alone might fill the memory.
      if (size > disk.total) throw noRoom(needed, disk);
      if (options.target !== undefined) requireRoomAt(options.target, path, size);
      if (!kept) makeFile(path, place !== undefined);
      const { map: claims } = downloads.begin({ ...wanted, place });
      if (needed > disk.free) throw noRoom(needed, disk);
      makeHoles(path, size);
      options.disk.expect(size);
      const verified = claims.count === 0 || downloads.vouched(id);
      return new PartialFile(wanted, { path, claims, verified, options });
    } catch (cause) {
      throw writeFault(path, cause);
    }
  }

  /** Runs that were claimed before and have not been looked at. */
  get unchecked(): number {
    return this.#claims.count - this.map.count;
  }

  /**
   * Looks at all that is there from before, at the rate of hashing. What is right is in `map` then;
   * what is wrong will be fetched again. `onChecked` is told how many bytes were looked at.
   */
  async check(
    { signal, onChecked }: { signal?: AbortSignal; onChecked?: (bytes: number) => void } = {},
  ): Promise<void> {
    const before = this.#claims.count;
    if (this.unchecked > 0) this.#options.disk.start(this.unchecked * PIECE_SIZE);
    let next = 0;
    let failure: unknown;
    const worker = async () => {
      while (failure === undefined && next < this.#claims.pieces && !signal?.aborted) {
        const piece = next++;
        if (!this.#claims.has(piece) || this.map.has(piece)) continue;
        try {
          if (await this.#isRight(piece)) this.map.add(piece);
          else this.#claims.remove(piece);
          onChecked?.(this.#lengthOf(piece));
        } catch (error) {
          failure ??= error;
        }
      }
    };
    await Promise.all(Array.from({ length: CHECKS }, worker));
    if (this.#claims.count < before) this.#options.downloads.save(this.id, this.#claims.bytes());
    if (failure !== undefined) throw failure;
    signal?.throwIfAborted();
  }

  /**
   * Resolves when more may be written to it: it waits while there is too much that a crash would cost.
   * Throws a `disk` Fault.
   */
  async room(): Promise<void> {
    try {
      await this.#checkpoints.room();
    } catch (cause) {
      throw this.#fault(cause);
    }
    if (!this.#open) throw new Fault("disk", `Cannot write ${inQuotes(this.path)}: it is closed`);
  }

  /** See {@link Sink}. Waits for {@link room}. */
  async store(position: number, payload: Payload): Promise<Stored> {
    await this.room();
    return await this.#options.disk.store(this.path, position, payload);
  }

  /** See {@link Sink}. Waits for {@link room}. */
  async clear(position: number, length: number): Promise<void> {
    await this.room();
    await this.#options.disk.clear(this.path, position, length);
  }

  /**
   * Takes chunks from another file: verified like those that are stored, and with the same faults. The
   * numbers, from 0, of those that are wrong there are returned.
   */
  async copy(
    position: number,
    part: { length: number; expected: Uint8Array; from: { path: string; position: number } },
  ): Promise<number[]> {
    await this.room();
    return await this.#options.disk.copy(this.path, position, part);
  }

  /** See {@link Servable}. */
  read(position: number, into: Uint8Array): boolean {
    const last = Math.floor((position + into.length - 1) / PIECE_SIZE);
    for (let piece = Math.floor(position / PIECE_SIZE); piece <= last; piece++) {
      if (!this.#open || !this.map.has(piece)) return false;
    }
    try {
      return readFully(this.#fd, into, position) === into.length;
    } catch {
      return false;
    }
  }

  /** Bytes that are there: verified by this process, or claimed by the last checkpoint. */
  get bytes(): number {
    return bytesOf(this.#claims, this.size);
  }

  /**
   * Syncs the file, which must be whole, and moves it to `destination`, with the given time of
   * modification; with `executable` it can be run. Throws a `destination` Fault when something stands
   * there that may not be replaced; the partial then stays.
   */
  async publish(
    destination: Destination,
    { mtime, executable }: { mtime: number; executable?: boolean },
  ): Promise<FileStamp> {
    const { disk, downloads } = this.#options;
    try {
      await disk.close(this.path);
      await this.#checkpoints.stop();
      this.#checkpoints.throwIfFailed();
      await this.#syncable.sync();
      downloads.save(this.id, this.#claims.bytes());
      // By name, because futimes takes seconds as a fraction and so loses a millisecond.
      Deno.utimeSync(this.path, new Date(mtime), new Date(mtime));
      const { size } = stampOfPath(this.path);
      if (size !== this.size) throw new Error(`it has ${size} bytes`);
      downloads.vouch(this.id);
    } catch (cause) {
      throw this.#fault(cause);
    }
    this.#open = false;
    this.#closeDescriptors();
    // On Windows, an open file can't be replaced.
    const { path, permit } = destination;
    const holds = permit.replaces && this.size > SMALL && Deno.build.os !== "windows";
    if (holds) await disk.hold(path);
    try {
      const published = await publishFile(this.path, destination, { executable });
      downloads.remove(this.id);
      return published;
    } finally {
      // Nobody needs to wait for that.
      if (holds) disk.close(path).catch(() => {});
    }
  }

  /**
   * Ends the work on it for now: the last checkpoint, and what is there stays. Throws a `disk` Fault
   * when that could not be made; then what the one before it vouches for stays.
   */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    try {
      await this.#options.disk.close(this.path);
      await this.#checkpoints.finish();
      if (this.unchecked <= 0) this.#options.downloads.vouch(this.id);
    } catch (cause) {
      throw this.#fault(cause);
    } finally {
      this.#closeDescriptors();
    }
  }

  /** Removes it, and all that is known of it. */
  async discard(): Promise<void> {
    if (this.#open) {
      this.#open = false;
      await this.#options.disk.close(this.path);
      await this.#checkpoints.stop();
      this.#closeDescriptors();
    }
    this.#options.downloads.remove(this.id);
  }

  /** On a full disk there may be no room to say so either: in the end, the last piece makes some. */
  #save(map: Uint8Array): void {
    const { downloads } = this.#options;
    try {
      downloads.save(this.id, map);
    } catch (cause) {
      if (this.#open || this.#claims.count === 0) throw cause;
      let last = this.#claims.pieces - 1;
      while (!this.#claims.has(last)) last--;
      this.#claims.remove(last);
      this.#syncable.truncateSync(last * PIECE_SIZE);
      downloads.save(this.id, this.#claims.bytes());
    }
  }

  #closeDescriptors(): void {
    fs.closeSync(this.#fd);
    this.#syncable.close();
  }

  async #isRight(piece: number): Promise<boolean> {
    const first = piece * PIECE_CHUNKS;
    const block = this.#options.digests.block(this.id, 0, Math.floor(first / BLOCK_DIGESTS));
    const length = this.#lengthOf(piece);
    const at = (first % BLOCK_DIGESTS) * DIGEST_SIZE;
    const expected = block?.slice(at, at + Math.ceil(length / CHUNK_SIZE) * DIGEST_SIZE);
    if (!expected || expected.length === 0) return false;
    const part = { length, expected };
    return (await this.#options.disk.check(this.path, piece * PIECE_SIZE, part)).length === 0;
  }

  #lengthOf(piece: number): number {
    return Math.min(PIECE_SIZE, this.size - piece * PIECE_SIZE);
  }

  #fault(cause: unknown): Fault {
    return writeFault(this.path, cause);
  }
}

/** Bytes of a file in the pieces of a map. */
export function bytesOf(map: PieceMap, size: number): number {
  const last = pieceCount(size) - 1;
  const missing = map.has(last) ? (last + 1) * PIECE_SIZE - size : 0;
  return map.count * PIECE_SIZE - missing;
}

/** The length by which a file system shows that it has holes, in bytes. */
const TRIAL_BYTES = 1 << 20;

/**
 * Makes a file as long as it will be, where that takes no room: what is not written is a hole then, and
 * a limit to the size of files shows before anything is fetched. Throws as the file system does.
 */
function makeHoles(path: string, size: number): void {
  const { size: before, blocks = 0 } = fs.statSync(path);
  if (before >= size) return;
  const trial = Math.min(size, before + TRIAL_BYTES);
  fs.truncateSync(path, trial);
  const added = ((fs.statSync(path).blocks ?? 0) - blocks) * 512;
  // Windows tells no blocks, and writes zeros into what a file is extended by.
  if (Deno.build.os === "windows" || added > (trial - before) / 2) fs.truncateSync(path, before);
  else fs.truncateSync(path, size);
}

/** Makes an empty file; what its folder shows to others, it doesn't show before it is whole. */
function makeFile(path: string, hides: boolean): void {
  if (hides) fs.rmSync(path, { force: true, recursive: true });
  const fd = fs.openSync(path, "wx");
  try {
    if (hides && Deno.build.os !== "windows") fs.fchmodSync(fd, 0o600);
  } finally {
    fs.closeSync(fd);
  }
}

function isOwn({ uid }: fs.Stats): boolean {
  return Deno.build.os === "windows" || uid === Deno.uid();
}

/** Throws a `disk` Fault when a file has to be copied to another disk, and doesn't fit there. */
function requireRoomAt(target: string, path: string, size: number): void {
  const folder = nearest(parentOf(target), (above) => fs.existsSync(above));
  const there = fs.statSync(target, { throwIfNoEntry: false });
  const dev = there?.dev ?? fs.statSync(folder).dev;
  if (dev === fs.statSync(parentOf(path)).dev) return;
  const disk = { ...freeSpace(there ? target : folder), folder };
  // Where it is written in place, it takes the room of what is there.
  const needed = there && !canMakeIn(folder) ? size - (there.blocks ?? 0) * 512 : size;
  if (needed > disk.free) throw noRoom(needed, disk);
}

interface Space extends FreeSpace {
  folder: string;
}

function spaceOf(folder: string): Space {
  return { folder, ...freeSpace(folder) };
}

function noRoom(needed: number, { folder, free }: Space): Fault {
  return new Fault(
    "disk",
    `Cannot fetch ${needed} bytes: only ${free} are free in ${inQuotes(folder)}`,
    {
      details: { reason: "space", needed, free },
      next: `free ${needed - free} bytes there, then run it again: partial data is kept`,
    },
  );
}
