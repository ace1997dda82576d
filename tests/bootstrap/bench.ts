/** Parts of a test that talks to a bootstrap server: one that runs, and clients of two kinds. */
import type * as v from "valibot";
import { MemoryRegistry } from "../../src/bootstrap/memory_registry.ts";
import { type BootstrapOptions, BootstrapServer } from "../../src/bootstrap/server.ts";
import { signAnnouncement } from "../../src/trust/announcement.ts";
import { Identity } from "../../src/trust/identity.ts";
import { type SignedClaim, signRegistration } from "../../src/trust/registration.ts";
import { Caller } from "../../src/wire/caller.ts";
import type { Outgoing } from "../../src/wire/codec.ts";
import type { Address } from "../../src/wire/connection.ts";
import { type Announcement, BootstrapHello, Ok, Registered } from "../../src/wire/protocol.ts";

/** A server on a free port of this machine. */
export function startBootstrap(options: Partial<BootstrapOptions> = {}): BootstrapServer {
  return BootstrapServer.start({
    host: "127.0.0.1",
    port: 0,
    registry: new MemoryRegistry(),
    ...options,
  });
}

/** A client that says what a peer says, step by step. */
export class TestPeer {
  readonly identity: Identity;
  readonly caller: Caller;
  readonly nonce: string;

  private constructor(identity: Identity, caller: Caller, nonce: string) {
    this.identity = identity;
    this.caller = caller;
    this.nonce = nonce;
  }

  /** Connected and greeted, not registered. */
  static async open(server: { address: Address }, identity?: Identity): Promise<TestPeer> {
    const { caller, hello } = await Caller.open(server.address, BootstrapHello, { agent: "test" });
    return new TestPeer(identity ?? await Identity.generate(), caller, hello.nonce);
  }

  async register(port: number, advertise?: Address): Promise<v.InferOutput<typeof Registered>> {
    const claim = await this.claim(port, advertise);
    return await this.ask({ action: "register", ...claim }, Registered);
  }

  /** A registration that is signed for this connection. */
  claim(port: number, advertise?: Address, identity = this.identity): Promise<SignedClaim> {
    const dialled = this.caller.connection.remote;
    return signRegistration(identity, this.nonce, { port, dialled, advertise });
  }

  sign(name: string, id = "a".repeat(64)): Promise<Announcement> {
    return signAnnouncement(this.identity, { name, id, size: 1, mtime: 2, time: 3 });
  }

  /** A reply without payload. */
  async ask<S extends v.GenericSchema>(message: Outgoing, schema: S, payload?: unknown) {
    const bytes = payload === undefined
      ? undefined
      : new TextEncoder().encode(JSON.stringify(payload));
    return (await this.caller.request(message, schema, {}, bytes)).reply;
  }

  /** The list that a reply's payload holds. */
  // deno-lint-ignore no-explicit-any -- tests look at single fields of what comes
  async list(message: Outgoing, schema: v.GenericSchema): Promise<any[]> {
    const { payload } = await this.caller.request(message, schema);
    return JSON.parse(new TextDecoder().decode(payload));
  }

  async announce(...announcements: Announcement[]): Promise<void> {
    await this.ask({ action: "announce" }, Ok, announcements);
  }

  [Symbol.dispose](): void {
    this.caller.close();
  }
}

/** Writes some text to a socket, and gives all that comes back until the other end closes. */
export async function converse(address: Address, text: string): Promise<string> {
  using conn = await Deno.connect({ hostname: address.host, port: address.port });
  const writing = writeAll(conn, new TextEncoder().encode(text)).catch(() => {});
  let heard = "";
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  for (;;) {
    // A server that closes before it has read everything resets the connection.
    const n = await conn.read(buffer).catch(() => null);
    if (n === null) break;
    heard += decoder.decode(buffer.subarray(0, n), { stream: true });
  }
  await writing;
  return heard;
}

/** Writes a line to a socket and gives the line that comes back. */
export async function exchange(address: Address, message: unknown): Promise<unknown> {
  using conn = await Deno.connect({ hostname: address.host, port: address.port });
  await writeAll(conn, new TextEncoder().encode(JSON.stringify(message) + "\n"));
  let heard = "";
  const buffer = new Uint8Array(65_536);
  while (!heard.endsWith("\n")) {
    const n = await conn.read(buffer);
    if (n === null) break;
    heard += new TextDecoder().decode(buffer.subarray(0, n));
  }
  return JSON.parse(heard);
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  while (bytes.length > 0) bytes = bytes.subarray(await conn.write(bytes));
}
