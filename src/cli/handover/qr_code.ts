/**
 * A QR code for a terminal: two rows of it in a line, dark on light whatever the terminal's colours
 * are, since many readers take no other.
 */
export async function qrCode(text: string): Promise<string> {
  const { encode } = await import("uqr");
  const { size, data } = encode(text, { border: 2 });
  const lines: string[] = [];
  for (let row = 0; row < size; row += 2) {
    let line = "";
    for (let column = 0; column < size; column++) {
      const upper = data[row]![column];
      const lower = data[row + 1]?.[column];
      line += upper ? lower ? "█" : "▀" : lower ? "▄" : " ";
    }
    lines.push(`\x1b[30;107m${line}\x1b[0m`);
  }
  return lines.join("\n");
}
