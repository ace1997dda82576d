import { Canvas } from "../kit/canvas.js";
import { count } from "../kit/format.js";
import { html } from "../kit/html.js";

/**
 * The map of a download, in the order of the file: full cells are here; the others are the paler
 * the fewer sources have them, and red without a source.
 */
export function ChunkMap({ value, name }) {
  if (!value || value.cells === 0) return null;
  const { cells, have, sources } = value;
  const whole = have.filter((percent) => percent === 100).length;
  const missing = have.filter((percent, at) => percent < 100 && sources[at] === 0).length;
  const rarest = Math.min(...sources.filter((_, at) => have[at] < 100), Infinity);
  const label = `${name}: ${whole} of ${cells} parts are here` +
    (missing > 0 ? `; no connected source has ${missing} of the others` : "") +
    (missing === 0 && rarest < Infinity ? `; the rarest part has ${count(rarest, "source")}` : "");
  const draw = (context, place) => drawMap(context, value, place);
  return html`
    <figure class="map" data-whole=${whole} data-cells=${cells}>
      <${Canvas} className="chunks" data=${value} draw=${draw} label=${label} />
      <figcaption class="dim legend">
        <span><i class="here"></i>here</span>
        <span><i class="common"></i>many sources</span>
        <span><i class="rare"></i>few sources</span>
        <span><i class="nobody"></i>no source</span>
      </figcaption>
    </figure>
  `;
}

/** Paints the cells that aren't as they were `before`. */
function drawMap(context, { cells, have, sources }, { width, height, color, before }) {
  const columns = Math.min(cells, Math.max(20, Math.floor(width / 7)));
  const lines = Math.ceil(cells / columns);
  const gap = width / columns > 4 ? 1 : 0;
  const left = (column) => Math.round(column * width / columns);
  const upper = (line) => Math.round(line * height / lines);
  const most = mostOf(sources);
  const same = before?.cells === cells && mostOf(before.sources) === most;
  if (!same) context.clearRect(0, 0, width, height);
  for (let at = 0; at < cells; at++) {
    if (same && before.have[at] === have[at] && before.sources[at] === sources[at]) continue;
    const [column, line] = [at % columns, Math.floor(at / columns)];
    const [x, y] = [left(column), upper(line)];
    const [w, h] = [left(column + 1) - x - gap, upper(line + 1) - y - gap];
    const full = Math.round(h * have[at] / 100);
    if (same) context.clearRect(x, y, w, h);
    context.globalAlpha = sources[at] === 0 ? 0.55 : 0.25 + 0.5 * sources[at] / most;
    context.fillStyle = sources[at] === 0 ? color("bad") : color("rarity");
    context.fillRect(x, y, w, h - full);
    context.globalAlpha = 1;
    context.fillStyle = color("accent");
    context.fillRect(x, y + h - full, w, full);
  }
  context.globalAlpha = 1;
}

/** The number that counts as many: one source alone never does. */
const mostOf = (sources) => Math.max(2, ...sources);
