/** In bytes. */
const FILE_SIZE = 4_096;
/** Files in one folder of the tree. */
const PER_FOLDER = 100;

/** Writes a tree of so many random files of 4 KiB, a hundred to a folder. */
export async function writeTree(tree: string, files: number): Promise<void> {
  const content = new Uint8Array(FILE_SIZE);
  for (let file = 0; file < files; file++) {
    const folder = `${tree}/${Math.floor(file / PER_FOLDER)}`;
    if (file % PER_FOLDER === 0) await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(`${folder}/${file}`, crypto.getRandomValues(content));
  }
}
