import * as v from "valibot";
import { blockLength, pieceLength, treeShape } from "../../../src/content/hash_tree.ts";
import { parseAs } from "../../../src/wire/codec.ts";
import * as protocol from "../../../src/wire/protocol.ts";
import { must, unlessFault } from "../allow.ts";
import { BOOTSTRAP_REQUESTS, PAYLOADS, PEER_REQUESTS, REPLIES } from "../samples.ts";
import type { Target } from "../target.ts";
import { bytesOf } from "../text.ts";

/** Every schema of the protocol, by its name. */
const SCHEMAS = Object.entries(protocol).filter(([, value]) =>
  typeof value === "object" && "~standard" in value
) as [string, v.GenericSchema][];

/** Asserts that a message which a schema lets through is within the limits of docs/protocol.md. */
export const messages: Target = {
  name: "messages",
  weight: 40,
  seeds: [...PEER_REQUESTS, ...BOOTSTRAP_REQUESTS, ...REPLIES, ...PAYLOADS.flat()].map((value) =>
    bytesOf(JSON.stringify(value))
  ),
  run(input) {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(input));
    } catch {
      return;
    }
    for (const [name, schema] of SCHEMAS) {
      const read = unlessFault(["network"], () => parseAs(schema, value, "message"));
      // An envelope carries what has not been looked at.
      if (name !== "Envelope" && typeof read === "object" && read !== null) {
        check(read as Record<string, unknown>);
      }
    }
  },
};

function check(read: Record<string, unknown>): void {
  for (const key of ["id", "payload", "size", "time", "mtime", "page", "first", "total", "files"]) {
    const number = read[key];
    if (typeof number !== "number") continue;
    must(Number.isSafeInteger(number) && number >= 0, `${key} is a whole number`);
  }
  if (typeof read.agent === "string") must(read.agent.length <= 200, "an agent is short");
  if (read.action !== "get_chunks" && read.action !== "get_digests") return;
  const { first = 0, count = 1, level = 0, page = 0, id = 0 } = read as Record<string, number>;
  // The number of the request is as good a size as any.
  const shape = treeShape(id);
  must(pieceLength(shape, first, count) <= protocol.PAYLOAD_CAP, "a run is one payload");
  must(blockLength(shape, level, page) <= protocol.CHUNK_SIZE, "a page is one chunk");
}
