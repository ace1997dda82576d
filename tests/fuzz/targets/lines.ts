import * as v from "valibot";
import { decodeLine, decodePayload, encodeLine } from "../../../src/wire/codec.ts";
import {
  Announcement,
  FileRecord,
  Found,
  Holding,
  LINE_CAP,
  LIST_CAP,
  PAYLOAD_CAP,
  PeerRecord,
} from "../../../src/wire/protocol.ts";
import { must, unlessFault } from "../allow.ts";
import {
  BOOTSTRAP_REQUESTS,
  LEGACY_MESSAGES,
  PAYLOADS,
  PEER_REQUESTS,
  REPLIES,
} from "../samples.ts";
import type { Target } from "../target.ts";
import { bytesOf } from "../text.ts";

const LISTS = [Announcement, Holding, PeerRecord, Found, FileRecord].map((item) =>
  v.pipe(v.array(item as v.GenericSchema), v.maxLength(LIST_CAP))
);

/** The codec: what is read from a line, and from a payload that is JSON. */
export const lines: Target = {
  name: "lines",
  weight: 60,
  seeds: [...PEER_REQUESTS, ...BOOTSTRAP_REQUESTS, ...REPLIES, ...LEGACY_MESSAGES, ...PAYLOADS].map(
    (
      value,
    ) => bytesOf(JSON.stringify(value)),
  ),
  run(input) {
    const message = unlessFault(["network"], () => decodeLine(input));
    if (message) {
      const { id, payload = 0 } = message;
      must(payload >= 0 && payload <= PAYLOAD_CAP && Number.isInteger(payload), "it fits the cap");
      must(id === undefined || Number.isSafeInteger(id) && id >= 0, "an id is a whole number");
      if (input.length < LINE_CAP / 8) {
        const again = decodeLine(encodeLine(message).subarray(0, -1));
        must(JSON.stringify(again) === JSON.stringify(message), "it says the same again");
      }
    }
    if (input[0] !== 0x5b) return;
    for (const list of LISTS) unlessFault(["network"], () => decodePayload(list, input));
  },
};
