import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { Fault, inQuotes, messageOf } from "../../fault.ts";
import { within } from "../../async/deadline.ts";
import { writeError } from "../output/output.ts";
import { absolutePath, isAbsolute, PATH_DELIMITER } from "../../system/paths.ts";

/** Time for output that is still in the pipe when a command has ended, in milliseconds. */
const OUTPUT_GRACE_MS = 1_000;
/** Time for a command that was asked to end, in milliseconds. */
const KILL_AFTER_MS = 5_000;

const windows = Deno.build.os === "windows";

/** Values for a command, by the names of their variables. Undefined ones are left out. */
export type HookValues = Record<`SHOAL_${string}`, string | number | undefined>;

/**
 * Throws a `hook` Fault when a command can't be found: before anything is done that it was to follow.
 * A path is looked for from `cwd`, a bare name in `$PATH`.
 */
export async function requireCommand(
  option: string,
  [name = ""]: string[],
  cwd: string,
): Promise<void> {
  const isPath = isAbsolute(name) || /[/\\]/.test(name);
  const folders = isPath ? [cwd] : (Deno.env.get("PATH") ?? "").split(PATH_DELIMITER);
  const endings = windows ? ["", ...(Deno.env.get("PATHEXT") ?? ".EXE;.CMD").split(";")] : [""];
  for (const folder of folders) {
    for (const ending of endings) {
      if (await isExecutable(absolutePath(name + ending, absolutePath(folder, cwd)))) return;
    }
  }
  throw new Fault("hook", `Cannot run ${option} ${inQuotes(name)}: there is no such command`, {
    next: "see to the command, and run it again: nothing was fetched",
  });
}

/**
 * Runs a command without a shell, in `cwd`; its output goes to standard error. It gets some values
 * in its environment, which is this process's own without the variables in `without`: a `shoal`
 * that it runs is another one. It is over when the command itself has ended, whatever that left in the
 * background. Throws a `hook` Fault when it can't be started or fails, a `deadline` Fault when it was
 * ended at `deadline`, by performance.now(), and the signal's reason.
 */
export async function runHook(
  option: string,
  [name = "", ...args]: string[],
  { cwd, signal, deadline, values, without }: {
    cwd: string;
    signal: AbortSignal;
    deadline?: number | undefined;
    values: HookValues;
    without: string[];
  },
): Promise<void> {
  const env = Deno.env.toObject();
  for (const variable of without) delete env[variable];
  for (const [variable, value] of Object.entries(values)) {
    // A variable can't contain a zero.
    if (value !== undefined) env[variable] = String(value).replaceAll("\0", "");
  }
  const cannot = `Cannot run ${option} ${inQuotes(name)}`;
  const piped = { stdin: "null", stdout: "piped", stderr: "inherit" } as const;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(name, { args, cwd, env, clearEnv: true, ...piped }).spawn();
  } catch (cause) {
    throw new Fault("hook", `${cannot}: ${messageOf(cause)}`, { cause });
  }
  const kill = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch {
      // It has ended by itself.
    }
  };
  const timers: ReturnType<typeof setTimeout>[] = [];
  const end = () => {
    kill("SIGTERM");
    timers.push(setTimeout(kill, KILL_AFTER_MS, "SIGKILL"));
  };
  let isLate = false;
  signal.addEventListener("abort", end);
  if (deadline !== undefined) {
    timers.push(
      setTimeout(() => (isLate = true, end()), Math.max(0, deadline - performance.now())),
    );
  }
  try {
    if (signal.aborted) end();
    const output = child.stdout.getReader();
    const shown = toStandardError(output);
    const status = await child.status;
    // What it left in the background may hold the pipe for ever.
    await within(shown, OUTPUT_GRACE_MS);
    await output.cancel();
    signal.throwIfAborted();
    if (isLate) throw new Fault("deadline", `${option} ${name} was ended: the deadline passed`);
    if (status.success) return;
    const how = status.signal ? `ended by ${status.signal}` : `ended with exit code ${status.code}`;
    throw new Fault("hook", `${option} failed: ${name} ${how}`);
  } finally {
    signal.removeEventListener("abort", end);
    for (const timer of timers) clearTimeout(timer);
  }
}

/** Line by line, as it comes: standard output is for results. */
async function toStandardError(output: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await output.read();
    if (done) break;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) writeError(line);
  }
  if (rest) writeError(rest);
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isFile()) return false;
    if (!windows) await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
