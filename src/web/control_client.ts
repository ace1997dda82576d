import * as v from "valibot";
import { Fault, messageOf } from "../fault.ts";
import type {
  GetEvent,
  GetOptions,
  GetRequest,
  ListedFile,
  LiveSettings,
  PartialStatus,
  PeerApi,
  PeerRecord,
  PeerStatus,
  Plan,
  Progress,
  Receipt,
  SharedFile,
  ShareOptions,
  ShareRequest,
  ShareResult,
  StreamRequest,
  TrustEntry,
  TrustRequest,
} from "../peer/api/peer_api.ts";
import type { Finding } from "../peer/api/finding.ts";
import { abortAtDeadline } from "../peer/get/abort_at_deadline.ts";
import { abortable } from "../async/retry.ts";
import { ApiError, fromApiError } from "./http/api_error.ts";
import type { ControlFile } from "./control_file.ts";
import { readJsonLines } from "./http/json_lines.ts";
import type { UiAddress, UiDoor } from "./ui_door.ts";

/** A value that came over the control API. The peer at the other end is this program itself. */
type Line = { progress?: unknown; event?: unknown; result?: unknown; content?: string };

/** A running peer, asked over its control endpoint. */
export class ControlClient implements PeerApi, UiDoor {
  readonly #control: ControlFile;

  constructor(control: ControlFile) {
    this.#control = control;
    // The runtime's fetch would ask a proxy that the environment names, even for loopback.
    for (const name of ["NO_PROXY", "no_proxy"]) Deno.env.set(name, "127.0.0.1");
  }

  async status(): Promise<PeerStatus> {
    return await this.#json("GET", "/api/status") as PeerStatus;
  }

  /** As UiApi has it. */
  async diagnose(): Promise<Finding[]> {
    return await this.#json("GET", "/api/doctor") as Finding[];
  }

  async listPeers(): Promise<PeerRecord[]> {
    return await this.#json("GET", "/api/peers") as PeerRecord[];
  }

  async *listFiles(pattern?: string): AsyncGenerator<ListedFile> {
    const query = pattern === undefined ? "" : `?pattern=${encodeURIComponent(pattern)}`;
    for await (const line of this.#lines("GET", `/api/files${query}`)) {
      yield line.result as ListedFile;
    }
  }

  async listVersions(name: string): Promise<ListedFile[]> {
    const route = `/api/versions?name=${encodeURIComponent(name)}`;
    return await this.#json("GET", route) as ListedFile[];
  }

  async trust(): Promise<TrustEntry[]> {
    return await this.#json("GET", "/api/trust") as TrustEntry[];
  }

  async accept(request: TrustRequest): Promise<TrustEntry> {
    return await this.#json("POST", "/api/trust", request) as TrustEntry;
  }

  async forget(name: string): Promise<TrustEntry> {
    const route = `/api/trust?name=${encodeURIComponent(name)}`;
    return await this.#json("DELETE", route) as TrustEntry;
  }

  async unshare(name: string): Promise<SharedFile> {
    const route = `/api/shares?name=${encodeURIComponent(name)}`;
    return await this.#json("DELETE", route) as SharedFile;
  }

  async settings(): Promise<LiveSettings> {
    return await this.#json("GET", "/api/settings") as LiveSettings;
  }

  async change(changes: Partial<LiveSettings>): Promise<LiveSettings> {
    return await this.#json("PATCH", "/api/settings", changes) as LiveSettings;
  }

  async openUi(): Promise<UiAddress> {
    return await this.#json("POST", "/api/page") as UiAddress;
  }

  async share(
    request: ShareRequest,
    { signal, onProgress }: ShareOptions = {},
  ): Promise<ShareResult> {
    const lines = this.#lines("POST", "/api/shares", request, signal);
    return await resultOf(lines, {
      progress(progress) {
        const { hashed, size } = progress as { hashed: number; size: number };
        onProgress?.(hashed, size);
      },
    }) as ShareResult;
  }

  async get(request: GetRequest, options: GetOptions = {}): Promise<Receipt> {
    const lines = this.#lines("POST", "/api/downloads", request, options.signal);
    return await resultOf(lines, listenersOf(options)) as Receipt;
  }

  async plan(request: GetRequest, { signal }: { signal?: AbortSignal } = {}): Promise<Plan> {
    return await this.#json("POST", "/api/downloads/plan", request, signal) as Plan;
  }

  async cancel({ name, id }: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    const query = new URLSearchParams({ name, ...(id === undefined ? {} : { id }) });
    return await this.#json("DELETE", `/api/downloads?${query}`) as PartialStatus[];
  }

  async pause(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    return await this.#json("POST", "/api/downloads/pause", request) as PartialStatus[];
  }

  async resume(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    return await this.#json("POST", "/api/downloads/resume", request) as PartialStatus[];
  }

  async stream(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: GetOptions = {},
  ): Promise<Receipt> {
    const started = performance.now();
    const ending = new AbortController();
    const signal = AbortSignal.any([ending.signal, ...(options.signal ? [options.signal] : [])]);
    const lines = this.#lines("POST", "/api/streams", request, signal);
    let copied: Promise<void> | undefined;
    try {
      const receipt = await resultOf(lines, {
        ...listenersOf(options),
        content: (route) => {
          copied = this.#copy(route, output, signal);
          // Its failure is the stream's, which the last line tells better.
          copied.catch(() => {});
        },
      }) as Receipt;
      // All has left the peer; the output may still take its time.
      const { name, deadline } = request;
      const left = deadline === undefined ? undefined : started + deadline - performance.now();
      using _late = abortAtDeadline(ending, { name, deadline: left });
      await copied;
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
      for await (const bytes of await this.#request("GET", content, undefined, signal)) {
        await abortable(writer.write(bytes), signal);
      }
      await abortable(writer.close(), signal);
    } catch (error) {
      // Nobody waits for it: an output that takes nothing more would never be done.
      writer.abort(error).catch(() => {});
      throw error;
    }
  }

  async #json(
    method: string,
    route: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<unknown> {
    let text = "";
    const decoder = new TextDecoder();
    for await (const bytes of await this.#request(method, route, body, signal)) {
      text += decoder.decode(bytes, { stream: true });
    }
    return JSON.parse(text);
  }

  /** The lines of a response; one with an error is thrown. */
  async *#lines(
    method: string,
    route: string,
    body?: unknown,
    signal?: AbortSignal,
  ): AsyncGenerator<Line> {
    const response = await this.#request(method, route, body, signal);
    let failure: Error | undefined;
    for await (const line of readJsonLines(response)) {
      if (v.is(ApiError, line)) failure = fromApiError(line);
      else yield line as Line;
    }
    if (failure) throw failure;
  }

  /**
   * The body of a response. Throws the Fault that the peer answers with, and a `network` Fault when it
   * is gone.
   */
  async #request(
    method: string,
    route: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const { url, token } = this.#control;
    let response: Response;
    try {
      response = await fetch(url + route, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal,
      });
    } catch (cause) {
      throw gone(cause, signal);
    }
    if (response.ok) return bodyOf(response, signal);
    const error: unknown = await response.json();
    throw v.is(ApiError, error) ? fromApiError(error) : new Error(`HTTP ${response.status}`);
  }
}

/** Who hears of what is told before the last line. */
interface Listeners {
  progress?: (progress: unknown) => void;
  event?: (event: unknown) => void;
  content?: (route: string) => void;
}

function listenersOf({ onProgress, onEvent }: GetOptions): Listeners {
  return {
    progress: (progress) => onProgress?.(progress as Progress),
    event: (event) => onEvent?.(event as GetEvent),
  };
}

/** The last line's result, the others told on the way. */
async function resultOf(lines: AsyncIterable<Line>, tell: Listeners): Promise<unknown> {
  let last: Line | undefined;
  // To the end, so that the connection can be used again.
  for await (const line of lines) {
    if (line.progress !== undefined) tell.progress?.(line.progress);
    else if (line.event !== undefined) tell.event?.(line.event);
    else if (line.content !== undefined) tell.content?.(line.content);
    else last = line;
  }
  if (last) return last.result;
  throw new Fault("network", "Cannot ask the running peer: it stopped");
}

async function* bodyOf(response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body ?? [];
  } catch (cause) {
    throw gone(cause, signal);
  }
}

function gone(cause: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  return new Fault("network", `Cannot ask the running peer: ${messageOf(cause)}`, { cause });
}
