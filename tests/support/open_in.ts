/** Number of files in `folder` that this process has open. */
export function openIn(folder: string): number {
  let open = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(`${folder}/`)) open++;
    } catch {
      // Closed meanwhile.
    }
  }
  return open;
}
