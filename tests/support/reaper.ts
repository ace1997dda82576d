/**
 * The process beside a test file (`run_folder.ts`): waits until the file is through, or its run was killed,
 * then ends the processes and removes the mounts and folders that are left. Its argument is the run's folder.
 */
import { isAlive } from "./is_alive.ts";
import type { Leftover } from "./run_folder.ts";

/** Time for a process to end in order, in milliseconds. */
const GRACE_MS = 5_000;
/** Between two looks at a process, in milliseconds. */
const LOOK_MS = 20;

async function reap(folder: string): Promise<void> {
  Deno.addSignalListener("SIGINT", () => {});
  for await (const _ of Deno.stdin.readable);
  const left = readNotes(`${folder}/.left`);
  await Promise.all(left.map((one) => one.kind === "process" ? endProcess(one.pid) : undefined));
  for (const one of left) {
    if (one.kind === "mount") await new Deno.Command("umount", { args: ["-l", one.path] }).output();
  }
  const folders = left.flatMap((one) => one.kind === "folder" ? [one.path] : []);
  for (const path of [...folders, folder]) {
    await Deno.remove(path, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

function readNotes(folder: string): Leftover[] {
  return Array.from(
    Deno.readDirSync(folder),
    ({ name }) => JSON.parse(Deno.readTextFileSync(`${folder}/${name}`)),
  );
}

async function endProcess(pid: number): Promise<void> {
  send(pid, "SIGTERM");
  for (const start = performance.now(); performance.now() - start < GRACE_MS;) {
    if (!isAlive(pid)) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  send(pid, "SIGKILL");
}

function send(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

if (import.meta.main) await reap(Deno.args[0]);
