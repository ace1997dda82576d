import { kill } from "node:process";

/** True while a process runs; one that has ended and that its parent has not asked after is not alive. */
export function isAlive(pid: number): boolean {
  try {
    kill(pid, 0);
    if (Deno.build.os !== "linux") return true;
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^\s*[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 1));
  } catch {
    return false;
  }
}
