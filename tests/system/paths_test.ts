import { assert, assertEquals } from "@std/assert";
import {
  absolutePath,
  currentFolder,
  isAbsolute,
  isInside,
  nameOf,
  nearest,
  parentOf,
  pathIn,
  plainPath,
  realPathSync,
  rootOf,
} from "../../src/system/paths.ts";

Deno.test("paths: on Windows, both slashes are one, and the prefix of long paths goes", () => {
  const table: [given: string, plain: string][] = [
    ["C:\\a\\b", "C:/a/b"],
    ["C:/a\\b", "C:/a/b"],
    ["\\\\?\\C:\\a", "C:/a"],
    ["\\\\?\\UNC\\server\\share\\a", "//server/share/a"],
    ["\\\\server\\share\\a", "//server/share/a"],
  ];
  for (const [given, plain] of table) {
    assertEquals(plainPath(given, "windows"), plain);
    assertEquals(plainPath(given, "linux"), given, "a backslash is a character elsewhere");
  }
});

Deno.test("paths: what is absolute, and the roots", () => {
  for (const path of ["\\x", "/x", "C:x", "C:\\x", "c:/x", "\\\\server\\x", "\\\\?\\C:\\x"]) {
    assert(isAbsolute(path, "windows"), path);
  }
  for (const path of ["x", "x/y", "x:y", "..", ""]) {
    assertEquals(isAbsolute(path, "windows"), path === "x:y", path);
    assertEquals(isAbsolute(path, "linux"), false, path);
  }
  assertEquals(rootOf("C:/a/b", "windows"), "C:/");
  assertEquals(rootOf("//server/share/a", "windows"), "//server/share/");
  assertEquals(rootOf("/a", "linux"), "/");
});

Deno.test("paths: going up ends at the root, and what is in it has a path", () => {
  const table: [path: string, up: string[], os: "windows" | "linux"][] = [
    ["/a/b", ["/a", "/", "/"], "linux"],
    ["C:/a/b", ["C:/a", "C:/", "C:/"], "windows"],
    ["//server/share/a", ["//server/share/", "//server/share/"], "windows"],
  ];
  for (const [path, up, os] of table) {
    let at = path;
    for (const above of up) {
      at = parentOf(at, os);
      assertEquals(at, above);
    }
    assertEquals(nameOf(at, os), "");
    assertEquals(parentOf(pathIn(at, "x"), os), at);
  }
  assertEquals(nameOf("/a/b", "linux"), "b");
  assertEquals(nameOf("C:/a", "windows"), "a");
  assertEquals(nearest("/a/b/c", (path) => path.length < 3), "/a");
  assertEquals(nearest("/a/b/c", () => false), "/");
});

Deno.test("paths: a folder whose name begins alike is outside", () => {
  assert(isInside("/a/b", "/a/b") && isInside("/a/b", "/a/b/c") && isInside("/", "/a"));
  assert(!isInside("/a/b", "/a/bc") && !isInside("/a/b", "/a") && !isInside("/a/b", "/"));
});

Deno.test("paths: relative ones begin at a folder, the current one unless one is given", () => {
  const here = currentFolder();
  assertEquals(absolutePath("x/../y"), pathIn(here, "y"));
  assertEquals(absolutePath("../y", pathIn(here, "z")), pathIn(here, "y"));
  assertEquals(absolutePath(here, "/elsewhere"), here);
  assertEquals(realPathSync("."), realPathSync(here));
});
