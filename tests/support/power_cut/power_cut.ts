import { lacking, noLinux } from "../tools.ts";
import { outputOf } from "../output_of.ts";
import { TempFolder } from "../temp_folder.ts";

/**
 * The state of what was not synced: `lazy` has nothing of it, neither contents nor names; `eager`
 * has names at once, and contents only once they are synced. Programs have to hold under both.
 */
export type DiskModel = "lazy" | "eager";

/** Something in a tree. */
interface Entry {
  inode: string;
  mode: number;
  /** Of a link. */
  target: string;
}

/** By path, relative to the root; the root itself is "". */
type Tree = Map<string, Entry>;

const FOLDER = 0o040000;
const LINK = 0o120000;
const KIND = 0o170000;

/** Records the syncs of programs below a folder, and lays out what a power cut after any leaves of it. */
export class PowerCut implements AsyncDisposable {
  /** Why that can't be done here. */
  static readonly lacking = noLinux ?? lacking("cc");
  readonly #folder: TempFolder;
  readonly #root: string;

  private constructor(folder: TempFolder, root: string) {
    this.#folder = folder;
    this.#root = root;
  }

  /** Takes the folder at `root` as it is now for what is on the disk for good. */
  static async create(root: string): Promise<PowerCut> {
    const folder = await TempFolder.create();
    const cut = new PowerCut(folder, await Deno.realPath(root));
    await folder.mkdir("log");
    await folder.mkdir("base");
    const source = new URL("record_syncs.c", import.meta.url).pathname;
    const built = ["-O2", "-shared", "-fPIC", "-o", folder.at("record.so"), source, "-ldl"];
    const { success, stderr } = await outputOf("cc", { args: built });
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const records: string[] = [];
    await cut.#keep("", records);
    await folder.write("log/base", records.join(""));
    return cut;
  }

  /** The environment of the programs that are recorded. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: this.#folder.at("record.so"),
      POWER_CUT_ROOT: this.#root,
      POWER_CUT_LOG: this.#folder.at("log"),
    };
  }

  /** Syncs so far. */
  get syncs(): number {
    return [...Deno.readDirSync(this.#folder.at("log"))].filter(({ isDirectory }) => isDirectory)
      .length;
  }

  /** Makes `path` what the folder is like after a cut that follows so many syncs. */
  async layOut(syncs: number, model: DiskModel, path: string): Promise<void> {
    let tree = await this.#tree("base");
    const contents = new Map<string, string>();
    const names = new Map<string, Map<string, Entry>>();
    for (const [at, { inode, mode }] of tree) {
      if ((mode & KIND) === FOLDER) names.set(inode, entriesOf(tree, at));
      else contents.set(inode, this.#folder.at(`base/${inode}`));
    }
    for (let n = 1; n <= syncs; n++) {
      tree = await this.#tree(`${n}/tree`);
      const inode = await Deno.readTextFile(this.#folder.at(`log/${n}/synced`));
      const at = [...tree].find(([, entry]) => entry.inode === inode);
      if (!at) contents.set(inode, this.#folder.at(`log/${n}/data`));
      else if ((at[1].mode & KIND) === FOLDER) names.set(inode, entriesOf(tree, at[0]));
      else contents.set(inode, this.#folder.at(`log/${n}/data`));
    }
    const placed = new Map<string, string>();
    const put = async (at: string, { inode, mode, target }: Entry): Promise<void> => {
      const first = placed.get(inode);
      if ((mode & KIND) === FOLDER) {
        await Deno.mkdir(at);
        const inside = model === "lazy" ? names.get(inode) : entriesOf(tree, pathOf(tree, inode));
        for (const [name, entry] of inside ?? []) await put(`${at}/${name}`, entry);
      } else if ((mode & KIND) === LINK) return await Deno.symlink(target, at);
      else if (first !== undefined) return await Deno.link(first, at);
      else {
        placed.set(inode, at);
        const content = contents.get(inode);
        if (content === undefined) await Deno.writeFile(at, new Uint8Array());
        else await Deno.copyFile(content, at);
      }
      await Deno.chmod(at, mode & 0o777);
    };
    await put(path, tree.get("")!);
  }

  async #tree(record: string): Promise<Tree> {
    const fields = (await Deno.readTextFile(this.#folder.at(`log/${record}`))).split("\0");
    const tree: Tree = new Map();
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [, inode, mode, path] = /^(\S+) (\S+) ([^]*)$/.exec(fields[at])!;
      const entry = { inode, mode: parseInt(mode, 8), target: fields[at + 1] };
      tree.set(path.slice(this.#root.length + 1), entry);
    }
    return tree;
  }

  /** Notes what there is, and keeps the contents. */
  async #keep(inside: string, records: string[]): Promise<void> {
    const path = this.#root + (inside && `/${inside}`);
    const { isSymlink, isDirectory, isFile, mode, dev, ino } = await Deno.lstat(path);
    const inode = `${dev}:${ino}`;
    const target = isSymlink ? await Deno.readLink(path) : "";
    records.push(`${inode} ${mode!.toString(8)} ${path}\0${target}\0`);
    if (isFile) await Deno.copyFile(path, this.#folder.at(`base/${inode}`));
    if (!isDirectory) return;
    for await (const { name } of Deno.readDir(path)) {
      await this.#keep(inside ? `${inside}/${name}` : name, records);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** The entries of a folder, by name. */
function entriesOf(tree: Tree, folder: string): Map<string, Entry> {
  const prefix = folder && `${folder}/`;
  return new Map(
    [...tree].filter(([path]) =>
      path !== "" && path.startsWith(prefix) && !path.slice(prefix.length).includes("/")
    ).map(([path, entry]) => [path.slice(prefix.length), entry]),
  );
}

function pathOf(tree: Tree, inode: string): string {
  return [...tree].find(([, entry]) => entry.inode === inode)![0];
}
