import htm from "htm";
import { h } from "preact";
import { safeText } from "./safe_text.js";

/** Attributes that people read. Others, such as addresses and values of fields, are left as they are. */
const READ = ["title", "aria-label", "alt", "placeholder"];

/** Templates to elements. Values in them become text or properties, never markup. */
export const html = /** @type {any} */ (htm).bind((type, props, ...children) => {
  return h(type, typeof type === "string" ? readable(props) : props, ...children.map(shown));
});

function shown(child) {
  if (Array.isArray(child)) return child.map(shown);
  return typeof child === "string" ? safeText(child) : child;
}

function readable(props) {
  const safe = { ...props };
  for (const name of READ) if (typeof safe[name] === "string") safe[name] = safeText(safe[name]);
  return safe;
}
