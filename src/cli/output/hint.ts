/**
 * The place that a command in a hint is typed at: in the shell of a peer its words alone do, elsewhere
 * they stand after `shoal peer` and the options that lead to the same peer and swarm.
 */
export type HintPlace = "shell" | readonly string[];

/** The place where hints of this process are read, but for those of its shell. */
let here: HintPlace = [];

export function setHintPlace(place: HintPlace): void {
  here = place;
}

/** Adapts the commands in a hint to the place where it is read. Help is the same everywhere. */
export function placeHint(hint: string, place = here): string {
  if (hint.includes("--help")) return hint;
  if (place === "shell") return hint.replace(/\bshoal peer (?=[a-z])/g, "");
  if (place.length === 0) return hint;
  const words = place.map(shellWord).join(" ");
  return hint.replace(/\bshoal peer\b/g, (command) => `${command} ${words}`);
}

/** A word as a POSIX shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
