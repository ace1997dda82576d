const MIB = 1 << 20;

/** Changes to a file of 8 MiB behind the back of its reader. */
export const changes: Record<string, (path: string) => void> = {
  "grows": (path) => Deno.writeFileSync(path, new Uint8Array(1), { append: true }),
  "shrinks": (path) => Deno.truncateSync(path, 7 * MIB),
  "is emptied": (path) => Deno.truncateSync(path, 0),
  "is written to": (path) => {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array([1]));
  },
  "is touched": (path) => Deno.utimeSync(path, 1, 1),
  "is removed": (path) => Deno.removeSync(path),
  "is replaced": (path) => {
    Deno.copyFileSync(path, `${path}.new`);
    Deno.renameSync(`${path}.new`, path);
  },
};
