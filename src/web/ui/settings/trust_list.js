import { useEffect, useState } from "preact/hooks";
import { askJson } from "../api.js";
import { exactTime, formatAge, shortId } from "../kit/format.js";
import { html } from "../kit/html.js";
import { Table } from "../kit/table.js";
import { tell, tellError } from "../kit/toasts.js";

/** The trusted publishers by name, since when, and how to forget one. */
export function TrustList() {
  const [entries, setEntries] = useState(/** @type {any[] | undefined} */ (undefined));
  const load = () => askJson("GET", "/api/v1/trust").then(setEntries, tellError);
  useEffect(() => void load(), []);
  const forget = async (name) => {
    try {
      await askJson("DELETE", `/api/v1/trust?name=${encodeURIComponent(name)}`);
      tell(`The publisher of ${name} is forgotten: the next one is taken for it.`);
    } catch (error) {
      tellError(error);
    }
    await load();
  };
  if (!entries) return null;
  if (entries.length === 0) return html`<p>No trusted publishers yet.</p>`;
  return html`
    <${Table} label="Trusted publishers" heads=${[
      "Name",
      "Publisher",
      "Since",
      "How",
      html`<span class="hidden">Actions</span>`,
    ]} rows=${entries.map(({ name, publisher, how, since }) =>
      html`
        <tr key=${name}>
          <td class="text" title=${name}>${name}</td>
          <td><code title=${publisher}>${shortId(publisher)}</code></td>
          <td title=${exactTime(since)}>${formatAge(since)}</td>
          <td>${how === "first" ? "with the first file" : "accepted"}</td>
          <td><button type="button" aria-label=${`Forget the publisher of ${name}`} onClick=${() =>
            forget(name)}>Forget</button></td>
        </tr>
      `
    )} />
  `;
}
