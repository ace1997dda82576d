import { note } from "../support/run_folder.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { isRoot, lacking, noLinux } from "../support/tools.ts";
import type { World } from "./world.ts";
import { outputOf } from "../support/output_of.ts";

/** The reason why a test can't mount file systems here. */
export const noMount = await whyNoMount();

/** A file system of its own, in memory. */
export class MountedDisk {
  readonly path: string;
  readonly #size: number;
  readonly #forget: () => void;
  #mounted = true;

  private constructor(path: string, size: number) {
    this.path = path;
    this.#size = size;
    this.#forget = note({ kind: "mount", path });
  }

  static async mount(world: World, size: number, name = `disk ${size}`): Promise<MountedDisk> {
    const path = await world.folder(name);
    const disk = new MountedDisk(path, size);
    await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "shoal-test", path);
    return disk;
  }

  /** One in memory that does not tell its room: 0 of 0. */
  static async mountRamfs(world: World): Promise<MountedDisk> {
    const path = await world.folder("ramfs");
    const disk = new MountedDisk(path, 0);
    await run("mount", "-t", "ramfs", "shoal-test", path);
    return disk;
  }

  /** Another name of a file or folder, which is made if need be. */
  static async bind(real: string, path: string): Promise<MountedDisk> {
    if ((await Deno.stat(real)).isFile) await Deno.writeTextFile(path, "");
    const disk = new MountedDisk(path, 0);
    await run("mount", "--bind", real, path);
    return disk;
  }

  /** `ro` or `rw`. */
  async remount(mode: string): Promise<void> {
    await run("mount", "-o", `remount,${mode},size=${this.#size}`, this.path);
  }

  /** Takes all the room there is. */
  async fill(): Promise<void> {
    using file = await Deno.open(`${this.path}/filler`, { write: true, create: true });
    const block = new Uint8Array(65_536);
    for (let size = block.length; size > 0; size = size > 4_096 ? 4_096 : 0) {
      try {
        for (;;) await file.write(block.subarray(0, size));
      } catch {
        // That is what it was for.
      }
    }
  }

  /** Unmounts it, even while it is in use. */
  async unmount(): Promise<void> {
    this.#mounted = false;
    await run("umount", "-l", this.path);
    this.#forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#mounted) await this.unmount();
  }
}

async function whyNoMount(): Promise<string | undefined> {
  if (noLinux || !isRoot) return noLinux ?? "it takes root";
  const missing = lacking("mount", "umount");
  if (missing) return missing;
  await using folder = await TempFolder.create();
  try {
    await run("mount", "-t", "tmpfs", "-o", "size=65536", "shoal-test", folder.path);
    await run("umount", folder.path);
  } catch (error) {
    return `root may not mount here: ${error instanceof Error ? error.message.trim() : error}`;
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await outputOf(command, { args });
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}
