import config from "../../deno.json" with { type: "json" };
import { LIBRARIES } from "../../src/web/ui_assets.ts";
import { ENGINE, PERMISSIONS } from "../compile.ts";
import { type ArchiveFile, tarGz } from "./tar.ts";

/** The Deno that the package runs on: the one that Shoal is developed with. */
export const NPM_DENO = "2.9.6";

/** The worker, as the bundle names it: the compiler wants it as TypeScript. */
const WORKER = "disk_worker.ts";

const encoder = new TextEncoder();
const ROOT = new URL("../../", import.meta.url);

/**
 * The npm package, as `npm pack` would write it: the bundled modules in `folder`, and a launcher that
 * runs them on the `deno` package.
 */
export async function npmPackage(
  folder: string,
  { version, seconds }: { version: string; seconds: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));
  const text = (path: string, content: string, executable = false) => ({
    path: `package/${path}`,
    bytes: encoder.encode(content),
    executable,
  });
  const launcher = await read("packaging/npm/shoal.cjs");
  const flags = JSON.stringify([...PERMISSIONS, ENGINE]);
  const about = {
    ...{ name: "shoal", version },
    description: "Share files between machines, peer to peer, each byte verified",
    license: "MIT",
    type: "module",
    bin: { shoal: "bin/shoal.cjs" },
    engines: { node: ">=18" },
    dependencies: { deno: NPM_DENO, ...ofPage() },
  };
  const files: ArchiveFile[] = [
    text("package.json", JSON.stringify(about, null, 2) + "\n"),
    text("README.md", await read("packaging/npm/README.md")),
    text("LICENSE", await read("LICENSE")),
    text("bin/shoal.cjs", launcher.replace('["@FLAGS@"]', flags), true),
  ];
  for await (const path of filesIn(folder)) {
    const bytes = await Deno.readFile(`${folder}/${path}`);
    if (!path.endsWith(".js") && path !== WORKER) files.push({ path: `package/${path}`, bytes });
    else {
      // Packages may have no TypeScript, and the bundle has none but for that name.
      const content = new TextDecoder().decode(bytes).replaceAll(WORKER, "disk_worker.js");
      files.push(text(path === WORKER ? "disk_worker.js" : path, content));
    }
  }
  return await tarGz(files, seconds);
}

/** The packages that the page is made of: their files are found by the names of these. */
function ofPage(): Record<string, string> {
  const imports: Record<string, string> = config.imports;
  return Object.fromEntries(
    Object.keys(LIBRARIES).map((name) => /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)/.exec(imports[name])!)
      .map(([, name, version]) => [name, version]),
  );
}

/** The paths of all files below a folder, relative to it. */
async function* filesIn(folder: string, prefix = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${prefix}`)) {
    if (isDirectory) yield* filesIn(folder, `${prefix}${name}/`);
    else yield prefix + name;
  }
}
