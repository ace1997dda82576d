/** What stands after an option, or as the words of a command. */
export type Value = "none" | "file" | "folder" | "text" | readonly string[];

export interface CompletedOption {
  /** `-o`, where it has one. */
  short?: string;
  /** `--output`. */
  long: string;
  description: string;
  value: Value;
}

/** What can follow one command. */
export interface CompletedCommand {
  /** `shoal peer get`. */
  path: string;
  commands: { name: string; description: string }[];
  options: CompletedOption[];
  words: Value;
}
