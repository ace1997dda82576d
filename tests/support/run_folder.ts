/**
 * Things of which a test file leaves nothing, however its run ends: temporary folders, processes,
 * mounts. They are noted in a folder, and a process beside the tests (`reaper.ts`) ends and removes
 * what is left once the file is through or its run was killed.
 */
const REAPER = new URL("./reaper.ts", import.meta.url);
/**
 * Longest that one test file may run, in minutes: the end of every wait that has no other.
 * `$SHOAL_TEST_MINUTES` is for longer runs.
 */
const FILE_MINUTES = Number(Deno.env.get("SHOAL_TEST_MINUTES") ?? 10);

/** A thing that outlives a test run unless it is seen to. */
export type Leftover =
  | { kind: "process"; pid: number }
  | { kind: "folder"; path: string }
  | { kind: "mount"; path: string };

/** The folder of this test file; undefined where no process may be started beside it, as when fuzzing. */
const FOLDER = startReaper();

// Deno names the file that it runs: of what only uses these helpers, such as a bench, nothing is known.
if (/_test\.ts$/.test(Deno.mainModule)) {
  const hangs = () => {
    throw new Error(`this test file hangs: it has run for ${FILE_MINUTES} minutes`);
  };
  Deno.unrefTimer(setTimeout(hangs, FILE_MINUTES * 60_000));
}

/** Notes a thing to be ended with this test file, until the function returned is called. */
export function note(leftover: Leftover): () => void {
  if (!FOLDER) return () => {};
  const path = `${FOLDER}/.left/${crypto.randomUUID()}`;
  Deno.writeTextFileSync(path, JSON.stringify(leftover));
  return () => Deno.removeSync(path);
}

/** Makes a temporary folder, whose path is absolute and free of links, and returns it. */
export async function makeTempFolder(dir = FOLDER): Promise<string> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "shoal-test-", dir }));
  if (dir !== FOLDER) note({ kind: "folder", path });
  return path;
}

function startReaper(): string | undefined {
  const command = Deno.execPath();
  if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") return undefined;
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "shoal-run-" }));
  Deno.mkdirSync(`${folder}/.left`);
  // Its standard input closes when this process ends, whatever ends it.
  const reaper = new Deno.Command(command, {
    args: ["run", "--quiet", "-A", "--no-config", "--no-lock", "--no-check", REAPER.href, folder],
    stdin: "piped",
    stdout: "null",
    stderr: "inherit",
    // A Ctrl-C at the terminal is for the tests; this one cleans up after them.
    detached: Deno.build.os !== "windows",
  }).spawn();
  reaper.unref();
  return folder;
}
