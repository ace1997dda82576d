import { dirname, join } from "node:path/posix";
import { sourceFiles } from "./source_files.ts";

/** The repository: where `main.ts` lies. */
const ROOT = new URL("../../", import.meta.url);
/** The module that a static, type-only or dynamic import names, relative to the importing file. */
const IMPORT = /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*)["'](\.[^"']+)["']/g;

/** The modules under `src/` and what each imports, all as POSIX paths from the repository's root. */
export async function readImports(): Promise<Map<string, string[]>> {
  const imports = new Map<string, string[]>();
  for await (const { path: file, text } of sourceFiles(["src"])) {
    if (!file.endsWith(".ts")) continue;
    const named = [...text.matchAll(IMPORT)].map(([, path]) => join(dirname(file), path));
    imports.set(file, [...new Set(named)]);
  }
  return imports;
}

/** The number of files in each folder under `src/`, by its path. */
export async function countFiles(folder = "src"): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let files = 0;
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (!isDirectory) files++;
    else for (const [path, n] of await countFiles(`${folder}/${name}`)) counts.set(path, n);
  }
  return counts.set(folder, files);
}

export function readDoc(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, ROOT));
}
