import { interrupted } from "./interrupt.ts";

/** A process that hasn't ended by then is ended, in milliseconds. */
export const LIMIT_MS = 60_000;

/** Thrown when a tool isn't on this machine. */
export class NotInstalled extends Error {
  override readonly name = "NotInstalled";
}

export interface TimedRun {
  /** From start to exit. */
  seconds: number;
  stdout: string;
}

/** Runs a command to its end. Throws when it fails, or takes longer than `limitMs` milliseconds. */
export async function timedRun(words: string[], limitMs = LIMIT_MS): Promise<TimedRun> {
  interrupted.throwIfAborted();
  const [command, ...args] = words;
  const start = performance.now();
  const child = new Deno.Command(command, {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child, "SIGKILL");
  }, limitMs);
  const end = () => kill(child, "SIGKILL");
  interrupted.addEventListener("abort", end);
  try {
    const [[status, seconds], stdout, stderr] = await Promise.all([
      child.status.then((status) => [status, (performance.now() - start) / 1000] as const),
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    interrupted.throwIfAborted();
    if (late) throw new Error(`${command} did not end within ${limitMs / 1000} s`);
    if (!status.success) {
      const said = (stderr.trim() || stdout.trim()).split("\n").at(-1);
      throw new Error(`${command} ended with ${status.code}: ${said}`);
    }
    return { seconds, stdout };
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener("abort", end);
  }
}

/** The path of an installed program; looks where servers live, too. Throws {@link NotInstalled}. */
export async function findTool(name: string): Promise<string> {
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  for (const folder of [...folders, "/usr/sbin", "/usr/local/sbin"]) {
    const path = `${folder}/${name}`;
    if ((await Deno.stat(path).catch(() => undefined))?.isFile) return path;
  }
  throw new NotInstalled(`${name} is not installed`);
}

/** Sends a signal to a process; harmless when it has ended. */
export function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It ended by itself.
  }
}
