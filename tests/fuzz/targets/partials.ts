import { Buffer } from "node:buffer";
import { PIECE_SIZE, PieceMap } from "../../../src/content/piece_map.ts";
import { Disk } from "../../../src/store/disk/disk.ts";
import { DownloadStore } from "../../../src/store/partial/download_store.ts";
import { PartialFile } from "../../../src/store/partial/partial_file.ts";
import { patterned } from "../../support/bytes.ts";
import { MemoryFile } from "../../support/memory_source.ts";
import { isAllowed, must } from "../allow.ts";
import type { Target } from "../target.ts";
import { TempState } from "../temp_state.ts";

const FILE = new MemoryFile(patterned(2 * PIECE_SIZE + 70_000));
const temp = new TempState();
const disk = new Disk();

/** A partial download as it is found: its map is the first bytes, what is on disk is changed by the rest. */
export const partials: Target = {
  name: "partials",
  weight: 0.02,
  seeds: [Uint8Array.of(7), Uint8Array.of(7, 0, 1, 2), Uint8Array.of(0xff, 9), Uint8Array.of(2)],
  async run(input) {
    const { folder, state } = await temp.get();
    const downloads = new DownloadStore(state.db, folder.at("partials"));
    FILE.tree.levels[0].forEach((page, at) => state.digests.put(FILE.id, 0, at, page));
    const wanted = {
      id: FILE.id,
      name: "a",
      size: FILE.size,
      overwrite: false,
      taken: "pinned" as const,
    };
    downloads.folder();
    downloads.begin(wanted);
    const maps = input[0] & 8 ? input.subarray(0, 3) : input.subarray(0, 1);
    downloads.save(FILE.id, maps);
    const content = FILE.content.slice();
    // Two bytes say where one is wrong; the last one how much of the file is missing.
    for (let at = maps.length; at + 1 < input.length; at += 2) {
      content[(input[at] * 8_737 + input[at + 1]) % content.length] ^= 1;
    }
    const cut = input.length % 2 ? content.length : content.length - input.at(-1)! * 9_000;
    const found = content.subarray(0, Math.max(0, cut));
    await Deno.writeFile(downloads.pathOf(FILE.id), found);
    let partial: PartialFile | undefined;
    try {
      partial = PartialFile.open(wanted, { disk, downloads, digests: state.digests });
      await partial.check();
      check(partial.map, found);
    } catch (error) {
      if (!isAllowed(error, ["disk"])) throw error;
    } finally {
      await partial?.discard();
    }
  },
  async close() {
    disk.stop();
    await temp.close();
  },
};

function check(map: PieceMap, found: Uint8Array): void {
  for (let piece = 0; piece < map.pieces; piece++) {
    const right = FILE.content.subarray(piece * PIECE_SIZE, (piece + 1) * PIECE_SIZE);
    const there = found.subarray(piece * PIECE_SIZE, (piece + 1) * PIECE_SIZE);
    const same = Buffer.compare(right, there) === 0;
    if (map.has(piece)) must(same, "only what is right is served");
  }
}
