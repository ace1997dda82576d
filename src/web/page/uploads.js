import { signal } from "@preact/signals";
import { askResult, upload } from "./api.js";
import { status } from "./live.js";
import { tell, tellError } from "./toasts.js";

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

/** Takes one off the list; stops it if it is under way. */
export function dismissUpload(key) {
  const one = uploads.value.find((other) => other.key === key);
  uploads.value = uploads.value.filter((other) => other.key !== key);
  one?.stop?.();
}

/** Sends files to the shared folder, `{name, file}` each, and shares them. */
export function shareFiles(files) {
  const added = files.map(({ name, file }) => ({
    ...{ key: next++, name, file, size: file.size, sent: 0, hashed: 0, phase: "waiting" },
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

async function send({ key, name, file }) {
  let told = 0;
  const { result, stop } = upload(name, file, (progress) => {
    if (!progress.whole && performance.now() - told < TELL_EVERY_MS) return;
    told = performance.now();
    update(key, { ...progress, phase: progress.whole || progress.hashed ? "hashing" : "sending" });
  });
  update(key, { phase: "sending", stop });
  try {
    await result;
    dismissUpload(key);
    tell(`${name} is shared.`);
  } catch (error) {
    if (error.kind === "stopped") dismissUpload(key);
    else update(key, { phase: "failed", error: error.message, stop: undefined });
  }
}

/** Shares a file where it lies on the peer's machine. True when it is shared. */
export async function sharePath(path) {
  const key = next++;
  uploads.value = [...uploads.value, { key, name: path, size: 0, hashed: 0, phase: "hashing" }];
  try {
    const shared = await askResult("POST", "/api/shares", {
      body: { file: path, cwd: status.value.dir },
      onProgress: ({ hashed, size }) => update(key, { hashed, size }),
    });
    tell(`${shared.name} is shared.`);
    return true;
  } catch (error) {
    tellError(error);
    return false;
  } finally {
    dismissUpload(key);
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
