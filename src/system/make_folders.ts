import { absolutePath, parentOf } from "./paths.ts";
import { syncFolder } from "./sync_folder.ts";

/**
 * Makes a folder, and those above it that are missing. The names of all of them are durable when this
 * returns: what is synced in a folder is of no use where the folder's own name is lost. Mode bits are
 * less the umask. Throws as the file system does.
 */
export function makeFolders(path: string, { mode = 0o777 } = {}): void {
  const missing: string[] = [];
  for (let at = absolutePath(path); !isThere(at); at = parentOf(at)) missing.push(at);
  Deno.mkdirSync(path, { recursive: true, mode });
  for (const made of missing.reverse()) syncFolder(parentOf(made));
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
