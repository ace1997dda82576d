/**
 * The power goes right after any sync of a verb: nothing half stands under a final name, what a receipt
 * promised is kept, and running the verb again completes it. `deno task test:power-cut` tries each sync
 * under both models of a disk ($POWER_CUTS=all); otherwise a few of them.
 */
import { assert, assertEquals } from "@std/assert";
import type { PeerStatus, ShareResult, TrustEntry } from "../../src/peer/api/peer_api.ts";
import { type Publisher, publisher } from "../e2e/publishers.ts";
import { placedIn } from "../e2e/checks.ts";
import { World } from "../e2e/world.ts";
import { patterned } from "../support/bytes.ts";
import { type DiskModel, PowerCut } from "../support/power_cut/power_cut.ts";
import { outputOf } from "../support/output_of.ts";
import { testUnless } from "../support/tools.ts";

const ALL = Deno.env.get("POWER_CUTS") === "all";
const MODELS: DiskModel[] = ["lazy", "eager"];
/** Larger than a chunk, so that it has a hash tree and more than one write. */
const LARGE = patterned(200_000);

interface Setting {
  world: World;
  /** The folder whose disk loses its power. */
  dir: string;
  alice: Publisher;
}

interface Scenario {
  name: string;
  /** Prepares the setting; what there is then counts as durable. */
  before?: (setting: Setting) => Promise<void>;
  verb: string[];
  /** True if a running peer does it, whose syncs are recorded, and which dies with the power. */
  running?: boolean;
  /** Exit codes of the verb when it is run again, besides 0: it may have done its work before the cut. */
  again?: number[];
  /** Contents that may stand under names of DIR, by name. */
  contents?: Record<string, (string | Uint8Array)[]>;
  /** Asserts what the receipt promised, of the folder `dir`. */
  promised: (setting: Setting, dir: string, output: string) => Promise<void>;
}

const statusOf = ({ world }: Setting, dir: string) => world.json<PeerStatus>(dir, ["status"]);
const sharesOf = async (setting: Setting, dir: string) =>
  (await statusOf(setting, dir)).shares.map(({ name }) => name);
const trustOf = ({ world }: Setting, dir: string) =>
  world.json<TrustEntry[]>(dir, ["trust", "list"]);

/** Begins a download that stays unfinished. */
async function begin({ world, dir, alice }: Setting): Promise<void> {
  await alice.publish("data", patterned(4_000_000));
  const words = ["get", "data", "--limit-down", "400K", "--deadline", "3s"];
  assertEquals((await world.run(dir, words)).code, 9);
  assertEquals((await world.json<PeerStatus>(dir, ["status"])).partials.length, 1);
}

const SCENARIOS: Scenario[] = [
  {
    name: "share a file",
    before: async ({ dir }) => await Deno.writeFile(`${dir}/data`, LARGE),
    verb: ["share", "data", "--json"],
    contents: { data: [LARGE] },
    async promised(setting, dir, output) {
      const [{ publisher, id }] = JSON.parse(output) as ShareResult[];
      const [share] = (await statusOf(setting, dir)).shares;
      assertEquals([share?.name, share?.publisher, share?.id], ["data", publisher, id]);
    },
  },
  {
    name: "share a folder",
    before: async ({ dir }) => {
      await Deno.mkdir(`${dir}/tree/sub`, { recursive: true });
      await Deno.writeFile(`${dir}/tree/sub/data`, LARGE);
    },
    verb: ["share", "tree", "--json"],
    contents: { "tree/sub/data": [LARGE] },
    async promised(setting, dir) {
      assertEquals(await sharesOf(setting, dir), ["tree"]);
    },
  },
  {
    name: "unshare",
    before: async ({ world, dir }) => {
      await Deno.writeFile(`${dir}/data`, LARGE);
      await world.json(dir, ["share", "data"]);
    },
    verb: ["unshare", "data", "--json"],
    again: [3],
    contents: { data: [LARGE] },
    async promised(setting, dir) {
      assertEquals(await sharesOf(setting, dir), []);
    },
  },
  {
    name: "get a file",
    before: async ({ alice }) => void await alice.publish("data", LARGE),
    verb: ["get", "data", "--json"],
    contents: { data: [LARGE] },
    async promised(setting, dir) {
      assertEquals(await Deno.readFile(`${dir}/data`), LARGE);
      const [entry] = await trustOf(setting, dir);
      assertEquals([entry?.name, entry?.publisher], ["data", setting.alice.key]);
    },
  },
  {
    name: "update a file",
    before: async ({ world, dir, alice }) => {
      await alice.publish("data", "old");
      await world.json(dir, ["get", "data"]);
      await alice.publish("data", LARGE);
    },
    verb: ["get", "data", "--update", "--json"],
    contents: { data: ["old", LARGE] },
    async promised(_, dir) {
      assertEquals(await Deno.readFile(`${dir}/data`), LARGE);
    },
  },
  {
    name: "get a folder",
    before: async ({ world, alice }) => {
      await Deno.mkdir(`${alice.dir}/tree/sub`, { recursive: true });
      await Deno.writeTextFile(`${alice.dir}/tree/one`, "one");
      await Deno.writeFile(`${alice.dir}/tree/sub/data`, LARGE);
      await world.json(alice.dir, ["share", "tree"]);
    },
    verb: ["get", "tree", "--json"],
    contents: { "tree/one": ["one"], "tree/sub/data": [LARGE] },
    async promised(_, dir) {
      assertEquals(await Deno.readTextFile(`${dir}/tree/one`), "one");
      assertEquals(await Deno.readFile(`${dir}/tree/sub/data`), LARGE);
    },
  },
  {
    name: "update a folder, and delete from it",
    before: async ({ world, dir, alice }) => {
      await Deno.mkdir(`${alice.dir}/tree/sub`, { recursive: true });
      for (const name of ["kept", "gone", "sub/data"]) {
        await Deno.writeTextFile(`${alice.dir}/tree/${name}`, "old");
      }
      await world.json(alice.dir, ["share", "tree"]);
      await world.json(dir, ["get", "tree"]);
      await Deno.remove(`${alice.dir}/tree/gone`);
      await Deno.writeTextFile(`${alice.dir}/tree/new`, "new");
      await Deno.writeFile(`${alice.dir}/tree/sub/data`, LARGE);
      await world.json(alice.dir, ["share", "tree"]);
    },
    verb: ["get", "tree", "--update", "--delete", "--json"],
    contents: {
      "tree/kept": ["old"],
      "tree/gone": ["old"],
      "tree/new": ["new"],
      "tree/sub/data": ["old", LARGE],
    },
    async promised(_, dir) {
      assertEquals(placedIn(dir), ["tree", "tree/kept", "tree/new", "tree/sub", "tree/sub/data"]);
      assertEquals(await Deno.readFile(`${dir}/tree/sub/data`), LARGE);
    },
  },
  {
    name: "forget a publisher",
    before: async ({ world, dir, alice }) => {
      await alice.publish("data", "old");
      await world.json(dir, ["get", "data"]);
    },
    verb: ["trust", "forget", "data", "--json"],
    again: [3],
    contents: { data: ["old"] },
    async promised(setting, dir) {
      assertEquals(await trustOf(setting, dir), []);
    },
  },
  {
    name: "accept a publisher",
    before: async ({ alice }) => void await alice.publish("data", "old"),
    verb: ["trust", "accept", "data", "--json"],
    async promised(setting, dir) {
      assertEquals((await trustOf(setting, dir)).map(({ publisher }) => publisher), [
        setting.alice.key,
      ]);
    },
  },
  {
    name: "take state over",
    before: async ({ world, dir }) => {
      const origin = await world.folder("origin");
      await Deno.writeFile(`${origin}/data`, LARGE);
      const env = { XDG_STATE_HOME: await world.folder("the other's state home") };
      await world.run(origin, ["share", "data"], { env });
      await outputOf("cp", { args: ["-r", `${origin}/.shoal`, `${dir}/.shoal`] });
      assertEquals((await world.run(dir, ["status"])).code, 2);
    },
    verb: ["adopt-state", "--yes"],
    again: [2],
    async promised({ world }, dir) {
      assertEquals((await world.run(dir, ["status"])).code, 0);
    },
  },
  {
    name: "share a file through a running peer",
    before: async ({ dir }) => await Deno.writeFile(`${dir}/data`, LARGE),
    running: true,
    verb: ["share", "data", "--json"],
    contents: { data: [LARGE] },
    async promised(setting, dir) {
      assertEquals(await sharesOf(setting, dir), ["data"]);
    },
  },
  {
    name: "get a file through a running peer",
    before: async ({ alice }) => void await alice.publish("data", LARGE),
    running: true,
    verb: ["get", "data", "--json"],
    contents: { data: [LARGE] },
    async promised(setting, dir) {
      assertEquals(await Deno.readFile(`${dir}/data`), LARGE);
      assertEquals((await trustOf(setting, dir)).map(({ name }) => name), ["data"]);
    },
  },
  {
    name: "pause a download",
    before: begin,
    verb: ["pause", "data", "--json"],
    async promised(setting, dir) {
      assertEquals((await statusOf(setting, dir)).partials.map(({ on_request }) => on_request), [
        true,
      ]);
    },
  },
  {
    name: "cancel a download",
    before: begin,
    verb: ["cancel", "data", "--json"],
    again: [3],
    async promised(setting, dir) {
      assertEquals((await statusOf(setting, dir)).partials, []);
    },
  },
];

for (const scenario of SCENARIOS) {
  testUnless(PowerCut.lacking, `a power cut: ${scenario.name}`, async () => {
    await using world = await World.create();
    // What a folder that is laid out anew is known by.
    world.env.XDG_STATE_HOME = await world.folder("state home");
    const dir = await world.folder("dir");
    const setting = { world, dir, alice: await publisher(world, "alice") };
    await scenario.before?.(setting);
    await using cut = await PowerCut.create(dir);
    const peer = scenario.running
      ? world.start(dir, ["0", "--host", "127.0.0.1"], { env: cut.env })
      : undefined;
    await peer?.sees(/registered with/);
    const env = peer ? {} : cut.env;
    const { code, stdout, stderr } = await world.run(dir, scenario.verb, { env });
    assertEquals(code, 0, stderr);
    const { syncs } = cut;
    peer?.signal("SIGKILL");
    await peer?.ended();
    assert(syncs > 0, "it syncs something");
    await Deno.rename(dir, `${world.root}/as it was`);
    for (const [after, model] of cutsOf(syncs)) {
      await cut.layOut(after, model, dir);
      const when = `${model}, after ${after} of ${syncs} syncs`;
      try {
        await requireWhole(dir, scenario.contents ?? {});
        if (after === syncs) await scenario.promised(setting, dir, stdout);
        const again = await world.run(dir, scenario.verb);
        assert([0, ...scenario.again ?? []].includes(again.code), again.stderr);
        const output = again.code === 0 ? again.stdout : stdout;
        await scenario.promised(setting, dir, output);
        await requireWhole(dir, scenario.contents ?? {});
      } catch (error) {
        throw new Error(`${when}: ${error instanceof Error ? error.message : error}`, {
          cause: error,
        });
      }
      await Deno.remove(dir, { recursive: true });
    }
  });
}

/** Which cuts are tried: after so many syncs, on a disk of that model. */
function cutsOf(syncs: number): [number, DiskModel][] {
  const few = [0, Math.floor(syncs / 2), syncs - 1];
  const some = ALL ? Array.from({ length: syncs }, (_, n) => n) : few;
  const each = [...new Set(some)].filter((n) => n >= 0);
  const before = ALL
    ? each.flatMap((n) => MODELS.map((model): [number, DiskModel] => [n, model]))
    : each.map((n, index): [number, DiskModel] => [n, MODELS[index % 2]]);
  // After the last one, the receipt was printed.
  return [...before, [syncs, "lazy"], [syncs, "eager"]];
}

/** Asserts that what stands under names of DIR is whole, and one of what may stand there. */
async function requireWhole(
  dir: string,
  contents: Record<string, (string | Uint8Array)[]>,
): Promise<void> {
  for (const name of placedIn(dir)) {
    if (name.split("/").some((part) => part.startsWith(".") || part.endsWith(".shoal-partial"))) {
      continue;
    }
    const { isFile } = await Deno.lstat(`${dir}/${name}`);
    if (!isFile) continue;
    const bytes = await Deno.readFile(`${dir}/${name}`);
    const allowed = (contents[name] ?? []).map((content) =>
      typeof content === "string" ? new TextEncoder().encode(content) : content
    );
    assert(
      allowed.some((content) =>
        content.length === bytes.length && content.every((byte, at) => byte === bytes[at])
      ),
      `${name} has ${bytes.length} bytes, which are none of what it may have`,
    );
  }
}
