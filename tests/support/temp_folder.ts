import { makeTempFolder } from "./run_folder.ts";

/** A folder of a test's own, gone at its end. Its path is absolute and free of links. */
export class TempFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** `parent` is an existing folder; by default the system's for temporary files. */
  static async create(parent?: string): Promise<TempFolder> {
    return new TempFolder(await makeTempFolder(parent));
  }

  /** The path of something in the folder. */
  at(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Writes a file and the folders above it, and returns its path. */
  async write(name: string, content: Uint8Array | string): Promise<string> {
    const path = this.at(name);
    await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeFile(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    return path;
  }

  async mkdir(name: string): Promise<string> {
    await Deno.mkdir(this.at(name), { recursive: true });
    return this.at(name);
  }

  /** Names of all files and folders in it, at any depth, sorted. */
  list(): string[] {
    const names: string[] = [];
    const walk = (prefix: string) => {
      for (const entry of Deno.readDirSync(this.at(prefix))) {
        names.push(prefix + entry.name);
        if (entry.isDirectory) walk(`${prefix}${entry.name}/`);
      }
    };
    walk("");
    return names.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
