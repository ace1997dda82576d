import type { Identity } from "../../src/trust/identity.ts";
import type { Address } from "../../src/wire/connection.ts";
import { type Bytes, concat } from "./bytes.ts";
import { type PeerRequest, wireMessage } from "./honest_answers.ts";
import { BEHAVIOURS, misbehaving } from "./misbehaving.ts";
import { helloReply } from "./prover.ts";
import { RawEnd, Scripted } from "./sockets.ts";

/** The place from which a relay misbehaves: the answer to a request, or the n-th exchange of bytes. */
export type From = { action: string } | { exchange: number };

/**
 * A program that is right up to some moment and hostile from then on: a real one does the work, and what
 * it says passes through here. With `action` it speaks the protocol's lines; with `exchange` it passes
 * bytes, which may be TLS or HTTP, and counts how often the caller spoke after an answer.
 */
export class Relay {
  readonly #server: Scripted;
  readonly #hit = Promise.withResolvers<void>();
  readonly #targets = new Set<RawEnd>();

  constructor(target: Address, from: From, behaviour: string) {
    const spoil = BEHAVIOURS[behaviour]!;
    this.#server = new Scripted(async (end) => {
      using upstream = await RawEnd.connect(target);
      this.#targets.add(upstream);
      try {
        const right = "action" in from
          ? await passLines(end, upstream, from.action)
          : await passBytes(end, upstream, {
            exchange: from.exchange,
            own: this.address,
            target: `${target.host}:${target.port}`,
          });
        if (!right) return;
        this.#hit.resolve();
        await spoil(end, right.answer, right.request);
      } catch {
        // One of the ends has gone.
      }
    });
  }

  /** HOST:PORT. */
  get address(): string {
    const { host, port } = this.#server.address;
    return `${host}:${port}`;
  }

  /** Resolves when it has begun to misbehave. */
  get hit(): Promise<void> {
    return this.#hit.promise;
  }

  /** The connections so far. */
  get accepted(): number {
    return this.#server.accepted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#targets) end.close();
    await this.#server[Symbol.asyncDispose]();
  }
}

interface Due {
  request: PeerRequest;
  /** The right answer. */
  answer: Bytes;
}

/** Passes requests and replies on until the reply to an `action` is due; undefined when the caller leaves. */
async function passLines(end: RawEnd, to: RawEnd, action: string): Promise<Due | undefined> {
  for (let request: PeerRequest & { payload?: number }; (request = await end.line());) {
    await to.send(request, await end.bytes(request.payload ?? 0));
    if (request.id === undefined) continue;
    for (let reply: { id?: number; payload?: number } | null; (reply = await to.line());) {
      const answer = wireMessage(reply);
      const whole = concat([answer, await to.bytes(reply.payload ?? 0)]);
      if (reply.id === request.id && request.action === action) return { request, answer: whole };
      await end.send(whole);
      if (reply.id === request.id) break;
    }
  }
}

/** Passes bytes on until the answer in an exchange is due; undefined when the caller leaves before. */
async function passBytes(
  end: RawEnd,
  to: RawEnd,
  { exchange, own, target }: { exchange: number; own: string; target: string },
): Promise<Due | undefined> {
  let exchanges = 0;
  let asked = false;
  const toTarget = async () => {
    for (let bytes; (bytes = await end.some());) {
      if (!asked) exchanges++;
      asked = true;
      // A server that looks at the host which it was asked for sees its own.
      await to.send(own.length === target.length ? replaced(bytes, own, target) : bytes);
    }
    await to.conn.closeWrite();
  };
  const over = toTarget().catch(() => {});
  for (let bytes; (bytes = await to.some());) {
    asked = false;
    if (exchanges >= exchange) return { request: { id: 1 } as PeerRequest, answer: bytes };
    await end.send(bytes);
  }
  end.close();
  await over;
}

function replaced(bytes: Bytes, from: string, to: string): Bytes {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return Uint8Array.from(text.replaceAll(from, to), (char) => char.charCodeAt(0));
}

/**
 * A script of a source that has what the peer at `target` has, and misbehaves in place of its reply to
 * an action. It proves the identity that it is given.
 */
export function sourceRelay(target: Address, action: string, behaviour: string) {
  const hit = Promise.withResolvers<void>();
  const script = async (end: RawEnd, identity?: Identity) => {
    using upstream = await RawEnd.connect(target);
    const ask = async (request: object) => {
      await upstream.send(request);
      const { id } = request as PeerRequest;
      for (let reply; (reply = await upstream.line());) {
        const payload = await upstream.bytes(reply.payload ?? 0);
        if (reply.id === id) return concat([wireMessage(reply), payload]);
      }
      throw new Deno.errors.ConnectionReset();
    };
    await ask({ action: "hello", id: 0, protocol: 1, agent: "test/1" });
    await misbehaving(
      async (request) =>
        request.action === "hello"
          ? wireMessage(await helloReply(request, identity))
          : await ask(request),
      action,
      (...due) => {
        hit.resolve();
        return BEHAVIOURS[behaviour]!(...due);
      },
    )(end);
  };
  return { script, hit: hit.promise };
}
