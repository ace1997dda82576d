import { Fault } from "../fault.ts";
import { type Manifest, MANIFEST_CAP, MANIFEST_LINE_CAP, ManifestReader } from "./manifest.ts";

/**
 * Reads a manifest from its bytes, in blocks of any length. What is thrown are `integrity` Faults that
 * say what is wrong with it.
 */
export class ManifestBytes {
  readonly #reader = new ManifestReader();
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** The beginning of a line whose end has not arrived. */
  #rest = "";
  #length = 0;

  add(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > MANIFEST_CAP) throw wrong("it is too long");
    const lines = (this.#rest + this.#decode(bytes)).split("\n");
    this.#rest = lines.pop()!;
    if (this.#rest.length > MANIFEST_LINE_CAP) throw wrong("it is too long");
    for (const line of lines) this.#reader.add(line);
  }

  /** Returns the manifest after its last byte. */
  finish(): Manifest {
    if (this.#rest + this.#decode() !== "") throw wrong("its last line has no end");
    return this.#reader.finish();
  }

  #decode(bytes?: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw wrong("it is not UTF-8");
    }
  }
}

function wrong(why: string): Fault {
  return new Fault("integrity", `malformed manifest: ${why}`);
}
