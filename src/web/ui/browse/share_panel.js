import { useEffect, useRef, useState } from "preact/hooks";
import { count, exactSize, formatSize } from "../kit/format.js";
import { html } from "../kit/html.js";
import { jobs, jobsMoved, status } from "../live.js";
import {
  dismissUploads,
  groupsOfChosen,
  isGoing,
  shareFiles,
  sharePath,
  uploads,
} from "./uploads.js";

/** Most that are shown of what is being shared: those under way, those that failed, and the next ones. */
const SHOWN = 20;

/** Ways to share: drop files anywhere, choose them, or name a path on the peer's machine. */
export function SharePanel() {
  const chooser = useRef(null);
  const folderChooser = useRef(null);
  const choose = (event) => {
    for (const { files, folder } of groupsOfChosen(event.target.files)) shareFiles(files, folder);
    event.target.value = "";
  };
  const [naming, setNaming] = useState(false);
  return html`
    <div class="share">
      <button class="primary" onClick=${() => chooser.current.click()}>Share files…</button>
      <input
        ref=${chooser}
        type="file"
        multiple
        hidden
        aria-label="Choose files to share"
        onChange=${choose}
      />
      <button onClick=${() => folderChooser.current.click()}>Share a folder…</button>
      <input
        ref=${folderChooser}
        type="file"
        webkitdirectory
        hidden
        aria-label="Choose a folder to share"
        onChange=${choose}
      />
      <button aria-expanded=${naming} onClick=${() => setNaming(!naming)}>Share by path…</button>
      <span class="dim hint">or drop files anywhere on this page</span>
      ${naming && html`<${PathForm} onDone=${() => setNaming(false)} />`}
    </div>
    <${Uploads} />
  `;
}

function PathForm({ onDone }) {
  const [path, setPath] = useState("");
  const field = useRef(null);
  useEffect(() => field.current.focus(), []);
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
        <input id="share-path" ref=${field} required maxlength="4096" value=${path}
          onInput=${(event) => setPath(event.target.value)} />
        <button class="primary">Share it</button>
      </div>
    </form>
  `;
}

function Uploads() {
  const all = uploads.value;
  if (all.length === 0) return null;
  const waits = ({ phase }) => phase === "waiting";
  const shown = [...all.filter((one) => !waits(one)), ...all.filter(waits)].slice(0, SHOWN);
  return html`
    <div class="uploads">
      ${all.length > 1 && html`
        <div class="line">
          <span class="dim grow">${summary(all)}</span>
          <button onClick=${() => dismissUploads(all.map(({ key }) => key))}>${all.some(isGoing)
            ? "Stop all"
            : "Dismiss all"}</button>
        </div>
      `}
      <ul aria-label="Being shared">
        ${shown.map((one) => html`<${Upload} key=${one.key} upload=${one} />`)}
      </ul>
    </div>
  `;
}

function summary(all) {
  const going = all.filter(isGoing).length;
  const failed = all.length - going;
  return [
    going > 0 && `${count(going, "file")} ${going === 1 ? "is" : "are"} being shared`,
    failed > 0 && `${count(failed, "file")} failed`,
    all.length > SHOWN && `${SHOWN} are listed`,
  ].filter(Boolean).join("; ");
}

const PHASES = { waiting: "waiting", sending: "sending", hashing: "hashing", failed: "failed" };

function Upload({ upload }) {
  void jobsMoved.value;
  const { hashed, size } = { ...upload, ...jobs.get(upload.job)?.progress };
  const { key, name, sent, phase, error, file } = upload;
  const done = phase === "hashing" ? hashed : sent ?? 0;
  const again = () => {
    dismissUploads([key]);
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
          dismissUploads([key])}>${phase === "failed" ? "Dismiss" : "Stop"}</button>
      </div>
      ${phase === "failed"
        ? html`<p role="alert">${error}</p>`
        : html`<progress aria-label=${`${phase} ${name}`} max=${
          Math.max(1, size)
        } value=${done}></progress>`}
    </li>
  `;
}
