import { getLogger } from "@logtape/logtape";
import { messageOf } from "../fault.ts";
import { isOwn } from "../content/tree_path.ts";
import { isInside } from "../store/safe_path.ts";

const log = getLogger(["shoal", "peer", "watcher"]);

/** How long nothing must change before changes are looked at, in milliseconds. */
const QUIET_MS = 250;
/** Where something changes all the time, how long after the first change, in milliseconds. */
const LONGEST_MS = 2_000;

interface Watched {
  watcher: Deno.FsWatcher;
  /** When the first change that was not looked at came, by performance.now(). */
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
      // A file that is replaced is another one by the same name: its folder tells of that.
      const watcher = isFolder
        ? Deno.watchFs(path)
        : Deno.watchFs(path.replace(/\/[^/]*$/, "") || "/", { recursive: false });
      const watched = { watcher };
      this.#watched.set(name, watched);
      void this.#follow(name, watched, path);
    } catch (error) {
      log.warning("{name} can't be watched, so it is looked at each minute: {why}", {
        ...{ name, why: messageOf(error) },
      });
    }
  }

  unwatch(name: string): void {
    const watched = this.#watched.get(name);
    this.#watched.delete(name);
    if (!watched) return;
    clearTimeout(watched.timer);
    watched.watcher.close();
  }

  close(): void {
    for (const name of [...this.#watched.keys()]) this.unwatch(name);
  }

  async #follow(name: string, watched: Watched, path: string): Promise<void> {
    try {
      for await (const { kind, paths } of watched.watcher) {
        if (kind === "access" || !paths.some((one) => concerns(path, one))) continue;
        this.#noticed(name, watched);
      }
    } catch (error) {
      log.warning("{name} is no longer watched: {why}", { name, why: messageOf(error) });
    }
  }

  #noticed(name: string, watched: Watched): void {
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

/** True when a change at `changed` may be one of what is at `path`. */
function concerns(path: string, changed: string): boolean {
  return isInside(path, changed) && !changed.slice(path.length).split("/").some(isOwn);
}
