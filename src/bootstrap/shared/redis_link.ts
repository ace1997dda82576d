/**
 * The connection to Redis: scripts with a deadline, a look every second whether Redis is there and
 * takes writes, and a new connection when it is not.
 */
import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
// Not by a dynamic import: once bundled, that has no names of a CommonJS package.
import { createClient } from "@redis/client";
import { Fault, messageOf } from "../../fault.ts";
import { within } from "../../async/deadline.ts";
import { delay } from "../../async/retry.ts";
import type { RegistryUrl } from "./registry_url.ts";
import { type Script, SCRIPTS } from "./scripts.ts";

const log = getLogger(["shoal", "bootstrap", "registry"]);

/** Time for one answer, in milliseconds: a find that waits for it in vain takes no longer. */
const ANSWER_MS = 800;
/** Time to read what has come, once the time for it is over, in milliseconds. */
const UNREAD_MS = 50;
/** Time for a connection with its handshake, in milliseconds. */
const CONNECT_MS = 2_000;
/** Interval of looking whether Redis is there, in milliseconds. */
const LOOK_MS = 1_000;
/** The same while it is not there. */
const RETRY_MS = 500;
/** Commands without an answer at a time; each has at most a batch of announcements. */
const QUEUE = 10_000;
/** The oldest Redis that has all commands in use, and was tried. */
const OLDEST = 7;
/** The type of a reply that is a string of bytes. */
const BLOB = 36;

/** Failures that no retry mends: what they begin with, or say. */
const HOPELESS =
  /^(WRONGPASS|NOAUTH|NOPERM|NOPROTO)|invalid username-password|invalid password|DB index|certificate|unknown command|too old|Unknown RESP|is not Redis/i;
const FORBIDDEN = "its user may not write there";
/** Refusals of writes alone, and what they mean. */
const REFUSALS: [RegExp, string][] = [
  [/\bOOM\b/, "it is full (maxmemory)"],
  [/\bREADONLY\b/, "it is a read-only replica"],
  [/\bMISCONF\b/, "it takes no writes, since it cannot save to its disk"],
  [/\bNOREPLICAS\b/, "it takes no writes, since it lacks replicas"],
  [/\bNOPERM\b/, FORBIDDEN],
];

/** Replies of Redis to a script that came upon what it can't work with. */
const SCRIPT_FAILED = /^(WRONGTYPE|ERR) .*script/is;

/**
 * Thrown when Redis can't be asked: `away`; was emptied: `unsure`; takes no writes: `unwritable`; or can't
 * do that one thing, since a key is not what it should be: `failed`.
 */
export class LinkError extends Error {
  override readonly name = "LinkError";
  readonly kind: "away" | "unsure" | "unwritable" | "failed";

  constructor(kind: LinkError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** `writable`: whether it takes writes; `why` says why it is not there, or doesn't. */
export interface LinkState {
  there: boolean;
  writable: boolean;
  why?: string;
}

/** Hears of the connection. */
export interface LinkObserver {
  /** An answer came after so many seconds. */
  registryAnswered(seconds: number): void;
}

/** The part of the client that is used. */
interface Client {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  sendCommand(
    args: (string | Buffer)[],
    options?: { typeMapping: Record<number, unknown> },
  ): Promise<unknown>;
}

export interface LinkOptions {
  url: RegistryUrl;
  /** The prefix of all keys. */
  prefix: string;
  /** Tells this bootstrap from the others. */
  token: string;
  observer?: LinkObserver;
  /** Hears that the registry was emptied, or is seen for the first time. */
  onLife?: () => void;
  /** Time for one answer, in milliseconds. @default 800 */
  answerMs?: number;
}

export class RedisLink {
  readonly #options: LinkOptions;
  readonly #stopped = new AbortController();
  #client: Client | undefined;
  #state: LinkState = { there: false, writable: false, why: "not connected yet" };
  /** Empty before Redis was seen. */
  #life = "";
  #wasThere = false;
  #isLooking = false;
  #running: Promise<void> | undefined;

  private constructor(options: LinkOptions) {
    this.#options = options;
  }

  /**
   * Connects. Resolves also when Redis can't be reached: then it is tried again and again. Throws a
   * `usage` Fault for what no retry mends, such as a wrong password.
   */
  static async open(options: LinkOptions): Promise<RedisLink> {
    const link = new RedisLink(options);
    try {
      await link.#look();
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      if (error.message === FORBIDDEN) {
        throw new Fault("usage", `Cannot use the registry ${options.url.shown}: ${FORBIDDEN}`, {
          cause: error,
          next: "permit it the keys of --registry-name, as docs/operations.md has it",
        });
      }
      link.#become({ there: false, writable: false, why: error.message });
    }
    link.#running = link.#watch();
    return link;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The id of the registry; undefined before Redis was seen. */
  get id(): string | undefined {
    return this.#life.split(".")[0] || undefined;
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new LinkError("away", "the registry is closed"));
    await this.#running;
    this.#drop("closed");
  }

  /** Runs a script with the registry's life before its arguments. Throws a {@link LinkError}. */
  async run(script: Script, ...args: (string | Buffer)[]): Promise<unknown> {
    if (!this.#client || !this.#state.there) {
      throw new LinkError("away", this.#state.why ?? "Redis is away");
    }
    return await this.#eval(this.#client, script, [this.#life, ...args]);
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await delay(this.#state.there ? LOOK_MS : RETRY_MS, signal).catch(() => {});
      if (!signal.aborted) await this.#lookAgain();
    }
  }

  /** Looks at once which life of the registry this is, and not once more meanwhile. */
  async #lookAgain(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look();
    } catch (error) {
      this.#drop(messageOf(error));
    } finally {
      this.#isLooking = false;
    }
  }

  /** Finds out whether Redis is there and takes writes, and which life of it this is. */
  async #look(): Promise<void> {
    const client = this.#client ?? await this.#connect();
    const { token } = this.#options;
    const args = [
      this.id ?? crypto.randomUUID().slice(0, 8),
      crypto.randomUUID().slice(0, 8),
      token,
    ];
    try {
      const life = String(await this.#eval(client, SCRIPTS.life, args));
      if (!/^[0-9a-f]{8}\.[0-9a-f]{8}\.\d+$/.test(life)) {
        throw new Fault("usage", "Cannot use the registry: its keys are not Shoal's", {
          next: "choose another --registry-name or database",
        });
      }
      const isNew = life !== this.#life;
      this.#life = life;
      this.#become({ there: true, writable: true });
      if (isNew) this.#options.onLife?.();
    } catch (error) {
      if (!(error instanceof LinkError) || error.kind !== "unwritable" || !this.#life) throw error;
      this.#become({ there: true, writable: false, why: error.message });
    }
  }

  async #connect(): Promise<Client> {
    const { url } = this.#options;
    const { socket, username, password, database } = url;
    const client = createClient({
      username,
      password,
      database,
      socket: { ...socket, connectTimeout: CONNECT_MS, reconnectStrategy: false } as never,
      disableOfflineQueue: true,
      commandsQueueMaxLength: QUEUE,
    }) as unknown as Client;
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => {});
    client.on("error", (error) => {
      failed.reject(error);
      if (this.#client === client) this.#drop(messageOf(error));
    });
    try {
      await answerOf(Promise.race([client.connect(), failed.promise]), CONNECT_MS);
      if (!this.#wasThere) await this.#requireVersion(client);
      this.#wasThere = true;
      return this.#client = client;
    } catch (error) {
      destroy(client);
      if (error instanceof Fault) throw error;
      const why = messageOf(error) || "it closed the connection";
      if (!this.#wasThere && HOPELESS.test(why)) {
        throw new Fault("usage", `Cannot use the registry ${url.shown}: ${hopeless(why)}`, {
          cause: error,
          next: "shoal bootstrap --help has what --registry takes",
        });
      }
      throw new LinkError("away", why);
    }
  }

  async #requireVersion(client: Client): Promise<void> {
    const hello = await answerOf(client.sendCommand(["HELLO"]), CONNECT_MS) as {
      version?: unknown;
    };
    const version = String(hello.version ?? "");
    if (parseInt(version) >= OLDEST) return;
    throw new Error(`Redis ${version} is too old: it takes ${OLDEST}.0 or newer`);
  }

  async #eval(client: Client, { source, sha1 }: Script, args: (string | Buffer)[]) {
    const { prefix, observer, answerMs = ANSWER_MS } = this.#options;
    const begun = performance.now();
    const options = { typeMapping: { [BLOB]: Buffer } };
    const send = (command: string, text: string) =>
      answerOf(client.sendCommand([command, text, "1", prefix, ...args], options), answerMs);
    try {
      const reply = await send("EVALSHA", sha1).catch((error) => {
        if (!/^NOSCRIPT/.test(messageOf(error))) throw error;
        return send("EVAL", source);
      });
      observer?.registryAnswered((performance.now() - begun) / 1_000);
      return reply;
    } catch (error) {
      const message = messageOf(error);
      if (/^UNSURE/.test(message)) {
        void this.#lookAgain();
        throw new LinkError("unsure", "the registry was emptied a moment ago");
      }
      const refusal = REFUSALS.find(([pattern]) => pattern.test(message));
      if (refusal) {
        if (this.#state.there) this.#become({ there: true, writable: false, why: refusal[1] });
        throw new LinkError("unwritable", refusal[1]);
      }
      // What Redis answered was wrong with one script, and with the connection nothing is.
      if (error instanceof Error && SCRIPT_FAILED.test(message)) {
        throw new LinkError("failed", message);
      }
      if (client === this.#client) this.#drop(message);
      throw new LinkError("away", message);
    }
  }

  /** The connection is of no more use: all that waits for an answer fails now. */
  #drop(why: string): void {
    const client = this.#client;
    this.#client = undefined;
    this.#become({ there: false, writable: false, why });
    if (client) destroy(client);
  }

  #become(state: LinkState): void {
    const { there, writable, why } = this.#state;
    this.#state = state;
    if (there === state.there && writable === state.writable) return;
    const registry = this.#options.url.shown;
    if (!state.there) {
      if (!this.#stopped.signal.aborted) {
        const what =
          "the registry {registry} is away: {why}; only this bootstrap's own peers are known";
        log.warn(what, { registry, why: state.why });
      }
    } else if (!state.writable) {
      log.warn("the registry {registry} takes nothing new: {why}", { registry, why: state.why });
    } else log.info("the registry {registry} is there", { registry, before: why });
  }
}

/** The answer that a promise gives. Throws an Error when none has come after `ms` milliseconds. */
async function answerOf<T>(promise: Promise<T>, ms: number): Promise<T> {
  const answer = promise.then((value) => ({ value }));
  // Where this thread was busy, it may be here and not be read yet.
  const read = await within(answer, ms) ?? await within(answer, UNREAD_MS);
  if (!read) throw new Error(`no answer within ${ms / 1_000} s`);
  return read.value;
}

/** The client throws when it is closed already. */
function destroy(client: Client): void {
  try {
    client.destroy();
  } catch {
    // It is closed.
  }
}

/** The cause, in the words of users. */
function hopeless(why: string): string {
  if (/^WRONGPASS|^NOAUTH|password/i.test(why)) return "the user or password is refused";
  if (/^NOPERM/.test(why)) return `its user lacks a right: ${why.replace(/^NOPERM /, "")}`;
  if (/Unknown RESP/i.test(why)) return "what answers there is not Redis";
  if (/^NOPROTO|unknown command/i.test(why)) return `it is too old, or not Redis: ${why}`;
  return why;
}
