/** A message whose line is exactly `length` bytes long, newline included. */
export function lineOf(length: number): string {
  const empty = JSON.stringify({ action: "x", pad: "" }).length + 1;
  return JSON.stringify({ action: "x", pad: "p".repeat(length - empty) }) + "\n";
}
