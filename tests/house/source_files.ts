/** The repository: where `main.ts` lies. */
const ROOT = new URL("../../", import.meta.url);

/** All modules of the project, as POSIX paths from the repository's root, with their texts. */
export async function* sourceFiles(
  folders = ["src", "tests", "bench", "scripts"],
): AsyncGenerator<{ path: string; text: string }> {
  for (const folder of folders) {
    for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
      const path = `${folder}/${name}`;
      if (isDirectory) yield* sourceFiles([path]);
      else if (/\.[jt]s$/.test(name)) {
        yield { path, text: await Deno.readTextFile(new URL(path, ROOT)) };
      }
    }
  }
}
