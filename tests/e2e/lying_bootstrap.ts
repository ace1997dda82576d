import { BootstrapClient } from "../../src/peer/discovery/bootstrap_client.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import type { FileRecord, Found, PeerRecord } from "../../src/wire/protocol.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { type RawEnd, Scripted } from "../support/sockets.ts";

/** The part of a request to a bootstrap that matters here. */
export interface Question {
  action: string;
  id: number;
  name?: string;
  file?: string;
  publisher?: string;
  /** Bytes that follow. */
  payload?: number;
}

/** The answers of a liar; those not given are empty lists. */
interface Lies {
  find?: (question: Question) => Found[];
  files?: () => FileRecord[];
  peers?: () => PeerRecord[];
  /** Where one that punches is sent. */
  go?: () => { host: string; port: number };
  /** Said by itself to each peer that registers. */
  notices?: () => object[];
}

/** A bootstrap for tests: speaks the protocol, knows no peers, and answers as it is told to. */
export class LyingBootstrap {
  /** HOST:PORT. */
  readonly address: string;
  /** The requests to find something. */
  readonly asked: Question[] = [];
  /** Answers from now on. */
  lies: Lies;
  readonly #server: Scripted;

  /** It listens on loopback, unless told where. */
  constructor(lies: Lies, host?: string) {
    this.lies = lies;
    this.#server = new Scripted((end) => this.#serve(end), host);
    this.address = `127.0.0.1:${this.#server.address.port}`;
  }

  async #serve(end: RawEnd): Promise<void> {
    for (let question: Question; (question = await end.line());) {
      await end.bytes(question.payload ?? 0);
      await end.send(this.#answer(question));
      if (question.action === "register") await end.send(...this.lies.notices?.() ?? []);
    }
  }

  #answer(question: Question): Uint8Array {
    const { action, id } = question;
    const list = (action: string, items: unknown[] = []) =>
      wireMessage({ action, id }, new TextEncoder().encode(JSON.stringify(items)));
    switch (action) {
      case "hello": {
        const about = { protocol: 1, agent: "liar/1", nonce: "00".repeat(32) };
        return wireMessage({ action: "hello", id, ...about, observed: "127.0.0.1:1" });
      }
      case "find":
        this.asked.push(question);
        return list("found", this.lies.find?.(question));
      case "list_files":
        return list("files", this.lies.files?.());
      case "get_peers":
        return list("peers", this.lies.peers?.());
      case "register":
        return wireMessage({ action: "registered", id, address: "127.0.0.1", port: 1 });
      case "meet":
        return wireMessage({ action: "go", id, ...this.lies.go!() });
      case "announce":
      case "withdraw":
      case "heartbeat":
      case "goodbye":
        return wireMessage({ action: "ok", id });
      case "reach":
        return wireMessage({ action: "error", id, code: "unknown_action", message: "" });
    }
    throw new Error(`nobody told this bootstrap about ${action}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

/** The answer of an honest bootstrap about a name, to be twisted by a liar. */
export async function overheard(bootstrap: string, name: string): Promise<Found[]> {
  using client = new BootstrapClient(parseAddress(bootstrap, 1));
  return await client.find({ name });
}
