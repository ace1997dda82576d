/** The shells that can be taught to complete the command line. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;
export type ShellName = typeof SHELLS[number];
