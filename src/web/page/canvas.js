import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.js";

/**
 * A picture of `data` that fills its place: `draw` gets the context, its width and height in CSS
 * pixels, and a way to read the theme's colours. It is drawn anew when `data` is another. `label` says
 * the same in words.
 */
export function Canvas({ data, draw, label, className }) {
  const element = useRef(null);
  const paint = useRef(null);
  paint.current = () => {
    const canvas = element.current;
    const { width, height } = canvas.getBoundingClientRect();
    const scale = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== w) canvas.width = w;
    if (canvas.height !== h) canvas.height = h;
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    draw(context, { width, height, color: (name) => style.getPropertyValue(`--${name}`).trim() });
  };
  useEffect(() => paint.current(), [data]);
  useEffect(() => {
    const observer = new ResizeObserver(() => paint.current());
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return html`
    <canvas ref=${element} class=${className} role="img" aria-label=${label}
      title=${label}></canvas>
  `;
}
