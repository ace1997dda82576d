import { assert, assertEquals } from "@std/assert";
import { PIECE_SIZE, PieceMap } from "../../../src/content/piece_map.ts";
import { DownloadStore } from "../../../src/store/partial/download_store.ts";
import { StateDatabase } from "../../../src/store/state/state_database.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { withoutFolders } from "../../support/without_folders.ts";
import { piecesOf, Place } from "../../support/place.ts";

Deno.test("downloads: files that no row is for, and rows without their file, are cleaned up", async () => {
  await using place = await Place.create(2 * PIECE_SIZE);
  const kept = place.open();
  await place.store(kept, 1);
  await kept.close();
  const about = { name: "gone", size: 5, overwrite: false, taken: "first" as const };
  place.downloads.begin({ ...about, id: "ab".repeat(32) });
  await place.folder.write("partials/stray.part", "x");
  await place.folder.write("partials/deep/stray", "x");
  await place.folder.write("elsewhere", "x");
  place.restart();
  assertEquals(place.downloads.list().map(({ id }) => id), [place.id]);
  assertEquals([...Deno.readDirSync(place.folder.at("partials"))].map(({ name }) => name), [
    `${place.id}.part`,
  ]);
  assert(place.folder.list().includes("elsewhere"));
});

Deno.test("downloads: blocks of digests stay as long as the download does", async () => {
  await using place = await Place.create(2 * PIECE_SIZE);
  const partial = place.open();
  await partial.close();
  place.state.digests.tidy();
  assertEquals(place.state.keptFor(), [place.id]);
  place.downloads.remove(place.id);
  place.state.digests.tidy();
  assertEquals(place.state.keptFor(), []);
});

Deno.test("downloads: a database of version 1 gets its tables, and keeps the rest", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("state.db");
  const db = StateDatabase.open(path);
  db.run("INSERT INTO digest_pages (file, level, page, bytes) VALUES ('b', 0, 0, 'c')");
  withoutFolders(db);
  for (const table of ["downloads", "trust"]) db.run(`DROP TABLE ${table}`);
  db.run("PRAGMA user_version = 1");
  db.close();
  const again = StateDatabase.open(path);
  assertEquals(again.all("SELECT file FROM digest_pages"), [{ file: "b" }]);
  assertEquals(new DownloadStore(again, folder.at("partials")).list(), []);
  again.close();
});

Deno.test("downloads: what is asked for anew is remembered, what is there stays", async () => {
  await using place = await Place.create(2 * PIECE_SIZE);
  const { id, downloads } = place;
  const about = { id, name: "a", size: 2 * PIECE_SIZE, overwrite: false, taken: "first" as const };
  downloads.begin(about);
  const map = new PieceMap(2);
  map.add(1);
  downloads.save(id, map.bytes());
  const download = downloads.begin({ ...about, name: "b", output: "/x", overwrite: true });
  assertEquals([download.name, download.output, download.overwrite], ["b", "/x", true]);
  assertEquals(piecesOf(download.map), [1]);
});
