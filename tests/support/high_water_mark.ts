/** The largest resident set that a running process ever had, in bytes; undefined where the system doesn't tell. */
export async function highWaterMark(pid: number): Promise<number | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const status = await readStatus(pid);
  const kib = status.match(/VmHWM:\s*(\d+) kB/)?.[1];
  if (kib === undefined) throw new Error(`Cannot read the memory of process ${pid}: ${status}`);
  return Number(kib) * 1024;
}

async function readStatus(pid: number): Promise<string> {
  const path = `/proc/${pid}/status`;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    // Deno keeps /proc from programs that may not do everything, as a bench.
    const grep = new Deno.Command("grep", { args: ["VmHWM", path] });
    return new TextDecoder().decode((await grep.output()).stdout);
  }
}
