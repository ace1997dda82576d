import { type ArchiveFile, squeezed, tar, withFolders } from "./tar.ts";

/** The user and group that the program runs as: nobody's on any system. */
const USER = 65_532;
const encoder = new TextEncoder();

export interface OciOptions {
  version: string;
  /** As OCI names it: `amd64`, `arm64`. */
  architecture: string;
  /** The time of all files, in seconds since 1970. */
  seconds: number;
  program: Uint8Array<ArrayBuffer>;
  /** The shared libraries that the program is linked to, and their loader, by their paths. */
  libraries: ArchiveFile[];
}

/**
 * An OCI image in the layout that `docker load`, podman and skopeo read, as a tar. It has the program,
 * what it is linked to and /data, and nothing else: no shell. It runs as a user without a name, on a
 * root file system that may be read-only.
 */
export async function ociImage(options: OciOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { version, architecture, seconds, program, libraries } = options;
  const text = (path: string, content: string) => ({ path, bytes: encoder.encode(content) });
  const empty = new Uint8Array(0);
  const layer = tar(
    withFolders([
      { path: "usr/bin/shoal", bytes: program, executable: true },
      ...libraries,
      text("etc/passwd", `shoal:x:${USER}:${USER}::/data:/nonexistent\n`),
      text("etc/group", `shoal:x:${USER}:\n`),
      text("etc/nsswitch.conf", "hosts: files dns\n"),
      { path: "data/", bytes: empty, folder: true, mode: 0o750, owner: USER },
      // Where a runtime puts the kernel's file systems.
      ...["dev/", "proc/", "sys/"].map((path) => ({ path, bytes: empty, folder: true as const })),
      { path: "tmp/", bytes: empty, folder: true, mode: 0o1777 },
    ]),
    seconds,
  );
  const packed = await squeezed(layer, "gzip");
  const created = new Date(seconds * 1000).toISOString().replace(".000", "");
  const config = json({
    ...{ architecture, os: "linux", created },
    config: {
      User: `${USER}:${USER}`,
      ExposedPorts: { "8000/tcp": {}, "10000/tcp": {} },
      Env: ["PATH=/usr/bin", "SHOAL_DIR=/data", "HOME=/data"],
      Entrypoint: ["/usr/bin/shoal"],
      Cmd: ["peer"],
      Volumes: { "/data": {} },
      WorkingDir: "/data",
      StopSignal: "SIGTERM",
      // Of docker, which has it beside what OCI says.
      Healthcheck: {
        Test: ["CMD", "/usr/bin/shoal", "peer", "status", "--quiet"],
        ...{ Interval: 30e9, Timeout: 10e9, StartPeriod: 10e9, Retries: 3 },
      },
      Labels: {
        "org.opencontainers.image.title": "shoal",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "MIT",
      },
    },
    rootfs: { type: "layers", diff_ids: [await digestOf(await bytesOf(layer))] },
    history: [{ created, created_by: "deno task release" }],
  });
  const kind = "application/vnd.oci.image";
  const manifest = json({
    ...{ schemaVersion: 2, mediaType: `${kind}.manifest.v1+json` },
    config: await describe(config, `${kind}.config.v1+json`),
    layers: [await describe(packed, `${kind}.layer.v1.tar+gzip`)],
  });
  const index = json({
    ...{ schemaVersion: 2, mediaType: `${kind}.index.v1+json` },
    manifests: [{
      ...await describe(manifest, `${kind}.manifest.v1+json`),
      platform: { architecture, os: "linux" },
      annotations: {
        "org.opencontainers.image.ref.name": version,
        "io.containerd.image.name": `docker.io/library/shoal:${version}`,
      },
    }],
  });
  const blobs = await Promise.all([config, manifest, packed].map(async (bytes) => ({
    ...{ path: `blobs/sha256/${(await digestOf(bytes)).slice(7)}`, bytes },
  })));
  const files = withFolders([
    { path: "oci-layout", bytes: json({ imageLayoutVersion: "1.0.0" }) },
    { path: "index.json", bytes: index },
    ...blobs,
  ]);
  return await bytesOf(tar(files, seconds));
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value));
}

async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer());
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return `sha256:${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex()}`;
}

async function describe(bytes: Uint8Array<ArrayBuffer>, mediaType: string) {
  return { mediaType, digest: await digestOf(bytes), size: bytes.length };
}

/**
 * The shared libraries of a program of this machine, as `ldd` names them, under the paths at which the
 * loader looks; undefined where that can't be told.
 */
export async function librariesOf(program: string): Promise<ArchiveFile[] | undefined> {
  const ldd = new Deno.Command("ldd", { args: [program] }).output();
  const result = await ldd.catch(() => undefined);
  if (!result?.success) return;
  const paths = [...new TextDecoder().decode(result.stdout).matchAll(/(\/\S+) \(0x/g)]
    .map(([, path]) => path);
  return await Promise.all(paths.map(async (path) => ({
    ...{ path: path.slice(1), bytes: await Deno.readFile(path), executable: true },
  })));
}
