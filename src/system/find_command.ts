import { isAbsolute, PATH_DELIMITER } from "./paths.ts";

/**
 * The absolute path of a command: itself when it has one, or else the first executable file of that name
 * in $PATH. Undefined when there is none. Folders of $PATH that aren't absolute are passed over, since what
 * lies in the current folder may be foreign.
 */
export function findCommand(command: string): string | undefined {
  if (/[/\\]/.test(command)) return isExecutable(command) ? command : undefined;
  const folders = (Deno.env.get("PATH") ?? "").split(PATH_DELIMITER).filter((one) =>
    isAbsolute(one)
  );
  return folders.map((folder) => `${folder}/${command}`).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
