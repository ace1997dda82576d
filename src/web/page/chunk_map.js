import { Canvas } from "./canvas.js";
import { html } from "./html.js";
import { usePolled } from "./polled.js";

/** How often the map of a download under way is asked for, in milliseconds. */
const EVERY_MS = 1_000;

/**
 * What of a download is there, in the order of the file: full cells are here; the others are the
 * paler the fewer sources have them, and hatched red where nobody does.
 */
export function ChunkMap({ id, name }) {
  const { value } = usePolled(`/api/downloads/map?id=${id}`, EVERY_MS);
  if (!value || value.cells === 0) return null;
  const { cells, have, sources } = value;
  const most = Math.max(1, ...sources);
  const whole = have.filter((percent) => percent === 100).length;
  const missing = have.filter((percent, at) => percent < 100 && sources[at] === 0).length;
  const rarest = Math.min(...sources.filter((_, at) => have[at] < 100), Infinity);
  const label = `${name}: ${whole} of ${cells} parts are here` +
    (missing > 0 ? `; nobody connected has ${missing} of the others` : "") +
    (missing === 0 && rarest < Infinity ? `; the rarest part has ${rarest} sources` : "");
  const draw = (context, { width, height, color }) => {
    const columns = Math.min(cells, Math.max(20, Math.floor(width / 7)));
    const lines = Math.ceil(cells / columns);
    const [w, h] = [width / columns, height / lines];
    const gap = w > 4 ? 1 : 0;
    for (let at = 0; at < cells; at++) {
      const [x, y] = [(at % columns) * w, Math.floor(at / columns) * h];
      const part = have[at] / 100;
      context.globalAlpha = sources[at] === 0 ? 0.55 : 0.25 + 0.5 * sources[at] / most;
      context.fillStyle = sources[at] === 0 ? color("bad") : color("rarity");
      context.fillRect(x, y, w - gap, h - gap);
      if (part === 0) continue;
      context.globalAlpha = 1;
      context.fillStyle = color("accent");
      context.fillRect(x, y + (1 - part) * (h - gap), w - gap, part * (h - gap));
    }
    context.globalAlpha = 1;
  };
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
