import { assert, assertEquals } from "@std/assert";
import { sameStamp } from "../../../src/store/disk/file_stamp.ts";
import { Announcements } from "../../../src/peer/discovery/announcements.ts";
import { Sharing } from "../../../src/peer/share/sharing.ts";
import { FolderFiles } from "../../../src/store/shares/folder_files.ts";
import { FolderManifests } from "../../../src/store/shares/folder_manifests.ts";
import { signAnnouncement } from "../../../src/trust/announcement.ts";
import { Identity } from "../../../src/trust/identity.ts";
import { State } from "../../support/state.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const { signal } = new AbortController();

/** Shares in a folder of their own, with no bootstrap to tell. */
class Setting implements AsyncDisposable {
  readonly folder: TempFolder;
  readonly state: State;
  readonly sharing: Sharing;
  readonly manifests: FolderManifests;

  private constructor(folder: TempFolder, dir: string, identity: Identity) {
    this.folder = folder;
    const state = this.state = new State(folder.at("state.db"));
    this.manifests = new FolderManifests({ folder: folder.at("manifests"), ...state });
    this.sharing = new Sharing({
      dir,
      identity,
      library: state.library,
      cache: state.cache,
      reader: state.reader,
      manifests: this.manifests,
      folderFiles: new FolderFiles(state.db),
      announced: new Announcements(state.library, []),
    });
  }

  static async create(): Promise<Setting> {
    const folder = await TempFolder.create();
    const dir = await Deno.realPath(await folder.mkdir("dir"));
    return new Setting(folder, dir, await Identity.load(folder.at("identity.pem")));
  }

  /** Shares what another peer published, as if it had been fetched. */
  async adopt(name: string, path: string, files?: { path: string; id: string }[]): Promise<void> {
    const { cache } = this.state;
    const { id, stamp } = await cache.identify(path);
    const publisher = await Identity.load(this.folder.at("publisher.pem"));
    const announcement = await signAnnouncement(publisher, {
      ...{ name, id, size: stamp.size, mtime: 0, time: 1 },
      ...files ? { kind: "folder" as const, entries: files.length, bytes: 0 } : {},
    });
    const place = { path, stamp, root: files && this.folder.at(`dir/${name}`) };
    const target = { id, size: stamp.size, sources: [], announcement, taken: "first" as const };
    assert(await this.sharing.adopt(target, name, place, { files }));
  }

  /** Looks at all shares; true when something was written to the database meanwhile. */
  async looks(): Promise<boolean> {
    const changes = () => this.state.db.get<{ n: number }>("SELECT total_changes() AS n")!.n;
    const before = changes();
    await this.sharing.rescan({ signal });
    return changes() > before;
  }

  isAvailable(name: string): boolean {
    return this.state.library.get(name)!.available;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.state[Symbol.dispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Puts another file with the same bytes and time in the place of one, as a remount may seem to. */
async function renumber(path: string): Promise<void> {
  const { mtime, ino } = await Deno.stat(path);
  await Deno.writeFile(`${path}.copy`, await Deno.readFile(path));
  await Deno.utime(`${path}.copy`, mtime!, mtime!);
  await Deno.rename(`${path}.copy`, path);
  assert((await Deno.stat(path)).ino !== ino);
}

Deno.test("sharing: a look at what has not changed writes nothing", async () => {
  await using setting = await Setting.create();
  const { folder, sharing } = setting;
  await folder.write("dir/file", "file");
  await folder.mkdir("dir/tree");
  await folder.write("dir/tree/inner", "inner");
  for (const file of ["file", "tree"]) await sharing.share({ file, cwd: "/" }, { signal });
  // What was hashed right after a change is hashed once more.
  while (await setting.looks());
  const manifests = () => [...Deno.readDirSync(folder.at("manifests"))].map(({ name }) => name);
  const [manifest] = manifests();
  const { mtime } = await Deno.stat(folder.at(`manifests/${manifest}`));
  for (let look = 0; look < 3; look++) assertEquals(await setting.looks(), false);
  assertEquals(manifests(), [manifest]);
  assertEquals((await Deno.stat(folder.at(`manifests/${manifest}`))).mtime, mtime);
  await folder.write("dir/tree/inner", "INNER");
  assert(await setting.looks());
  assert(manifests()[0] !== manifest);
});

Deno.test("sharing: a fetched file comes back when only its number has changed", async () => {
  await using setting = await Setting.create();
  const { folder, state } = setting;
  const path = await folder.write("dir/file", "content");
  await setting.adopt("file", path);
  await renumber(path);
  assertEquals(
    state.reader.read(path, state.library.get("file")!.stamp, 0, new Uint8Array(1)),
    false,
  );
  await setting.looks();
  const share = state.library.get("file")!;
  assert(share.available && state.reader.read(path, share.stamp, 0, new Uint8Array(1)));

  await folder.write("dir/file", "other");
  await setting.looks();
  assertEquals(setting.isAvailable("file"), false);
  await folder.write("dir/file", "content");
  await setting.looks();
  assertEquals(setting.isAvailable("file"), true);
});

Deno.test("sharing: what a look found a share to look like holds after a kill", async () => {
  await using setting = await Setting.create();
  const { folder, state } = setting;
  const path = await folder.write("dir/file", "content");
  await setting.adopt("file", path);
  await renumber(path);
  await setting.looks();
  const { stamp } = state.library.get("file")!;
  // What a process that is killed now leaves.
  for (const end of ["", "-wal"]) {
    await Deno.copyFile(folder.at(`state.db${end}`), folder.at(`killed.db${end}`));
  }
  using killed = new State(folder.at("killed.db"));
  const share = killed.library.get("file")!;
  assert(share.available && sameStamp(share.stamp, stamp));
  assert(killed.reader.read(path, share.stamp, 0, new Uint8Array(1)));
});

Deno.test("sharing: a fetched folder comes back when only its files' numbers have changed", async () => {
  await using setting = await Setting.create();
  const { folder, manifests } = setting;
  const root = await folder.mkdir("dir/tree");
  const path = await folder.write("dir/tree/inner", "inner");
  const { place, files, release } = await manifests.describe(root, {});
  await Deno.copyFile(place.path, folder.at("fetched"));
  await setting.adopt("tree", folder.at("fetched"), files);
  release();
  for (const changed of [path, place.path]) {
    await renumber(changed);
    await setting.looks();
    assertEquals(setting.isAvailable("tree"), true, changed);
  }
  await folder.write("dir/tree/inner", "other");
  await setting.looks();
  assertEquals(setting.isAvailable("tree"), false);
  await folder.write("dir/tree/inner", "inner");
  await setting.looks();
  assertEquals(setting.isAvailable("tree"), true);
});
