import { foldName } from "../../content/safe_path.ts";

/**
 * Finds an entry in `dir` under a name that differs from `name` in case or Unicode form alone: some
 * disks can't hold both, and there a write to one would hit the other. Looked for on every disk, so
 * that a folder can be moved to any.
 *
 * Returns its path relative to `dir`; undefined when there is none, or `name` itself is there too.
 * Folders that can't be listed are passed over.
 */
export async function findCaseCollision(dir: string, name: string): Promise<string | undefined> {
  let found = [""];
  for (const part of name.split("/")) {
    const below = found.map((above) => likeIn(dir, above, foldName(part)));
    found = (await Promise.all(below)).flat();
  }
  if (found.includes(name)) return undefined;
  const [collision] = found;
  // HFS+ keeps names decomposed, and finds them composed: then it is the name itself.
  const itself = collision?.normalize("NFC") === name &&
    await Deno.lstat(`${dir}/${name}`).catch(() => undefined);
  return itself ? undefined : collision;
}

/** The entries of a folder of `dir` whose names fold to `folded`. */
async function likeIn(dir: string, above: string, folded: string): Promise<string[]> {
  const like: string[] = [];
  try {
    for await (const { name } of Deno.readDir(`${dir}/${above}`)) {
      if (foldName(name) === folded) like.push(above === "" ? name : `${above}/${name}`);
    }
  } catch {
    // It may be a file, or private.
  }
  return like;
}
