import { Fault, inQuotes } from "../../fault.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import { Budget } from "../download/budget.ts";
import { Downloader, type Reuse } from "../download/downloader.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import { finderOf } from "../download/find_sources.ts";
import type { Target } from "../target/target.ts";
import type { ListedPeer } from "../api/peer_api.ts";
import type { Sink } from "../../store/disk/sink.ts";
import type { ChunkRange } from "../download/source.ts";
import { type LocalPeer, peerSources } from "../download/peer_source.ts";
import type { RateHistory } from "../status/rate_history.ts";
import type { Swarm } from "../discovery/swarm.ts";

export interface RunningOptions {
  swarm: Swarm;
  digests: DigestStore;
  self: LocalPeer;
  history: RateHistory;
}

export interface RunOptions {
  signal: AbortSignal;
  /** Only these chunks, in order. Default all. */
  only?: ChunkRange;
  /** Takes what is here already. */
  reuse?: Reuse;
}

/** The downloads that are under way, to disk or as a stream: they share what a peer may have in flight. */
export class RunningDownloads {
  readonly #options: RunningOptions;
  /** The bytes that all of them may have in flight. */
  readonly budget = new Budget();
  readonly #jobs = new Set<FetchJob>();

  constructor(options: RunningOptions) {
    this.#options = options;
  }

  /** Notes that another peer fetches a content too: what this peer lacks, it may ask there. */
  meet(id: string, record: ListedPeer): void {
    for (const { transfer, downloader } of this.#jobs) {
      if (transfer.id !== id || !downloader) continue;
      // It has not proven the id that it says it has; in TLS it will.
      const { address, port, peer } = record;
      const known = this.#options.self.transport?.encrypts
        ? { address, port, peer }
        : { address, port };
      downloader.add(peerSources({ id, size: downloader.shape.size }, [known], this.#options.self));
    }
  }

  /** Fetches what a sink lacks. Throws as Downloader.run does, naming the file. */
  async run(job: FetchJob, target: Target, sink: Sink, options: RunOptions): Promise<void> {
    const { transfer, patience, limits } = job;
    const { digests, self, history } = this.#options;
    const { signal, only, reuse } = options;
    if (
      target.sources.length === 0 && target.size > 0 && !sink.map?.complete &&
      patience !== Infinity
    ) {
      throw new Fault("network", `Cannot get ${inQuotes(transfer.name)}: no reachable source`, {
        details: { reason: "no_source" },
      });
    }
    job.downloader = new Downloader({
      ...target,
      sink,
      only,
      digests,
      signal,
      reuse,
      budget: this.budget,
      onReused: (bytes) => transfer.before += bytes,
      limits,
      waitMs: patience,
      peer: self.peer,
      book: self.lines?.book,
      find: finderOf(target, { ...this.#options, listed: target.id, signal }),
      onBytes: (bytes) => {
        job.phase = "fetching";
        transfer.add(bytes);
        history.add("down", bytes);
      },
    });
    this.#jobs.add(job);
    try {
      await job.downloader.run();
    } catch (error) {
      if (!(error instanceof Fault) || error === signal.reason) throw error;
      throw new Fault(error.kind, `Cannot get ${inQuotes(transfer.name)}: ${error.message}`, {
        cause: error.cause,
        next: error.next,
      });
    } finally {
      this.#jobs.delete(job);
    }
  }
}
