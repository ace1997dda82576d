import { getLogger } from "@logtape/logtape";
import { messageOf } from "../../fault.ts";
import { Mutex } from "../../async/mutex.ts";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import { isOwn } from "../../content/tree_path.ts";
import { isInside, parentOf, pathIn, plainPath } from "../../system/paths.ts";

const log = getLogger(["shoal", "peer", "watcher"]);

/** Time without a change before changes are looked at, in milliseconds. */
const QUIET_MS = 250;
/** Time after the first change, where something changes all the time, in milliseconds. */
const LONGEST_MS = 2_000;

/** On Linux the runtime follows links when it watches all that is in a folder: so each is named to it. */
const FOLLOWS_LINKS = Deno.build.os === "linux";
/** Most folders of a share that are watched: the system has 8,192 for all of a user at least. */
const FOLDERS = 4_096;
/** Times that a folder is listed and watched anew when something in it goes meanwhile. */
const TRIES = 5;
/** Folders after which others get a turn. */
const YIELD_FOLDERS = 64;

interface Watched {
  path: string;
  /** Of the folder that it lies in: tells when another file or folder takes its place. */
  around: Deno.FsWatcher;
  /** Of all in the folder that it is, and which folders those are. */
  inside?: { watcher: Deno.FsWatcher; ino: number | null; folders: string; ended: Promise<void> };
  /** Something came or went, perhaps a folder. */
  reshaped?: boolean;
  /** The watchers are changed by one at a time. */
  looking: Mutex;
  /** The time of the first change that was not looked at, by performance.now(). */
  since?: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** Notices changes of shared files and folders as they happen, where the system tells of them. */
export class ShareWatcher {
  readonly #onChange: (name: string) => void;
  readonly #watched = new Map<string, Watched>();
  /** Shares of which it was said that they can't be watched. */
  readonly #failed = new Set<string>();

  /** `onChange` is called with the name of a share some time after it changed. */
  constructor(onChange: (name: string) => void) {
    this.#onChange = onChange;
  }

  /** Watches the share of that name, whose file or folder is at `path`, unless it does already. */
  watch(name: string, path: string, isFolder: boolean): void {
    if (this.#watched.has(name)) return;
    try {
      const watched: Watched = {
        path,
        looking: new Mutex(),
        around: Deno.watchFs(parentOf(path), { recursive: false }),
      };
      this.#watched.set(name, watched);
      if (isFolder) void this.#lookInside(name, watched);
      void this.#follow(name, watched, watched.around, async ({ kind, paths }) => {
        if (!isFolder || !paths.includes(path)) return;
        await this.#lookInside(name, watched, kind !== "modify");
      });
    } catch (error) {
      this.#cantWatch(name, error);
    }
  }

  unwatch(name: string): void {
    const watched = this.#watched.get(name);
    this.#watched.delete(name);
    if (!watched) return;
    clearTimeout(watched.timer);
    watched.around.close();
    watched.inside?.watcher.close();
  }

  close(): void {
    for (const name of [...this.#watched.keys()]) this.unwatch(name);
  }

  /** Watches the folder by that path: another one, where `moved`, or the inode tells. */
  async #lookInside(name: string, watched: Watched, moved = false): Promise<void> {
    await watched.looking.run(async () => {
      // A folder in it may go at any time.
      for (let tries = 1; !await this.#watchInside(name, watched, moved, tries === TRIES);) tries++;
    });
  }

  /** False when something in it has just gone, unless it is tried for the `last` time. */
  async #watchInside(
    name: string,
    watched: Watched,
    moved: boolean,
    last: boolean,
  ): Promise<boolean> {
    const { path, inside } = watched;
    const before = statOf(path);
    const folders = before?.isDirectory ? await foldersIn(path) : [];
    const same = inside && before?.ino === inside.ino && folders.join("\0") === inside.folders;
    if (same && !moved) return true;
    inside?.watcher.close();
    // The runtime takes a path for watched until then, and would go on with the folder that is gone.
    await inside?.ended;
    watched.inside = undefined;
    const stat = statOf(path);
    if (!stat?.isDirectory || this.#watched.get(name) !== watched) return true;
    try {
      if (folders.length > FOLDERS) throw new Error(`it has more than ${FOLDERS} folders`);
      const watcher = FOLLOWS_LINKS
        ? Deno.watchFs(folders, { recursive: false })
        : Deno.watchFs(path);
      const ended = this.#follow(name, watched, watcher);
      watched.inside = { watcher, ino: stat.ino, folders: folders.join("\0"), ended };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound && !last) return false;
      this.#cantWatch(name, error);
    }
    return true;
  }

  async #follow(
    name: string,
    watched: Watched,
    watcher: Deno.FsWatcher,
    onChange?: (event: Deno.FsEvent) => Promise<void>,
  ): Promise<void> {
    const { path } = watched;
    try {
      for await (const event of watcher) {
        const paths = event.paths.map((changed) => plainPath(changed));
        if (event.kind === "access" || !paths.some((one) => concerns(path, one))) continue;
        watched.reshaped ||= event.kind !== "modify";
        await onChange?.({ ...event, paths });
        this.#noticed(name, watched);
      }
    } catch (error) {
      log.warning("{name} is no longer watched: {why}", { name, why: messageOf(error) });
    }
  }

  #noticed(name: string, watched: Watched): void {
    if (this.#watched.get(name) !== watched) return;
    const now = performance.now();
    watched.since ??= now;
    clearTimeout(watched.timer);
    const wait = Math.max(0, Math.min(QUIET_MS, watched.since + LONGEST_MS - now));
    watched.timer = setTimeout(async () => {
      watched.since = undefined;
      const { reshaped, inside } = watched;
      watched.reshaped = false;
      // What came in a new folder before it was watched is seen by the look.
      if (FOLLOWS_LINKS && reshaped && inside) await this.#lookInside(name, watched);
      if (this.#watched.get(name) === watched) this.#onChange(name);
    }, wait);
  }

  /** Says so once for a share, however often it is tried. */
  #cantWatch(name: string, error: unknown): void {
    if (this.#failed.has(name)) return;
    this.#failed.add(name);
    log.warning("{name} can't be watched, so it is looked at each minute: {why}", {
      name,
      why: messageOf(error),
    });
  }
}

/** The folder at `path` and those in it, no link followed, but for Shoal's own; no more than are watched. */
async function foldersIn(path: string): Promise<string[]> {
  if (!FOLLOWS_LINKS) return [path];
  const folders = [path];
  for (const [index, folder] of folders.entries()) {
    if (index % YIELD_FOLDERS === 0) await yieldToEventLoop();
    try {
      for (const { name, isDirectory } of Deno.readDirSync(folder)) {
        if (isDirectory && !isOwn(name)) folders.push(pathIn(folder, name));
      }
    } catch {
      // It is gone, or private.
    }
    if (folders.length > FOLDERS) break;
  }
  return folders;
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/** True when a change at `changed` may be one of what is at `path`. */
function concerns(path: string, changed: string): boolean {
  return isInside(path, changed) && !changed.slice(path.length).split("/").some(isOwn);
}
