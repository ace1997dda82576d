import type { Identity } from "../../src/trust/identity.ts";
import { type Bytes, concat } from "./bytes.ts";
import { type Greeting, helloReply } from "./prover.ts";
import { referenceDigests, referenceIdOf, referenceTree } from "./reference_tree.ts";

/** A request of a peer, as it comes over the wire. */
export interface PeerRequest extends Greeting {
  action: string;
  file: string;
  level: number;
  page: number;
  first: number;
  count: number;
  files: string[];
}

/** A message and its payload, as they go over the wire. */
export function wireMessage(message: object, payload?: Uint8Array): Bytes {
  const full = payload ? { ...message, payload: payload.length } : message;
  const line = new TextEncoder().encode(JSON.stringify(full) + "\n");
  return concat(payload ? [line, payload] : [line]);
}

/**
 * The right answer to each request for a content, or for the small files of a folder, by a peer of some
 * identity: one that will do for any unless told another.
 */
export function honestAnswers(
  content: Uint8Array,
  files: Uint8Array[] = [],
): (request: PeerRequest, identity?: Identity) => Promise<Bytes> {
  const byId = new Map(files.map((file) => [referenceIdOf(file), file]));
  const { levels } = referenceTree(referenceDigests(content));
  return async (request, identity) => {
    const { id } = request;
    // It has answered by then, and a notice has no answer.
    if ((request.action as string) === "cancel") return new Uint8Array();
    switch (request.action) {
      case "hello":
        return wireMessage(await helloReply(request, identity));
      case "have":
        return wireMessage({ action: "map", id, complete: true });
      case "sources":
        return wireMessage({ action: "sources", id }, new TextEncoder().encode("[]"));
      case "get_digests":
        return wireMessage({ action: "digests", id }, levels[request.level]![request.page]);
      case "get_chunks": {
        const at = request.first * 65_536;
        const run = content.subarray(at, at + request.count * 65_536);
        return wireMessage({ action: "chunks", id }, run);
      }
      case "get_files": {
        const whole = request.files.map((file) => byId.get(file)!);
        return wireMessage({ action: "files", id, count: whole.length }, concat(whole as Bytes[]));
      }
    }
    throw new Error(`nobody told this peer about ${request.action}`);
  };
}
