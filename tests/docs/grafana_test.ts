/** The dashboard and the alert rules in docs/grafana name metrics that the program has. */
import { assert, assertEquals } from "@std/assert";
import { BootstrapMetrics } from "../../src/cli/metrics/bootstrap_metrics.ts";
import { GetMetrics } from "../../src/cli/metrics/get_metrics.ts";
import { PeerMetrics } from "../../src/cli/metrics/peer_metrics.ts";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { lacking, testUnless } from "../support/tools.ts";

const FOLDER = new URL("../../docs/grafana/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, FOLDER));

/** The metrics of a shared registry, which only a bootstrap with one has. */
const shared = {
  shared: { id: "1", state: "ready" as const },
  backlog: 0,
  bootstraps: 1,
  trouble: undefined,
};

function metrics() {
  const bootstrap = new BootstrapMetrics();
  bootstrap.watch({
    connectionCount: 0,
    counts: { peers: 0, names: 0 },
    relayed: { pairs: 0, bytes: 0 },
  }, shared);
  const peer = new PeerMetrics(() => Promise.reject(new Error("not asked here")));
  return { bootstrap, peer, get: new GetMetrics() };
}

/** The names of all metrics, with those that a histogram comes to. */
function known(): Set<string> {
  const { bootstrap, peer, get } = metrics();
  const names = [bootstrap, peer, get].flatMap(({ metrics }) =>
    metrics.getMetricsAsArray().map(({ name }) => name)
  );
  return new Set(names.flatMap((name) => [name, `${name}_bucket`, `${name}_count`, `${name}_sum`]));
}

Deno.test("grafana: each metric that the dashboard and the rules name is one of the program", async () => {
  const names = known();
  const dashboard = JSON.parse(await read("shoal.json")) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  const rules = await read("alerts.yml");
  const texts = [
    rules,
    ...dashboard.panels.flatMap(({ targets }) => targets.map((one) => one.expr)),
  ];
  const used = texts.flatMap((text) => text.match(/\b(shoal|process)_[a-z_]+/g) ?? []);
  assert(used.length > 25);
  assertEquals(used.filter((name) => !names.has(name)), []);
});

testUnless(
  lacking("promtool"),
  "grafana: promtool takes the alert rules, and they fire when they should",
  async () => {
    for (const words of [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]) {
      const command = new Deno.Command("promtool", { args: words, cwd: FOLDER });
      const { success, stdout, stderr } = await command.output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert(success, said);
    }
  },
);

testUnless(
  lacking("promtool"),
  "grafana: promtool takes all metrics, names and units among them",
  async () => {
    const { bootstrap, peer } = metrics();
    bootstrap.answered("find", "ok", 0.01);
    bootstrap.registryAnswered(0.001);
    peer.downloaded({
      ...{ size: 5 << 20, seconds: 2, bytes: 5 << 20, publisher: "p" },
      chunks: { reused: 1, fetched: 80, refetched: 2 },
      sources: [
        { address: "a:1", peer: "p", path: "direct", bytes: 3 << 20, retries: 0, bad_chunks: 0 },
        { address: "b:1", peer: "q", path: "lan", bytes: 2 << 20, retries: 0, bad_chunks: 2 },
      ],
    } as unknown as Receipt);
    const text = await peer.metrics.metrics();
    for (
      const line of [
        'shoal_peer_downloaded_bytes_total{path="direct",from="publisher"} 3145728',
        'shoal_peer_downloaded_bytes_total{path="lan",from="other"} 2097152',
        'shoal_peer_downloaded_chunks_total{kind="bad"} 2',
        'shoal_peer_downloaded_chunks_total{kind="refetched"} 2',
        'shoal_peer_download_duration_seconds_count{size="64MiB"} 1',
      ]
    ) assert(text.includes(line), `${line} is missing in\n${text}`);
    for (const some of [text, await bootstrap.metrics.metrics()]) {
      const command = new Deno.Command("promtool", {
        ...{ args: ["check", "metrics"], stdin: "piped", stdout: "piped", stderr: "piped" },
      });
      const child = command.spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(some));
      await writer.close();
      const { success, stdout, stderr } = await child.output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert(success, said);
    }
  },
);
