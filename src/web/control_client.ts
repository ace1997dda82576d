import { type ClientResponse, hc } from "hono/client";
import * as v from "valibot";
import { Fault, messageOf } from "../fault.ts";
import type {
  GetEvent,
  GetOptions,
  GetRequest,
  ListedFile,
  ListedPeer,
  ListedSource,
  LiveSettings,
  NewToken,
  PartialStatus,
  PeerApi,
  PeerStatus,
  Plan,
  Receipt,
  SharedFile,
  ShareOptions,
  ShareRequest,
  ShareResult,
  StreamRequest,
  TokenEntry,
  TokenRequest,
  TrustEntry,
  TrustRequest,
} from "../peer/api/peer_api.ts";
import type { Finding } from "../peer/api/finding.ts";
import { anyOf } from "../async/any_of.ts";
import { requestDeadline } from "../peer/get/request_deadline.ts";
import { abortable } from "../async/retry.ts";
import type { ControlApp } from "./control_api.ts";
import { isSame, newNonce, proofOf } from "./control_proof.ts";
import { ApiError, fromApiError } from "./http/api_error.ts";
import type { ControlFile } from "./control_file.ts";
import { readJsonLines } from "./http/json_lines.ts";
import { SilentPeer } from "./silent_peer.ts";
import type { UiAddress } from "./routes/answers.ts";
import type { UiDoor } from "./ui_door.ts";

type DownloadRequest = Pick<GetRequest, "name" | "id">;

/** A running peer has this long to say that it is there, in milliseconds. */
const HELLO_MS = 5_000;
/** Interval of asking a peer whether it is still there during an answer, in milliseconds. */
const WATCH_EVERY_MS = 10_000;
/** Most characters in the answer to a hello. */
const HELLO_CAP = 1_024;

const Hello = v.object({ nonce: v.string(), proof: v.string() });

type Options = { init: { signal: AbortSignal } };

/**
 * A running peer, asked over its control endpoint. The routes' own types are those of its answers.
 * Every request ends with the command's signal, and with a {@link SilentPeer} once the peer says
 * nothing more.
 */
export class ControlClient implements PeerApi, UiDoor {
  readonly #control: ControlFile;
  readonly #signal: AbortSignal | undefined;
  readonly #api;

  /** `signal` ends all requests. */
  constructor(control: ControlFile, { signal }: { signal?: AbortSignal | undefined } = {}) {
    this.#control = control;
    this.#signal = signal;
    const ask = (input: RequestInfo | URL, init?: RequestInit) => this.#fetch(String(input), init);
    this.#api = hc<ControlApp>(control.url, { fetch: ask }).api.v1;
    // The runtime's fetch would ask a proxy that the environment names, even for loopback.
    for (const name of ["NO_PROXY", "no_proxy"]) Deno.env.set(name, "127.0.0.1");
  }

  status(): Promise<PeerStatus> {
    return this.#value((o) => this.#api.status.$get({}, o));
  }

  /** As UiApi has it. */
  diagnose(): Promise<Finding[]> {
    return this.#value((o) => this.#api.doctor.$get({}, o));
  }

  listPeers(): Promise<ListedPeer[]> {
    return this.#value((o) => this.#api.peers.$get({}, o));
  }

  listSources(name: string): Promise<ListedSource[]> {
    return this.#value((o) => this.#api.sources.$get({ query: { name } }, o));
  }

  async *listFiles(pattern?: string): AsyncGenerator<ListedFile> {
    const lines = this.#lines((o) => this.#api.files.$get({ query: { pattern } }, o));
    for await (const { result } of lines) yield result;
  }

  listVersions(name: string): Promise<ListedFile[]> {
    return this.#value((o) => this.#api.versions.$get({ query: { name } }, o));
  }

  trust(): Promise<TrustEntry[]> {
    return this.#value((o) => this.#api.trust.$get({}, o));
  }

  accept(request: TrustRequest): Promise<TrustEntry> {
    return this.#value((o) => this.#api.trust.$post({ json: request }, o));
  }

  forget(name: string): Promise<TrustEntry> {
    return this.#value((o) => this.#api.trust.$delete({ query: { name } }, o));
  }

  tokens(): Promise<TokenEntry[]> {
    return this.#value((o) => this.#api.tokens.$get({}, o));
  }

  newToken(request: TokenRequest): Promise<NewToken> {
    return this.#value((o) => this.#api.tokens.$post({ json: request }, o));
  }

  revokeToken(label: string): Promise<TokenEntry> {
    return this.#value((o) => this.#api.tokens.$delete({ query: { label } }, o));
  }

  unshare(name: string): Promise<SharedFile> {
    return this.#value((o) => this.#api.shares.$delete({ query: { name } }, o));
  }

  settings(): Promise<LiveSettings> {
    return this.#value((o) => this.#api.settings.$get({}, o));
  }

  change(changes: Partial<LiveSettings>): Promise<LiveSettings> {
    return this.#value((o) => this.#api.settings.$patch({ json: changes }, o));
  }

  openUi(): Promise<UiAddress> {
    return this.#value((o) => this.#api.ui.$post({}, o));
  }

  share(request: ShareRequest, { signal, onProgress }: ShareOptions = {}): Promise<ShareResult> {
    const lines = this.#lines((o) => this.#api.shares.$post({ json: request }, o), signal);
    return resultOf(lines, { progress: ({ hashed, size }) => onProgress?.(hashed, size) });
  }

  get(request: GetRequest, { signal, onProgress, onEvent }: GetOptions = {}): Promise<Receipt> {
    const lines = this.#lines((o) => this.#api.downloads.$post({ json: request }, o), signal);
    return resultOf(lines, { progress: onProgress, event: onEvent });
  }

  plan(request: GetRequest, { signal }: { signal?: AbortSignal } = {}): Promise<Plan> {
    return this.#value((o) => this.#api.downloads.plan.$post({ json: request }, o), signal);
  }

  cancel({ name, id }: DownloadRequest): Promise<PartialStatus[]> {
    return this.#value((o) => this.#api.downloads.$delete({ query: { name, id } }, o));
  }

  pause(request: DownloadRequest): Promise<PartialStatus[]> {
    return this.#value((o) => this.#api.downloads.pause.$post({ json: request }, o));
  }

  resume(request: DownloadRequest): Promise<PartialStatus[]> {
    return this.#value((o) => this.#api.downloads.resume.$post({ json: request }, o));
  }

  async stream(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: GetOptions = {},
  ): Promise<Receipt> {
    const started = performance.now();
    const ending = new AbortController();
    const signal = anyOf(ending.signal, options.signal);
    const lines = this.#lines((o) => this.#api.streams.$post({ json: request }, o), signal);
    let copied: Promise<void> | undefined;
    try {
      const receipt = await resultOf(lines, {
        progress: options.onProgress,
        event: options.onEvent,
        content: (route) => {
          copied = this.#copy(route, output, signal);
          // Its failure is the stream's, which the last line tells better.
          copied.catch(() => {});
        },
      });
      // All has left the peer; the output may still take its time.
      const { name, deadline } = request;
      const left = deadline === undefined ? undefined : started + deadline - performance.now();
      using late = requestDeadline({ name, deadline: left });
      if (copied) await abortable(copied, late.signal);
      return receipt;
    } catch (error) {
      ending.abort(error);
      throw error;
    }
  }

  async #copy(
    content: string,
    output: WritableStream<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const writer = output.getWriter();
    try {
      for await (
        const bytes of bodyOf(await this.#fetch(this.#control.url + content, { signal }), signal)
      ) {
        await abortable(writer.write(bytes), signal);
      }
      await abortable(writer.close(), signal);
    } catch (error) {
      // Nobody waits for it: an output that takes nothing more would never be done.
      writer.abort(error).catch(() => {});
      throw error;
    }
  }

  /** The JSON value of an answer. The peer is this program itself, so its type is the route's. */
  async #value<T>(
    ask: (options: Options) => Promise<ClientResponse<T, number, "json">>,
    ends?: AbortSignal,
  ): Promise<T> {
    using watch = this.#watch(ends);
    const { signal } = watch;
    return JSON.parse(await textOf(bodyOf(await ask({ init: { signal } }), signal)));
  }

  /** The lines of an answer; one with an error is thrown. */
  async *#lines<T>(
    ask: (options: Options) => Promise<ClientResponse<T>>,
    ends?: AbortSignal,
  ): AsyncGenerator<T> {
    using watch = this.#watch(ends);
    const { signal } = watch;
    let failure: Error | undefined;
    for await (const line of readJsonLines(bodyOf(await ask({ init: { signal } }), signal))) {
      if (v.is(ApiError, line)) failure = fromApiError(line);
      else yield line as T;
    }
    if (failure) throw failure;
  }

  /** A signal for a request: of what `ends` it, of the command, and of a peer that answers no more. */
  #watch(ends?: AbortSignal): Disposable & { signal: AbortSignal } {
    const ending = new AbortController();
    let over = false;
    const ask = async () => {
      const error = await this.hello().then(() => undefined, (error) => error);
      if (error && !over) ending.abort(error);
      if (!over) timer = setTimeout(ask, WATCH_EVERY_MS);
    };
    let timer = setTimeout(ask, WATCH_EVERY_MS);
    return {
      signal: anyOf(ending.signal, this.#signal, ends),
      [Symbol.dispose]: () => {
        over = true;
        clearTimeout(timer);
      },
    };
  }

  /**
   * Has the peer prove that it knows the token; returns the nonces of both. Throws a `network` Fault
   * where it doesn't, and a {@link SilentPeer} where nothing is said at all.
   */
  async hello(): Promise<[client: string, peer: string]> {
    const { url, token, pid } = this.#control;
    const nonce = newNonce();
    const late = AbortSignal.timeout(HELLO_MS);
    const signal = anyOf(late, this.#signal);
    try {
      const response = await fetch(`${url}/api/v1/hello?nonce=${nonce}`, { signal });
      const { nonce: own, proof } = v.parse(
        Hello,
        JSON.parse(await textOf(bodyOf(response), HELLO_CAP)),
      );
      if (isSame(proof, proofOf(token, "hello", nonce, own))) return [nonce, own];
    } catch (cause) {
      if (this.#signal?.aborted) throw this.#signal.reason;
      throw late.aborted ? new SilentPeer(pid) : gone(cause);
    }
    throw new Fault("network", STRANGER);
  }

  /**
   * The answer to a request, asked once the peer has proved itself. Throws the Fault that it answers
   * with, and a `network` Fault when it is gone.
   */
  async #fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const { token } = this.#control;
    const nonces = await this.hello();
    const { pathname, search } = new URL(url);
    const proof = proofOf(token, "request", ...nonces, init.method ?? "GET", pathname + search);
    const headers = new Headers(init.headers);
    headers.set("authorization", ["Shoal", ...nonces, proof].join(" "));
    const response = await fetch(url, { ...init, headers }).catch((cause) => {
      throw gone(cause, init.signal);
    });
    const answered = response.headers.get("x-shoal-proof") ?? "";
    if (!isSame(answered, proofOf(token, "answer", ...nonces))) {
      await response.body?.cancel();
      throw new Fault("network", STRANGER);
    }
    if (response.ok) return response;
    const error: unknown = await response.json();
    throw v.is(ApiError, error) ? fromApiError(error) : new Error(`HTTP ${response.status}`);
  }
}

const STRANGER =
  "Cannot ask the running peer: another program answers at its port, without knowing the token";

/** A body as text, of at most `cap` bytes. */
async function textOf(body: AsyncIterable<Uint8Array>, cap = Infinity): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > cap) throw new RangeError(`an answer of over ${cap} bytes`);
    text += decoder.decode(part, { stream: true });
  }
  return text;
}

/** Lines of an answer that takes a while. */
type AnyLine<Result, Told> =
  | { progress: Told }
  | { event: GetEvent }
  | { content: string }
  | { result: Result };

/** Listeners for messages before the last line. */
interface Listeners<Told> {
  progress?: ((progress: Told) => void) | undefined;
  event?: ((event: GetEvent) => void) | undefined;
  content?: (route: string) => void;
}

/** The last line's result, the others told on the way. */
async function resultOf<Result, Told>(
  lines: AsyncIterable<AnyLine<Result, Told>>,
  tell: Listeners<Told>,
): Promise<Result> {
  let last: { result: Result } | undefined;
  // To the end, so that the connection can be used again.
  for await (const line of lines) {
    if ("progress" in line) tell.progress?.(line.progress);
    else if ("event" in line) tell.event?.(line.event);
    else if ("content" in line) tell.content?.(line.content);
    else last = line;
  }
  if (last) return last.result;
  throw new Fault("network", "Cannot ask the running peer: it stopped");
}

async function* bodyOf(
  response: Pick<Response, "body">,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body ?? [];
  } catch (cause) {
    throw gone(cause, signal);
  }
}

function gone(cause: unknown, signal?: AbortSignal | null): unknown {
  if (signal?.aborted) return signal.reason;
  if (cause instanceof Fault) return cause;
  return new Fault("network", `Cannot ask the running peer: ${messageOf(cause)}`, { cause });
}
