import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { html } from "./html.js";

/**
 * @typedef {object} Place
 * @property {boolean} shown
 * @property {{ width: number, height: number, scale: number }} [size]
 * @property {Record<string, string>} [colors]
 * @property {{ data: any }} [painted]
 */

/**
 * A picture that fills its place, painted anew when `data` is another: `draw` gets the context, and
 * `{width, height, color, before}`: its size in CSS pixels, a way to read the theme's colours, and the
 * data that is painted there already, undefined when the place is empty. One that is out of sight waits. `label`
 * says the same in words.
 */
export function Canvas({ data, draw, label, className }) {
  const element = useRef(null);
  const place = useRef(/** @type {Place} */ ({ shown: true }));
  const paint = () => {
    const canvas = element.current;
    const { shown, size, colors, painted } = place.current;
    if (!shown || !size || !canvas) return;
    const { width, height, scale } = size;
    const context = canvas.getContext("2d");
    if (!painted) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      context.setTransform(scale, 0, 0, scale, 0, 0);
    }
    const color = (name) => colors[name] ??= colorOf(canvas, name);
    draw(context, { width, height, color, before: painted?.data });
    place.current.painted = { data };
  };
  const latest = useRef(paint);
  latest.current = paint;
  // Before the browser paints, so that it goes with the words around it.
  useLayoutEffect(paint, [data]);
  useEffect(() => {
    const again = () => {
      // The canvas may be gone before its observer knows.
      if (!element.current) return;
      const { width, height } = element.current.getBoundingClientRect();
      const size = { width, height, scale: devicePixelRatio || 1 };
      Object.assign(place.current, { size, colors: {}, painted: undefined });
      latest.current();
    };
    const resized = new ResizeObserver(again);
    const seen = new IntersectionObserver(([{ isIntersecting }]) => {
      place.current.shown = isIntersecting;
      latest.current();
    });
    const themed = new MutationObserver(again);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    resized.observe(element.current);
    seen.observe(element.current);
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    scheme.addEventListener("change", again);
    return () => {
      for (const observer of [resized, seen, themed]) observer.disconnect();
      scheme.removeEventListener("change", again);
    };
  }, []);
  return html`
    <canvas ref=${element} class=${className} role="img" aria-label=${label}
      title=${label}></canvas>
  `;
}

function colorOf(element, name) {
  return getComputedStyle(element).getPropertyValue(`--${name}`).trim();
}
