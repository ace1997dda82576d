/** Paths of the system pass through one module: src/system/paths.ts. */
import { assert } from "@std/assert";
import { sourceFiles } from "./source_files.ts";

const MODULE = "src/system/paths.ts";

const RULES: [pattern: RegExp, instead: string, allowed?: string[]][] = [
  [/\bDeno\.realPath/, "realPath"],
  [/\brealpath(Sync)?\(/, "realPath"],
  [/\b(readlink|readLink)(Sync)?\(/, "linkTarget"],
  [/\bDeno\.cwd\(/, "currentFolder"],
  [/"node:path/, "absolutePath, parentOf, nameOf, isAbsolute"],
  [/\.startsWith\("\/"\)/, "isAbsolute", [
    // A link's target in a manifest, which is the same on every system.
    "src/store/tree/walk_tree.ts",
  ]],
  [/\[A-Za-z\]:\[/, "isAbsolute", [
    // What can be no name anywhere.
    "src/content/safe_path.ts",
  ]],
];

Deno.test("paths: what the system says of them passes through one module", async () => {
  for await (const { path, text } of sourceFiles(["src"])) {
    if (path === MODULE || path.startsWith("src/web/ui/")) continue;
    for (const [pattern, instead, allowed = []] of RULES) {
      if (allowed.includes(path)) continue;
      assert(!pattern.test(text), `${path} has ${pattern}: ${instead} of ${MODULE} does it`);
    }
  }
});

Deno.test("files: what is read is opened by openRegularFile, so never a pipe or a device", async () => {
  const reads = /\bDeno\.read(Text)?File|\breadFile(Sync)?\(|openSync\([^)]*, "r"\)/;
  const allowed = [
    "src/system/sync_folder.ts",
    // The program's own modules, and what the kernel shows.
    "src/web/ui_assets.ts",
    "src/peer/doctor/check_limits.ts",
  ];
  for await (const { path, text } of sourceFiles(["src"])) {
    if (allowed.includes(path) || path.startsWith("src/web/ui/")) continue;
    assert(!reads.test(text), `${path} has ${reads}: src/system/open_regular.ts does it`);
  }
});
