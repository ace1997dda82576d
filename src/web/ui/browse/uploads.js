import { signal } from "@preact/signals";
import { askJson, startJob, upload } from "../api.js";
import { askInDialog, confirm } from "../kit/dialog.js";
import { count } from "../kit/format.js";
import { html } from "../kit/html.js";
import { failureText } from "../kit/sentences.js";
import { status } from "../live.js";
import { tell, tellError } from "../kit/toasts.js";

/** Files that are on their way to the peer, or failed to get there: `{key, name, size, done, …}`. */
export const uploads = signal([]);

/** Names that a question lists. */
const NAMED = 8;
/** Files that are sent at a time. */
const AT_ONCE = 2;
/** Interval of showing progress, in milliseconds. */
const TELL_EVERY_MS = 100;

let next = 1;
let active = 0;

function update(key, changes) {
  uploads.value = uploads.value.map((one) => one.key === key ? { ...one, ...changes } : one);
}

/** Uploads that go on, or will: those that failed are not being shared. */
export const isGoing = ({ phase }) => phase !== "failed";

/** Takes some off the list; stops those that are under way. */
export function dismissUploads(keys) {
  const gone = new Set(keys);
  const dismissed = uploads.value.filter(({ key }) => gone.has(key));
  uploads.value = uploads.value.filter(({ key }) => !gone.has(key));
  for (const { phase, batch, stop } of dismissed) {
    if (phase === "waiting") settle(batch);
    stop?.();
  }
}

/**
 * One of those that were chosen together has ended; after the last one it is said how many are shared.
 * A folder is shared once all that could be sent of it is there.
 */
function settle(batch, sent) {
  if (sent !== undefined) batch.sent.push(sent);
  if (--batch.left > 0 || batch.sent.length === 0) return;
  const { length } = batch.sent;
  if (batch.folder !== undefined) void sharePath(batch.folder, { again: true });
  else tell(length === 1 ? `${batch.sent[0]} is shared.` : `${count(length, "file")} are shared.`);
}

// What isn't there yet is lost with the page, which alone can read the files.
addEventListener("beforeunload", (event) => {
  if (uploads.value.some(({ file, phase }) => file && phase !== "failed")) event.preventDefault();
});

/** Files that one request may ask about. */
const CHECK_AT_ONCE = 100;

/**
 * Sends files to the shared folder, `{name, file}` each, and shares them, or the `folder` that they are in.
 * Asks first about those in the way.
 */
export async function shareFiles(files, folder) {
  try {
    const faults = await check(files);
    const exists = (_, at) => faults[at]?.kind === "destination";
    const conflicts = files.filter(exists);
    const others = files.map((one, at) => ({ ...one, fault: faults[at] }))
      .filter(({ fault }) => fault?.kind !== "destination");
    const settled = conflicts.length > 0 ? await settleConflicts(conflicts) : [];
    add([...others, ...settled], folder);
  } catch (error) {
    tellError(error);
  }
}

/** Of each file undefined, or why it would be refused. */
async function check(files) {
  const faults = [];
  for (let at = 0; at < files.length; at += CHECK_AT_ONCE) {
    const some = files.slice(at, at + CHECK_AT_ONCE)
      .map(({ name, file, replace }) => ({ name, size: file.size, replace }));
    faults.push(...await askJson("POST", "/api/v1/uploads/check", { files: some }));
  }
  return faults;
}

/** Asks what to do about files that are there with another content: those to send, as they are to be sent. */
async function settleConflicts(files) {
  const many = files.length > 1;
  const title = many ? `Replace ${count(files.length, "file")}?` : `Replace ${files[0].name}?`;
  const choice = await askInDialog(title, (answer) =>
    html`
      <p>${many
        ? "Other files of these names are"
        : "Another file of that name is"} in the shared folder.
        Replacing ${many ? "them" : "it"} can’t be undone.</p>
      ${many && html`<ul class="names">${
        files.slice(0, NAMED).map(({ name }) => html`<li class="text">${name}</li>`)
      }</ul>`}
      ${files.length > NAMED && html`<p class="dim">and ${files.length - NAMED} more</p>`}
      <div class="buttons">
        <button autofocus onClick=${() => answer("skip")}>Skip</button>
        <button onClick=${() => answer("both")}>Keep both</button>
        <button onClick=${() => answer("replace")}>Replace</button>
      </div>
    `);
  if (choice === "replace") return files.map((one) => ({ ...one, replace: true }));
  if (choice !== "both") return [];
  return await Promise.all(files.map(async (one) => ({ ...one, name: await freeName(one) })));
}

/** The next name that is free: `a (2).txt`. */
async function freeName({ name, file }) {
  const [, base, extension] = /^(.*?)(\.[^./]*)?$/.exec(name);
  for (let number = 2;; number++) {
    const other = `${base} (${number})${extension ?? ""}`;
    const [fault] = await check([{ name: other, file }]);
    if (fault?.kind !== "destination") return other;
  }
}

function add(files, folder) {
  const batch = { left: files.length, sent: [], folder };
  const added = files.map(({ name, file, replace, fault }) => ({
    key: next++,
    name,
    file,
    replace,
    size: file.size,
    sent: 0,
    hashed: 0,
    batch,
    ...(fault ? { phase: "failed", error: failureText(fault, name) } : { phase: "waiting" }),
  }));
  for (const { phase } of added) if (phase === "failed") settle(batch);
  uploads.value = [...uploads.value, ...added];
  pump();
}

function pump() {
  while (active < AT_ONCE) {
    const one = uploads.value.find(({ phase }) => phase === "waiting");
    if (!one) return;
    active++;
    send(one).finally(() => {
      active--;
      pump();
    });
  }
}

async function send({ key, name, file, replace, batch }) {
  let told = 0;
  const how = { name, replace, share: batch.folder === undefined };
  const { result, stop } = upload(file, how, (progress) => {
    if (!progress.whole && performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    update(key, { ...progress, phase: progress.whole || progress.hashed ? "hashing" : "sending" });
  });
  update(key, { phase: "sending", stop });
  try {
    await result;
    dismissUploads([key]);
    settle(batch, name);
  } catch (error) {
    if (error.kind === "stopped") dismissUploads([key]);
    else {
      const fault = await whyRefused({ name, file, replace }, error);
      update(key, { phase: "failed", error: failureText(fault, name), stop: undefined });
    }
    settle(batch);
  }
}

/** A body that is refused while it is sent breaks off without an answer: the reason is asked for. */
async function whyRefused(one, error) {
  if (error.kind !== "silent") return error;
  try {
    const [fault] = await check([one]);
    return fault ?? { message: "The upload broke off. Try again." };
  } catch {
    return error;
  }
}

/** True for a path that does not lie in the shared folder, as far as its text tells. */
function isOutside(path) {
  const { dir } = status.value;
  const absolute = /^([A-Za-z]:)?[\\/]/.test(path);
  // A neighbour's path may begin with the same letters.
  const isBelow = path === dir || path.startsWith(dir.endsWith("/") ? dir : `${dir}/`);
  return /(^|[\\/])\.\.([\\/]|$)/.test(path) || absolute && !isBelow;
}

/** Shares a file where it lies on the peer's machine. True when it is shared. */
export async function sharePath(path, { watch = undefined, again = false } = {}) {
  if (
    !again && isOutside(path) && !await confirm(
      `Share ${path}?`,
      "It is outside of the shared folder. Every peer of the swarm can fetch it.",
      "Share",
    )
  ) return false;
  const key = next++;
  let stopped = false;
  try {
    const { job, result } = await startJob({ share: { file: path, cwd: status.value.dir, watch } });
    const stop = () => {
      stopped = true;
      askJson("DELETE", `/api/v1/jobs/${job}`).catch(tellError);
    };
    const one = { key, name: path, size: 0, hashed: 0, phase: "hashing", stop, job };
    uploads.value = [...uploads.value, one];
    const shared = await result;
    tell(`${shared.name} is shared.`);
    return true;
  } catch (error) {
    if (!stopped) tellError({ message: failureText(error, path) });
    return false;
  } finally {
    dismissUploads([key]);
  }
}

/**
 * @typedef {{ name: string, file: File }} Chosen
 */

/**
 * The groups of a drop, each of `files` and, for those of a folder, its name in `folder`.
 * @returns {Promise<{ folder?: string, files: Chosen[] }[]>}
 */
export async function groupsOfDrop({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) {
    return [{ files: [...files].map((file) => ({ name: file.name, file })) }];
  }
  const folders = entries.filter(({ isDirectory }) => isDirectory);
  const loose = entries.filter(({ isFile }) => isFile);
  return await Promise.all([
    ...folders.map(async (entry) => ({ folder: entry.name, files: await filesOfEntry(entry) })),
    ...loose.length > 0
      ? [(async () => ({ files: (await Promise.all(loose.map(filesOfEntry))).flat() }))()]
      : [],
  ]);
}

/** The groups of chosen files, whose paths begin with the folder that was chosen. */
export function groupsOfChosen(files) {
  const groups = new Map();
  for (const file of files) {
    const name = file.webkitRelativePath || file.name;
    const folder = file.webkitRelativePath ? name.slice(0, name.indexOf("/")) : undefined;
    const group = groups.get(folder) ?? { folder, files: [] };
    group.files.push({ name, file });
    groups.set(folder, group);
  }
  return [...groups.values()];
}

async function filesOfEntry(entry) {
  const name = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    return [{ name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    for (const child of some) found.push(...await filesOfEntry(child));
  }
}
