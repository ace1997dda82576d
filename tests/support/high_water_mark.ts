/**
 * The largest resident set that a running process ever had, in bytes; undefined where the system doesn't
 * tell. It is read by another program: Deno keeps /proc from its own.
 */
export async function highWaterMark(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const grep = new Deno.Command("grep", { args: ["VmHWM", `/proc/${pid}/status`] });
  const stdout = new TextDecoder().decode((await grep.output()).stdout);
  const kib = stdout.match(/(\d+) kB/)?.[1];
  if (kib === undefined) throw new Error(`Cannot read the memory of process ${pid}: ${stdout}`);
  return Number(kib) * 1024;
}
