import { Canvas } from "../kit/canvas.js";
import { formatRate } from "../kit/format.js";
import { html } from "../kit/html.js";
import { ratesMoved, ratesOf, SECONDS } from "./rates.js";

/** Least rate that fills the plot, in bytes per second, so that a trickle doesn't look like a flood. */
const LEAST = 16 * 1024;

/** Rates up and down over the last minutes. */
export function RatePlot() {
  const moved = ratesMoved.value;
  const [up, down] = [ratesOf("up"), ratesOf("down")];
  const top = niceTop(Math.max(LEAST, ...up, ...down));
  const now = { up: up.at(-1), down: down.at(-1) };
  const span = `last ${SECONDS / 60} min`;
  const label = `Rates of the last ${SECONDS / 60} minutes: now ` +
    `${formatRate(now.down)} down, ${formatRate(now.up)} up`;
  const draw = (context, { width, height, color }) => {
    context.clearRect(0, 0, width, height);
    context.strokeStyle = color("line");
    context.lineWidth = 1;
    for (const part of [0.5, 1, 0]) {
      const y = Math.min(height - 0.5, Math.max(0.5, Math.round(height * part) + 0.5));
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(width, y);
      context.stroke();
    }
    for (const { series, name } of [{ series: up, name: "up" }, { series: down, name: "accent" }]) {
      context.beginPath();
      series.forEach((bytes, at) => {
        const x = at / (SECONDS - 1) * width;
        context.lineTo(x, height - 1 - bytes / top * (height - 4));
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
        <span class="dim">${span} · top ${formatRate(top)}</span>
      </figcaption>
      <${Canvas} className="rates" data=${moved} draw=${draw} label=${label} />
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
