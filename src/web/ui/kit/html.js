import htm from "htm";
import { h } from "preact";

/** Templates to elements. Values in them become text or properties, never markup. */
export const html = htm.bind(h);
