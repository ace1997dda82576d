import { treeShape } from "../../content/hash_tree.ts";
import type { FileEntry } from "../../content/manifest.ts";
import type { SourceReceipt } from "../api/peer_api.ts";
import type { ActiveTransfer } from "../status/transfers.ts";

/** Counts the files of a folder that were fetched and copied, and what each source sent. */
export class FolderTally {
  /** Files, and the chunks that were fetched of them. */
  readonly counts = {
    fetched: 0,
    copied: 0,
    fetchedChunks: 0,
    refetchedChunks: 0,
  };
  readonly #transfer: ActiveTransfer;
  readonly #receipts = new Set<SourceReceipt>();

  constructor(transfer: ActiveTransfer) {
    this.#transfer = transfer;
  }

  /** The receipts of the sources, all connections of each together. */
  get receipts(): SourceReceipt[] {
    return [...this.#receipts];
  }

  /** So many files of a content were copied here. */
  copied({ size }: FileEntry, files: number): void {
    this.counts.copied += files;
    this.#transfer.before += files * size;
  }

  /**
   * The first of so many files of a content was fetched, the others are copies of it. `chunks` is how many
   * it took: default all.
   */
  fetched(file: FileEntry, files: number, chunks = treeShape(file.size).chunks): void {
    this.counts.fetched++;
    this.counts.fetchedChunks += chunks;
    this.copied(file, files - 1);
  }

  /** Adds the receipt of one connection. */
  account(receipt: SourceReceipt): void {
    const { address, peer, path, bytes, retries, bad_chunks, dropped } = receipt;
    const known = this.#receipts.values().find((one) =>
      one.peer !== undefined && peer !== undefined ? one.peer === peer : one.address === address
    );
    if (!known) return void this.#receipts.add({ ...receipt });
    known.peer ??= peer;
    known.path = path ?? known.path;
    known.bytes += bytes;
    known.retries += retries;
    known.bad_chunks += bad_chunks;
    known.dropped ??= dropped;
  }
}
