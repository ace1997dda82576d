/**
 * A peer: owns its state, serves what it shares, fetches what it is asked for. The shell, the verbs
 * and the page all work through it.
 */
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../fault.ts";
import { DigestStore } from "../store/digest_store.ts";
import { Disk } from "../store/disk.ts";
import { DownloadStore } from "../store/download_store.ts";
import { FolderFiles } from "../store/folder_files.ts";
import { FolderManifests } from "../store/folder_manifests.ts";
import { HashCache } from "../store/hash_cache.ts";
import { Library, type Share } from "../store/library.ts";
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
import { Announced } from "./announced.ts";
import { Bootstraps } from "./bootstraps.ts";
import type { Finding } from "./checks/finding.ts";
import { examineBootstraps } from "./examine_bootstraps.ts";
import { examineState } from "./examine_state.ts";
import { downloadMapOf } from "./download_map.ts";
import { Fetcher, type StreamOptions } from "./fetcher.ts";
import { FileOpener } from "./file_opener.ts";
import { Lifetime } from "./lifetime.ts";
import { type ConfigChanges, type ConfigView, LiveConfig } from "./live_config.ts";
import { LiveLimits } from "./live_limits.ts";
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
import { PassingOn } from "./passing_on.ts";
import { Pausing } from "./pausing.ts";
import { PeerLines } from "./peer_lines.ts";
import { RateHistory } from "./rate_history.ts";
import { Receiver } from "./receiver.ts";
import { Rescanner } from "./rescanner.ts";
import type { PeerSettings } from "./settings.ts";
import { Resumer } from "./resumer.ts";
import { ActiveDownloads, type Servable } from "./servable.ts";
import type { Served } from "./served_contents.ts";
import { viewOf } from "./share_view.ts";
import { Sharing } from "./sharing.ts";
import { Swarm } from "./swarm.ts";
import { type ActiveTransfer, Transfers } from "./transfers.ts";
import { TrustBook } from "./trust_book.ts";
import { Uploader } from "./uploader.ts";

const log = getLogger(["shoal", "peer"]);

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
  readonly #limits: LiveLimits;
  readonly #history = new RateHistory();
  readonly #bootstraps: Bootstraps;
  readonly #config: LiveConfig;
  readonly #swarm: Swarm;
  readonly #announced: Announced;
  readonly #sharing: Sharing;
  readonly #rescanner: Rescanner;
  readonly #passingOn: PassingOn;
  readonly #trust: TrustBook;
  readonly #fetcher: Fetcher;
  readonly #downloads: DownloadStore;
  readonly #opener: FileOpener;
  readonly #lister: FolderLister;
  readonly #receiver: Receiver;
  readonly #resumer: Resumer;
  readonly #pausing: Pausing;
  readonly #uploader: Uploader;
  readonly #lifetime = new Lifetime();
  #listener: Listener | undefined;
  /** False in one that only runs for a request: what fails is left to the next one. */
  #goesOn = false;

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
    this.#limits = new LiveLimits(settings);
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
    this.#announced = new Announced(this.#library, this.#bootstraps.list);
    this.#sharing = new Sharing({
      ...{ dir: folder.dir, identity, cache },
      library: this.#library,
      reader: this.#reader,
      ...{ manifests, folderFiles },
      announced: this.#announced,
    });
    this.#rescanner = new Rescanner(this.#sharing, this.#lifetime);
    const passingOn = this.#passingOn = new PassingOn({
      ...{ active: this.#active, reader: this.#reader, sharing: this.#sharing },
      ...{ cache, manifests, announced: this.#announced },
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
      slots: this.#limits.slots,
      onAsked: (file, asker) => this.#fetcher.meet(file, asker),
      onChanged: (share) => {
        // Of a folder, what has not changed goes on being served.
        if (!share.root) this.#sharing.withdraw(share, "changed");
        this.#rescanner.rescanSoon();
      },
      onServed: (...served) => this.#countServed(...served),
    });
    const downloads = new DownloadStore(db, folder.partials);
    const listening = () => this.#listener?.address.port;
    const lines: PeerLines = new PeerLines({
      self: () => ({ ...self, transport, port: listening() }),
      limitDown: [this.#limits.down],
    });
    this.#fetcher = new Fetcher({
      self: { ...self, transport, lines },
      limitDown: this.#limits.down,
      ...{ db, digests, cache, downloads },
      ...{ swarm: this.#swarm, transfers: this.#transfers, trust: this.#trust },
      local: (id) => {
        const share = this.#sharing.present(id);
        return share && new LocalSource(share, digests, this.#reader);
      },
      ...{ dir: folder.dir, disk: this.#disk },
      onBytes: (bytes) => this.#history.add("down", bytes),
      onGrowing: (...growing) => passingOn.growing(...growing),
      onGrowingPart: (partial) => passingOn.growingPart(partial),
      onStaging: (...staging) => passingOn.staging(...staging),
      onFetched: (...fetched) => passingOn.fetched(...fetched),
      onFailed: (id, error) => this.#goesOn && this.#resumer.takeOver(id, error),
    });
    this.#resumer = new Resumer({
      ...{ downloads, transfers: this.#transfers, signal: this.#lifetime.signal },
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
    // What was killed has not tidied up.
    this.#digests.tidy();
    const { host, port, advertise } = this.#settings;
    this.#listener = new Listener({ host, port }, (connection) => this.#serveOne(connection), {
      connection: { limitUp: [this.#limits.up], transport: this.#transport },
    });
    this.#goesOn = resume;
    this.#passingOn.start({ seeds: !resume });
    const listening = this.#listener.address.port;
    const { signal } = this.#lifetime;
    await this.#sharing.rescan({ signal, hash: false });
    this.#rescanner.start();
    this.#bootstraps.maintain({
      identity: this.#identity,
      port: listening,
      advertise: this.#advertised(advertise),
      announcements: () => this.#announced.list(),
    });
    this.#rescanner.watch();
    if (resume) this.#resumer.start();
  }

  share(request: ShareRequest, options: ShareOptions = {}): Promise<ShareResult> {
    return this.#lifetime.track(this.#sharing.share(request, this.#lifetime.bound(options)));
  }

  async unshare(name: string) {
    return viewOf(await this.#sharing.unshare(name));
  }

  async get(request: GetRequest, options: GetOptions = {}): Promise<Receipt> {
    return await this.#get(request, options);
  }

  async plan(request: GetRequest, options: { signal?: AbortSignal } = {}): Promise<Plan> {
    return await this.#lifetime.track(this.#fetcher.plan(request, this.#lifetime.bound(options)));
  }

  async cancel(request: Pick<GetRequest, "name" | "id">) {
    return await this.#lifetime.track(this.#fetcher.partials.cancel(request));
  }

  async pause(request: Pick<GetRequest, "name" | "id">) {
    return await this.#lifetime.track(this.#pausing.pause(request));
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
    const options = { running: this.id, transport: this.#transport, signal: this.#lifetime.signal };
    return await this.#lifetime.track(
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
    const file = await this.#opener.open(request, this.#lifetime.bound({ signal }).signal);
    const read: OpenedFile["read"] = (from, end, signal) =>
      file.read(from, end, this.#lifetime.bound({ signal }).signal);
    return { ...file, read };
  }

  listFolder(
    request: Pick<GetRequest, "name" | "id">,
    signal: AbortSignal,
  ): Promise<FolderListing> {
    return this.#lifetime.track(
      this.#lister.list(request, this.#lifetime.bound({ signal }).signal),
    );
  }

  upload(
    request: UploadRequest,
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    options: UploadOptions = {},
  ): Promise<ShareResult> {
    return this.#lifetime.track(
      this.#receiver.upload(request, body, this.#lifetime.bound(options)),
    );
  }

  settings(): Promise<LiveSettings> {
    return Promise.resolve(this.#limits.view);
  }

  change(changes: Partial<LiveSettings>): Promise<LiveSettings> {
    this.#limits.change(changes);
    return this.settings();
  }

  config(): Promise<ConfigView> {
    return this.#config.view();
  }

  configure(changes: ConfigChanges): Promise<ConfigView> {
    return this.#lifetime.track(this.#config.change(changes));
  }

  /** Reads the config file again and puts it into force; what is wrong with it is logged. */
  async reload(): Promise<void> {
    try {
      const { path, restart } = await this.#lifetime.track(this.#config.reload());
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
    return await this.#lifetime.track(this.#trust.accept(request, this.#swarm));
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
    this.#rescanner.stop();
    this.#lifetime.end();
    await Promise.all([this.#listener?.stop(), this.#bootstraps.stop()]);
    await this.#resumer.ended();
    await this.#lifetime.settled();
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
    if (this.#lifetime.signal.aborted) return;
    this.#limits.apply(settings, keys);
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

  #streamed(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: StreamOptions,
  ): Promise<Receipt> {
    return this.#lifetime.toItsEnd(
      this.#fetcher.stream(request, output, this.#lifetime.bound(options)),
    );
  }

  #get(request: GetRequest, options: GetOptions, transfer?: ActiveTransfer): Promise<Receipt> {
    return this.#lifetime.toItsEnd(
      this.#fetcher.get(request, this.#lifetime.bound(options), transfer),
    );
  }
}
