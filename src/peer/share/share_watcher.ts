import { getLogger } from "@logtape/logtape";
import { messageOf } from "../../fault.ts";
import { isOwn } from "../../content/tree_path.ts";
import { isInside, parentOf, plainPath } from "../../system/paths.ts";

const log = getLogger(["shoal", "peer", "watcher"]);

/** Time without a change before changes are looked at, in milliseconds. */
const QUIET_MS = 250;
/** Time after the first change, where something changes all the time, in milliseconds. */
const LONGEST_MS = 2_000;

interface Watched {
  path: string;
  /** Of the folder that it lies in: tells when another file or folder takes its place. */
  around: Deno.FsWatcher;
  /** Of all in the folder that it is, and which folder that is. */
  inside?: { watcher: Deno.FsWatcher; ino: number | null; ended: Promise<void> };
  /** The time of the first change that was not looked at, by performance.now(). */
  since?: number;
  timer?: ReturnType<typeof setTimeout>;
}

/** Notices changes of shared files and folders as they happen, where the system tells of them. */
export class ShareWatcher {
  readonly #onChange: (name: string) => void;
  readonly #watched = new Map<string, Watched>();

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
        around: Deno.watchFs(parentOf(path), { recursive: false }),
      };
      this.#watched.set(name, watched);
      if (isFolder) void this.#lookInside(name, watched);
      void this.#follow(name, watched, watched.around, async ({ kind, paths }) => {
        if (!isFolder || !paths.includes(path)) return;
        await this.#lookInside(name, watched, kind !== "modify");
      });
    } catch (error) {
      cantWatch(name, error);
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

  /** Watches what is in the folder by that path: another one, where `moved`, or the inode tells. */
  async #lookInside(name: string, watched: Watched, moved = false): Promise<void> {
    const { path, inside } = watched;
    const before = statOf(path);
    if (inside && !moved && before?.ino === inside.ino) return;
    inside?.watcher.close();
    // The runtime takes a path for watched until then, and would go on with the folder that is gone.
    await inside?.ended;
    watched.inside = undefined;
    const stat = statOf(path);
    if (!stat?.isDirectory || this.#watched.get(name) !== watched) return;
    try {
      const watcher = Deno.watchFs(path);
      watched.inside = { watcher, ino: stat.ino, ended: this.#follow(name, watched, watcher) };
    } catch (error) {
      cantWatch(name, error);
    }
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
    watched.timer = setTimeout(() => {
      watched.since = undefined;
      this.#onChange(name);
    }, wait);
  }
}

function cantWatch(name: string, error: unknown): void {
  log.warning("{name} can't be watched, so it is looked at each minute: {why}", {
    ...{ name, why: messageOf(error) },
  });
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
