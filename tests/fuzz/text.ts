const encoder = new TextEncoder();
const lenient = new TextDecoder();
const strict = new TextDecoder("utf-8", { fatal: true });

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Lines of JSON, each with its newline. */
export function linesOf(...values: unknown[]): Uint8Array {
  return encoder.encode(values.map((value) => JSON.stringify(value) + "\n").join(""));
}

/** Any bytes as text; those that are no UTF-8 as UTF-16, so that lone surrogates come up too. */
export function textOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    if (bytes.length > 2_048) return lenient.decode(bytes);
    const units = new Uint16Array(bytes.slice(0, bytes.length & ~1).buffer);
    return String.fromCharCode(...units);
  }
}

/** Text cut in two at its first newline. */
export function twoOf(text: string): [string, string] {
  const at = text.indexOf("\n");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
