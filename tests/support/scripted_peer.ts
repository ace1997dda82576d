import type { Fault } from "../../src/fault.ts";
import type { Finding } from "../../src/peer/api/finding.ts";
import type {
  DownloadMap,
  FolderListing,
  History,
  OpenedFile,
  UiApi,
  UploadOptions,
  UploadRequest,
} from "../../src/peer/api/ui_api.ts";
import type { ManifestEntry } from "../../src/content/manifest.ts";
import type { ConfigChanges, ConfigView } from "../../src/peer/api/config.ts";
import type {
  GetOptions,
  GetRequest,
  ListedFile,
  LiveSettings,
  NewToken,
  PartialStatus,
  PeerStatus,
  Plan,
  Receipt,
  SharedFile,
  ShareOptions,
  ShareRequest,
  ShareResult,
  TokenEntry,
  TokenRequest,
  TrustEntry,
  TrustRequest,
} from "../../src/peer/api/peer_api.ts";

const ID = "1a2b3c4d".repeat(8);
const PEER = "ab".repeat(32);

export const SHARED: SharedFile = {
  ...{ kind: "file", name: "file", path: "/dir/file", id: ID, size: 3, mtime: 1 },
  ...{ publisher: PEER, served: 0, available: true, watched: false },
};
export const RECEIPT: Receipt = {
  ...{ kind: "file", name: "file", id: ID, size: 3, publisher: PEER, trust: "first" },
  ...{ path: "/dir/file", up_to_date: false },
  ...{ seconds: 0.5, bytes: 3, rate: 6, chunks: { reused: 0, fetched: 1, refetched: 0 } },
  sources: [{ address: "10.0.0.1:10000", bytes: 3, retries: 0, bad_chunks: 0 }],
};
export const PARTIAL: PartialStatus = {
  ...{ kind: "file", name: "half", id: ID, size: 3, bytes: 1, updated: 1, state: "paused" },
};
export const STATUS: PeerStatus = {
  ...{
    peer: PEER,
    agent: "test/1",
    dir: "/dir",
    swarm: { private: false },
    uptime: 1,
    bootstraps: [],
    shares: [SHARED],
  },
  ...{ transfers: [], partials: [], totals: { served: 0, fetched: 0 } },
};
export const RECORD: ListedFile = {
  ...{ name: "file", id: ID, size: 3, mtime: 1, time: 2, publisher: PEER, sources: 1 },
  trust: "unknown",
};

export const TRUST: TrustEntry = {
  ...{ name: "file", publisher: PEER, how: "first", since: 1, time: 2, id: ID },
};

export const SETTINGS: LiveSettings = { limit_up: 1_024, limit_down: null, upload_slots: 16 };

export const CONFIG: ConfigView = {
  path: "/home/config.toml",
  values: {
    ...{ bootstrap: ["127.0.0.1:8000"], host: "*", port: 10_000, advertise: null },
    ...{ dir: "/dir", limit_up: null, limit_down: null, upload_slots: 16 },
    ...{ swarm_key: false, theme: "auto", unsigned: false },
    ...{ ui: false, ui_host: null, ui_password_file: null },
    ...{ ui_origin: [], ui_proxy: [], ui_paths: "dir" },
  },
  origins: {
    ...{ bootstrap: "default", host: "default", port: "flag", advertise: "default", dir: "flag" },
    ...{ limit_up: "default", limit_down: "default", upload_slots: "default" },
    ...{ swarm_key: "default", theme: "default", unsigned: "default" },
    ...{ ui: "default", ui_host: "default", ui_password_file: "default" },
    ...{ ui_origin: "default", ui_proxy: "default", ui_paths: "default" },
  },
  ...{ restart: [], overruled: [] },
};

/** A UiApi that does nothing and says so; tests replace what they are about. */
export class ScriptedPeer implements UiApi {
  /** The requests, as method and argument. */
  readonly asked: [string, unknown][] = [];

  constructor(replacements: Partial<UiApi> = {}) {
    Object.assign(this, replacements);
  }

  status(): Promise<PeerStatus> {
    this.asked.push(["status", undefined]);
    return Promise.resolve(STATUS);
  }

  share(request: ShareRequest, { onProgress }: ShareOptions = {}): Promise<ShareResult> {
    this.asked.push(["share", request]);
    onProgress?.(1, 3);
    onProgress?.(3, 3);
    return Promise.resolve({ ...SHARED, hashed: true, seconds: 0.1 });
  }

  unshare(name: string): Promise<SharedFile> {
    this.asked.push(["unshare", name]);
    return Promise.resolve(SHARED);
  }

  get(request: GetRequest, { onProgress }: GetOptions = {}): Promise<Receipt> {
    this.asked.push(["get", request]);
    onProgress?.({ phase: "fetching", bytes: 1, size: 3, rate: 1, sources: 1 });
    return Promise.resolve(RECEIPT);
  }

  plan(request: GetRequest): Promise<Plan> {
    this.asked.push(["plan", request]);
    const { name, id, size, publisher, trust } = RECEIPT;
    return Promise.resolve({
      ...{ name, id, size, publisher, trust, path: "/dir/a" },
      ...{
        action: "fetch",
        bytes: { there: 0, reused: 0, missing: size },
        sources: ["10.0.0.1:10000"],
      },
    });
  }

  async stream(
    request: Pick<GetRequest, "name" | "id">,
    output: WritableStream<Uint8Array>,
  ): Promise<Receipt> {
    this.asked.push(["stream", request]);
    const writer = output.getWriter();
    for (const text of ["one ", "two ", "three"]) {
      await writer.write(new TextEncoder().encode(text));
    }
    await writer.close();
    const { path: _path, ...receipt } = RECEIPT;
    return receipt;
  }

  cancel(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    this.asked.push(["cancel", request]);
    return Promise.resolve([PARTIAL]);
  }

  pause(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    this.asked.push(["pause", request]);
    return Promise.resolve([{ ...PARTIAL, on_request: true }]);
  }

  resume(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    this.asked.push(["resume", request]);
    return Promise.resolve([PARTIAL]);
  }

  tokens(): Promise<TokenEntry[]> {
    return Promise.resolve([]);
  }

  newToken(request: TokenRequest): Promise<NewToken> {
    this.asked.push(["newToken", request]);
    return Promise.resolve({ ...request, created: 1, token: "shoal_1" });
  }

  revokeToken(label: string): Promise<TokenEntry> {
    this.asked.push(["revokeToken", label]);
    return Promise.resolve({ label, rights: ["read"], created: 1 });
  }

  downloadMap(id: string): Promise<DownloadMap> {
    this.asked.push(["downloadMap", id]);
    return Promise.resolve({ cells: 2, have: [100, 50], sources: [1, 0] });
  }

  diagnose(): Promise<Finding[]> {
    this.asked.push(["diagnose", undefined]);
    return Promise.resolve([{ check: "state", level: "ok", message: "it is sound" }]);
  }

  history(): Promise<History> {
    this.asked.push(["history", undefined]);
    return Promise.resolve({ interval: 1, second: 7, up: [1, 2], down: [3, 4] });
  }

  listFolder(request: Pick<GetRequest, "name" | "id">): Promise<FolderListing> {
    this.asked.push(["listFolder", request]);
    const entries: ManifestEntry[] = [
      { path: "sub", type: "folder" },
      { path: "sub/a", type: "file", id: ID, size: 10, mtime: 1, mode: "644" },
    ];
    return Promise.resolve({ id: ID, entries, bytes: 10 });
  }

  open(request: Pick<GetRequest, "name" | "id">): Promise<OpenedFile> {
    this.asked.push(["open", request]);
    const content = new TextEncoder().encode("0123456789");
    return Promise.resolve({
      ...{ name: request.name, id: ID, size: content.length },
      async *read(from, end) {
        // In two parts, as any file may come.
        const middle = (from + end) >> 1;
        for (const [a, b] of [[from, middle], [middle, end]]) {
          yield await Promise.resolve(content.slice(a, b));
        }
      },
    });
  }

  checkUploads(requests: UploadRequest[]): Promise<(Fault | undefined)[]> {
    this.asked.push(["checkUploads", requests]);
    return Promise.resolve(requests.map(() => undefined));
  }

  async upload(
    request: UploadRequest,
    body: ReadableStream<Uint8Array>,
    { onProgress }: UploadOptions = {},
  ): Promise<ShareResult> {
    this.asked.push(["upload", request]);
    const { length } = await new Response(body).bytes();
    onProgress?.({ received: length, size: request.size });
    return { ...SHARED, size: length, hashed: true, seconds: 0.1 };
  }

  config(): Promise<ConfigView> {
    this.asked.push(["config", undefined]);
    return Promise.resolve(CONFIG);
  }

  configure(changes: ConfigChanges): Promise<ConfigView> {
    this.asked.push(["configure", changes]);
    return Promise.resolve(CONFIG);
  }

  settings(): Promise<LiveSettings> {
    this.asked.push(["settings", undefined]);
    return Promise.resolve(SETTINGS);
  }

  change(changes: Partial<LiveSettings>): Promise<LiveSettings> {
    this.asked.push(["change", changes]);
    return Promise.resolve({ ...SETTINGS, ...changes });
  }

  listPeers() {
    this.asked.push(["listPeers", undefined]);
    return Promise.resolve([{ peer: PEER, address: "10.0.0.1", port: 10_000 }]);
  }

  listSources(name: string) {
    this.asked.push(["listSources", name]);
    const version = { id: PEER, publisher: PEER, time: 1, size: 1, newest: true, progress: 0.5 };
    return Promise.resolve([{ peer: PEER, address: "10.0.0.1", port: 10_000, ...version }]);
  }

  async *listFiles(pattern?: string): AsyncGenerator<ListedFile> {
    this.asked.push(["listFiles", pattern]);
    for (const name of ["a", "b"]) yield await Promise.resolve({ ...RECORD, name });
  }

  listVersions(name: string): Promise<ListedFile[]> {
    this.asked.push(["listVersions", name]);
    return Promise.resolve([{ ...RECORD, name }]);
  }

  trust(): Promise<TrustEntry[]> {
    this.asked.push(["trust", undefined]);
    return Promise.resolve([TRUST]);
  }

  accept(request: TrustRequest): Promise<TrustEntry> {
    this.asked.push(["accept", request]);
    return Promise.resolve({ ...TRUST, how: "accepted" });
  }

  forget(name: string): Promise<TrustEntry> {
    this.asked.push(["forget", name]);
    return Promise.resolve(TRUST);
  }
}
