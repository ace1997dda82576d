import { Gauge, Registry } from "prom-client";
import type { Receipt } from "../../peer/api/peer_api.ts";
import { replaceFile } from "../../system/replace_file.ts";

/** The outcome of one command's downloads, as a text file for node_exporter's collector. */
export class GetMetrics {
  readonly metrics = new Registry();
  readonly #success = this.#gauge("success", "1 if the last download succeeded, else 0.");
  readonly #ended = this.#gauge("end_time_seconds", "When it ended, since 1970.");
  readonly #size = this.#gauge("size_bytes", "Size of what is there now.");
  readonly #fetched = this.#gauge("fetched_bytes", "Bytes that came over the network.");
  readonly #duration = this.#gauge("duration_seconds", "From the command to the last byte.");
  readonly #sources = this.#gauge("sources", "Sources that sent something.");
  readonly #refetched = this.#gauge("refetched_chunks", "Chunks that had been wrong.");

  /** Notes a download that succeeded. */
  succeeded({ name, size, bytes, seconds, sources, chunks }: Receipt): void {
    this.#note(name, 1);
    this.#size.set({ name }, size);
    this.#fetched.set({ name }, bytes);
    this.#duration.set({ name }, seconds);
    this.#sources.set({ name }, sources.length);
    this.#refetched.set({ name }, chunks.refetched);
  }

  failed(name: string): void {
    this.#note(name, 0);
  }

  /** Writes all of it in one step, so that nobody reads a half. */
  async save(path: string): Promise<void> {
    replaceFile(path, await this.metrics.metrics(), { mode: 0o644 });
  }

  #note(name: string, success: number): void {
    this.#success.set({ name }, success);
    this.#ended.set({ name }, Date.now() / 1_000);
  }

  #gauge(what: string, help: string): Gauge {
    const registers = [this.metrics];
    return new Gauge({ name: `shoal_get_${what}`, help, labelNames: ["name"], registers });
  }
}
