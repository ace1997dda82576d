/** Ticks of the kernel's clock in a second, as Linux tells them to programs (proc(5)). */
const TICKS = 100;

/** Processor seconds that processes have used. Linux; one that is gone counts nothing. */
export async function cpuSeconds(pids: number[]): Promise<number> {
  const all = await Promise.all(pids.map(statOf));
  return all.reduce((sum, stat) => sum + (stat?.ticks ?? 0), 0) / TICKS;
}

/** The processes that a process has begun, and those that they have, whose name has `word` in it. */
export async function processesUnder(root: number, word: string): Promise<number[]> {
  const stats = new Map<number, Stat>();
  for await (const { name } of Deno.readDir("/proc")) {
    const stat = /^\d+$/.test(name) ? await statOf(Number(name)) : undefined;
    if (stat) stats.set(Number(name), stat);
  }
  const isUnder = (pid: number): boolean => {
    const parent = stats.get(pid)?.parent ?? 0;
    return parent === root || parent > 1 && isUnder(parent);
  };
  return [...stats].filter(([pid, { name }]) => name.includes(word) && isUnder(pid))
    .map(([pid]) => pid);
}

interface Stat {
  name: string;
  parent: number;
  ticks: number;
}

async function statOf(pid: number): Promise<Stat | undefined> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  if (text === undefined) return;
  // The name stands in parentheses, and may have some itself.
  const [open, close] = [text.indexOf("("), text.lastIndexOf(")")];
  const fields = text.slice(close + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { name: text.slice(open + 1, close), parent: Number(fields[1]), ticks };
}
