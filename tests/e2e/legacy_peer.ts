/**
 * The legacy dialect, written from its table alone: a connection for each request, one line of JSON
 * out, one line back. Nothing of the program's own is in here.
 */
import { concat, sha256 } from "../support/bytes.ts";

const CHUNK = 65_536;

// deno-lint-ignore no-explicit-any
type Reply = any;

/** Asks as a legacy peer does. */
export async function askLegacy(address: string, request: object): Promise<Reply> {
  const [hostname, port] = address.split(":");
  using conn = await Deno.connect({ hostname, port: Number(port) });
  await sendLine(conn, request);
  return await readLine(conn);
}

/** Fetches a file as a legacy peer does, and checks every hash. */
export async function fetchAsLegacy(address: string, filename: string): Promise<Uint8Array> {
  const info = await askLegacy(address, { action: "file_request", filename });
  if (info.action !== "file_info") throw new Error(JSON.stringify(info));
  if (info.filename !== filename || info.chunk_size !== CHUNK) throw new Error("a wrong file_info");
  if (info.chunk_hashes.length !== info.num_chunks) throw new Error("a wrong number of hashes");
  const chunks: Uint8Array[] = [];
  for (let index = 0; index < info.num_chunks; index++) {
    const reply = await askLegacy(address, { action: "get_chunk", filename, chunk_index: index });
    if (reply.action !== "chunk_data" || reply.chunk_index !== index) {
      throw new Error(JSON.stringify(reply).slice(0, 200));
    }
    const chunk = Uint8Array.fromBase64(reply.data);
    if (sha256(chunk).toHex() !== info.chunk_hashes[index]) {
      throw new Error(`chunk ${index} is bad`);
    }
    chunks.push(chunk);
  }
  return concat(chunks);
}

/** A server of the legacy dialect: answers each connection's one line. */
export class LegacyServer {
  readonly address: string;
  readonly port: number;
  /** The requests, in order. */
  readonly requests: Reply[] = [];
  readonly #listener: Deno.TcpListener;
  readonly #running: Promise<void>;

  constructor(answer: (request: Reply) => object) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.address = `127.0.0.1:${this.port}`;
    this.#running = this.#serve(answer);
  }

  /** A legacy peer that has these files; `lie` may change a chunk. */
  static peer(
    files: Record<string, Uint8Array>,
    lie: (chunk: Uint8Array, index: number) => Uint8Array = (chunk) => chunk,
  ): LegacyServer {
    return new LegacyServer(({ action, filename, chunk_index: index }) => {
      const content = files[filename];
      if (!content) return { action: "error", message: "File not found" };
      const cut = (at: number) => content.slice(at * CHUNK, (at + 1) * CHUNK);
      const number = Math.ceil(content.length / CHUNK);
      if (action === "get_chunk") {
        const data = lie(cut(index), index).toBase64();
        return { action: "chunk_data", filename, chunk_index: index, data };
      }
      return {
        action: "file_info",
        filename,
        chunk_size: CHUNK,
        num_chunks: number,
        chunk_hashes: Array.from({ length: number }, (_, at) => sha256(cut(at)).toHex()),
      };
    });
  }

  /** A legacy bootstrap. */
  static bootstrap(): LegacyServer {
    const peers: object[] = [];
    return new LegacyServer(({ action, address, port }) => {
      if (action === "get_peers") return { peers };
      peers.push({ address, port });
      return { status: "registered" };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }

  async #serve(answer: (request: Reply) => object): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const conn of this.#listener) serving.push(this.#serveOne(conn, answer));
    await Promise.all(serving);
  }

  async #serveOne(conn: Deno.Conn, answer: (request: Reply) => object): Promise<void> {
    using _conn = conn;
    try {
      const request = await readLine(conn);
      if (request === null) return; // a look whether somebody is there
      // It knows no `hello`: what has no known action is answered by nothing.
      if (!["register", "get_peers", "file_request", "get_chunk"].includes(request.action)) return;
      this.requests.push(request);
      await sendLine(conn, answer(request));
    } catch {
      // The other end went away, or spoke no JSON: a legacy peer doesn't care.
    }
  }
}

async function sendLine(conn: Deno.Conn, value: object): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(value) + "\n");
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function readLine(conn: Deno.Conn): Promise<Reply> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  for (let n; (n = await conn.read(buffer));) {
    parts.push(buffer.slice(0, n));
    if (buffer[n - 1] === 10) return JSON.parse(new TextDecoder().decode(concat(parts)));
  }
  return null;
}
