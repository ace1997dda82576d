/**
 * Files for the browser: the page's own, and the libraries straight from their npm packages. The
 * imports below make the packages' files part of the program.
 */
import "@preact/signals";
import "@preact/signals-core";
import "htm";
import "preact";
import "preact/hooks";
import { createHash } from "node:crypto";

/** The libraries of the page by the names of imports, and where the browser finds them. */
export const LIBRARIES: Record<string, string> = {
  "@preact/signals": "/lib/signals.js",
  "@preact/signals-core": "/lib/signals-core.js",
  "htm": "/lib/htm.js",
  "preact": "/lib/preact.js",
  "preact/hooks": "/lib/hooks.js",
};

const TYPES: Record<string, string> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

export interface Asset {
  body: Uint8Array<ArrayBuffer>;
  type: string;
  etag: string;
}

/** The files of the page by their paths, `/index.html` among them. */
export async function loadUiAssets(): Promise<Map<string, Asset>> {
  const assets = new Map<string, Asset>();
  const folder = new URL("ui/", import.meta.url);
  await Promise.all([
    ...(await namesIn(folder)).map(async (name) => {
      assets.set(
        `/${name}`,
        assetOf(name, withoutComments(await Deno.readTextFile(new URL(name, folder)))),
      );
    }),
    ...Object.entries(LIBRARIES).map(async ([name, path]) => {
      const text = await Deno.readTextFile(new URL(import.meta.resolve(name)));
      assets.set(path, assetOf(path, text.replace(/\/\/# sourceMappingURL=\S+\s*$/, "")));
    }),
  ]);
  return assets;
}

/** The page's own files below a folder, relative to it. What a browser has no use for is left out. */
async function namesIn(folder: URL, prefix = ""): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(prefix, folder))) {
    if (isDirectory) names.push(...await namesIn(folder, `${prefix}${name}/`));
    else if (TYPES[extensionOf(name)]) names.push(prefix + name);
  }
  return names;
}

function extensionOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

function assetOf(name: string, text: string): Asset {
  const type = TYPES[extensionOf(name)] ?? "application/octet-stream";
  const body = new TextEncoder().encode(name.endsWith(".js") ? withPaths(text) : text);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { body, type, etag };
}

/** The text without comments on lines of their own, a seventh of what is sent of the page. */
function withoutComments(text: string): string {
  return text.replace(/^[ \t]*(?:\/\*(?:(?!\*\/)[^])*\*\/|\/\/.*)[ \t]*\n/gm, "");
}

/** Browsers take bare names only from an import map, which would be an inline script. */
function withPaths(module: string): string {
  return module.replace(
    /(\bfrom\s*|\bimport\s*)"([^"./][^"]*)"/g,
    (whole, before, name) => LIBRARIES[name] ? `${before}"${LIBRARIES[name]}"` : whole,
  );
}
