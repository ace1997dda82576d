import { LegacySource } from "../../../src/legacy/legacy_source.ts";
import { isAllowed, must } from "../allow.ts";
import { FILE, LEGACY_MESSAGES } from "../samples.ts";
import { connectingTo, scriptedConn, seedOf } from "../scripted_conn.ts";
import type { Target } from "../target.ts";
import { TempState } from "../temp_state.ts";
import { linesOf } from "../text.ts";

const temp = new TempState();
const info = (count: number, hashes: number) => ({
  ...{ action: "file_info", filename: "a", chunk_size: 65_536, num_chunks: count },
  chunk_hashes: Array.from({ length: hashes }, () => FILE),
});
const data = (text: string) => ({
  action: "chunk_data",
  filename: "a",
  chunk_index: 0,
  data: text,
});

/** The answers of a legacy peer: a line for each connection. */
export const legacyCaller: Target = {
  name: "legacy_caller",
  weight: 3,
  seeds: [
    linesOf(info(1, 1), data("aGVsbG8K")),
    linesOf(info(3, 3), data("AAAA".repeat(16_384)), data("aGVsbG8K")),
    linesOf(info(0, 0)),
    linesOf(info(2, 1)),
    linesOf(info(1, 1), data("")),
    linesOf(info(1, 1), data("A".repeat(87_388))),
    ...LEGACY_MESSAGES.map((message) => linesOf(message, message)),
  ],
  async run(input) {
    const { state } = await temp.get();
    const source = new LegacySource({ host: "192.0.2.1", port: 9 }, "a");
    let rest = input;
    const conn = () => {
      const end = rest.indexOf(10) + 1 || rest.length;
      const line = rest.subarray(0, end);
      rest = rest.subarray(end);
      return scriptedConn(line, { seed: seedOf(line) });
    };
    try {
      await connectingTo(conn, async () => {
        const content = await source.describe(state.digests);
        if (!content) return;
        must(Number.isSafeInteger(content.size) && content.size >= 0, "a size is whole");
        must(/^[0-9a-f]{64}$/.test(content.id), "an id is one");
        await source.chunks({ first: 0, count: 1 }, new Uint8Array(65_536));
      });
    } catch (error) {
      if (!isAllowed(error, ["network", "integrity"])) throw error;
    } finally {
      state.db.run("DELETE FROM digest_pages");
    }
  },
  close: () => temp.close(),
};
