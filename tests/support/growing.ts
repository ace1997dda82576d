import { runCount, RunMap } from "../../src/content/run_map.ts";
import type { Servable } from "../../src/store/disk/servable.ts";
import type { Bytes } from "./bytes.ts";

/** A download that grows when the test says so. */
export class Growing implements Servable {
  readonly name = "growing";
  readonly id: string;
  readonly size: number;
  readonly map: RunMap;
  readonly content: Bytes;
  readonly heard = new Set<(run: number) => void>();
  readable = true;
  sources?: Servable["sources"];

  constructor(content: Bytes, id = "ef".repeat(32)) {
    this.id = id;
    this.size = content.length;
    this.content = content;
    this.map = new RunMap(runCount(content.length));
  }

  read(position: number, into: Uint8Array): boolean {
    into.set(this.content.subarray(position, position + into.length));
    return this.readable;
  }

  onRun(heard: (run: number) => void): () => void {
    this.heard.add(heard);
    return () => this.heard.delete(heard);
  }

  get(...runs: number[]): void {
    for (const run of runs) if (this.map.add(run)) { for (const heard of this.heard) heard(run); }
  }
}
