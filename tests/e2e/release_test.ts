/**
 * `deno task release`: two runs over one commit; then each way to install what they made, into roots
 * that have nothing else, and verified transfers between these ways. `INSTALL=all` tries the Debian
 * package in a whole system as well (`deno task test:install`).
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { newSigningKey } from "../support/signing_key.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { isRoot, lacking, testUnless } from "../support/tools.ts";
import { type RunOptions, shoal } from "./program.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

const ROOT = new URL("../../", import.meta.url);
const FOLDER = decodeURIComponent(new URL("dist/release/", ROOT).pathname);
const ARCH = Deno.build.arch === "x86_64" ? "x64" : "arm64";
const DEBIAN = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
const VERSION = /^\d+\.\d+\.\d+\n$/;
// A binary that was compiled here shows that one can be.
const skip = Deno.env.has("SHOAL_BIN")
  ? lacking("tar", "dpkg-deb", "npm", "curl", "openssl", "unshare")
  : "no binary was compiled here";

async function run(command: string, ...args: string[]): Promise<string> {
  const options = { args, env: { NO_COLOR: "1", LC_ALL: "C" } };
  const { success, stdout, stderr } = await new Deno.Command(command, options).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, `${command} ${args.join(" ")}: ${out}${error}`);
  return out;
}

/** The release's files and their sums. */
async function release(...words: string[]): Promise<Map<string, string>> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "release", ...words],
    cwd: ROOT,
    env: { SOURCE_DATE_EPOCH: "1700000000", NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert(code === 0 || code === 3 && /is left out/.test(said), said);
  const sums = await Deno.readTextFile(`${FOLDER}SHA256SUMS`);
  return new Map(sums.trim().split("\n").map((line) => [line.slice(66), line.slice(0, 64)]));
}

/** Offers the release as a web server would. */
function offer() {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async ({ url }) => {
    const name = new URL(url).pathname.split("/").at(-1)!;
    const file = await Deno.open(FOLDER + name).catch(() => undefined);
    return file ? new Response(file.readable) : new Response("none", { status: 404 });
  });
}

/** The work of a container's runtime: file systems of the kernel, a root that is read-only, no rights. */
const CONTAINED = `set -e
mount --bind "$1" "$1"
mount --bind "$1/data" "$1/data"
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -o remount,ro,bind "$1"
root=$1; user=$2; shift 2
exec chroot --userspec="$user" "$root" "$@"`;

/** The words that run the program in an image. */
async function unpackImage(image: string, to: string): Promise<string[]> {
  const oci = `${to}/oci`;
  const root = `${to}/root`;
  await Deno.mkdir(oci);
  await Deno.mkdir(root);
  await run("tar", "-xf", image, "-C", oci);
  const blob = async (digest: string) =>
    JSON.parse(await Deno.readTextFile(`${oci}/blobs/${digest.replace(":", "/")}`));
  const index = JSON.parse(await Deno.readTextFile(`${oci}/index.json`));
  const { layers, config } = await blob(index.manifests[0].digest);
  for (const { digest } of layers) {
    await run("tar", "-xzf", `${oci}/blobs/${digest.replace(":", "/")}`, "-C", root);
  }
  const { User: user, Entrypoint: [program] } = (await blob(config.digest)).config;
  return ["unshare", "--mount", "sh", "-c", CONTAINED, "sh", root, user, program];
}

testUnless(
  skip,
  "release: the same commit gives the same bytes, which each way installs, and they fetch from each other",
  async () => {
    await using folder = await TempFolder.create();
    const key = await folder.write("key", newSigningKey());
    await using server = offer();
    const base = `http://127.0.0.1:${server.addr.port}`;
    const words = ["--key", key, "--base-url", base];
    const first = await release(...words);
    assertEquals(await release(...words), first);
    if (Deno.build.os !== "linux") return;
    const deb = [...first.keys()].find((name) => name.endsWith(`_${DEBIAN}.deb`))!;
    const npm = [...first.keys()].find((name) => name.endsWith(".tgz"))!;
    const image = [...first.keys()].find((name) => name.endsWith(`-linux-${ARCH}.oci.tar`))!;
    for (const name of ["sbom.cdx.json", "notes.md", "compose.yaml", "shoal.rb"]) {
      assert(first.has(name), name);
    }
    const formula = await Deno.readTextFile(`${FOLDER}shoal.rb`);
    assert(formula.includes(first.get(`shoal-linux-${ARCH}.tar.gz`)!), formula);

    const prefix = folder.at("script");
    await run("sh", `${FOLDER}install.sh`, "--prefix", prefix);
    await run("dpkg-deb", "-x", FOLDER + deb, folder.at("deb"));
    const places = ["--prefix", folder.at("npm"), "--cache", folder.at("cache")];
    await run("npm", "install", "-g", "--silent", ...places, FOLDER + npm);
    const ways: Record<string, string[]> = {
      script: [`${prefix}/bin/shoal`],
      deb: [folder.at("deb/usr/bin/shoal")],
      npm: [folder.at("npm/bin/shoal")],
    };
    await Deno.mkdir(folder.at("image"));
    const chrooted = isRoot ? await unpackImage(FOLDER + image, folder.at("image")) : undefined;
    if (chrooted) {
      const { stdout, code, stderr } = await shoal(["--version"], { program: chrooted });
      assertEquals([code, stderr], [0, ""]);
      assertMatch(stdout, VERSION);
    }

    await using world = await World.create();
    await writeRandom(`${world.root}/data.bin`, 3 << 20);
    for (const [from, to] of [["script", "npm"], ["npm", "deb"], ["deb", "script"]]) {
      const dir = (role: string) => world.folder(`${from} ${to} ${role}`);
      const [source, target] = [await dir("source"), await dir("target")];
      const by = (way: string): RunOptions => ({ program: ways[way] });
      assertMatch((await shoal(["--version"], by(from))).stdout, VERSION, from);
      const name = `${from}.bin`;
      await Deno.copyFile(`${world.root}/data.bin`, `${source}/${name}`);
      const serving = world.start(source, ["share", name, "--serve", "--port", "0"], by(from));
      await serving.sees(/listening on/);
      const got = await world.run(target, ["get", name, "--wait", "20s"], by(to));
      assertEquals(got.code, 0, `${to} from ${from}: ${got.stderr}`);
      assert(await sameFiles(`${target}/${name}`, `${world.root}/data.bin`), `${to} from ${from}`);
      assertEquals(await serving.stop("SIGTERM"), 143, from);
    }
    if (chrooted) {
      const source = await world.peer("for the image");
      await Deno.copyFile(`${world.root}/data.bin`, `${source.dir}/data.bin`);
      await world.run(source.dir, ["share", "data.bin"]);
      const { code, stderr } = await world.run("/data", ["get", "data.bin"], { program: chrooted });
      assertEquals(code, 0, stderr);
      const there = folder.at("image/root/data/data.bin");
      assert(await sameFiles(there, `${world.root}/data.bin`));
      assertEquals((await Deno.stat(there)).uid, 65_532);
    }
    if (Deno.env.get("INSTALL") === "all") await installWhole(FOLDER + deb, folder);
  },
);

/** The Debian package in a system of its own: lintian, install, upgrade, remove, purge. */
async function installWhole(deb: string, folder: TempFolder): Promise<void> {
  const said = await run("lintian", "--fail-on", "error", "--allow-root", deb);
  assert(!/^E:/m.test(said), said);
  const root = folder.at("system");
  // The release that this machine has: its sources are known to work here.
  const [, suite] = /^VERSION_CODENAME=(\w+)$/m.exec(await Deno.readTextFile("/etc/os-release"))!;
  await run("mmdebstrap", "--variant=minbase", "--include=adduser", suite, root);
  await Deno.copyFile(deb, `${root}/shoal.deb`);
  const inside = (...words: string[]) => run("chroot", root, ...words);
  const there = (path: string) => Deno.stat(root + path).then(() => true, () => false);
  await inside("dpkg", "-i", "/shoal.deb");
  const version = ["mount -t proc proc $0/proc && exec chroot $0 shoal --version", root];
  assertMatch(await run("unshare", "--mount", "sh", "-c", ...version), VERSION);
  assertMatch(await inside("id", "_shoal-peer"), /_shoal-peer/);
  const { mode } = await Deno.stat(`${root}/var/lib/shoal-peer`);
  assertEquals(mode! & 0o777, 0o750);
  const config = `${root}/etc/shoal/config.toml`;
  await Deno.writeTextFile(config, 'limit_up = "1M"\n');
  await Deno.writeTextFile(`${root}/var/lib/shoal-peer/kept.txt`, "kept");
  // The same one over itself is an upgrade as dpkg does it: the config file is the user's.
  await inside("dpkg", "--force-confold", "-i", "/shoal.deb");
  assertEquals(await Deno.readTextFile(config), 'limit_up = "1M"\n');
  await inside("dpkg", "-r", "shoal");
  assertEquals([await there("/usr/bin/shoal"), await there("/etc/shoal/config.toml")], [
    false,
    true,
  ]);
  assert(await there("/var/lib/shoal-peer/kept.txt"), "removing keeps what was shared");
  await inside("dpkg", "-P", "shoal");
  for (const path of ["/etc/shoal", "/var/lib/shoal-peer", "/usr/share/doc/shoal"]) {
    assertEquals(await there(path), false, path);
  }
  assert(!(await Deno.readTextFile(`${root}/etc/passwd`)).includes("shoal"));
}
