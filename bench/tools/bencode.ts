/** The values of a torrent file or a tracker's answer. Bytes stand for binary strings. */
type Bencodable = number | string | Uint8Array | Bencodable[] | {
  [key: string]: Bencodable;
};

const encoder = new TextEncoder();

/** Encodes a value as BitTorrent does (BEP 3): keys in order, lengths before strings. */
export function bencode(value: Bencodable): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  write(value, parts);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function write(value: Bencodable, parts: Uint8Array[]): void {
  const text = (text: string) => parts.push(encoder.encode(text));
  if (typeof value === "number") {
    text(`i${value}e`);
  } else if (typeof value === "string") {
    write(encoder.encode(value), parts);
  } else if (value instanceof Uint8Array) {
    text(`${value.length}:`);
    parts.push(value);
  } else if (Array.isArray(value)) {
    text("l");
    for (const item of value) write(item, parts);
    text("e");
  } else {
    text("d");
    for (const key of Object.keys(value).toSorted()) {
      write(key, parts);
      write(value[key], parts);
    }
    text("e");
  }
}
