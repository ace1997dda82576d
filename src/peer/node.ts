/**
 * A peer: owns its state, serves what it shares, fetches what it is asked for. The shell, the verbs
 * and the page all work through it.
 */
import { getLogger } from "@logtape/logtape";
import { type Fault, messageOf } from "../fault.ts";
import { DownloadStore } from "../store/partial/download_store.ts";
import { markOwnState, requireOwnState } from "../store/state/state_origin.ts";
import { namesInStatePart, removeFromStatePart } from "../store/state/state_part.ts";
import { openStateFolder, type StateFolder } from "../store/state/state_folder.ts";
import { StateDatabase } from "../store/state/state_database.ts";
import { TokenStore } from "../store/state/token_store.ts";
import { SessionStore } from "../store/state/session_store.ts";
import { Identity } from "../trust/identity.ts";
import type { PrivateTransport } from "../trust/tls/private_transport.ts";
import { AGENT } from "../version.ts";
import { type Address, formatAddress } from "../wire/connection.ts";
import { type Announcement, type Found, type PeerRecord, ReceivedReply } from "../wire/protocol.ts";
import type { Finding } from "./api/finding.ts";
import { examineBootstraps } from "./doctor/examine_bootstraps.ts";
import { examineState } from "./doctor/examine_state.ts";
import { downloadMapOf } from "./status/download_map.ts";
import { Lifetime } from "../async/lifetime.ts";
import { LiveConfig } from "./live_config.ts";
import { type ConfigChanges, type ConfigView } from "./api/config.ts";
import { Listener } from "./serve/listener.ts";
import type {
  ContentRequest,
  DownloadMap,
  FolderListing,
  History,
  OpenedFile,
  UiApi,
  Uploaded,
  UploadOptions,
  UploadRequest,
} from "./api/ui_api.ts";
import type {
  GetOptions,
  GetRequest,
  ListedFile,
  LiveSettings,
  NewToken,
  PeerEvent,
  PeerStatus,
  Plan,
  Receipt,
  ShareOptions,
  ShareRequest,
  ShareResult,
  StreamRequest,
  TokenEntry,
  TokenRequest,
  TrustEntry,
  TrustRequest,
} from "./api/peer_api.ts";
import { PeerParts, type PeerState } from "./peer_parts.ts";
import { listSources } from "./reach/list_sources.ts";
import type { PeerSettings } from "./api/settings.ts";
import { placesOf } from "./reach/place.ts";
import { viewOf } from "./share/share_view.ts";

const log = getLogger(["shoal", "peer"]);

export class PeerNode implements UiApi {
  readonly #started = performance.now();
  readonly #settings: PeerSettings;
  /** Undefined in an open swarm. */
  readonly #transport: PrivateTransport | undefined;
  readonly #parts: PeerParts;
  readonly #config: LiveConfig;
  readonly #lifetime = new Lifetime();
  #listener: Listener | undefined;
  /** False in one that only runs for a request: what fails is left to the next one. */
  #goesOn = false;

  private constructor(settings: PeerSettings, state: PeerState) {
    this.#settings = settings;
    this.#transport = state.transport;
    this.#parts = new PeerParts(settings, {
      state,
      lifetime: this.#lifetime,
      port: () => this.#listener?.address.port,
      serve: (socket) => this.#listener ? this.#listener.serve(socket) : socket.close(),
      goesOn: () => this.#goesOn,
    });
    this.#config = new LiveConfig(settings.config, (wanted, keys) => this.#apply(wanted, keys));
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
    // What is kept elsewhere is where its maker put it; DIR may be anybody's.
    if (settings.state === undefined) {
      requireOwnState(folder);
      markOwnState(folder);
    }
    const db = StateDatabase.open(folder.database);
    try {
      new DownloadStore(db, folder.partials).tidy();
      // What was being sent when the last process ended can't go on.
      removeFromStatePart(folder.uploads, namesInStatePart(folder.uploads));
      const identity = await Identity.load(folder.identity);
      return new PeerNode(settings, { folder, db, identity, transport });
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** This peer's id. */
  get id(): string {
    return this.#parts.identity.id;
  }

  get folder(): StateFolder {
    return this.#parts.folder;
  }

  /** Where the sessions of the page outlive the process. */
  get uiSessions(): SessionStore {
    return new SessionStore(this.#parts.db);
  }

  /** The tokens of scripts, which the page's server lets in. */
  get apiTokens(): TokenStore {
    return new TokenStore(this.#parts.db);
  }

  /**
   * Listens, registers with the bootstraps, and watches the shared files. With `resume`, it
   * continues partial downloads, also those that fail later; without, everything that it fetches is
   * served for as long as it runs, also what isn't shared. Returns the port that it listens at.
   */
  async serve({ resume = true }: { resume?: boolean } = {}): Promise<number> {
    // What was killed has not tidied up.
    this.#parts.digests.tidy();
    const { host, port, advertise } = this.#settings;
    this.#listener = new Listener(
      { host, port },
      (connection) => this.#parts.uploader.serve(connection),
      { connection: { limitUp: [this.#parts.limits.up], transport: this.#parts.peerTransport } },
    );
    this.#goesOn = resume;
    this.#parts.reseeder.start({ seeds: !resume });
    const listening = this.#listener.address.port;
    this.#parts.lan?.serve(listening);
    const { signal } = this.#lifetime;
    await this.#parts.sharing.rescan({ signal, hash: false });
    this.#parts.rescanner.start();
    this.#parts.bootstraps.maintain({
      identity: this.#parts.identity,
      port: listening,
      advertise: this.#advertised(advertise),
      labels: this.#settings.labels,
      ways: await this.#parts.wanted.ways(),
      relay: this.#parts.relay !== undefined,
      onNotice: (notice, bootstrap) => this.#parts.wanted.hear(notice, bootstrap),
      announcements: this.#settings.handover ? () => [] : () => this.#parts.announced.list(),
    });
    this.#parts.rescanner.watch();
    if (resume) this.#parts.resumer.start();
    return listening;
  }

  share(request: ShareRequest, options: ShareOptions = {}): Promise<ShareResult> {
    return this.#lifetime.track(this.#parts.sharing.share(request, this.#lifetime.bound(options)));
  }

  async unshare(name: string) {
    return viewOf(await this.#parts.sharing.unshare(name));
  }

  async get(request: GetRequest, options: GetOptions = {}): Promise<Receipt> {
    return await this.#lifetime.toItsEnd(
      this.#parts.fetcher.get(request, this.#lifetime.bound(options)),
    );
  }

  async plan(request: GetRequest, options: { signal?: AbortSignal } = {}): Promise<Plan> {
    return await this.#lifetime.track(
      this.#parts.fetcher.plan(request, this.#lifetime.bound(options)),
    );
  }

  async cancel(request: Pick<GetRequest, "name" | "id">) {
    return await this.#lifetime.track(this.#parts.fetcher.partials.cancel(request));
  }

  async pause(request: Pick<GetRequest, "name" | "id">) {
    return await this.#lifetime.track(this.#parts.pausing.pause(request));
  }

  resume(request: Pick<GetRequest, "name" | "id">) {
    return this.#parts.pausing.resume(request);
  }

  downloadMap(id: string): Promise<DownloadMap> {
    return downloadMapOf(id, this.#parts.fetcher.running(id), this.#parts.downloads.get(id));
  }

  history(): Promise<History> {
    return Promise.resolve(this.#parts.history.view());
  }

  async diagnose(): Promise<Finding[]> {
    const settings = await this.settings();
    const addresses = this.#parts.bootstraps.list.map(({ address }) => address);
    const options = { running: this.id, transport: this.#transport, signal: this.#lifetime.signal };
    return await this.#lifetime.track(
      examineBootstraps(addresses, options).then(async (findings) => [
        ...findings,
        ...await examineState(this.#parts.db, settings),
      ]),
    );
  }

  async stream(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options: GetOptions = {},
  ): Promise<Receipt> {
    return await this.#lifetime.toItsEnd(
      this.#parts.fetcher.stream(request, output, this.#lifetime.bound(options)),
    );
  }

  async open(request: ContentRequest, signal: AbortSignal): Promise<OpenedFile> {
    const file = await this.#parts.opener.open(request, this.#lifetime.bound({ signal }).signal);
    const read: OpenedFile["read"] = (from, end, signal) =>
      file.read(from, end, this.#lifetime.bound({ signal }).signal);
    return { ...file, read };
  }

  listFolder(request: ContentRequest, signal: AbortSignal): Promise<FolderListing> {
    return this.#lifetime.track(
      this.#parts.lister.list(request, this.#lifetime.bound({ signal }).signal),
    );
  }

  checkUploads(requests: UploadRequest[]): Promise<(Fault | undefined)[]> {
    return this.#lifetime.track(this.#parts.receiver.check(requests));
  }

  upload(
    request: UploadRequest,
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    options: UploadOptions = {},
  ): Promise<Uploaded> {
    return this.#lifetime.track(
      this.#parts.receiver.upload(request, body, this.#lifetime.bound(options)),
    );
  }

  settings(): Promise<LiveSettings> {
    return Promise.resolve(this.#parts.limits.view);
  }

  change(changes: Partial<LiveSettings>): Promise<LiveSettings> {
    this.#parts.limits.change(changes);
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

  /** Yields what happens from now on, until the peer closes or the signal aborts. */
  events(options: { signal?: AbortSignal } = {}): AsyncGenerator<PeerEvent, void> {
    return this.#parts.events.listen(this.#lifetime.bound(options).signal);
  }

  listPeers() {
    return this.#parts.swarm.listPeers();
  }

  listSources(name: string) {
    const { swarm, peerTransport: transport, identity } = this.#parts;
    const { signal } = this.#lifetime.bound({});
    return listSources(swarm, name, { transport, peer: identity.id, signal });
  }

  /** The announcements of all that this peer shares. */
  get announcements(): Announcement[] {
    return [...this.#parts.announced.list()];
  }

  /** Adds a content that it was told of, in a hand-over. */
  learn(found: Found): void {
    this.#parts.known?.add(found);
  }

  /**
   * Says to the peer that hands a content over, by its records, that all of it was verified here. Returns
   * how many have said so. Throws a `network` Fault.
   */
  async acknowledge(peer: PeerRecord[], file: string, signal: AbortSignal): Promise<number> {
    const [place] = placesOf(peer);
    const line = await this.#parts.lines.open(place!, this.#lifetime.bound({ signal }));
    try {
      const { reply } = await line.caller.request({ action: "received", file }, ReceivedReply);
      return reply.receivers;
    } finally {
      line.close();
    }
  }

  async *listFiles(pattern?: string): AsyncGenerator<ListedFile> {
    for await (const file of this.#parts.swarm.listFiles(pattern)) {
      yield { ...file, trust: this.#parts.trust.standing(file) };
    }
  }

  async listVersions(name: string): Promise<ListedFile[]> {
    const files = await this.#parts.swarm.versions(name);
    return files.map((file) => ({ ...file, trust: this.#parts.trust.standing(file) }));
  }

  trust(): Promise<TrustEntry[]> {
    return Promise.resolve(this.#parts.trust.list());
  }

  async accept(request: TrustRequest): Promise<TrustEntry> {
    return await this.#lifetime.track(this.#parts.trust.accept(request, this.#parts.swarm));
  }

  async forget(name: string): Promise<TrustEntry> {
    return await Promise.resolve(this.#parts.trust.forget(name));
  }

  tokens(): Promise<TokenEntry[]> {
    return Promise.resolve(this.apiTokens.list() as TokenEntry[]);
  }

  async newToken(request: TokenRequest): Promise<NewToken> {
    return await Promise.resolve(this.apiTokens.create(request) as NewToken);
  }

  async revokeToken(label: string): Promise<TokenEntry> {
    return await Promise.resolve(this.apiTokens.revoke(label) as TokenEntry);
  }

  status(): Promise<PeerStatus> {
    return Promise.resolve({
      peer: this.id,
      agent: AGENT,
      listening: this.#listener && formatAddress(this.#listener.address),
      dir: this.#parts.folder.dir,
      swarm: this.#transport
        ? { private: true, fingerprint: this.#transport.fingerprint }
        : { private: false, ...this.#parts.peerTransport.encrypts && { encrypted: true } },
      uptime: (performance.now() - this.#started) / 1000,
      bootstraps: this.#parts.bootstraps.list.map((one) => one.status),
      shares: this.#parts.library.list().map(viewOf),
      transfers: this.#parts.transfers.list(),
      partials: this.#parts.fetcher.partials.list(),
      totals: { ...this.#parts.transfers.totals },
    });
  }

  /** Says goodbye, ends what is under way, and frees DIR. */
  async close(): Promise<void> {
    this.#parts.rescanner.stop();
    this.#lifetime.end();
    await Promise.all([
      this.#listener?.stop(),
      this.#parts.bootstraps.stop(),
      this.#parts.door.close(),
      this.#parts.relay?.stop(),
      this.#parts.lan?.close(),
    ]);
    await this.#parts.resumer.ended();
    await this.#lifetime.settled();
    this.#parts.bootstraps.close();
    this.#parts.reader.close();
    this.#parts.disk.stop();
    this.#parts.library.saveCounts();
    // A verb that found nothing to do is not to wait for it.
    if (this.#parts.db.changed) {
      this.#parts.cache.sweep();
      this.#parts.digests.tidy();
      this.#parts.db.shrink();
    }
    this.#parts.db.close();
  }

  /** Puts those of some settings into force that can be changed while it runs. */
  async #apply(settings: PeerSettings, keys: ReadonlySet<string>): Promise<void> {
    if (this.#lifetime.signal.aborted) return;
    this.#parts.limits.apply(settings, keys);
    if (keys.has("advertise")) {
      await this.#parts.bootstraps.advertise(this.#advertised(settings.advertise));
    }
    if (keys.has("bootstrap")) await this.#parts.bootstraps.set(settings.bootstraps);
  }

  #advertised(address: Address | undefined): Address | undefined {
    return address && { ...address, port: address.port || this.#listener!.address.port };
  }
}
