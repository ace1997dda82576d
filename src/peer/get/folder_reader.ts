import { type FileEntry, type Manifest, MANIFEST_CAP } from "../../content/manifest.ts";
import { ManifestBytes } from "../../content/manifest_bytes.ts";
import { type ManifestPart, partOf } from "../../content/manifest_part.ts";
import { Fault, inQuotes, quoted } from "../../fault.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import { notInFolder, partNamed } from "../target/find_folder.ts";
import { findSources } from "../download/find_sources.ts";
import type { Target, WantedContent } from "../target/target.ts";
import { OrderedOutput } from "../download/ordered_output.ts";
import type { ListedPeer } from "../api/peer_api.ts";
import type { RunningDownloads } from "./running_downloads.ts";
import { type Source } from "../download/source.ts";
import { peerSources } from "../download/peer_source.ts";
import type { LocalPeer } from "../download/peer_source.ts";
import type { Swarm } from "../discovery/swarm.ts";

/** Entries of the manifests that are kept for the next request, all together. */
const KEPT_ENTRIES = 50_000;

interface FolderReaderOptions {
  swarm: Swarm;
  self: LocalPeer;
  /** This peer's own copy of a content, where it shares one. */
  local: (id: string) => Source | undefined;
  running: RunningDownloads;
}

/** Looks into folders of the swarm: their manifests are fetched and verified, and never on disk. */
export class FolderReader {
  readonly #options: FolderReaderOptions;
  /** By the folders' ids; what was asked for last stands last. */
  readonly #kept = new Map<string, Manifest>();

  constructor(options: FolderReaderOptions) {
    this.#options = options;
  }

  /**
   * Finds what a name in a folder stands for. Throws `not_found` when it is nothing, or not of the
   * id that is asked for, `integrity` for a manifest that can't be followed, and as Downloader
   * does.
   */
  async part(
    job: FetchJob,
    wanted: WantedContent,
    folder: Target,
    signal: AbortSignal,
  ): Promise<ManifestPart> {
    requireReadable(job.name, folder);
    const manifest = this.#kept.get(folder.id) ?? await this.#fetch(job, folder, signal);
    this.#keep(folder.id, manifest);
    return choosePart(manifest, wanted, folder);
  }

  /** A file of a folder, to be fetched from the folder's sources. */
  async fileIn(folder: Target, entry: FileEntry, signal: AbortSignal): Promise<Target> {
    const { swarm, local, self } = this.#options;
    const { id, size } = entry;
    const { taken, announcement } = folder;
    const copy = local(id);
    const target = { id, size, entry, within: announcement, taken };
    if (copy) return { ...target, sources: [copy] };
    const sources: Source[] = [];
    const found = (records: ListedPeer[]) =>
      void sources.push(...peerSources(entry, records, self));
    await findSources(folder.id, [], { swarm, signal, found });
    return { ...target, sources };
  }

  async #fetch(job: FetchJob, folder: Target, signal: AbortSignal): Promise<Manifest> {
    const { name } = job;
    const bytes = new ManifestBytes();
    const output = new WritableStream<Uint8Array>({ write: (part) => bytes.add(part) });
    const advance = () => job.downloader?.wake();
    const sink = new OrderedOutput(output, advance, (error) => job.downloader?.fail(error));
    try {
      await this.#options.running.run(job, folder, sink, { signal });
      await sink.finish();
      return bytes.finish();
    } catch (error) {
      await sink.abort(error);
      throw malformed(name, error);
    }
  }

  #keep(id: string, manifest: Manifest): void {
    this.#kept.delete(id);
    this.#kept.set(id, manifest);
    let entries = 0;
    for (const [id, one] of [...this.#kept].reverse()) {
      entries += one.entries.length;
      if (entries > KEPT_ENTRIES) this.#kept.delete(id);
    }
  }
}

/** Throws an `integrity` Fault for a folder whose announced manifest is longer than any may be. */
export function requireReadable(name: string, { size }: Target): void {
  if (size <= MANIFEST_CAP) return;
  const why = `its manifest has ${size} bytes, and ${MANIFEST_CAP} is the most`;
  throw new Fault("integrity", `Cannot get ${inQuotes(name)}: ${why}`);
}

/**
 * The part of a folder that a name means. Throws `not_found` when there is none, and when an id is asked
 * for that is neither the folder's nor that of the file in it; and an `integrity` Fault when the folder is
 * not what was announced.
 */
export function choosePart(
  manifest: Manifest,
  { name, id, publisher }: WantedContent,
  folder: Target,
): ManifestPart {
  // An id alone says nothing of its announcement, which may be anybody's and say anything.
  if (folder.taken !== "pinned" || publisher) requireAsAnnounced(name, folder, manifest);
  const part = partOf(manifest, partNamed(folder, name));
  if (!part) throw notInFolder(name, folder);
  const file = part.kind === "file" ? part.entry.id : undefined;
  const pinned = id?.toLowerCase();
  if (!pinned || folder.id.startsWith(pinned) || file?.startsWith(pinned)) return part;
  const what = file ? `the file has the id ${file}` : "it is a folder in a folder, which has no id";
  throw new Fault(
    "not_found",
    `Cannot get ${inQuotes(name)} with id ${pinned.slice(0, 12)}: ${what}`,
  );
}

/** Throws an `integrity` Fault unless a folder has as much in it as its publisher said. */
function requireAsAnnounced(
  name: string,
  { announcement }: Target,
  { entries: { length: entries }, bytes }: Manifest,
): void {
  if (!announcement || announcement.entries === entries && announcement.bytes === bytes) return;
  const said = `${announcement.entries} entries and ${announcement.bytes} bytes`;
  const why = `its publisher announced ${said}, and it has ${entries} and ${bytes}`;
  throw new Fault("integrity", `Cannot get ${quoted(name)}: ${why}`);
}

/** The fault for a malformed manifest, which names its folder; others as they are. */
export function malformed(name: string, error: unknown): unknown {
  if (!(error instanceof Fault) || error.kind !== "integrity") return error;
  if (error.message.startsWith("Cannot ")) return error;
  return new Fault("integrity", `Cannot get ${inQuotes(name)}: ${error.message}`, { cause: error });
}
