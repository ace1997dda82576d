/**
 * Writes docs/screenshots/transfer.svg, the picture in the README: a bootstrap and two peers run as real
 * processes, and what they print is drawn line by line (`deno task recording`).
 */
import { World, writeRandom } from "../tests/e2e/world.ts";

const SIZE = 64 << 20;
const CELL = { width: 7.6, height: 18 };
const COLUMNS = 96;
/** From one line to the next, in seconds. */
const PACE = 0.8;

interface Line {
  text: string;
  typed: boolean;
}

const lines: Line[] = [];
await using world = await World.create();

/** Paths and ports of this run say nothing to a reader. */
function plain(text: string): string {
  return text.replaceAll(`${world.root}/`, "").replaceAll(world.bootstrap, "meet.example:8000")
    .replace(/127\.0\.0\.1:\d+|\[::\]:\d+/g, "[::]:10000");
}

function typed(text: string): void {
  lines.push({ text: `$ ${text}`, typed: true });
}

function printed(text: string): void {
  for (const line of plain(text).trimEnd().split("\n")) lines.push({ text: line, typed: false });
}

const ann = await world.peer("ann");
await writeRandom(`${ann.dir}/video.mkv`, SIZE);
const bob = await world.folder("bob");
typed("shoal peer share video.mkv --dir ann");
printed((await world.run(ann.dir, ["share", "video.mkv"])).stdout);
typed("shoal peer list-files");
printed((await world.run(bob, ["list-files"])).stdout);
typed("shoal peer get video.mkv --dir bob");
printed((await world.run(bob, ["get", "video.mkv"])).stdout);
typed("shoal peer get video.mkv --dir bob");
printed((await world.run(bob, ["get", "video.mkv"])).stdout);

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const rows = lines.flatMap(({ text, typed }) =>
  Array.from({ length: Math.max(1, Math.ceil(text.length / COLUMNS)) }, (_, part) => ({
    text: text.slice(part * COLUMNS, (part + 1) * COLUMNS),
    typed,
  }))
);
const [width, height] = [COLUMNS * CELL.width + 32, rows.length * CELL.height + 36];
const drawn = rows.map(({ text, typed }, row) => {
  const at = `x="16" y="${row * CELL.height + 32}"`;
  const begins = `<animate attributeName="opacity" from="0" to="1" begin="${
    (row * PACE).toFixed(1)
  }s" dur="0.1s" fill="freeze"/>`;
  const style = typed ? ' class="typed"' : "";
  return `<text ${at}${style} xml:space="preserve" opacity="0">${escape(text)}${begins}</text>`;
});
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>A file is shared, found, fetched and found to be up to date</title>
<style>text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#c9d1d9}.typed{fill:#7ee787}</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${drawn.join("\n")}
</svg>
`;
await Deno.writeTextFile(new URL("../docs/screenshots/transfer.svg", import.meta.url), svg);
