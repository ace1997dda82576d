/** A setting and its value, or a comment. */
export type UnitLine = readonly [name: string, value: string] | `# ${string}`;

/** A unit: its file name, and its sections in order. */
export interface Unit {
  name: string;
  sections: Record<string, UnitLine[]>;
}

/** A unit as systemd reads it. */
export function unitText({ sections }: Unit): string {
  return Object.entries(sections).map(([section, lines]) =>
    [`[${section}]`, ...lines.map((line) => typeof line === "string" ? line : line.join("="))]
      .join("\n")
  ).join("\n\n") + "\n";
}
