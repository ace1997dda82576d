/**
 * Compiles the program: `deno task compile` for this machine, `deno task compile:all` for every target.
 * Each permission, engine flag and embedded file of the program is said here alone; the tasks that run
 * it from source are compared with this by tests/house/compile_test.ts.
 */
import config from "../deno.json" with { type: "json" };
import { LIBRARIES } from "../src/web/ui_assets.ts";

/** The permissions of the program, compiled or run from source. */
export const PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-run",
];

/** Flags of V8, with the reasons in docs/architecture.md. */
export const ENGINE = "--v8-flags=--max-semi-space-size=2,--initial-old-space-size=16,--expose-gc";

const ONLY_COMPILED = [
  "--config=deno.json",
  "--no-lock",
  "--no-check",
  "--no-code-cache",
  "--include=disk_worker.ts",
  "--include=ui",
  "--include=lib",
];

const DIST = `${import.meta.dirname}/../dist`;

/** The names of the binaries and what the compiler calls their systems. */
export const TARGETS = {
  "shoal-linux-x64": "x86_64-unknown-linux-gnu",
  "shoal-linux-arm64": "aarch64-unknown-linux-gnu",
  "shoal-macos-x64": "x86_64-apple-darwin",
  "shoal-macos-arm64": "aarch64-apple-darwin",
  "shoal-windows-x64": "x86_64-pc-windows-msvc",
} as const;

/**
 * The words after `deno compile`, in the folder of the bundle, for dist/NAME. Without `target`, the
 * binary is for this machine.
 */
export function compileWords(name: string, target?: string): string[] {
  const cross = target === undefined ? [] : [`--target=${target}`];
  return [
    ...ONLY_COMPILED,
    ...PERMISSIONS,
    ENGINE,
    ...cross,
    `--output=${DIST}/${name}`,
    "main.js",
  ];
}

/**
 * Bundles the program into a folder: few modules, packages included, beside the files that it
 * reads. A binary of some hundred modules takes a third more processor time to start and 15 MB more
 * memory and is 10 MB larger. Modules that are imported when they are needed stay files of their
 * own; names and lines stay as they are, for readers of a stack trace.
 */
async function bundle(folder: string): Promise<void> {
  const words = ["bundle", "--quiet", "--platform=deno"];
  await run(Deno.execPath(), [...words, "--code-splitting", `--outdir=${folder}`, "main.ts"]);
  // A worker is found by its file's name; the runtime takes JavaScript for TypeScript.
  const worker = "src/store/disk/disk_worker.ts";
  await run(Deno.execPath(), [...words, `--output=${folder}/disk_worker.ts`, worker]);
  await copyFolder("src/web/ui", `${folder}/ui`);
  await Deno.mkdir(`${folder}/lib`);
  const imports: Record<string, string> = {};
  for (const [name, path] of Object.entries(LIBRARIES)) {
    await Deno.copyFile(new URL(import.meta.resolve(name)), folder + path);
    imports[name] = `.${path}`;
  }
  const commit = await commitOf();
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".js") || commit === undefined) continue;
    const text = await Deno.readTextFile(`${folder}/${name}`);
    if (!text.includes('"@COMMIT@"')) continue;
    await Deno.writeTextFile(`${folder}/${name}`, text.replace('"@COMMIT@"', `"${commit}"`));
  }
  const { unstable } = config;
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports, unstable }));
}

/** The commit that is checked out, with `-dirty` where files differ from it; undefined without git. */
async function commitOf(): Promise<string | undefined> {
  const git = async (...args: string[]) => {
    const { success, stdout } = await new Deno.Command("git", { args, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  };
  try {
    const commit = await git("rev-parse", "HEAD");
    const changes = await git("status", "--porcelain", "--untracked-files=no");
    return commit && changes ? `${commit}-dirty` : commit;
  } catch {
    // There is no git here.
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    await (isDirectory ? copyFolder : Deno.copyFile)(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Compiles what was bundled. `$SHOAL_DENO_COMPILE` names a program that stands in for `deno compile`. */
async function compile(folder: string, words: string[]): Promise<void> {
  const other = Deno.env.get("SHOAL_DENO_COMPILE");
  if (other) await run(other, words, folder);
  else await run(Deno.execPath(), ["compile", ...words], folder);
}

/** Runs a program to its end. Throws if it fails. */
async function run(program: string, args: string[], cwd?: string): Promise<void> {
  const { success, code } = await new Deno.Command(program, { args, cwd }).spawn().status;
  if (!success) throw new Error(`${program} ended with ${code}`);
}

/** Gives all files below a folder one time, so that the same sources make the same binary. */
async function settleTimes(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await settleTimes(`${folder}/${name}`);
    else await Deno.utime(`${folder}/${name}`, 0, 0);
  }
}

/**
 * Makes binaries in dist/, each by its name and target; without a target, for this machine.
 * `onFailure` hears of one that can't be compiled, and the others follow; by default it throws.
 */
export async function makeBinaries(
  binaries: readonly (readonly [name: string, target?: string])[],
  onFailure = (error: Error): void => {
    throw error;
  },
): Promise<void> {
  await withBundle(async (folder) => {
    for (const [name, target] of binaries) {
      await compile(folder, compileWords(name, target)).catch(onFailure);
    }
  });
}

/** Bundles the program into a folder for as long as something is done with it. */
export async function withBundle(use: (folder: string) => Promise<void>): Promise<void> {
  // Elsewhere than in the checkout, whose configuration the compiler would take.
  const folder = await Deno.makeTempDir({ prefix: "shoal-compile-" });
  try {
    await bundle(folder);
    await settleTimes(folder);
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  await makeBinaries(Deno.args.includes("--all") ? Object.entries(TARGETS) : [["shoal"]]);
}
