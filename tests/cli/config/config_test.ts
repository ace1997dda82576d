/** The config file: where it is, what may stand in it, and how it is changed. */
import { assert, assertEquals } from "@std/assert";
import { originsOf } from "../../../src/cli/config/config.ts";
import { Config } from "../../../src/cli/config/config.ts";
import { changeConfigFile, readConfigFile } from "../../../src/cli/config/config_file.ts";
import { knownKeys } from "../../../src/cli/config/config_keys.ts";
import { configPath, expandPath } from "../../../src/cli/config/config_path.ts";
import type { PeerFlags } from "../../../src/cli/args/options.ts";
import { plainProgram } from "../../../src/cli/program/plain_program.ts";
import { KeyFault } from "../../../src/fault.ts";
import { LiveConfig } from "../../../src/peer/live_config.ts";
import type { PeerSettings } from "../../../src/peer/api/settings.ts";
import { faultOf } from "../../support/faults.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { noPosix, skippedIf } from "../../support/tools.ts";

const KEYS = knownKeys();

/** The options of `shoal peer …`, and their origins. */
async function told(...argv: string[]) {
  let found: { flags: PeerFlags; origins: ReturnType<typeof originsOf> } | undefined;
  const program = plainProgram({
    peer(flags, command) {
      found = { flags, origins: originsOf(command) };
      return Promise.resolve();
    },
  });
  await program.parseAsync(["peer", ...argv], { from: "user" });
  return found!;
}

/** A config file with this text, for a peer that was started with these words. */
async function configured(text: string | undefined, ...argv: string[]) {
  const folder = await TempFolder.create();
  const path = folder.at("shoal/config.toml");
  if (text !== undefined) await folder.write("shoal/config.toml", text);
  const { flags, origins } = await told(...argv);
  const config = new Config(path, flags, origins);
  return {
    ...{ folder, path, config },
    text: () => Deno.readTextFile(path),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("config path: where each system keeps such files", () => {
  const at = (os: typeof Deno.build.os, env: Record<string, string>) =>
    configPath(undefined, { os, env: (name) => env[name] });
  const home = { HOME: "/home/me" };
  assertEquals(at("linux", home), "/home/me/.config/shoal/config.toml");
  assertEquals(at("linux", { ...home, XDG_CONFIG_HOME: "/x" }), "/x/shoal/config.toml");
  assertEquals(
    at("linux", { ...home, XDG_CONFIG_HOME: "relative" }),
    "/home/me/.config/shoal/config.toml",
  );
  const mac = "/home/me/Library/Application Support/shoal/config.toml";
  assertEquals(at("darwin", home), mac);
  assertEquals(at("windows", { APPDATA: "C:\\A" }), "C:/A/shoal/config.toml");
  assertEquals(at("linux", {}), undefined);
  assertEquals(configPath("/given", { os: "linux", env: () => undefined }), "/given");
});

Deno.test("config path: a folder in the file is absolute, or below home", async () => {
  const here = { os: "linux", env: (name: string) => name === "HOME" ? "/home/me" : undefined };
  const expand = (text: string) => expandPath(text, here as Parameters<typeof expandPath>[1]);
  assertEquals(expand("~/shared"), "/home/me/shared");
  assertEquals(expand("/srv"), "/srv");
  for (const bad of ["", "x", "./x", "../x", "~", "~other/x"]) {
    await faultOf("usage", (async () => await expand(bad))(), "must be an absolute path");
  }
});

Deno.test("config file: what is wrong is named with its line", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("config.toml");
  const wrong: [string, string][] = [
    ["\n\nx = 1", ':3: unknown key "x": there are bootstrap, dir'],
    ['port = "1"', ":1: port: it must be a number"],
    ["port = 1.5", ":1: port: it must be a whole number"],
    ["port = 65536", ':1: port: "65536" is not a port'],
    ["port = -1", ":1: port: "],
    ["# c\nlimit_up = true", ":2: limit_up: it must be a rate"],
    ["limit_down = -1", ":1: limit_down: "],
    ["upload_slots = 0", ':1: upload_slots: "0" is not a number of slots'],
    ["bootstrap = []", ":1: bootstrap: it must be an address"],
    ['bootstrap = ["ok", "b:x"]', ':1: bootstrap: "x" is not a port'],
    ["host = 7", ":1: host: it must be a text"],
    ['dir = "here"', ':1: dir: "here" must be an absolute path'],
    ['theme = "pink"', ":1: theme: it must be one of auto, light, dark"],
    ["json = true", ':1: unknown key "json"'],
    ["[bootstrap_server]\n\ndir = 1", ':3: unknown key "dir": there are host, port'],
    ["bootstrap_server = 1", ":1: bootstrap_server must be a table"],
    ["port = 1\nport = 2", ":2: "],
    ["a = [", ":1: "],
    ['host = "a\u0001"', ":1: "],
    ["port = { a = 1 }", ":1: port: it must be a number"],
    ["__proto__ = 1", ':1: unknown key "__proto__"'],
  ];
  for (const [text, why] of wrong) {
    await folder.write("config.toml", text);
    const fault = await faultOf("usage", readConfigFile(path, KEYS), `Cannot use ${path}${why}`);
    assert(!fault.message.includes("\n"), fault.message);
  }
  await folder.write("config.toml", new Uint8Array([0xff]));
  await faultOf("usage", readConfigFile(path, KEYS), `Cannot use "${path}": it is not UTF-8`);
  await folder.write("config.toml", "#".repeat((1 << 20) + 1));
  await faultOf("usage", readConfigFile(path, KEYS), "it has over 1048576 bytes");
  await faultOf("usage", readConfigFile(folder.path, KEYS), "it is a folder");
  assertEquals((await readConfigFile(folder.at("missing"), KEYS)).exists, false);
});

Deno.test("config file: every key, for both commands", async () => {
  await using folder = await TempFolder.create();
  const path = await folder.write(
    "config.toml",
    `bootstrap = "a, b:9"\ndir = "/srv"\nhost = "::1"\nport = 0\nadvertise = "me:7"
limit_up = "2M"\nlimit_down = 1000\nupload_slots = 4\ntheme = "dark"
ui = 10101\nui_host = "0.0.0.0"\nui_password_file = "/srv/password"
log_level = "debug"\nlog_format = "json"\n[bootstrap_server]\nhost = "127.0.0.1"\nport = 8001\n`,
  );
  const { peer, bootstrap } = await readConfigFile(path, KEYS);
  assertEquals(Object.fromEntries(peer), {
    bootstrap: [{ host: "a", port: 8_000 }, { host: "b", port: 9 }],
    ...{ dir: "/srv", host: "::1", port: 0, advertise: "me:7", limitUp: 2 << 20, limitDown: 1_000 },
    ...{ uploadSlots: 4, theme: "dark", logLevel: "debug", logFormat: "json" },
    ...{ ui: 10_101, uiHost: "0.0.0.0", uiPasswordFile: "/srv/password" },
  });
  assertEquals(Object.fromEntries(bootstrap), { host: "127.0.0.1", port: 8_001 });
});

Deno.test("config: flag beats environment beats file beats default", async () => {
  const text = 'port = 1\nlimit_up = 10\nlimit_down = 20\nhost = "127.0.0.9"\n';
  Deno.env.set("SHOAL_LIMIT_UP", "11");
  Deno.env.set("SHOAL_PORT", "2");
  try {
    await using world = await configured(text, "--port", "3");
    const { values, origins, overruled, restart } = await world.config.read();
    assertEquals([values.port, origins.port], [3, "flag"]);
    assertEquals([values.limit_up, origins.limit_up], [11, "environment"]);
    assertEquals([values.limit_down, origins.limit_down], [20, "file"]);
    assertEquals([values.upload_slots, origins.upload_slots], [16, "default"]);
    assertEquals(overruled.sort(), ["limit_up", "port"]);
    // The command line was read without the file here, so the peer runs with another host.
    assertEquals(restart, ["host"]);
    await using word = await configured(text, "4");
    const said = await word.config.read();
    assertEquals([said.values.port, said.origins.port], [4, "flag"]);
  } finally {
    for (const name of ["SHOAL_LIMIT_UP", "SHOAL_PORT"]) Deno.env.delete(name);
  }
});

Deno.test("config: the UI's keys give way to flags and the environment, each by itself", async () => {
  const text = 'ui = true\nui_host = "127.0.0.9"\nui_password_file = "/srv/password"\n';
  Deno.env.set("SHOAL_UI_HOST", "127.0.0.8");
  try {
    await using world = await configured(text, "--ui", "0");
    const { values, origins, overruled } = await world.config.read();
    assertEquals([values.ui, origins.ui], [0, "flag"]);
    assertEquals([values.ui_host, origins.ui_host], ["127.0.0.8", "environment"]);
    assertEquals(
      [values.ui_password_file, origins.ui_password_file],
      ["/srv/password", "file"],
    );
    assertEquals(overruled.sort(), ["ui", "ui_host"]);
    Deno.env.delete("SHOAL_UI_HOST");
    // Others may come where there is a password.
    await using other = await configured('ui_password_file = "/srv/password"\n');
    const changed = await other.config.write({ ui: false, ui_host: "0.0.0.0" });
    assertEquals([changed.values.ui, changed.values.ui_host], [false, "0.0.0.0"]);
    assert(["ui", "ui_host"].every((key) => changed.restart.includes(key)));
  } finally {
    Deno.env.delete("SHOAL_UI_HOST");
  }
});

Deno.test("config: a change keeps comments, and all that it isn't about", async () => {
  await using world = await configured(
    '# mine\nlimit_up = "2M" # no more\n\n[bootstrap_server]\n# its port\nport = 8001\n',
  );
  const { config } = world;
  const { values, origins } = await config.write({
    limit_up: 5,
    theme: "dark",
    bootstrap: ["x:1"],
  });
  assertEquals([values.limit_up, values.theme, values.bootstrap], [5, "dark", ["x:1"]]);
  assertEquals([origins.theme, origins.host], ["file", "default"]);
  const text = await world.text();
  for (const kept of ["# mine\n", "# no more\n", "[bootstrap_server]\n# its port\nport = 8001\n"]) {
    assert(text.includes(kept), text);
  }
  await config.write({ limit_up: null, theme: null, bootstrap: null });
  assertEquals((await config.read()).origins.limit_up, "default");
  assert((await world.text()).includes("# its port\nport = 8001"));
});

Deno.test("config: a file is made for its owner alone, and replaced in one step", async () => {
  await using world = await configured(undefined);
  await world.config.write({ limit_up: "1M" });
  if (Deno.build.os !== "windows") {
    assertEquals((await Deno.stat(world.path)).mode! & 0o777, 0o600);
    assertEquals((await Deno.stat(world.folder.at("shoal"))).mode! & 0o777, 0o700);
  }
  assertEquals(await world.text(), 'limit_up = "1M"\n');
  // Many writers, and a reader that never sees less than a file.
  const writers = Array.from(
    { length: 20 },
    (_, n) => changeConfigFile(world.path, { port: n + 1 }, KEYS),
  );
  const readers = Array.from({ length: 20 }, () => readConfigFile(world.path, KEYS));
  for (const { exists, peer } of await Promise.all(readers)) {
    assert(exists && peer.get("limitUp") === 1 << 20);
  }
  await Promise.all(writers);
  assertEquals(world.folder.list(), ["shoal", "shoal/config.toml"]);
  const { peer } = await readConfigFile(world.path, KEYS);
  assert(peer.get("port") as number >= 1);
});

Deno.test({
  ...skippedIf(noPosix, "config: a link to the file stays one"),
  async fn() {
    await using world = await configured(undefined);
    await world.folder.write("dotfiles/shoal.toml", "port = 5\n");
    await world.folder.mkdir("shoal");
    await Deno.symlink(world.folder.at("dotfiles/shoal.toml"), world.path);
    await world.config.write({ port: 6 });
    assert((await Deno.lstat(world.path)).isSymlink);
    assertEquals(await Deno.readTextFile(world.folder.at("dotfiles/shoal.toml")), "port = 6\n");
  },
});

Deno.test("config: a wrong change changes nothing, and names its field", async () => {
  await using world = await configured("port = 5\n");
  const wrong: [string, unknown][] = [
    ["port", 70_000],
    ["port", "5"],
    ["bootstrap", ["x:y"]],
    ["bootstrap", []],
    ["limit_up", "fast"],
    ["upload_slots", 2_000],
    ["dir", `${world.folder.path}/missing`],
    ["dir", "relative"],
    ["theme", "pink"],
    ["advertise", "a:0"],
    ["swarm_key", "/key"],
    ["ui", "on"],
    ["ui", 70_000],
    ["ui_host", "a:1"],
    ["ui_host", "0.0.0.0"],
    ["ui_password_file", "/password"],
    ["nothing", 1],
    ["__proto__", 1],
  ];
  for (const [name, value] of wrong) {
    const changes = { limit_down: 9, ...Object.fromEntries([[name, value]]) };
    const fault = await faultOf("usage", world.config.write(changes), "Cannot set");
    assertEquals((fault as KeyFault).field, name);
  }
  assertEquals(await world.text(), "port = 5\n");
  // What is broken already is not written over.
  await world.folder.write("shoal/config.toml", "port = \n");
  await faultOf("usage", world.config.write({ port: 6 }), `${world.path}:1`);
  assertEquals(await world.text(), "port = \n");
});

Deno.test("live config: what is changed is applied, in turn; a reload applies all", async () => {
  await using world = await configured("limit_up = 1\n");
  const applied: [number | undefined, string[]][] = [];
  const live = new LiveConfig(world.config, (settings: PeerSettings, keys) => {
    applied.push([settings.limitUp, [...keys]]);
    return Promise.resolve();
  });
  await Promise.all([live.change({ limit_up: 2 }), live.change({ limit_up: 3, theme: "dark" })]);
  const view = await live.reload();
  assertEquals(applied.slice(0, 2), [[2, ["limit_up"]], [3, ["limit_up", "theme"]]]);
  assertEquals([applied[2][0], applied[2][1].length], [3, 6]);
  assertEquals([view.values.theme, "settings" in view], ["dark", false]);
  await faultOf("usage", live.change({ limit_up: "x" }), 'Cannot set "limit_up"');
  assertEquals(applied.length, 3);
  const none = new LiveConfig(undefined, () => Promise.resolve());
  await faultOf("usage", none.view(), "this peer has no config file");
});
