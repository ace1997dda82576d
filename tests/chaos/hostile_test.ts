/**
 * Counterparts that are right up to a message and hostile from then on, before the real program: its
 * bootstraps, its sources, the running peer behind a verb. In each cell of the table the right content
 * comes where an honest one is in reach, else the right exit code; SIGTERM and deadlines are obeyed;
 * memory and connections stay few. A sample runs always, all of it with HOSTILE=all.
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { delay } from "../../src/async/retry.ts";
import { HostilePeer } from "../e2e/hostile_peer.ts";
import type { Program } from "../e2e/program.ts";
import { type Publisher, publisher } from "../e2e/publishers.ts";
import { World } from "../e2e/world.ts";
import { overheard } from "../e2e/lying_bootstrap.ts";
import { patterned } from "../support/bytes.ts";
import { outputOf } from "../support/output_of.ts";
import { highWaterMark } from "../support/high_water_mark.ts";
import { BEHAVIOURS } from "../support/misbehaving.ts";
import { type From, Relay, sourceRelay } from "../support/relay.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";

const ALL = Deno.env.get("HOSTILE") === "all";
/** Of the names of cells, those that are tried. */
const ONLY = new RegExp(Deno.env.get("HOSTILE_CELLS") ?? "");
/** Cells at a time: they wait more than they work. */
const AT_ONCE = ALL ? 12 : 6;
/** The longest that a program may take: the limits on one or two replies and the wait, in milliseconds. */
const LONGEST_MS = 75_000;
/** From a signal or a deadline to the end on a busy machine, in milliseconds. */
const PROMPT_MS = 4_000;
/** Bytes; a process that runs from source has the runtime's compiler in it besides. */
const MEMORY_MOST = (Deno.env.get("SHOAL_BIN") ? 150 : 220) << 20;
/** Time for what is left to do once the counterpart misbehaves, none of it waiting, in milliseconds. */
const SETTLED_MS = 3_000;
/** The part of a core that is taken by waiting. */
const IDLE_MOST = 0.01;
const CONNECTIONS_MOST = 12;

/** A hostile counterpart, as far as a cell's judge looks at it. */
interface Hostile extends AsyncDisposable {
  accepted: number;
  /** Resolves when it has begun to misbehave. */
  hit: Promise<void>;
}

interface Cell {
  name: string;
  sample: boolean;
  /** An honest counterpart is in reach. */
  honest: boolean;
  /** Starts what is under test, for a new folder; `more` are options of it. */
  start: (dir: string, more: string[]) => Promise<{ program: Program; hostile: Hostile }>;
  /** The right exit codes where no honest counterpart is in reach, besides 0. */
  codes: number[];
  /** Looks at what came. */
  check?: (dir: string, program: Program) => Promise<void>;
}

/** The honest, whom the hostile pass on to: all in one swarm, and as a source in none of the other two. */
interface Setting {
  world: World;
  alice: Publisher;
  /** Open, and without sources but the hostile. */
  far: World;
  closed: World;
}

async function create(stack: AsyncDisposableStack): Promise<Setting> {
  const [world, far, closed] = [
    stack.use(await World.create()),
    stack.use(await World.create()),
    stack.use(await World.create({ isPrivate: true })),
  ];
  world.env.XDG_STATE_HOME = await world.folder("state home");
  const alice = await publisher(world, "alice");
  const bob = await publisher(closed, "bob");
  await alice.publish("data", "content");
  await bob.publish("data", "content");
  return { world, alice, far, closed };
}

const addressOf = (address: string) => parseAddress(address, 1);

/** The only bootstrap, or one of two, in an open or in a private swarm. */
function* bootstrapCells({ world, closed }: Setting): Generator<Cell> {
  const cell = (
    where: World,
    { words, from, behaviour, honest }: {
      words: string[];
      from: From;
      behaviour: string;
      honest: boolean;
    },
  ): Cell => ({
    name: [
      `${where === closed ? "private " : ""}${honest ? "one of two bootstraps" : "only bootstrap"}`,
      ...[words[0], Object.values(from)[0], behaviour],
    ].join(", "),
    honest,
    sample: /find|list_files/.test(`${Object.values(from)[0]}`) &&
        (honest ? /silent|never ends|20 bytes/ : /silent|never ends/).test(behaviour) ||
      where === closed && Object.values(from)[0] === 2 && behaviour === "falls silent",
    // An outsider can't tell what is no TLS from an open bootstrap, or the wrong key.
    codes: where === closed ? [3, 4, 5] : [3, 4],
    start(dir, more) {
      const hostile = new Relay(addressOf(where.bootstrap), from, behaviour);
      const bootstrap = honest ? `${hostile.address},${where.bootstrap}` : hostile.address;
      const program = where.start(dir, [...words, ...more], { bootstrap });
      return Promise.resolve({ program, hostile });
    },
    async check(dir, { stdout }) {
      if (words[0] === "get") assertEquals(await Deno.readTextFile(`${dir}/data`), "content");
      else assert(stdout.length > 10, stdout);
    },
  });
  for (const behaviour of Object.keys(BEHAVIOURS)) {
    for (const honest of [false, true]) {
      for (
        const [words, ...actions] of [
          [["get", "data"], "hello", "find"],
          [["list-files"], "list_files"],
          [["list-peers"], "get_peers"],
        ] as [string[], ...string[]][]
      ) {
        for (const action of actions) {
          yield cell(world, { words, from: { action }, behaviour, honest });
        }
      }
      for (const exchange of [1, 2, 3]) {
        yield cell(closed, { words: ["get", "data"], from: { exchange }, behaviour, honest });
      }
    }
  }
}

/** The only source of a file, a folder or a stream, or one beside alice, who is slow. */
async function sourceCells({ world, alice, far }: Setting): Promise<Cell[]> {
  const cells: Cell[] = [];
  const names: string[] = [];
  let seed = 0;
  const addFile = async (name: string, size = 300_000) => {
    await Deno.writeFile(`${alice.dir}/${name}`, patterned(size, ++seed));
  };
  const updated = await world.folder("updated");
  const kinds: Record<string, { actions: string[]; words: string[] }> = {
    file: { actions: ["have", "get_chunks"], words: [] },
    update: { actions: ["get_chunks"], words: ["--update"] },
    stream: { actions: ["get_chunks"], words: ["-o", "-"] },
    folder: { actions: ["get_chunks", "get_files"], words: [] },
  };
  for (const [kind, { actions, words }] of Object.entries(kinds)) {
    for (const action of actions) {
      for (const behaviour of Object.keys(BEHAVIOURS)) {
        for (const honest of kind === "update" ? [true] : [false, true]) {
          const name = `${kind} ${cells.length}`;
          const where = honest ? world : far;
          const cell: Cell = {
            name: `${
              honest ? "one of two sources" : "only source"
            }, ${kind}, ${action}, ${behaviour}`,
            honest,
            sample: action === "get_chunks" && kind !== "folder" &&
                /silent|floods/.test(behaviour) && (honest || kind !== "file") ||
              action === "get_files" && /silent|refusal/.test(behaviour),
            codes: [4, 5],
            async start(dir, more) {
              const [{ announcement }] = await overheard(world.bootstrap, name);
              const { id, size, entries, bytes } = announcement;
              // Beside the honest one it is a source of the content under another name.
              const offer = { name: honest ? `again ${name}` : name, id, size };
              const about = kind === "folder" ? { kind: "folder" as const, entries, bytes } : {};
              const { script, hit } = sourceRelay(addressOf(alice.address), action, behaviour);
              const hostile = await HostilePeer.create(
                where.bootstrap,
                { ...offer, ...about },
                script,
              );
              if (kind === "update") await copyTree(updated, dir);
              const program = where.start(dir, ["get", name, ...words, ...more]);
              return { program, hostile: Object.assign(hostile, { hit }) };
            },
            async check(dir, { stdout }) {
              if (kind === "stream") return assertEquals(stdout.length > 0, true);
              const [one, other] = kind === "folder" ? [`${name}/7`, `${name}/7`] : [name, name];
              const bytes = await Deno.readFile(`${alice.dir}/${one}`);
              assertEquals(await Deno.readFile(`${dir}/${other}`), bytes);
            },
          };
          if (!isTried(cell)) continue;
          if (kind === "folder") {
            await Deno.mkdir(`${alice.dir}/${name}`);
            for (let n = 0; n < 20; n++) await addFile(`${name}/${n}`, 15_000);
          } else await addFile(name);
          names.push(name);
          cells.push(cell);
        }
      }
    }
  }
  if (names.length === 0) return [];
  const share = () => world.json(alice.dir, ["share", ...names]);
  const updates = names.filter((name) => name.startsWith("update"));
  if (updates.length > 0) {
    await share();
    await world.run(updated, ["get", ...updates]);
    await Promise.all(updates.map((name) => addFile(name)));
  }
  await share();
  await world.json(alice.dir, ["limit", "--up", "2M"]);
  return cells;
}

/** The running peer behind a verb. */
async function* controlCells({ world, alice }: Setting): AsyncGenerator<Cell> {
  const empty = await world.folder("empty");
  await world.run(empty, ["status"]);
  for (const behaviour of Object.keys(BEHAVIOURS)) {
    for (const exchange of [1, 2]) {
      for (const words of [["status"], ["get", "data"], ["list-files"]]) {
        yield {
          name: `running peer, ${words[0]}, ${exchange}, ${behaviour}`,
          honest: false,
          sample: exchange === 2 && words[0] === "get" && /silent|never ends/.test(behaviour),
          codes: [1, 3, 4, 5],
          async start(dir, more) {
            const control = JSON.parse(
              await Deno.readTextFile(`${alice.dir}/.shoal/control.json`),
            ) as { url: string };
            const target = addressOf(new URL(control.url).host);
            const hostile = new Relay(target, { exchange }, behaviour);
            await copyTree(empty, dir);
            const url = `http://${hostile.address}`;
            const file = `${dir}/.shoal/control.json`;
            await Deno.writeTextFile(file, JSON.stringify({ ...control, url }), { mode: 0o600 });
            return { program: world.start(dir, [...words, ...more]), hostile };
          },
        };
      }
    }
  }
}

/** The processor time of a process so far, in milliseconds; one that has ended has none. */
function workOf(pid: number): number {
  try {
    const [user, system] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ")
      .slice(11, 13).map(Number);
    // The kernel counts in hundredths of a second.
    return (user + system) * 10;
  } catch {
    return 0;
  }
}

/** Copies a folder with its state, which is known to be the user's own. */
async function copyTree(from: string, to: string): Promise<void> {
  await outputOf("cp", { args: ["-a", `${from}/.`, to] });
}

const isTried = ({ name, sample }: Cell) => (ALL || sample) && ONLY.test(name);

async function judge(cell: Cell, { world }: Setting): Promise<void> {
  const tries: { more: string[]; signal?: Deno.Signal }[] = [{ more: [] }];
  if (!cell.honest) tries.push({ more: [], signal: "SIGTERM" });
  if (!cell.honest && ALL && /, (get|file|folder|stream), /.test(cell.name)) {
    tries.push({ more: ["--deadline", "4s"] });
  }
  for (const { more, signal } of tries) {
    const dir = await world.folder(crypto.randomUUID());
    const { program, hostile } = await cell.start(dir, more);
    const began = performance.now();
    await using _ = hostile;
    let ended = false;
    const code = program.ended().finally(() => ended = true);
    let memory = 0;
    let idle: { begun: number; work: number } | undefined;
    let share = 0;
    void hostile.hit.then(() => delay(SETTLED_MS)).then(() => {
      if (!ended) idle = { begun: performance.now(), work: workOf(program.pid) };
    });
    const watched = (async () => {
      while (!ended) {
        memory = Math.max(memory, await highWaterMark(program.pid).catch(() => 0) ?? 0);
        const ms = idle ? performance.now() - idle.begun : 0;
        if (idle && ms > SETTLED_MS) share = (workOf(program.pid) - idle.work) / ms;
        await Promise.race([code, new Promise((resolve) => setTimeout(resolve, 300))]);
      }
    })();
    if (signal) {
      await Promise.race([hostile.hit, code]);
      if (ended) continue;
      const sent = performance.now();
      program.signal(signal);
      const got = await code;
      const ms = performance.now() - sent;
      assert([0, 143, ...cell.codes].includes(got), `${cell.name}: ${got} after ${signal}`);
      assertLess(ms, PROMPT_MS, `${cell.name}: from ${signal} to the end`);
      continue;
    }
    const got = await code;
    await watched;
    const took = performance.now() - began;
    const what = `${cell.name} ${more}: exit ${got} after ${
      Math.round(took)
    } ms: ${program.stderr}`;
    if (cell.honest) assertEquals(got, 0, what);
    else assert([0, ...cell.codes, ...more.length > 0 ? [9] : []].includes(got), what);
    if (got === 0) await cell.check?.(dir, program);
    assertLess(took, more.length > 0 ? 4_000 + PROMPT_MS + 3_000 : LONGEST_MS, what);
    // One that is right each time before it is wrong is a source like others.
    if (!/only source.*(never ends|closes)/.test(cell.name)) {
      assertLess(hostile.accepted, CONNECTIONS_MOST, `connections: ${what}`);
    }
    assertLess(memory, MEMORY_MOST, `memory: ${what}`);
    // One that is flooded, sent a part each time, or left to do it by itself has something to do.
    if (!/floods|never ends|1 KB|closes|running peer, [\w-]+, 1/.test(cell.name)) {
      assertLess(share, IDLE_MOST, `processor time while it waits: ${what}`);
    }
    if (Deno.env.get("HOSTILE_TIMES")) {
      console.log(Math.round(took), memory >> 20, `${(share * 100).toFixed(1)}%`, what.trim());
    }
  }
}

// A counterpart that says something each 19 s still waits when the program has ended.
Deno.test("hostile counterparts: bootstraps, sources and a running peer, before the real program", {
  ...{ sanitizeOps: false, sanitizeResources: false },
}, async () => {
  await using stack = new AsyncDisposableStack();
  const setting = await create(stack);
  const cells = [
    ...bootstrapCells(setting),
    ...await sourceCells(setting),
    ...await Array.fromAsync(controlCells(setting)),
  ].filter(isTried);
  assert(cells.length > 0);
  const failures: string[] = [];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let cell: Cell | undefined; (cell = cells.shift());) {
      await judge(cell, setting).catch((error) => failures.push(`${cell!.name}: ${error.message}`));
    }
  }));
  assertEquals(failures, []);
});
