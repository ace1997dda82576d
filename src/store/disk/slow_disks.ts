/**
 * Disks that may stop answering: those of FUSE and of networks. A call that waits for one of them waits on
 * a thread of the runtime's own, never on the one of the event loop, and for a while only; from then on the
 * disk hangs, and nothing else is asked of it until that call is over.
 *
 * The account is the process's own, as the disks are the machine's.
 */
import fs from "node:fs";
import { within } from "../../async/deadline.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { isInside } from "../../system/paths.ts";

/** Time in which a disk answers, in milliseconds: one that spins up takes up to 15 s. */
const ANSWER_MS = 20_000;

/** The kinds of file systems that may hang, as statfs(2) numbers them. */
const MAY_HANG = new Set([
  0x65735546, // FUSE
  0x6969, // NFS
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x517b, // SMB
  0x01021997, // 9P
  0x00c36400, // Ceph
  0x0bd00bd0, // Lustre
  0x5346414f, // AFS
]);

/** The paths on such disks, each with the calls that are late; a path stands for all in it. */
const slow = new Map<string, Set<Promise<unknown>>>();
/** Called when a disk that hung answers again. */
const listeners = new Set<() => void>();

/**
 * Finds out whether the disk of a path may hang, unless that is known. Throws a `disk` Fault when it hangs.
 */
export async function learnDisk(path: string): Promise<void> {
  const about = await patiently(path, () => fs.promises.statfs(path)).catch((error) => {
    if (error instanceof Fault) throw error;
    // There may be nothing, which others tell.
    return undefined;
  });
  if (about && MAY_HANG.has(about.type) && !slow.has(path)) slow.set(path, new Set());
  else if (about && !MAY_HANG.has(about.type)) slow.delete(path);
}

/** True for a path on a disk that may hang, as far as {@link learnDisk} knows. */
export function isSlow(path: string): boolean {
  return slow.size > 0 && callsOf(path) !== undefined;
}

/** True while the disk of a path hangs. */
export function hangs(path: string): boolean {
  return slow.size > 0 && (callsOf(path)?.size ?? 0) > 0;
}

/**
 * The result of a call that may wait for the disk of a path. Throws a `disk` Fault when it takes too long,
 * and at once while that disk hangs; the call itself goes on.
 */
export async function patiently<T>(path: string, call: () => Promise<T>): Promise<T> {
  if (hangs(path)) throw hanging(path);
  const called = call();
  const done = await within(called.then((value) => ({ value })), ANSWER_MS);
  if (done) return done.value;
  let calls = callsOf(path);
  if (!calls) slow.set(path, calls = new Set());
  const late = calls;
  late.add(called);
  void called.catch(() => {}).finally(() => {
    late.delete(called);
    if (late.size === 0) { for (const listener of listeners) listener(); }
  });
  throw hanging(path);
}

/** Calls `listener` when a disk that hung answers again. Returns how to stop that. */
export function onAnswer(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

function callsOf(path: string): Set<Promise<unknown>> | undefined {
  for (const [root, calls] of slow) if (isInside(root, path)) return calls;
}

function hanging(path: string): Fault {
  return new Fault("disk", `Cannot read ${inQuotes(path)}: its disk does not answer`, {
    next: "look for the server or program behind that disk",
  });
}

/** As Deno.lstat, without waiting where that is never long; undefined when there is nothing, or it can't be told. */
export function infoAt(
  path: string,
): Deno.FileInfo | undefined | Promise<Deno.FileInfo | undefined> {
  if (isSlow(path)) return patiently(path, () => Deno.lstat(path)).catch(orHanging);
  try {
    return Deno.lstatSync(path);
  } catch {
    return undefined;
  }
}

/** The names in a folder, as {@link infoAt}; undefined when it can't be read. */
export function namesAt(folder: string): string[] | undefined | Promise<string[] | undefined> {
  if (isSlow(folder)) {
    const names = async () => (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    return patiently(folder, names).catch(orHanging);
  }
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return undefined;
  }
}

function orHanging(error: unknown): undefined {
  if (error instanceof Fault) throw error;
}
