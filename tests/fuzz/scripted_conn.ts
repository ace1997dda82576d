import { Random } from "./target.ts";

const ADDRESS = { transport: "tcp", hostname: "192.0.2.1", port: 9 } as const;

/**
 * A connection whose other end has said everything already, or says it soon: its bytes are read in
 * pieces of any size, and then comes the end. All that is written to it is given to `onWrite`.
 */
export function scriptedConn(
  saying: Uint8Array | Promise<Uint8Array>,
  { seed, onWrite = () => {} }: { seed: number; onWrite?: (bytes: Uint8Array) => void },
): Deno.TcpConn {
  const random = new Random(seed);
  let at = 0;
  let closed = false;
  const conn = {
    localAddr: ADDRESS,
    remoteAddr: ADDRESS,
    async read(into: Uint8Array): Promise<number | null> {
      const said = await saying;
      if (closed) throw new Deno.errors.BadResource("closed");
      if (at === said.length) return null;
      const most = random.oneIn(2) ? 1 + random.length(64) : 1 << 20;
      const piece = said.subarray(at, at + Math.min(into.length, most));
      into.set(piece);
      at += piece.length;
      return piece.length;
    },
    write(bytes: Uint8Array): Promise<number> {
      if (closed) return Promise.reject(new Deno.errors.BadResource("closed"));
      onWrite(bytes);
      return Promise.resolve(bytes.length);
    },
    close() {
      closed = true;
    },
  };
  return conn as unknown as Deno.TcpConn;
}

/** A number made of bytes, by which the same input is always cut in the same pieces. */
export function seedOf(bytes: Uint8Array): number {
  let hash = bytes.length;
  for (let at = 0; at < bytes.length && at < 64; at++) {
    hash = Math.imul(hash ^ bytes[at], 16_777_619);
  }
  return hash >>> 0;
}

/**
 * Does some work while every caller is connected to what `conn` makes, and nothing leaves this
 * process.
 */
export async function connectingTo<T>(
  conn: () => Deno.TcpConn,
  work: () => Promise<T>,
): Promise<T> {
  const { connect } = Deno;
  try {
    Deno.connect = (() => Promise.resolve(conn())) as unknown as typeof Deno.connect;
    return await work();
  } finally {
    Deno.connect = connect;
  }
}
