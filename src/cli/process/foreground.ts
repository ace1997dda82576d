import { anyOf } from "../../async/any_of.ts";
import { Condition } from "../../async/condition.ts";

/** Between two looks from the background, in milliseconds: each runs another program. */
const LOOK_MS = 3_000;

/**
 * Resolves once this process may read its terminal: the system stops one in the background that tries, or
 * that changes the terminal's mode. Resolves too when the signal aborts.
 */
export async function untilForeground(signal: AbortSignal): Promise<void> {
  if (Deno.build.os === "windows") return;
  const continued = new Condition();
  const over = new AbortController();
  const ends = anyOf(signal, over.signal);
  const listener = () => continued.notifyAll();
  // `fg` and `bg` send it to what was stopped. `fg` of what runs tells it nothing, hence the time limit.
  Deno.addSignalListener("SIGCONT", listener);
  try {
    for (;;) {
      const waited = continued.waitFor(LOOK_MS, ends).catch(() => {});
      if (signal.aborted || await isInForeground()) return;
      await waited;
    }
  } finally {
    over.abort();
    Deno.removeSignalListener("SIGCONT", listener);
  }
}

/** True where the terminal belongs to this process's group, and where the system does not tell. */
async function isInForeground(): Promise<boolean> {
  // The runtime keeps this program itself out of /proc.
  const [command, ...args] = Deno.build.os === "linux"
    ? ["cat", `/proc/${Deno.pid}/stat`]
    : ["ps", "-o", "pgid=,tpgid=", "-p", `${Deno.pid}`];
  try {
    const { stdout } = await new Deno.Command(command!, { args, stdin: "null" }).output();
    const text = new TextDecoder().decode(stdout);
    // After the name, which may have blanks: state, parent, group, session, terminal, its group (proc(5)).
    const fields = text.slice(text.lastIndexOf(")") + 1).trim().split(/\s+/);
    const [group, foreground] = Deno.build.os === "linux" ? [fields[2], fields[5]] : fields;
    return group === foreground || foreground === undefined;
  } catch {
    return true;
  }
}
