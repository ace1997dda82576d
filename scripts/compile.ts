/**
 * Compiles the program: `deno task compile` for this machine, `deno task compile:all` for every target.
 * Each permission, engine flag and embedded file of the program is said here alone; the tasks that run
 * it from source are compared with this by tests/house/compile_test.ts.
 */

/** What the program needs, compiled or run from source. */
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
  "--lock=compile.lock",
  "--no-check",
  "--no-code-cache",
  "--include=src/store/disk/disk_worker.ts",
  "--include=src/web/ui",
];

/** The names of the binaries and what the compiler calls their systems. */
export const TARGETS = {
  "shoal-linux-x64": "x86_64-unknown-linux-gnu",
  "shoal-linux-arm64": "aarch64-unknown-linux-gnu",
  "shoal-macos-x64": "x86_64-apple-darwin",
  "shoal-macos-arm64": "aarch64-apple-darwin",
  "shoal-windows-x64": "x86_64-pc-windows-msvc",
} as const;

/** The words after `deno compile` for dist/NAME. Without `target`, the binary is for this machine. */
export function compileWords(name: string, target?: string): string[] {
  const cross = target === undefined ? [] : [`--target=${target}`];
  return [...ONLY_COMPILED, ...PERMISSIONS, ENGINE, ...cross, `--output=dist/${name}`, "main.ts"];
}

/** Compiles one binary. `$SHOAL_DENO_COMPILE` names a program that stands in for `deno compile`. */
async function compile(words: string[]): Promise<boolean> {
  const other = Deno.env.get("SHOAL_DENO_COMPILE");
  const [program, args] = other ? [other, words] : [Deno.execPath(), ["compile", ...words]];
  const { success } = await new Deno.Command(program, { args }).spawn().status;
  return success;
}

if (import.meta.main) {
  const binaries = Deno.args.includes("--all") ? Object.entries(TARGETS) : [["shoal"]];
  for (const [name, target] of binaries) {
    if (!await compile(compileWords(name, target))) Deno.exit(1);
  }
}
