/** The actions during which the power goes, and what has to be there afterwards. */
import { assertEquals, assertMatch } from "@std/assert";
import type { PeerStatus, ShareResult, TrustEntry } from "../../src/peer/api/peer_api.ts";
import { type Ask, askOf, linesOf } from "../e2e/ask.ts";
import { placedIn } from "../e2e/checks.ts";
import { type Finished, type Program, programWords, shoal } from "../e2e/program.ts";
import type { Publisher } from "../e2e/publishers.ts";
import type { World } from "../e2e/world.ts";
import { patterned } from "../support/bytes.ts";
import { outputOf } from "../support/output_of.ts";

/** Larger than a chunk, so that it has a hash tree and more than one write. */
const LARGE = patterned(200_000);

interface Setting {
  world: World;
  /** The folder whose disk loses its power. */
  dir: string;
  alice: Publisher;
}

/** By name: each of the contents that it may have, or what its text has to look like. */
export type Contents = Record<string, (string | Uint8Array)[] | RegExp>;

/** An action in place of a verb, in an environment. */
export type Act = (setting: Setting, env: Record<string, string>) => Promise<Finished>;

interface Scenario {
  name: string;
  /** Prepares the setting; what there is then counts as durable. */
  before?: (setting: Setting) => Promise<void>;
  /** The words of `shoal peer`, or what else is done. */
  verb: string[] | Act;
  /** True if a running peer does it, whose syncs are recorded, and which dies with the power. */
  running?: boolean;
  /** More words for that peer. */
  args?: (setting: Setting) => string[];
  /** Exit codes of the verb when it is run again, besides 0: it may have done its work before the cut. */
  again?: number[];
  /** Contents that may stand under names of DIR, by name. */
  contents?: Contents;
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

/** The config file that lies in DIR here, and the words with which a peer uses it. */
const CONFIG = "conf/shoal/config.toml";
const withConfig = ({ dir }: Setting) => ["--config", `${dir}/${CONFIG}`];

/** A serving peer for DIR, once it is registered. */
export async function serve(setting: Setting, env: Record<string, string>, args: string[] = []) {
  const words = ["0", "--host", "127.0.0.1", ...args];
  const peer = setting.world.start(setting.dir, words, { env });
  await peer.sees(/registered with/);
  return peer;
}

/** Asks the running peer of DIR; one is started where none runs, and killed then. */
function asking(
  ask: (ask: Ask) => Promise<Response>,
  args?: (setting: Setting) => string[],
): Act {
  return async (setting, env) => {
    let own: Program | undefined;
    const send = async () => await ask(await askOf(setting));
    const response = await send().catch(async () => {
      own = await serve(setting, env, args?.(setting));
      return await send();
    });
    const last = (await linesOf(response)).at(-1);
    own?.signal("SIGKILL");
    await own?.ended();
    return { code: last.error ? 1 : 0, stdout: JSON.stringify(last), stderr: last.error?.message };
  };
}

const UNIT = /^\[Unit\][^]*\[Install\][^]+\n$/;
const CHANGE = {
  method: "PATCH",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ upload_slots: 5 }),
};
const upload = (name: string) => (ask: Ask) =>
  ask(`/api/v1/uploads?name=${name}`, { method: "PUT", body: LARGE });

export const SCENARIOS: Scenario[] = [
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
    name: "resume a download",
    before: async (setting) => {
      await begin(setting);
      await setting.world.json(setting.dir, ["pause", "data"]);
    },
    verb: ["resume", "data", "--json"],
    async promised(setting, dir) {
      assertEquals((await statusOf(setting, dir)).partials.map(({ on_request }) => on_request), [
        undefined,
      ]);
    },
  },
  {
    name: "upload a file to a new folder",
    running: true,
    verb: asking(upload("new/sub/data")),
    contents: { "new/sub/data": [LARGE] },
    async promised(setting, dir) {
      assertEquals(await Deno.readFile(`${dir}/new/sub/data`), LARGE);
      assertEquals(await sharesOf(setting, dir), ["new/sub/data"]);
    },
  },
  {
    name: "change a setting",
    running: true,
    args: withConfig,
    verb: asking((ask) => ask("/api/v1/config", CHANGE), withConfig),
    contents: { [CONFIG]: ["upload_slots = 5\n"] },
    async promised(_, dir) {
      assertEquals(await Deno.readTextFile(`${dir}/${CONFIG}`), "upload_slots = 5\n");
    },
  },
  {
    name: "make a swarm key",
    verb: ({ dir }, env) => shoal(["bootstrap", "new-key", `${dir}/swarm.key`], { env }),
    again: [6],
    contents: { "swarm.key": /^shoal swarm key 1\n[^]*\nkey [0-9a-f]{64}\n$/ },
    async promised(_, dir) {
      assertEquals((await Deno.stat(`${dir}/swarm.key`)).mode! & 0o777, 0o600);
    },
  },
  {
    name: "install a service",
    before: async ({ dir }) => await Deno.mkdir(`${dir}/units`),
    verb: ({ dir }, env) => {
      const exec = programWords()[0];
      const words = ["--write", "--unit-dir", `${dir}/units`, "--name", "shoal", "--exec", exec];
      return shoal(["bootstrap", "install-service", ...words], { env });
    },
    contents: { "units/shoal.service": UNIT },
    async promised(_, dir) {
      assertMatch(await Deno.readTextFile(`${dir}/units/shoal.service`), UNIT);
    },
  },
  {
    name: "share from a DIR that is new",
    before: async ({ dir }) => await Deno.writeFile(`${dir}/data`, LARGE),
    verb: ({ world, dir }, env) =>
      shoal(["peer", "share", `${dir}/data`, ...world.options()], {
        cwd: dir,
        env: { ...world.env, ...env },
      }),
    contents: { data: [LARGE] },
    async promised(setting, dir) {
      assertEquals(await sharesOf(setting, `${dir}/files`), ["data"]);
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
