import { computed, signal } from "@preact/signals";
import { askResults } from "../api.js";
import { Selection } from "../kit/selection.js";
import { shares, sharesMoved, status } from "../live.js";

/**
 * @typedef {object} Offers
 * @property {"loading" | "ready" | "failed"} state
 * @property {any[]} list
 * @property {import("../api.js").ApiError} [error]
 */

/** The swarm's files: `state` is `loading`, `ready` or `failed`; an old list stays while loading. */
export const offers = signal(
  /** @type {Offers} */ ({ state: "loading", list: [], error: undefined }),
);
/** The words that are searched for, the filter, and the order. */
export const query = signal("");
export const scope = signal("all");
export const order = signal({ by: "name", down: false });

let loading;

/** Asks for the list again; one request at a time. */
export function loadOffers() {
  loading ??= load().finally(() => loading = undefined);
  return loading;
}

async function load() {
  const list = [];
  try {
    for await (const row of askResults("/api/v1/files")) list.push(prepared(row));
    offers.value = { state: "ready", list };
  } catch (error) {
    offers.value = { state: "failed", list: offers.value.list, error };
  }
}

/** A row with what it is looked up and sorted by. */
function prepared(row) {
  row.key = `${row.id} ${row.name}`;
  row.lower = row.name.toLowerCase();
  // A folder's own size is its manifest's; a share of this peer says that of its files.
  row.whole = row.kind === "folder" ? row.bytes ?? row.size : row.size;
  return row;
}

const self = computed(() => status.value?.peer);

/**
 * One row for each name and publisher, in its newest version: offered, shared by this peer, or both. What
 * is shared stands for itself; a newer version of it from the same publisher is its `update`.
 */
export const rows = computed(() => {
  sharesMoved.value;
  const own = new Map();
  const newest = new Map();
  for (const row of offers.value.list) {
    row.shared = shares.get(row.name)?.id === row.id;
    row.update = undefined;
    if (row.shared) own.set(row.name, row);
    const key = `${row.publisher} ${row.name}`;
    const before = newest.get(key);
    if (!before || before.time < row.time) newest.set(key, row);
  }
  for (const share of shares.values()) {
    if (own.has(share.name)) continue;
    own.set(share.name, prepared({ ...share, time: share.mtime, sources: 0, shared: true }));
  }
  const all = [...own.values()];
  for (const row of newest.values()) {
    const mine = own.get(row.name);
    const isNewer = mine && mine.id !== row.id && mine.time < row.time;
    if (mine?.publisher !== row.publisher || isNewer && row.trust === "unknown") all.push(row);
    else if (isNewer && row.publisher !== self.value) mine.update = row;
  }
  const versions = new Map();
  for (const { name, id } of all) {
    if (!versions.has(name)) versions.set(name, new Set());
    versions.get(name).add(id);
  }
  for (const row of all) row.versions = versions.get(row.name).size;
  return all;
});

/** The shared files that have a newer version from their publisher. */
export const updates = computed(() => rows.value.filter(({ update }) => update !== undefined));

const KEYS = {
  name: (row) => row.lower,
  size: (row) => row.whole,
  publisher: (row) => row.publisher,
  sources: (row) => row.sources,
  age: (row) => -row.time,
};

/** The rows in their order, all of them: typing in the search field sorts nothing. */
const sorted = computed(() => {
  const { by, down } = order.value;
  const key = KEYS[by];
  const sign = down ? -1 : 1;
  return [...rows.value].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x === y ? (a.lower < b.lower ? -1 : 1) : x < y ? -sign : sign;
  });
});

/** The rows that are shown. `publisher:` and `id:` in the search look there. */
export const shown = computed(() => {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = scope.value;
  return sorted.value.filter((row) =>
    (wanted === "all" || (wanted === "mine") === Boolean(row.shared)) &&
    words.every((word) => {
      if (word.startsWith("publisher:")) return row.publisher.startsWith(word.slice(10));
      if (word.startsWith("id:")) return row.id.startsWith(word.slice(3));
      return row.lower.includes(word);
    })
  );
});

/** The rows that are selected. */
export const selection = new Selection();
export const orderOfShown = () => shown.value.map(({ key }) => key);

/** The different contents of a name, as candidates to choose from. */
export function candidatesOf(name) {
  return rows.value.filter((row) => row.name === name);
}
