import { useEffect, useRef, useState } from "preact/hooks";
import { exactSize, formatSize } from "./format.js";
import { html } from "./html.js";
import { status } from "./live.js";
import { tellError } from "./toasts.js";
import { dismissUpload, filesOfDrop, shareFiles, sharePath, uploads } from "./uploads.js";

/** Ways to share: drop files anywhere, choose them, or name a path on the peer's machine. */
export function SharePanel() {
  const chooser = useRef(null);
  const [naming, setNaming] = useState(false);
  const over = useDrop();
  return html`
    <div class="share">
      <button class="primary" onClick=${() => chooser.current.click()}>Share files…</button>
      <input
        ref=${chooser}
        type="file"
        multiple
        hidden
        aria-label="Choose files to share"
        onChange=${(event) => {
          shareFiles([...event.target.files].map((file) => ({ name: file.name, file })));
          event.target.value = "";
        }}
      />
      <button aria-expanded=${naming} onClick=${() => setNaming(!naming)}>Share by path…</button>
      <span class="dim hint">or drop files anywhere on this page</span>
      ${naming && html`<${PathForm} onDone=${() => setNaming(false)} />`}
    </div>
    ${over && html`
      <div class="drop" aria-hidden="true">
        <p>Drop to share</p>
      </div>
    `}
    ${uploads.value.length > 0 && html`<ul class="uploads" aria-label="Being shared">
      ${uploads.value.map((one) => html`<${Upload} key=${one.key} upload=${one} />`)}
    </ul>`}
  `;
}

/** True while files are held over the page. What is dropped is shared. */
function useDrop() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hasFiles = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
    const listeners = {
      dragenter: (event) => hasFiles(event) && setOver(++depth > 0),
      dragleave: (event) => hasFiles(event) && setOver(--depth > 0),
      dragover: (event) => hasFiles(event) && event.preventDefault(),
      async drop(event) {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setOver((depth = 0) > 0);
        try {
          shareFiles(await filesOfDrop(event.dataTransfer));
        } catch (error) {
          tellError(new Error(`The browser could not read what was dropped: ${error.message}`));
        }
      },
    };
    for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener);
    };
  }, []);
  return over;
}

function PathForm({ onDone }) {
  const [path, setPath] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    if (await sharePath(path.trim())) onDone();
  };
  return html`
    <form class="path" onSubmit=${submit}>
      <label
        for="share-path">A path on the peer’s machine, absolute or below ${status.value?.dir ??
          "the shared folder"}. The file is shared where it lies.</label>
      <div class="line">
        <input id="share-path" required autofocus value=${path} onInput=${(event) =>
          setPath(event.target.value)} />
        <button class="primary">Share it</button>
      </div>
    </form>
  `;
}

const PHASES = { waiting: "waiting", sending: "sending", hashing: "hashing", failed: "failed" };

function Upload({ upload: { key, name, size, sent, hashed, phase, error, file } }) {
  const done = phase === "hashing" ? hashed : sent ?? 0;
  const again = () => {
    dismissUpload(key);
    shareFiles([{ name, file }]);
  };
  return html`
    <li class=${phase === "failed" ? "card failed" : "card"}>
      <div class="line">
        <span class="text grow" title=${name}>${name}</span>
        <span class="dim" title=${exactSize(size)}>
          ${PHASES[phase]} ${formatSize(done)} of ${formatSize(size)}
        </span>
        ${phase === "failed" && html`<button onClick=${again}>Try again</button>`}
        <button aria-label=${`${phase === "failed" ? "Dismiss" : "Stop"} ${name}`} onClick=${() =>
          dismissUpload(key)}>${phase === "failed" ? "Dismiss" : "Stop"}</button>
      </div>
      ${phase === "failed"
        ? html`<p role="alert">${error}</p>`
        : html`<progress aria-label=${`${phase} ${name}`} max=${
          Math.max(1, size)
        } value=${done}></progress>`}
    </li>
  `;
}
