/**
 * A peer: owns its state, serves what it shares, fetches what it is asked for. The shell, the verbs
 * and the page all work through it.
 */
import { getLogger } from "@logtape/logtape";
import { Fault, messageOf } from "../fault.ts";
import { DigestStore } from "../store/digest_store.ts";
import { Disk } from "../store/disk.ts";
import { DownloadStore } from "../store/download_store.ts";
import { FolderFiles } from "../store/folder_files.ts";
import { FolderManifests } from "../store/folder_manifests.ts";
import { HashCache } from "../store/hash_cache.ts";
import { Library, type Place, type Share } from "../store/library.ts";
import { SharedReader } from "../store/shared_reader.ts";
import { LocalSource } from "./local_source.ts";
import { openStateFolder, type StateFolder } from "../store/state_folder.ts";
import { StateDatabase } from "../store/state_database.ts";
import { TrustStore } from "../store/trust_store.ts";
import { Identity } from "../trust/identity.ts";
import type { PrivateTransport } from "../trust/private_transport.ts";
import { signProof } from "../trust/proof.ts";
import { AGENT } from "../version.ts";
import { type Address, type Connection, formatAddress } from "../wire/connection.ts";
import { Bootstraps } from "./bootstraps.ts";
import type { Finding } from "./checks/finding.ts";
import { examineBootstraps } from "./examine_bootstraps.ts";
import { examineState } from "./examine_state.ts";
import { downloadMapOf } from "./download_map.ts";
import { Fetcher, type StreamOptions } from "./fetcher.ts";
import { FileOpener } from "./file_opener.ts";
import type { Target } from "./find_target.ts";
import { type ConfigChanges, type ConfigView, LiveConfig } from "./live_config.ts";
import { FolderLister } from "./folder_lister.ts";
import { Listener } from "./listener.ts";
import type {
  DownloadMap,
  FolderListing,
  History,
  OpenedFile,
  PageApi,
  UploadOptions,
  UploadRequest,
} from "./page_api.ts";
import type {
  GetOptions,
  GetRequest,
  ListedFile,
  LiveSettings,
  PeerStatus,
  Plan,
  Receipt,
  ShareOptions,
  ShareRequest,
  ShareResult,
  StreamRequest,
  TrustEntry,
  TrustRequest,
} from "./peer_api.ts";
import { Pausing } from "./pausing.ts";
import { PeerLines } from "./peer_lines.ts";
import { RateHistory } from "./rate_history.ts";
import { Receiver } from "./receiver.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { type PeerSettings, UPLOAD_SLOTS } from "./settings.ts";
import { Resumer } from "./resumer.ts";
import { SeededFile } from "./seeded_file.ts";
import { serveFolder } from "./serve_folder.ts";
import type { StagedFile } from "./folder_contents.ts";
import { ActiveDownloads, type Servable } from "./servable.ts";
import { Sharing, viewOf } from "./sharing.ts";
import { Swarm } from "./swarm.ts";
import { type ActiveTransfer, Transfers } from "./transfers.ts";
import { TrustBook } from "./trust_book.ts";
import { UploadSlots } from "./upload_slots.ts";
import { type Served, Uploader } from "./uploader.ts";

const log = getLogger(["shoal", "peer"]);

/** How often shared files are looked at, in milliseconds. */
const RESCAN_MS = 60_000;

export class PeerNode implements PageApi {
  readonly #started = performance.now();
  readonly #settings: PeerSettings;
  /** Undefined in an open swarm. */
  readonly #transport: PrivateTransport | undefined;
  readonly #folder: StateFolder;
  readonly #identity: Identity;
  readonly #db: StateDatabase;
  readonly #digests: DigestStore;
  readonly #library: Library;
  readonly #reader = new SharedReader();
  readonly #disk = new Disk();
  readonly #transfers = new Transfers();
  readonly #active = new ActiveDownloads();
  readonly #slots: UploadSlots;
  /** On all that is sent, and on all that is fetched. */
  readonly #limitUp: RateLimiter;
  readonly #limitDown: RateLimiter;
  readonly #history = new RateHistory();
  readonly #bootstraps: Bootstraps;
  readonly #config: LiveConfig;
  readonly #swarm: Swarm;
  readonly #sharing: Sharing;
  readonly #trust: TrustBook;
  readonly #fetcher: Fetcher;
  readonly #downloads: DownloadStore;
  readonly #opener: FileOpener;
  readonly #lister: FolderLister;
  readonly #receiver: Receiver;
  readonly #resumer: Resumer;
  readonly #pausing: Pausing;
  readonly #uploader: Uploader;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();
  #listener: Listener | undefined;
  /** True when it is there only to fetch something, and to serve that for a while. */
  #seeds = false;
  #rescan: ReturnType<typeof setInterval> | undefined;
  #rescanning: Promise<void> = Promise.resolve();
  #rescanDue = false;

  private constructor(
    settings: PeerSettings,
    { folder, db, identity, transport }: {
      folder: StateFolder;
      db: StateDatabase;
      identity: Identity;
      transport?: PrivateTransport;
    },
  ) {
    this.#settings = settings;
    this.#transport = transport;
    this.#limitUp = new RateLimiter(settings.limitUp);
    this.#limitDown = new RateLimiter(settings.limitDown);
    this.#slots = new UploadSlots(settings.uploadSlots);
    this.#folder = folder;
    this.#db = db;
    this.#identity = identity;
    const self = { agent: AGENT, peer: identity.id };
    const digests = this.#digests = new DigestStore(db);
    const cache = new HashCache(db, { digests, disk: this.#disk });
    this.#library = new Library(db, cache);
    const folderFiles = new FolderFiles(db);
    const manifests = new FolderManifests({
      folder: folder.manifests,
      ...{ cache, digests, disk: this.#disk },
    });
    this.#bootstraps = new Bootstraps(settings.bootstraps, transport);
    this.#swarm = new Swarm(this.#bootstraps.list);
    this.#sharing = new Sharing({
      ...{ dir: folder.dir, identity, cache },
      library: this.#library,
      reader: this.#reader,
      ...{ manifests, folderFiles },
      bootstraps: this.#bootstraps.list,
    });
    this.#config = new LiveConfig(settings.config, (wanted, keys) => this.#apply(wanted, keys));
    this.#trust = new TrustBook({
      ...{ store: new TrustStore(db), own: identity.id },
      shared: (name) => this.#library.get(name)?.announcement,
    });
    this.#uploader = new Uploader({
      ...{ self, digests, folderFiles },
      prove: (nonce) => signProof(identity, nonce),
      library: this.#library,
      reader: this.#reader,
      downloads: this.#active,
      slots: this.#slots,
      onAsked: (file, asker) => this.#fetcher.meet(file, asker),
      onChanged: (share) => {
        // Of a folder, what has not changed goes on being served.
        if (!share.root) this.#sharing.withdraw(share, "changed");
        this.#rescanSoon();
      },
      onServed: (...served) => this.#countServed(...served),
    });
    const downloads = new DownloadStore(db, folder.partials);
    const listening = () => this.#listener?.address.port;
    const lines: PeerLines = new PeerLines({
      self: () => ({ ...self, transport, port: listening() }),
      limitDown: [this.#limitDown],
    });
    this.#fetcher = new Fetcher({
      self: { ...self, transport, lines },
      limitDown: this.#limitDown,
      ...{ db, digests, cache, downloads },
      ...{ swarm: this.#swarm, transfers: this.#transfers, trust: this.#trust },
      local: (id) => {
        const share = this.#sharing.present(id);
        return share && new LocalSource(share, digests, this.#reader);
      },
      ...{ dir: folder.dir, disk: this.#disk },
      onBytes: (bytes) => this.#history.add("down", bytes),
      onGrowing: (partial, target) => this.#serveGrowing(partial, target),
      onGrowingPart: (partial) => this.#listener ? this.#active.add(partial) : () => {},
      onStaging: (target, manifest, staged) => {
        if (!this.#listener || !target.announcement) return () => {};
        const stop = this.#serveFolder(target, manifest, staged);
        const takeBack = this.#sharing.offer(target.announcement);
        return () => {
          stop();
          takeBack();
        };
      },
      onFetched: async (target, name, place, files) => {
        const shared = await this.#sharing.adopt(target, name, place, files);
        if (shared || !this.#seeds) return;
        if (!files) return this.#seed(target, place);
        const paths = new Map(files.map(({ id, path }) => [id, path]));
        const manifest = {
          path: manifests.pathOf(target.id),
          stamp: manifests.adopt(target.id, place.path),
        };
        this.#serveFolder(target, manifest, (id) => {
          const path = paths.get(id);
          const known = path === undefined ? undefined : cache.lookup(path);
          return known && { path: path!, stamp: known.stamp };
        });
        if (target.announcement) this.#sharing.seed(target.announcement);
      },
      // A peer that only runs for this one request leaves it to the next.
      onFailed: (id, error) =>
        this.#listener !== undefined && !this.#seeds && this.#resumer.takeOver(id, error),
    });
    this.#resumer = new Resumer({
      ...{ downloads, transfers: this.#transfers, signal: this.#closing.signal },
      get: (request, options, transfer) => this.#get(request, options, transfer),
      isRunning: (id) => this.#fetcher.isRunning(id),
    });
    this.#pausing = new Pausing({
      ...{ downloads, transfers: this.#transfers, partials: this.#fetcher.partials },
      end: (id, reason) => this.#fetcher.end(id, reason),
      // Without listening, it goes on when the next peer of this folder serves.
      goOn: (id) => this.#listener && this.#resumer.resume(id),
    });
    this.#downloads = downloads;
    this.#opener = new FileOpener({
      ...{ library: this.#library, sharing: this.#sharing, reader: this.#reader },
      folderFiles,
      fetcher: this.#fetcher,
      stream: (request, output, options) => this.#streamed(request, output, options),
    });
    this.#lister = new FolderLister({
      ...{ library: this.#library, sharing: this.#sharing, fetcher: this.#fetcher },
    });
    this.#receiver = new Receiver({
      ...{ dir: folder.dir, folder: folder.uploads, cache, digests, library: this.#library },
      share: (request, options) => this.#sharing.share(request, options),
    });
  }

  /**
   * Opens the state of `settings.dir`, and takes its lock. `transport` is how the members of a private
   * swarm talk, where it is one. Throws a Fault of kind `usage`, `disk` or `held`.
   */
  static async open(settings: PeerSettings, transport?: PrivateTransport): Promise<PeerNode> {
    const folder = await openStateFolder(settings.dir, {
      create: settings.createDir,
      state: settings.state,
    });
    const db = StateDatabase.open(folder.database);
    try {
      new DownloadStore(db, folder.partials).tidy();
      // What was being sent when the last process ended can't go on.
      await Deno.remove(folder.uploads, { recursive: true }).catch(() => {});
      const identity = await Identity.load(folder.identity);
      return new PeerNode(settings, { folder, db, identity, transport });
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** This peer's id. */
  get id(): string {
    return this.#identity.id;
  }

  get folder(): StateFolder {
    return this.#folder;
  }

  /**
   * Listens, registers with the bootstraps, and keeps an eye on the shared files. With `resume`, it goes
   * on with what isn't whole, also with what fails later; without, whatever it fetches is served for as
   * long as it runs, also what isn't shared.
   */
  async serve({ resume = true }: { resume?: boolean } = {}): Promise<void> {
    this.#seeds = !resume;
    // What was killed has not tidied up.
    this.#digests.tidy();
    const { host, port, advertise } = this.#settings;
    this.#listener = new Listener({ host, port }, (connection) => this.#serveOne(connection), {
      connection: { limitUp: [this.#limitUp], transport: this.#transport },
    });
    const listening = this.#listener.address.port;
    const { signal } = this.#closing;
    await this.#sharing.rescan({ signal, hash: false });
    this.#rescanSoon();
    this.#rescan = setInterval(() => this.#rescanSoon(), RESCAN_MS);
    this.#bootstraps.maintain({
      identity: this.#identity,
      port: listening,
      advertise: this.#advertised(advertise),
      announcements: () => this.#sharing.announcements(),
    });
    this.#sharing.watch((name) => this.#refreshSoon(name));
    if (resume) this.#resumer.start();
  }

  share(request: ShareRequest, options: ShareOptions = {}): Promise<ShareResult> {
    return this.#tracked(this.#sharing.share(request, this.#whileOpen(options)));
  }

  async unshare(name: string) {
    return viewOf(await this.#sharing.unshare(name));
  }

  async get(request: GetRequest, options: GetOptions = {}): Promise<Receipt> {
    return await this.#get(request, options);
  }

  async plan(request: GetRequest, options: { signal?: AbortSignal } = {}): Promise<Plan> {
    return await this.#tracked(this.#fetcher.plan(request, this.#whileOpen(options)));
  }

  async cancel(request: Pick<GetRequest, "name" | "id">) {
    return await this.#tracked(this.#fetcher.partials.cancel(request));
  }

  async pause(request: Pick<GetRequest, "name" | "id">) {
    return await this.#tracked(this.#pausing.pause(request));
  }

  resume(request: Pick<GetRequest, "name" | "id">) {
    return this.#pausing.resume(request);
  }

  downloadMap(id: string): Promise<DownloadMap> {
    return downloadMapOf(id, this.#fetcher.running(id), this.#downloads.get(id));
  }

  history(): Promise<History> {
    return Promise.resolve(this.#history.view());
  }

  async diagnose(): Promise<Finding[]> {
    const settings = await this.settings();
    const addresses = this.#bootstraps.list.map(({ address }) => address);
    const options = { running: this.id, transport: this.#transport, signal: this.#closing.signal };
    return await this.#tracked(
      examineBootstraps(addresses, options).then(async (findings) => [
        ...findings,
        ...await examineState(this.#db, settings),
      ]),
    );
  }

  async stream(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: GetOptions = {},
  ): Promise<Receipt> {
    return await this.#streamed(request, output, options);
  }

  async open(request: Pick<GetRequest, "name" | "id">, signal: AbortSignal): Promise<OpenedFile> {
    const file = await this.#opener.open(request, this.#whileOpen({ signal }).signal);
    const read: OpenedFile["read"] = (from, end, signal) =>
      file.read(from, end, this.#whileOpen({ signal }).signal);
    return { ...file, read };
  }

  listFolder(
    request: Pick<GetRequest, "name" | "id">,
    signal: AbortSignal,
  ): Promise<FolderListing> {
    return this.#tracked(this.#lister.list(request, this.#whileOpen({ signal }).signal));
  }

  upload(
    request: UploadRequest,
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    options: UploadOptions = {},
  ): Promise<ShareResult> {
    return this.#tracked(this.#receiver.upload(request, body, this.#whileOpen(options)));
  }

  settings(): Promise<LiveSettings> {
    return Promise.resolve({
      limit_up: this.#limitUp.rate ?? null,
      limit_down: this.#limitDown.rate ?? null,
      upload_slots: this.#slots.slots,
    });
  }

  change(changes: Partial<LiveSettings>): Promise<LiveSettings> {
    const { limit_up, limit_down, upload_slots } = changes;
    if (limit_up !== undefined) this.#limitUp.rate = limit_up ?? undefined;
    if (limit_down !== undefined) this.#limitDown.rate = limit_down ?? undefined;
    if (upload_slots !== undefined) this.#slots.slots = upload_slots;
    return this.settings();
  }

  config(): Promise<ConfigView> {
    return this.#config.view();
  }

  configure(changes: ConfigChanges): Promise<ConfigView> {
    return this.#tracked(this.#config.change(changes));
  }

  /** Reads the config file again and puts it into force; what is wrong with it is logged. */
  async reload(): Promise<void> {
    try {
      const { path, restart } = await this.#tracked(this.#config.reload());
      log.info("{path} was read again", { path });
      for (const key of restart) log.warning("{key} holds after a restart", { key });
    } catch (error) {
      log.error("{message}", { message: messageOf(error) });
    }
  }

  listPeers() {
    return this.#swarm.listPeers();
  }

  async *listFiles(pattern?: string): AsyncGenerator<ListedFile> {
    for await (const file of this.#swarm.listFiles(pattern)) {
      yield { ...file, trust: this.#trust.standing(file) };
    }
  }

  async listVersions(name: string): Promise<ListedFile[]> {
    const files = await this.#swarm.versions(name);
    return files.map((file) => ({ ...file, trust: this.#trust.standing(file) }));
  }

  trust(): Promise<TrustEntry[]> {
    return Promise.resolve(this.#trust.list());
  }

  async accept(request: TrustRequest): Promise<TrustEntry> {
    return await this.#tracked(this.#trust.accept(request, this.#swarm));
  }

  async forget(name: string): Promise<TrustEntry> {
    return await Promise.resolve(this.#trust.forget(name));
  }

  status(): Promise<PeerStatus> {
    return Promise.resolve({
      peer: this.id,
      agent: AGENT,
      listening: this.#listener && formatAddress(this.#listener.address),
      dir: this.#folder.dir,
      swarm: this.#transport
        ? { private: true, fingerprint: this.#transport.fingerprint }
        : { private: false },
      uptime: (performance.now() - this.#started) / 1000,
      bootstraps: this.#bootstraps.list.map((one) => one.status),
      shares: this.#library.list().map(viewOf),
      transfers: this.#transfers.list(),
      partials: this.#fetcher.partials.list(),
      totals: { ...this.#transfers.totals },
    });
  }

  /** Says goodbye, ends what is under way, and frees DIR. */
  async close(): Promise<void> {
    clearInterval(this.#rescan);
    this.#sharing.unwatch();
    this.#closing.abort(new Fault("network", "the peer is stopping"));
    await Promise.all([this.#listener?.stop(), this.#bootstraps.stop()]);
    await this.#resumer.ended();
    await Promise.allSettled(this.#underWay);
    this.#bootstraps.close();
    this.#reader.close();
    this.#disk.stop();
    this.#library.saveCounts();
    // A verb that found nothing to do is not to wait for it.
    if (this.#db.changed) this.#digests.tidy();
    this.#db.close();
  }

  /** Puts those of some settings into force that can be changed while it runs. */
  async #apply(settings: PeerSettings, keys: ReadonlySet<string>): Promise<void> {
    if (this.#closing.signal.aborted) return;
    if (keys.has("limit_up")) this.#limitUp.rate = settings.limitUp;
    if (keys.has("limit_down")) this.#limitDown.rate = settings.limitDown;
    if (keys.has("upload_slots")) this.#slots.slots = settings.uploadSlots ?? UPLOAD_SLOTS;
    if (keys.has("advertise")) {
      await this.#bootstraps.advertise(this.#advertised(settings.advertise));
    }
    if (keys.has("bootstrap")) await this.#bootstraps.set(settings.bootstraps);
  }

  #advertised(address: Address | undefined): Address | undefined {
    return address && { ...address, port: address.port || this.#listener!.address.port };
  }

  async #serveOne(connection: Connection): Promise<void> {
    await this.#uploader.serve(connection);
  }

  #countServed(
    { name, id, size }: Pick<Servable, "name" | "id" | "size">,
    bytes: number,
    receiver: Served,
    share?: Share,
  ): void {
    if (share) share.served += bytes;
    this.#history.add("up", bytes);
    this.#transfers.upload({ name, id, size, ...receiver }).add(bytes);
  }

  /** What there is of a download is served while it grows, by a peer that listens. */
  #serveGrowing(partial: Servable, { announcement }: Target): () => void {
    if (!this.#listener) return () => {};
    const stops = [this.#active.add(partial)];
    if (announcement) stops.push(this.#sharing.offer(announcement));
    return () => stops.forEach((stop) => stop());
  }

  #serveFolder(
    target: Target,
    manifest: StagedFile,
    find: (id: string) => StagedFile | undefined,
  ): () => void {
    return serveFolder(target, { manifest, find, active: this.#active, reader: this.#reader });
  }

  /** Serves a file that isn't shared, for as long as this peer runs. */
  #seed(target: Target, { path, stamp }: Place): void {
    this.#active.add(new SeededFile(target, { path, stamp, reader: this.#reader }));
    if (target.announcement) this.#sharing.seed(target.announcement);
  }

  #streamed(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: StreamOptions,
  ): Promise<Receipt> {
    return this.#toItsEnd(this.#fetcher.stream(request, output, this.#whileOpen(options)));
  }

  #get(request: GetRequest, options: GetOptions, transfer?: ActiveTransfer): Promise<Receipt> {
    return this.#toItsEnd(this.#fetcher.get(request, this.#whileOpen(options), transfer));
  }

  async #toItsEnd(fetching: Promise<Receipt>): Promise<Receipt> {
    try {
      return await this.#tracked(fetching);
    } catch (cause) {
      if (cause !== this.#closing.signal.reason) throw cause;
      throw new Fault("network", "Cannot go on: the peer is stopping", { cause });
    }
  }

  /** A request ends with its own signal, and with the peer. */
  #whileOpen<Options extends { signal?: AbortSignal }>(
    options: Options,
  ): Options & { signal: AbortSignal } {
    const signals = [options.signal, this.#closing.signal].filter((one) => one !== undefined);
    return { ...options, signal: AbortSignal.any(signals) };
  }

  /** Looks at the shared files now, or once more when that is done already. */
  #rescanSoon(): void {
    // One that is still to begin will see what is to be seen now.
    if (this.#rescanDue) return;
    this.#rescanDue = true;
    const { signal } = this.#closing;
    this.#afterRescan(() => {
      this.#rescanDue = false;
      return this.#sharing.rescan({ signal });
    });
  }

  /** Looks at one share. */
  #refreshSoon(name: string): void {
    const { signal } = this.#closing;
    this.#afterRescan(() => this.#sharing.refresh(name, signal));
  }

  #afterRescan(work: () => Promise<void>): void {
    const next = this.#rescanning.then(work);
    this.#rescanning = next.catch(() => {});
    this.#inBackground(next);
  }

  #inBackground(work: Promise<void>): void {
    this.#tracked(work).catch((error) => {
      if (this.#closing.signal.aborted) return;
      log.error("{message}", { message: messageOf(error) });
    });
  }

  /** Work that must have ended before the state is closed. */
  #tracked<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const ended = () => void this.#underWay.delete(work);
    work.then(ended, ended);
    return work;
  }
}
