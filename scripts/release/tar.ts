/** A file, folder or link of an archive: a relative path with `/`, and its bytes. */
export interface ArchiveFile {
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
  executable?: boolean;
  /** True for a folder, which has no bytes. */
  folder?: true;
  /** The mode bits. Default 755 for folders and programs, 644 for others. */
  mode?: number;
  /** The owner, by number; its group has the same one. Default root. */
  owner?: number;
}

const BLOCK = 512;
const encoder = new TextEncoder();

/**
 * The files as a tar archive (POSIX ustar), gzipped. The same files give the same bytes: they are
 * sorted, belong to root, and have the one time `seconds`, since 1970.
 */
export async function tarGz(
  files: ArchiveFile[],
  seconds: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return await squeezed(tar(files, seconds), "gzip");
}

/** As {@link tarGz}, not compressed. */
export function tar(files: ArchiveFile[], seconds: number): Blob {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const file of sorted(files)) {
    parts.push(header(file, seconds), file.bytes);
    parts.push(new Uint8Array(-file.bytes.length & (BLOCK - 1)));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts);
}

/** The files in the order of their paths. */
export function sorted(files: ArchiveFile[]): ArchiveFile[] {
  return files.toSorted((a, b) => a.path < b.path ? -1 : 1);
}

/** The files with the folders that they lie in, each named before what is in it. */
export function withFolders(files: ArchiveFile[]): ArchiveFile[] {
  const folders = new Map(files.filter(({ folder }) => folder).map((one) => [one.path, one]));
  for (const { path } of files) {
    const parts = path.replace(/\/$/, "").split("/");
    for (let length = 1; length < parts.length; length++) {
      const above = `${parts.slice(0, length).join("/")}/`;
      if (above === "./" || folders.has(above)) continue;
      folders.set(above, { path: above, bytes: new Uint8Array(), folder: true });
    }
  }
  return [...folders.values(), ...files.filter(({ folder }) => !folder)];
}

/** The blob compressed. Neither format has a time or a name in it. */
export async function squeezed(
  blob: Blob,
  format: "gzip" | "deflate-raw",
): Promise<Uint8Array<ArrayBuffer>> {
  return await new Response(blob.stream().pipeThrough(new CompressionStream(format))).bytes();
}

function header(
  { path, bytes, executable, folder, mode, owner = 0 }: ArchiveFile,
  seconds: number,
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(encoder.encode(text), at);
  const octal = (at: number, length: number, value: number) =>
    put(at, value.toString(8).padStart(length - 1, "0"));
  if (encoder.encode(path).length > 100) throw new RangeError(`"${path}" is too long for a tar`);
  put(0, path);
  octal(100, 8, mode ?? (executable || folder ? 0o755 : 0o644));
  octal(108, 8, owner);
  octal(116, 8, owner);
  octal(124, 12, bytes.length);
  octal(136, 12, seconds);
  put(148, " ".repeat(8));
  put(156, folder ? "5" : "0");
  put(257, "ustar\0" + "00");
  if (owner === 0) {
    put(265, "root");
    put(297, "root");
  }
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, sum.toString(8).padStart(6, "0") + "\0 ");
  return block;
}
