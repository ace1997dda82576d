import fs from "node:fs";

/**
 * Gives a file the rights that its owner gave to the one at `replaced`, if there is one: what only its
 * owner could read stays so, from the moment it is in its place. Setuid, setgid and sticky bits never
 * travel. Throws as the file system does.
 */
export function keepMode(
  path: string,
  replaced: string,
  { executable }: { executable?: boolean } = {},
): void {
  if (Deno.build.os === "windows") return;
  const old = fs.lstatSync(replaced, { throwIfNoEntry: false });
  if (!old?.isFile()) return;
  const mode = old.mode & 0o777;
  fs.chmodSync(path, executable === undefined ? mode : withExecutable(mode, executable));
}

/** Adds the right to execute for everyone with the right to read, or removes it for all. */
export function withExecutable(mode: number, executable: boolean): number {
  return executable ? mode | (mode & 0o444) >> 2 : mode & ~0o111;
}
