/** The bytes from position `from` up to `end`. */
interface ByteRange {
  from: number;
  end: number;
}

/**
 * The part of `size` bytes that a Range header asks for (RFC 9110, 14.1.2). "unsatisfiable" when
 * nothing of it is there; undefined when the header is to be ignored: none, not understood, or
 * several ranges at once.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const parts = header?.match(/^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i);
  if (!parts || parts[1] === "" && parts[2] === "") return;
  const [first, last] = [Number(parts[1]), Number(parts[2])];
  if (parts[1] === "") {
    return last === 0 || size === 0
      ? "unsatisfiable"
      : { from: Math.max(0, size - last), end: size };
  }
  if (parts[2] !== "" && last < first) return;
  if (first >= size) return "unsatisfiable";
  return { from: first, end: parts[2] === "" ? size : Math.min(size, last + 1) };
}
