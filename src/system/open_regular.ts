import fs from "node:fs";

// Windows has neither flag, and makes links only for permitted users.
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants as Partial<typeof fs.constants>;

export interface OpenOptions {
  /** A link stands for what it leads to. @default false, it is refused */
  follow?: boolean;
}

/** The error for what is no regular file; its message says what it is. */
export class NotRegular extends Error {
  override readonly name = "NotRegular";
}

/**
 * Opens a regular file for reading, and nothing else: pipes and devices are refused before they are
 * opened, which could block or have effects. Returns a descriptor. Throws a {@link NotRegular}, or as
 * the file system does.
 */
export function openRegularFile(path: string, { follow = false }: OpenOptions = {}): number {
  requireFile(follow ? fs.statSync(path) : fs.lstatSync(path));
  const fd = fs.openSync(path, O_RDONLY! | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
  try {
    // Something else may have been put there since.
    requireFile(fs.fstatSync(fd));
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/** Reads all of a regular file of at most `cap` bytes. Throws as {@link openRegularFile} does. */
export function readRegular(
  path: string,
  { cap, ...options }: OpenOptions & { cap: number },
): Uint8Array<ArrayBuffer> {
  const fd = openRegularFile(path, options);
  try {
    const { size } = fs.fstatSync(fd);
    if (size > cap) throw new Error(`it has over ${cap} bytes`);
    const bytes = new Uint8Array(size);
    let filled = 0;
    for (let n; filled < size && (n = fs.readSync(fd, bytes, filled, size - filled, filled));) {
      filled += n;
    }
    return bytes.subarray(0, filled);
  } finally {
    fs.closeSync(fd);
  }
}

/** As {@link readRegular}, as UTF-8. Throws a TypeError for what is none. */
export function readRegularText(path: string, options: OpenOptions & { cap: number }): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(readRegular(path, options));
}

function requireFile(stat: fs.Stats): void {
  if (stat.isSymbolicLink()) throw new NotRegular("it is a link");
  if (stat.isDirectory()) throw new NotRegular("it is a folder");
  if (!stat.isFile()) throw new NotRegular("it is not a regular file");
}
