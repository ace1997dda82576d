import { note } from "./run_folder.ts";

/** Longest that a program may run, in milliseconds. */
const RUN_MS = 120_000;

/** Runs a program to its end, and returns what it wrote and its exit code. */
export async function outputOf(
  command: string,
  options: Deno.CommandOptions,
): Promise<Deno.CommandOutput> {
  const child = new Deno.Command(command, { stdout: "piped", stderr: "piped", ...options }).spawn();
  const forget = note({ kind: "process", pid: child.pid });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, RUN_MS);
  try {
    const output = await child.output();
    if (late) throw new Error(`${command} ran for more than ${RUN_MS / 1000} seconds`);
    return output;
  } finally {
    clearTimeout(timer);
    forget();
  }
}
