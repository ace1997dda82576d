import type { World } from "./world.ts";

/** True where a test may mount file systems. */
export const CAN_MOUNT = await canMount();
/** Shown in a test's name, since it is the reason for which one is ignored. */
export const NEEDS = CAN_MOUNT ? "" : " (ignored: it takes root and mount)";

/** A file system of its own, in memory. */
export class MountedDisk {
  readonly path: string;
  readonly #size: number;
  #mounted = true;

  private constructor(path: string, size: number) {
    this.path = path;
    this.#size = size;
  }

  static async mount(world: World, size: number): Promise<MountedDisk> {
    const path = await world.folder(`disk ${size}`);
    const disk = new MountedDisk(path, size);
    await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "shoal-test", path);
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

  /** Takes it away, whoever uses it. */
  async unmount(): Promise<void> {
    this.#mounted = false;
    await run("umount", "-l", this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#mounted) await this.unmount();
  }
}

async function canMount(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const path = await Deno.makeTempDir({ prefix: "shoal-e2e-" });
  try {
    await run("mount", "-t", "tmpfs", "-o", "size=65536", "shoal-test", path);
    await run("umount", path);
    return true;
  } catch {
    return false;
  } finally {
    await Deno.remove(path);
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}
