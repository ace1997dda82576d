import { hangs } from "../store/disk/slow_disks.ts";
import { placeOf } from "./share/share_view.ts";
import { DigestStore } from "../store/hash/digest_store.ts";
import { Disk } from "../store/disk/disk.ts";
import { DownloadStore } from "../store/partial/download_store.ts";
import { FolderFiles } from "../store/shares/folder_files.ts";
import { FolderManifests } from "../store/shares/folder_manifests.ts";
import { HashCache } from "../store/hash/hash_cache.ts";
import { Library } from "../store/shares/library.ts";
import { SharedReader } from "../store/disk/shared_reader.ts";
import type { StateFolder } from "../store/state/state_folder.ts";
import type { StateDatabase } from "../store/state/state_database.ts";
import { TrustStore } from "../store/state/trust_store.ts";
import type { Identity } from "../trust/identity.ts";
import type { PrivateTransport } from "../trust/tls/private_transport.ts";
import { PeerTransport } from "../trust/tls/peer_transport.ts";
import { signProof } from "../trust/proof.ts";
import type { Socket, Transport } from "../wire/transport.ts";
import { AGENT } from "../version.ts";
import { Announcements } from "./discovery/announcements.ts";
import { Bootstraps } from "./discovery/bootstraps.ts";
import { KnownOffers } from "./discovery/known_offers.ts";
import { Fetcher } from "./get/fetcher.ts";
import { FileOpener } from "./get/file_opener.ts";
import { FolderLister } from "./get/folder_lister.ts";
import type { Lifetime } from "../async/lifetime.ts";
import { LiveLimits } from "./live_limits.ts";
import { LocalSource } from "./download/local_source.ts";
import { Reseeder } from "./share/reseeder.ts";
import { Pausing } from "./get/pausing.ts";
import { Relay } from "../meet/relay.ts";
import { AnswerWanted } from "./reach/answer_wanted.ts";
import { CallDoor } from "./serve/call_door.ts";
import { Lan } from "./lan/lan.ts";
import { OwnDirectory } from "./serve/own_directory.ts";
import { ConnectionPool } from "./reach/connection_pool.ts";
import { DirectRung } from "./reach/direct_rung.ts";
import { Introducer } from "./reach/introducer.ts";
import { Ladder } from "./reach/ladder.ts";
import { punchedRung } from "./reach/punched_rung.ts";
import { relayedRung } from "./reach/relayed_rung.ts";
import { ReversedCalls } from "./reach/reversed_calls.ts";
import { reversedRung } from "./reach/reversed_rung.ts";
import { PeerEvents } from "./status/peer_events.ts";
import { RateHistory } from "./status/rate_history.ts";
import { Receiver } from "./share/receiver.ts";
import { Rescanner } from "./share/rescanner.ts";
import { Resumer } from "./get/resumer.ts";
import type { PeerEvent } from "./api/peer_api.ts";
import type { PeerSettings } from "./api/settings.ts";
import { ActiveDownloads } from "./serve/active_downloads.ts";
import { HANGS, Sharing } from "./share/sharing.ts";
import { Swarm } from "./discovery/swarm.ts";
import { Transfers } from "./status/transfers.ts";
import { TrustBook } from "./target/trust_book.ts";
import { Uploader } from "./serve/uploader.ts";

/** A peer's state on disk, and its transport. */
export interface PeerState {
  folder: StateFolder;
  db: StateDatabase;
  identity: Identity;
  /** Undefined in an open swarm. */
  transport?: PrivateTransport;
}

interface PeerPartsOptions {
  state: PeerState;
  lifetime: Lifetime;
  /** The port on which the peer listens; undefined while it doesn't. */
  port: () => number | undefined;
  /** Serves a connection that this peer opened because another wanted it. */
  serve: (socket: Socket) => void;
  /** True when the peer retries failed downloads by itself. */
  goesOn: () => boolean;
}

/** All that a peer is made of, put together: each part is given the others that it needs. */
export class PeerParts {
  readonly folder: StateFolder;
  readonly identity: Identity;
  readonly db: StateDatabase;
  readonly digests: DigestStore;
  readonly library: Library;
  readonly reader = new SharedReader();
  readonly disk = new Disk();
  readonly transfers = new Transfers();
  readonly events = new PeerEvents();
  readonly limits: LiveLimits;
  readonly history = new RateHistory();
  readonly bootstraps: Bootstraps;
  readonly swarm: Swarm;
  /** Undefined where peers in the same network are not looked for. */
  readonly lan: Lan | undefined;
  readonly announced: Announcements;
  readonly sharing: Sharing;
  readonly cache: HashCache;
  readonly rescanner: Rescanner;
  readonly reseeder: Reseeder;
  readonly trust: TrustBook;
  readonly fetcher: Fetcher;
  readonly downloads: DownloadStore;
  readonly opener: FileOpener;
  readonly lister: FolderLister;
  readonly receiver: Receiver;
  readonly resumer: Resumer;
  readonly pausing: Pausing;
  readonly uploader: Uploader;
  /** Passes on what others say; undefined where this peer does not. */
  readonly relay: Relay | undefined;
  /** The port for calls that were asked for, while this peer does not listen. */
  readonly door: CallDoor;
  /** The answers of this peer to others that want to reach it. */
  readonly wanted: AnswerWanted;
  /** The transport to and from other peers. */
  readonly peerTransport: Transport;
  /** Contents that this peer was told of, in a hand-over. */
  readonly known: KnownOffers | undefined;
  /** The connections to other peers. */
  readonly lines: ConnectionPool;

  constructor(settings: PeerSettings, { state, lifetime, port, serve, goesOn }: PeerPartsOptions) {
    const { folder, db, identity, transport } = state;
    this.folder = folder;
    this.db = db;
    this.identity = identity;
    this.limits = new LiveLimits(settings);
    const emit = (event: PeerEvent) => this.events.emit(event);
    const active = new ActiveDownloads();
    const self = { agent: AGENT, peer: identity.id };
    const encrypt = settings.encrypt === true && !transport;
    const open = new PeerTransport(identity, { encrypt });
    this.peerTransport = transport ?? open;
    const { pinned } = open;
    const { handover } = settings;
    // A hand-over's swarm is private, and its bootstraps are not.
    const toBootstraps = handover ? undefined : transport;
    const pool = {
      self: () => ({ ...self, transport: this.peerTransport, port: port() }),
      limitDown: [this.limits.down],
    };
    const calls = new ReversedCalls();
    this.relay = settings.relay && transport ? new Relay(settings.relay) : undefined;
    this.door = new CallDoor(calls, this.peerTransport);
    this.wanted = new AnswerWanted({
      transport: this.peerTransport,
      swarm: toBootstraps,
      members: transport,
      pinned,
      signal: lifetime.signal,
      serve,
    });
    const digests = this.digests = new DigestStore(db);
    const cache = this.cache = new HashCache(db, { digests, disk: this.disk });
    this.library = new Library(db, cache);
    const folderFiles = new FolderFiles(db);
    const manifests = new FolderManifests({
      folder: folder.manifests,
      cache,
      digests,
      disk: this.disk,
    });
    this.bootstraps = new Bootstraps(settings.bootstraps, toBootstraps, (bootstrap) => {
      emit({ event: "bootstrap", bootstrap });
      if (bootstrap.state === "registered") this.resumer.wake();
    });
    this.lan = settings.lan
      ? new Lan({
        peer: identity.id,
        keys: transport && (() => transport.beaconKeys),
        // Nothing but their addresses: others are not asked to bring made-up peers here.
        lines: new ConnectionPool(pool),
      })
      : undefined;
    this.known = handover ? new KnownOffers() : undefined;
    const told = handover ? [] : this.bootstraps.list;
    this.swarm = new Swarm(told, this.known ?? this.lan);
    this.announced = new Announcements(this.library, told);
    this.sharing = new Sharing({
      dir: folder.dir,
      identity,
      cache,
      library: this.library,
      reader: this.reader,
      manifests,
      folderFiles,
      announced: this.announced,
      emit,
    });
    this.rescanner = new Rescanner(this.sharing, lifetime, () => cache.sweep());
    const reseeder = this.reseeder = new Reseeder({
      active,
      reader: this.reader,
      sharing: this.sharing,
      cache,
      manifests,
      announced: this.announced,
    });
    this.trust = new TrustBook({
      store: new TrustStore(db),
      own: identity.id,
      shared: (name) => this.library.get(name)?.announcement,
    });
    this.uploader = new Uploader({
      self,
      digests,
      folderFiles,
      encrypt,
      prove: async (challenge) => {
        // A bootstrap must not use this peer's proof at another.
        const { bootstrap } = challenge;
        if (bootstrap && !this.bootstraps.isRegisteredAt(bootstrap)) return {};
        return await signProof(identity, challenge);
      },
      takeOver: (message, connection) => calls.take(message, connection),
      relay: this.relay,
      directory: settings.lan ? new OwnDirectory(() => this.announced.list()) : undefined,
      onReceived: handover?.onReceived,
      library: this.library,
      reader: this.reader,
      downloads: active,
      slots: this.limits.slots,
      onAsked: (file, requester) => this.fetcher.meet(file, requester),
      onChanged: (share) => {
        // Of a folder, what has not changed goes on being served.
        if (hangs(placeOf(share))) this.sharing.withdraw(share, HANGS);
        else if (!share.root) this.sharing.withdraw(share, "changed");
        this.rescanner.rescanSoon();
      },
      onServed: ({ name, id, size }, bytes, receiver, share) => {
        if (share) share.served += bytes;
        this.history.add("up", bytes);
        this.transfers.upload({ name, id, size, ...receiver }).add(bytes);
      },
    });
    const downloads = new DownloadStore(db, folder.partials);
    const introducer = new Introducer(this.bootstraps.list);
    const lines = this.lines = new ConnectionPool({
      ...pool,
      ladder: new Ladder([
        new DirectRung(),
        reversedRung({ introducer, calls, listen: () => port() ?? this.door.open() }),
        punchedRung(introducer, toBootstraps),
        relayedRung({ introducer, pinned, swarm: toBootstraps }),
      ]),
    });
    this.fetcher = new Fetcher({
      self: { ...self, transport: this.peerTransport, lines },
      limitDown: this.limits.down,
      db,
      digests,
      cache,
      manifests,
      downloads,
      swarm: this.swarm,
      transfers: this.transfers,
      trust: this.trust,
      emit,
      local: (id) => {
        const share = this.sharing.present(id);
        return share && new LocalSource(share, digests, this.reader);
      },
      dir: folder.dir,
      disk: this.disk,
      unsigned: () => settings.unsigned === true,
      history: this.history,
      reseeder,
      onFailed: (id, error) => goesOn() && this.resumer.takeOver(id, error),
    });
    this.resumer = new Resumer({
      downloads,
      transfers: this.transfers,
      signal: lifetime.signal,
      get: (request, options, transfer) =>
        lifetime.toItsEnd(this.fetcher.get(request, lifetime.bound(options), transfer)),
      fetcher: this.fetcher,
      emit,
    });
    this.pausing = new Pausing({
      downloads,
      transfers: this.transfers,
      partials: this.fetcher.partials,
      end: (id, reason) => this.fetcher.end(id, reason),
      // Without listening, it goes on when the next peer of this folder serves.
      goOn: (id) => port() !== undefined && this.resumer.resume(id),
    });
    this.downloads = downloads;
    this.opener = new FileOpener({
      library: this.library,
      sharing: this.sharing,
      reader: this.reader,
      folderFiles,
      fetcher: this.fetcher,
      stream: (request, output, options) =>
        lifetime.toItsEnd(this.fetcher.stream(request, output, lifetime.bound(options))),
    });
    this.lister = new FolderLister({
      library: this.library,
      sharing: this.sharing,
      fetcher: this.fetcher,
    });
    this.receiver = new Receiver({
      dir: folder.dir,
      folder: folder.uploads,
      cache,
      digests,
      library: this.library,
      share: (request, options) => this.sharing.share(request, options),
    });
  }
}
