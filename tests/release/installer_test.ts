/** packaging/install.sh against a release that a server here offers, whole and damaged. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { installerOf } from "../../scripts/release/installer.ts";
import { readSigningKey, signatureOf } from "../../scripts/release/minisign.ts";
import { tarGz } from "../../scripts/release/tar.ts";
import { newSigningKey } from "../support/signing_key.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { findTool, lacking, noLinux, testUnless } from "../support/tools.ts";

const ARCHIVE = `shoal-linux-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A release of version 9.9.9 whose program is a script, at an address of this machine. */
class OfferedRelease implements AsyncDisposable {
  /** The files by name; a test damages them. */
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  readonly #server: Deno.HttpServer;
  readonly #folder: TempFolder;
  readonly #installer: string;
  #path?: string;

  private constructor(
    files: Map<string, Uint8Array<ArrayBuffer>>,
    folder: TempFolder,
    key: string,
  ) {
    this.files = files;
    this.#folder = folder;
    this.#installer = key;
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
      const bytes = files.get(new URL(url).pathname.replace("/9.9.9/", ""));
      return bytes ? new Response(bytes) : new Response("none", { status: 404 });
    });
  }

  static async create(): Promise<OfferedRelease> {
    const key = readSigningKey(newSigningKey());
    const program = "#!/bin/sh\necho 9.9.9\n";
    const file = (path: string, text: string) => ({
      path: `${ARCHIVE}/${path}`,
      bytes: bytesOf(text),
      executable: path === "shoal",
    });
    const archive = await tarGz([
      ...[file("shoal", program), file("man/shoal.1", ".TH"), file("man/shoal-peer.1", ".TH")],
      ...[file("completions/shoal.bash", ""), file("completions/_shoal", "")],
      ...[file("completions/shoal.fish", ""), file("LICENSE", "MIT")],
    ], 0);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", archive));
    const sums = bytesOf(`${digest.toHex()}  ${ARCHIVE}.tar.gz\n`);
    const files = new Map([
      [`${ARCHIVE}.tar.gz`, archive],
      ["SHA256SUMS", sums],
      ["SHA256SUMS.minisig", bytesOf(signatureOf(sums, "shoal 9.9.9", key))],
    ]);
    const folder = await TempFolder.create();
    const text = await Deno.readTextFile(new URL("../../packaging/install.sh", import.meta.url));
    const { publicKey } = key;
    await folder.write("install.sh", installerOf(text, { version: "9.9.9", publicKey }));
    return new OfferedRelease(files, folder, folder.at("install.sh"));
  }

  get prefix(): string {
    return this.#folder.at("prefix");
  }

  /** Lets the installer find these programs, and no others. */
  async allowOnly(tools: string[]): Promise<void> {
    await Deno.mkdir(this.#folder.at("bin"));
    for (const tool of tools) await Deno.symlink(findTool(tool)!, this.#folder.at(`bin/${tool}`));
    this.#path = this.#folder.at("bin");
  }

  /** Runs the installer; returns its exit code and the last line that it wrote. */
  async install(...args: string[]): Promise<[code: number, said: string]> {
    const { port } = this.#server.addr as Deno.NetAddr;
    const base = ["--base-url", `http://127.0.0.1:${port}/`, "--prefix", this.prefix];
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: [this.#installer, ...base, ...args],
      env: this.#path === undefined ? {} : { PATH: this.#path },
    }).output();
    const text = new TextDecoder().decode(code === 0 ? stdout : stderr);
    return [code, text.trim().split("\n").at(-1)!];
  }

  /** All files below the prefix. */
  installed(): string[] {
    const walk = (path: string): string[] =>
      [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
        isDirectory ? walk(`${path}/${name}`) : [`${path}/${name}`]
      );
    return walk(this.prefix).map((path) => path.slice(this.prefix.length + 1)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await this.#folder[Symbol.asyncDispose]();
  }
}

const skip = noLinux ?? lacking("curl", "openssl");

testUnless(
  skip,
  "installer: installs the program, pages and completions, and removes them",
  async () => {
    await using release = await OfferedRelease.create();
    const [code, said] = await release.install();
    assertEquals(code, 0, said);
    assertMatch(said, /PATH/);
    assertEquals(release.installed(), [
      "bin/shoal",
      "share/bash-completion/completions/shoal",
      "share/fish/vendor_completions.d/shoal.fish",
      "share/man/man1/shoal-peer.1",
      "share/man/man1/shoal.1",
      "share/shoal/installed.txt",
      "share/zsh/site-functions/_shoal",
    ]);
    assertEquals((await release.install())[0], 0, "once more, as an upgrade");
    assertEquals((await release.install("--uninstall"))[0], 0);
    assertEquals(release.installed(), []);
    assertMatch((await release.install("--uninstall"))[1], /no Shoal is installed/);
  },
);

// Those of a small Debian, without minisign; the shell finds itself.
const SMALL =
  "sh uname curl openssl cut sed tail base64 mktemp rm tar gzip mv mkdir sort find grep id rmdir"
    .split(" ");

testUnless(noLinux ?? lacking(...SMALL), "installer: openssl checks signatures, too", async () => {
  await using release = await OfferedRelease.create();
  await release.allowOnly(SMALL);
  const [code, said] = await release.install();
  assertEquals(code, 0, said);
  assertEquals((await release.install("--uninstall"))[0], 0);
  release.files.get("SHA256SUMS")![0]! ^= 1;
  assertMatch((await release.install())[1], /signature of SHA256SUMS is wrong/);
  assertEquals(release.installed(), []);
});

testUnless(skip, "installer: nothing is installed that no program here can check", async () => {
  await using release = await OfferedRelease.create();
  await release.allowOnly(SMALL.filter((tool) => tool !== "openssl"));
  assertMatch((await release.install())[1], /needs minisign or openssl to check the signature/);
  assertEquals(release.installed(), []);
});

const damages: Record<string, [damage: (release: OfferedRelease) => void, said: RegExp]> = {
  "a changed archive": [
    ({ files }) => files.get(`${ARCHIVE}.tar.gz`)!.fill(0, 20, 30),
    /was damaged on its way: nothing was installed/,
  ],
  "an archive cut off": [
    ({ files }) => files.set(`${ARCHIVE}.tar.gz`, files.get(`${ARCHIVE}.tar.gz`)!.slice(0, -9)),
    /was damaged on its way/,
  ],
  "sums that were not signed": [
    ({ files }) => files.set("SHA256SUMS", bytesOf(`${"0".repeat(64)}  ${ARCHIVE}.tar.gz\n`)),
    /signature of SHA256SUMS is wrong/,
  ],
  "another's signature": [
    ({ files }) => {
      const signature = signatureOf(
        files.get("SHA256SUMS")!,
        "shoal 9.9.9",
        readSigningKey(newSigningKey()),
      );
      files.set("SHA256SUMS.minisig", bytesOf(signature));
    },
    /signature of SHA256SUMS is wrong/,
  ],
  "a file that is not there": [
    ({ files }) => files.delete(`${ARCHIVE}.tar.gz`),
    /cannot download .*: try again, or check/,
  ],
};

for (const [name, [damage, said]] of Object.entries(damages)) {
  testUnless(skip, `installer: refuses ${name}, and leaves nothing behind`, async () => {
    await using release = await OfferedRelease.create();
    damage(release);
    const [code, line] = await release.install();
    assertEquals(code, 1);
    assertMatch(line, said);
    assertEquals(release.installed(), []);
  });
}

testUnless(
  skip,
  "installer: an unknown option and a prefix that can't be written are one line",
  async () => {
    await using release = await OfferedRelease.create();
    assertMatch((await release.install("--nonsense"))[1], /unknown option --nonsense/);
    const [code, said] = await release.install("--prefix", "/proc/shoal");
    assertEquals(code, 1);
    assertMatch(said, /cannot write to \/proc\/shoal/);
  },
);

testUnless(lacking("minisign"), "release: minisign accepts the signature", async () => {
  await using folder = await TempFolder.create();
  const key = readSigningKey(newSigningKey());
  await folder.write("sums", "text\n");
  await folder.write("sums.minisig", signatureOf(bytesOf("text\n"), "shoal 9.9.9", key));
  const args = ["-V", "-P", key.publicKey, "-m", folder.at("sums")];
  const { success, stdout } = await new Deno.Command("minisign", { args }).output();
  assert(success);
  assertMatch(new TextDecoder().decode(stdout), /shoal 9\.9\.9/);
});
