import { Fault, inQuotes } from "../../fault.ts";
import { type Destination, Permit } from "../../trust/permit.ts";
import type { DigestStore } from "../../store/hash/digest_store.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import type { Library } from "../../store/shares/library.ts";
import { publishFile } from "../../store/disk/publish_file.ts";
import { type Received, receiveFile } from "../../store/partial/receive_file.ts";
import { givenName, pathOf, safeName } from "../../content/safe_path.ts";
import { makeParents, requireNoCollision } from "../target/destination.ts";
import type { Uploaded, UploadOptions, UploadRequest } from "../api/ui_api.ts";
import type { ShareOptions, ShareRequest, ShareResult } from "../api/peer_api.ts";
import { requireFreeSpace } from "../../system/free_space.ts";

interface ReceiverOptions {
  /** The shared folder: absolute, free of links. */
  dir: string;
  /** The folder for incomplete files, on the same file system. */
  folder: string;
  library: Library;
  cache: HashCache;
  digests: DigestStore;
  share: (request: ShareRequest, options: ShareOptions) => Promise<ShareResult>;
}

/** Receives files, puts them into DIR and shares them. */
export class Receiver {
  readonly #options: ReceiverOptions;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** See UiApi.checkUploads. */
  async check(requests: UploadRequest[]): Promise<(Fault | undefined)[]> {
    const { dir } = this.#options;
    const faults: (Fault | undefined)[] = [];
    let needed = 0;
    for (const request of requests) {
      try {
        const name = safeName(givenName(request.name));
        await this.#requireFree(name, pathOf(dir, name), request);
        requireFreeSpace(dir, needed + (request.size ?? 0), `Cannot take ${inQuotes(name)}`);
        needed += request.size ?? 0;
        faults.push(undefined);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        faults.push(error);
      }
    }
    return faults;
  }

  /** See UiApi.upload. */
  async upload(
    request: UploadRequest,
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    { signal, onProgress }: UploadOptions,
  ): Promise<Uploaded> {
    const { dir, folder, digests, share } = this.#options;
    const { size } = request;
    let received: Received | undefined;
    try {
      const name = safeName(givenName(request.name));
      const path = pathOf(dir, name);
      await this.#requireFree(name, path, request);
      const onReceived = (bytes: number) => onProgress?.({ received: bytes, size });
      received = await receiveFile(body, digests, {
        folder,
        what: name,
        size,
        signal,
        onReceived,
      });
      await makeParents(dir, path);
      const permit = Permit.decide({ name, overwrite: request.replace }, "own");
      await this.#place(received, { path, permit });
      if (request.share === false) {
        return { name, id: received.id, size: (await Deno.stat(path)).size };
      }
      return await share({ file: path, cwd: dir }, {
        signal,
        onProgress: (hashed, size) => onProgress?.({ hashed, size }),
      });
    } catch (error) {
      await body.cancel(error).catch(() => {});
      throw error;
    } finally {
      if (received) await Deno.remove(received.path).catch(() => {});
    }
  }

  /** Refuses early what would be refused at the end. */
  async #requireFree(
    name: string,
    path: string,
    { size, replace = false }: UploadRequest,
  ): Promise<void> {
    const other = this.#options.library.get(name);
    if (other && other.path !== path) {
      const how = `the name is taken by ${other.path}; unshare that first`;
      throw new Fault("usage", `Cannot take ${inQuotes(name)}: ${how}`, {
        details: { reason: "name" },
      });
    }
    await requireNoCollision(this.#options.dir, name);
    const stat = await Deno.lstat(path).catch(() => undefined);
    if (stat && (!stat.isFile || !replace && size !== undefined && stat.size !== size)) {
      throw differs(path);
    }
  }

  /** Moves a file to its place; one with the same content may stand there already. */
  async #place(received: Received, { path, permit }: Destination): Promise<void> {
    const { cache } = this.#options;
    try {
      const stamp = await publishFile(received.path, { path, permit });
      cache.remember(path, received.id, stamp);
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== "destination") throw error;
      const stat = await Deno.lstat(path).catch(() => undefined);
      if (!stat?.isFile) throw error;
      const { id } = await cache.identify(path, { what: "compare" });
      if (id !== received.id) throw differs(path);
    }
  }
}

function differs(path: string): Fault {
  return new Fault("destination", `Cannot write ${inQuotes(path)}: it exists and differs`, {
    details: { reason: "exists" },
  });
}
