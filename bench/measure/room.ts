import { timedRun } from "./timed_run.ts";

/** Memory that is left to the programs, in bytes. */
const SPARE = 1024 ** 3;

/**
 * The folder that everything is measured in: a tmpfs of its own where this process may mount one and
 * there is memory for it, otherwise the temporary folder. While it is open, `$TMPDIR` names it, so
 * that this process and those it starts put their temporary files there.
 */
export class Room implements AsyncDisposable {
  readonly path: string;
  /** The kind of file system, for the head of the table. */
  readonly kind: string;
  readonly #mounted: boolean;
  readonly #before = Deno.env.get("TMPDIR");

  private constructor(path: string, reason?: string) {
    this.path = path;
    this.#mounted = reason === undefined;
    this.kind = reason === undefined ? "tmpfs" : `a folder on disk, not tmpfs: ${reason}`;
    Deno.env.set("TMPDIR", path);
  }

  /** A room for files of that many bytes together. */
  static async open(bytes: number): Promise<Room> {
    const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "shoal-bench-" }));
    return new Room(path, await mount(path, bytes));
  }

  /** Unmounts it, even where something still holds a file open, and removes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", this.#before);
    if (this.#mounted && !await succeeds("umount", this.path)) {
      await succeeds("umount", "-l", this.path);
    }
    await Deno.remove(this.path, { recursive: true });
  }
}

/** The reason why no tmpfs could be mounted; undefined when it could. */
async function mount(path: string, bytes: number): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "there is none on this system";
  if (Deno.uid() !== 0) return "only root can mount one";
  if (Deno.systemMemoryInfo().available < bytes + SPARE) return "too little memory is free";
  try {
    await timedRun(["mount", "-t", "tmpfs", "-o", `size=${bytes},mode=0700`, "shoal-bench", path]);
  } catch (error) {
    return (error as Error).message;
  }
}

/** Runs a command regardless of interrupts. */
async function succeeds(command: string, ...args: string[]): Promise<boolean> {
  const { success } = await new Deno.Command(command, { args, stdout: "null", stderr: "null" })
    .output();
  return success;
}
