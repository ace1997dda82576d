import { Canvas } from "./canvas.js";
import { formatRate } from "./format.js";
import { html } from "./html.js";
import { usePolled } from "./polled.js";

/** How often the history is asked for: each of its numbers stands for a second. */
const EVERY_MS = 1_000;
/** Least rate that fills the plot, in bytes per second, so that a trickle doesn't look like a flood. */
const LEAST = 16 * 1024;

/** Rates up and down over the last minutes. */
export function RatePlot() {
  const { value } = usePolled("/api/history", EVERY_MS);
  if (!value) return html`<div class="plot" role="status"></div>`;
  const { up, down, interval } = value;
  const top = niceTop(Math.max(LEAST, ...up, ...down) / interval);
  const seconds = up.length * interval;
  const now = { up: (up.at(-1) ?? 0) / interval, down: (down.at(-1) ?? 0) / interval };
  const label = `Rates of the last ${Math.round(seconds / 60)} minutes: now ` +
    `${formatRate(now.down)} down, ${formatRate(now.up)} up`;
  const draw = (context, { width, height, color }) => {
    context.strokeStyle = color("line");
    context.lineWidth = 1;
    for (const part of [0.5, 1, 0]) {
      const y = Math.min(height - 0.5, Math.max(0.5, Math.round(height * part) + 0.5));
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(width, y);
      context.stroke();
    }
    for (const [series, name] of [[up, "up"], [down, "accent"]]) {
      context.beginPath();
      series.forEach((bytes, at) => {
        const x = at / Math.max(1, series.length - 1) * width;
        context.lineTo(x, height - 1 - bytes / interval / top * (height - 4));
      });
      context.strokeStyle = color(name);
      context.lineWidth = 1.75;
      context.lineJoin = "round";
      context.stroke();
      context.lineTo(width, height);
      context.lineTo(0, height);
      context.globalAlpha = 0.12;
      context.fillStyle = color(name);
      context.fill();
      context.globalAlpha = 1;
    }
  };
  return html`
    <figure class="plot">
      <figcaption>
        <span class="down">↓ ${formatRate(now.down)}</span>
        <span class="up">↑ ${formatRate(now.up)}</span>
        <span class="dim">last ${Math.round(seconds / 60)} min · top ${formatRate(top)}</span>
      </figcaption>
      <${Canvas} className="rates" data=${value} draw=${draw} label=${label} />
    </figure>
  `;
}

/** The next 1, 2 or 5 times a power of 1024 or ten of it. */
function niceTop(rate) {
  const unit = 1024 ** Math.max(0, Math.floor(Math.log2(rate) / 10));
  for (const factor of [1, 2, 5, 10, 20, 50, 100, 200, 500]) {
    if (rate <= factor * unit) return factor * unit;
  }
  return 1024 * unit;
}
