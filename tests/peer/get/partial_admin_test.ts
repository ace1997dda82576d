import { assertEquals } from "@std/assert";
import { PIECE_SIZE } from "../../../src/content/piece_map.ts";
import { Claims } from "../../../src/peer/target/claims.ts";
import type { FetchJob } from "../../../src/peer/status/fetch_job.ts";
import type { FolderFetcher } from "../../../src/peer/folder/folder_fetcher.ts";
import { PartialAdmin } from "../../../src/peer/get/partial_admin.ts";
import { Transfers } from "../../../src/peer/status/transfers.ts";
import { PartialDownloads } from "../../../src/peer/get/partial_downloads.ts";
import type { PartialFile } from "../../../src/store/partial/partial_file.ts";
import { Place } from "../../support/place.ts";

/** Lists the partial downloads of a place, and says what works on one of them. */
function adminOf({ downloads, folder }: Place) {
  const transfers = new Transfers();
  const claims = new Claims();
  const partialDownloads = new PartialDownloads({
    ...{ dir: folder.path, downloads, claims, folders: {} as FolderFetcher },
    onFailed: () => false,
  });
  const work = async (id: string, partial?: PartialFile) => {
    const job: FetchJob = {
      ...{ name: "data", transfer: transfers.download("data"), phase: "finding", partial },
      ...{
        reused: 0,
        tell: () => {},
        ending: new AbortController(),
        background: false,
        refused: false,
        mixed: false,
        limits: [],
      },
      ended: Promise.resolve(),
    };
    await claims.claim(job, id, folder.at(id));
    return job;
  };
  return { admin: new PartialAdmin({ downloads, transfers, claims, partialDownloads }), work };
}

Deno.test("partials: what is kept of a file counts before it is looked at again", async () => {
  await using place = await Place.create(4 * PIECE_SIZE);
  const first = place.open();
  for (const piece of [0, 2]) await place.store(first, piece);
  await first.close();
  place.restart();
  const { admin, work } = adminOf(place);
  const how = () => admin.list().map(({ state, bytes, size }) => [state, bytes, size]);
  assertEquals(how(), [["paused", 2 * PIECE_SIZE, 4 * PIECE_SIZE]]);
  const again = place.open();
  await work(place.id, again);
  assertEquals(again.map.count, 0, "nothing of it is verified yet");
  assertEquals(how(), [["active", 2 * PIECE_SIZE, 4 * PIECE_SIZE]]);
  await again.check();
  await place.store(again, 1);
  assertEquals(how(), [["active", 3 * PIECE_SIZE, 4 * PIECE_SIZE]]);
  await again.close();
});

Deno.test("partials: what is kept of a folder counts until there is more", async () => {
  await using place = await Place.create(10);
  const id = "ab".repeat(32);
  const announcement = {
    ...{ name: "photos", id, size: 10, mtime: 1, time: 1, publisher: "cd".repeat(32) },
    ...{ kind: "folder" as const, files: 2, bytes: 5_000, signature: "ef".repeat(64) },
  };
  const wanted = { id, name: "photos", size: 10, overwrite: false, taken: "first" as const };
  place.downloads.begin({ ...wanted, announcement });
  place.downloads.reach(id, 700);
  const { admin, work } = adminOf(place);
  const how = () => admin.list().map(({ kind, state, bytes, size }) => [kind, state, bytes, size]);
  assertEquals(how(), [["folder", "paused", 700, 5_000]]);
  const { transfer } = await work(id);
  assertEquals(how(), [["folder", "active", 700, 5_000]]);
  transfer.add(1_000);
  assertEquals(how(), [["folder", "active", 1_000, 5_000]]);
});
