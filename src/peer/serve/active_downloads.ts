import type { Servable } from "../../store/disk/servable.ts";

/** Downloads under way, served while they grow. One owner: PeerParts. */
export class ActiveDownloads {
  readonly #byId = new Map<string, Servable>();
  readonly #many = new Set<(id: string) => Servable | undefined>();

  get(id: string): Servable | undefined {
    const one = this.#byId.get(id);
    if (one) return one;
    for (const find of this.#many) {
      const found = find(id);
      if (found) return found;
    }
  }

  /** Serves what `find` finds, from now on; returns how to stop. */
  addMany(find: (id: string) => Servable | undefined): () => void {
    this.#many.add(find);
    return () => void this.#many.delete(find);
  }

  /** Serves a download from now on; returns how to stop. */
  add(download: Servable): () => void {
    this.#byId.set(download.id, download);
    return () => {
      if (this.#byId.get(download.id) === download) this.#byId.delete(download.id);
    };
  }
}
