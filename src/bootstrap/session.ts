/**
 * One connection to a bootstrap: reads its requests, checks what is signed, and asks the registry.
 */
import * as v from "valibot";
import { verifyAnnouncement } from "../trust/announcement.ts";
import { verifyRegistration } from "../trust/registration.ts";
import { toHex } from "../content/hex.ts";
import { answer, Refused, type Response } from "../wire/answerer.ts";
import { decodePayload } from "../wire/codec.ts";
import { type Address, type Connection, formatAddress } from "../wire/connection.ts";
import {
  Announcement,
  BootstrapRequest,
  Holding,
  LIST_CAP,
  PROTOCOL_VERSION,
} from "../wire/protocol.ts";
import type { Registry } from "./registry.ts";
import { serveSeed } from "./seed_bootstrap.ts";

const Announcements = v.pipe(v.array(Announcement), v.maxLength(LIST_CAP));
const Holdings = v.pipe(v.array(Holding), v.maxLength(LIST_CAP));

type RegisterRequest = Extract<BootstrapRequest, { action: "register" }>;

export interface SessionOptions {
  registry: Registry;
  /** What this bootstrap calls itself. */
  agent: string;
  /** Which connection speaks for a peer: the one that registered it last. Shared by all sessions. */
  speakers: Map<string, Session>;
}

export class Session {
  readonly #connection: Connection;
  readonly #registry: Registry;
  readonly #agent: string;
  readonly #speakers: Map<string, Session>;
  readonly #nonce = toHex(crypto.getRandomValues(new Uint8Array(32)));
  /** The peer id that this connection registered. */
  #peer: string | undefined;

  constructor(connection: Connection, { registry, agent, speakers }: SessionOptions) {
    this.#connection = connection;
    this.#registry = registry;
    this.#agent = agent;
    this.#speakers = speakers;
  }

  /**
   * Serves the connection until it ends, as wire/answerer.ts does. The peer stays listed after that,
   * unless it said goodbye: it may be about to come back.
   */
  async run(): Promise<void> {
    try {
      await answer(this.#connection, {
        requests: BootstrapRequest,
        answer: (request, payload) => this.#answer(request, payload),
        seed: (message) => serveSeed(this.#connection, message, this.#registry),
        last: ({ action }) => action === "goodbye",
      });
    } finally {
      this.#retire();
    }
  }

  async #answer(request: BootstrapRequest, payload: Uint8Array): Promise<Response> {
    const { id } = request;
    switch (request.action) {
      case "hello":
        return this.#hello(id);
      case "register":
        return await this.#register(request);
      case "announce": {
        this.#registered();
        const announcements = decodePayload(Announcements, payload);
        await checkSignatures(announcements);
        // Asked again: the peer may have registered elsewhere while its signatures were checked.
        await this.#registry.announce(this.#registered(), announcements);
        return ok(id);
      }
      case "withdraw":
        await this.#registry.withdraw(this.#registered(), decodePayload(Holdings, payload));
        return ok(id);
      case "heartbeat":
        await this.#registry.heartbeat(this.#registered());
        return ok(id);
      case "get_peers": {
        const { items, cursor } = await this.#registry.getPeers(request.cursor);
        return list({ action: "peers", id, cursor }, items);
      }
      case "find": {
        const { name, file, publisher } = request;
        if (name === undefined && file === undefined && publisher === undefined) {
          throw new Refused("bad_message", "find needs a name, a file or a publisher");
        }
        const found = await this.#registry.find({ name, file, publisher });
        return list({ action: "found", id }, found);
      }
      case "list_files": {
        const { items, cursor } = await this.#registry.listFiles(request.pattern, request.cursor);
        return list({ action: "files", id, cursor }, items);
      }
      case "goodbye":
        if (this.#isSpeaker()) await this.#registry.goodbye(this.#peer!);
        return ok(id);
    }
  }

  #hello(id: number): Response {
    const observed = formatAddress(this.#connection.remote);
    const agent = this.#agent;
    return {
      message: {
        action: "hello",
        id,
        protocol: PROTOCOL_VERSION,
        agent,
        nonce: this.#nonce,
        observed,
      },
    };
  }

  async #register(request: RegisterRequest): Promise<Response> {
    const { id, peer, port, advertise, agent, signature } = request;
    if (!await verifyRegistration(this.#nonce, { peer, port, advertise, signature })) {
      throw new Refused("bad_signature", "the registration is not signed by that peer");
    }
    if (this.#peer !== undefined && this.#peer !== peer) {
      throw new Refused("bad_message", "this connection has registered another peer");
    }
    const listed = this.#listedAddress(port, advertise);
    await this.#registry.register({ peer, address: listed.host, port: listed.port, agent });
    this.#peer = peer;
    this.#speakers.set(peer, this);
    return { message: { action: "registered", id, address: listed.host, port: listed.port } };
  }

  /**
   * What others will be told. The host that was seen is certain; an advertised address is taken at
   * the peer's word, and is to be called back here before it is.
   */
  #listedAddress(port: number, advertise: Address | undefined): Address {
    return advertise ?? { host: this.#connection.remote.host, port };
  }

  /** The peer that this connection speaks for. */
  #registered(): string {
    if (this.#isSpeaker()) return this.#peer!;
    const superseded = this.#peer !== undefined;
    throw new Refused(
      "not_registered",
      superseded ? "this peer has registered anew on another connection" : "register first",
    );
  }

  #isSpeaker(): boolean {
    return this.#peer !== undefined && this.#speakers.get(this.#peer) === this;
  }

  #retire(): void {
    if (this.#isSpeaker()) this.#speakers.delete(this.#peer!);
  }
}

async function checkSignatures(announcements: Announcement[]): Promise<void> {
  const valid = await Promise.all(announcements.map(verifyAnnouncement));
  const bad = valid.indexOf(false);
  if (bad < 0) return;
  const name = announcements[bad].name.slice(0, 100);
  throw new Refused("bad_signature", `the announcement of ${name} is not signed by its publisher`);
}

function ok(id: number): Response {
  return { message: { action: "ok", id } };
}

function list(
  message: { action: string; id: number; cursor?: string },
  items: unknown[],
): Response {
  return { message, payload: new TextEncoder().encode(JSON.stringify(items)) };
}
