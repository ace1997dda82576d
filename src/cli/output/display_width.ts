import stringWidth from "string-width";

const graphemes = new Intl.Segmenter();

/** The columns that text takes on a terminal: wide characters count as two, combined ones as one. */
export function displayWidth(text: string): number {
  return stringWidth(text);
}

/** Text cut to so many columns, with `end` in place of what is missing where there is room for that. */
export function cutToWidth(text: string, columns: number, end: string): string {
  if (displayWidth(text) <= columns) return text;
  let kept = "";
  let room = columns - displayWidth(end);
  if (room < 0) return "";
  for (const { segment } of graphemes.segment(text)) {
    room -= displayWidth(segment);
    if (room < 0) break;
    kept += segment;
  }
  return kept + end;
}
