/** A file of an archive: a relative path with `/`, and its bytes. */
export interface ArchiveFile {
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
  executable?: boolean;
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
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (const file of sorted(files)) {
    parts.push(header(file, seconds), file.bytes);
    parts.push(new Uint8Array(-file.bytes.length & (BLOCK - 1)));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return await squeezed(new Blob(parts), "gzip");
}

/** The files in the order of their paths. */
export function sorted(files: ArchiveFile[]): ArchiveFile[] {
  return files.toSorted((a, b) => a.path < b.path ? -1 : 1);
}

/** The blob compressed. Neither format has a time or a name in it. */
export async function squeezed(
  blob: Blob,
  format: "gzip" | "deflate-raw",
): Promise<Uint8Array<ArrayBuffer>> {
  return await new Response(blob.stream().pipeThrough(new CompressionStream(format))).bytes();
}

function header(
  { path, bytes, executable }: ArchiveFile,
  seconds: number,
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(encoder.encode(text), at);
  const octal = (at: number, length: number, value: number) =>
    put(at, value.toString(8).padStart(length - 1, "0"));
  if (encoder.encode(path).length > 100) throw new RangeError(`"${path}" is too long for a tar`);
  put(0, path);
  octal(100, 8, executable ? 0o755 : 0o644);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, bytes.length);
  octal(136, 12, seconds);
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\0" + "00");
  put(265, "root");
  put(297, "root");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, sum.toString(8).padStart(6, "0") + "\0 ");
  return block;
}
