const GAP = "  ";

/** Parts of a report on as few lines as `columns` allow; on one where that is undefined. */
export function joinedParts(parts: readonly string[], columns = Infinity): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const joined = lines.length > 0 ? `${lines.at(-1)}${GAP}${part}` : part;
    if (lines.length > 0 && joined.length <= columns) lines[lines.length - 1] = joined;
    else lines.push(part);
  }
  return lines;
}
