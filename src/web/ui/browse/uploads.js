import { signal } from "@preact/signals";
import { askJson, startJob, upload } from "../api.js";
import { count } from "../kit/format.js";
import { status } from "../live.js";
import { tell, tellError } from "../kit/toasts.js";

/** Files that are on their way to the peer, or failed to get there: `{key, name, size, done, …}`. */
export const uploads = signal([]);

/** Files that are sent at a time. */
const AT_ONCE = 2;
/** How often progress is shown, in milliseconds. */
const TELL_EVERY_MS = 100;

let next = 1;
let active = 0;

function update(key, changes) {
  uploads.value = uploads.value.map((one) => one.key === key ? { ...one, ...changes } : one);
}

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

/** One of those that were chosen together has ended; the last one says how many are shared. */
function settle(batch, shared) {
  if (shared !== undefined) batch.shared.push(shared);
  if (--batch.left > 0 || batch.shared.length === 0) return;
  const { length } = batch.shared;
  tell(length === 1 ? `${batch.shared[0]} is shared.` : `${count(length, "file")} are shared.`);
}

// What isn't there yet is lost with the page, which alone can read the files.
addEventListener("beforeunload", (event) => {
  if (uploads.value.some(({ file, phase }) => file && phase !== "failed")) event.preventDefault();
});

/** Sends files to the shared folder, `{name, file}` each, and shares them. */
export function shareFiles(files) {
  const batch = { left: files.length, shared: [] };
  const added = files.map(({ name, file }) => ({
    ...{ key: next++, name, file, size: file.size, sent: 0, hashed: 0, phase: "waiting", batch },
  }));
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

async function send({ key, name, file, batch }) {
  let told = 0;
  const { result, stop } = upload(name, file, (progress) => {
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
    else update(key, { phase: "failed", error: error.message, stop: undefined });
    settle(batch);
  }
}

/** Shares a file where it lies on the peer's machine. True when it is shared. */
export async function sharePath(path) {
  const key = next++;
  let stopped = false;
  try {
    const { job, result } = await startJob({ share: { file: path, cwd: status.value.dir } });
    const stop = () => {
      stopped = true;
      askJson("DELETE", `/api/jobs/${job}`).catch(tellError);
    };
    const one = { key, name: path, size: 0, hashed: 0, phase: "hashing", stop, job };
    uploads.value = [...uploads.value, one];
    const shared = await result;
    tell(`${shared.name} is shared.`);
    return true;
  } catch (error) {
    if (!stopped) tellError(error);
    return false;
  } finally {
    dismissUploads([key]);
  }
}

/** The files of a drop, those in folders with their path. */
export async function filesOfDrop({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...files].map((file) => ({ name: file.name, file }));
  return (await Promise.all(entries.map(filesOfEntry))).flat();
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
