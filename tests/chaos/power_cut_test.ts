/**
 * The power goes right after any sync of a verb: nothing half stands under a final name, what a receipt
 * promised is kept, and running the verb again completes it. `deno task test:power-cut` tries each sync
 * under both models of a disk ($POWER_CUTS=all); otherwise a few of them.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { placedIn } from "../e2e/checks.ts";
import { publisher } from "../e2e/publishers.ts";
import { World } from "../e2e/world.ts";
import { type DiskModel, PowerCut } from "../support/power_cut/power_cut.ts";
import { testUnless } from "../support/tools.ts";
import { type Act, type Contents, SCENARIOS, serve } from "./power_cut_scenarios.ts";

const ALL = Deno.env.get("POWER_CUTS") === "all";
const MODELS: DiskModel[] = ["lazy", "eager"];

for (const scenario of SCENARIOS) {
  testUnless(PowerCut.lacking, `a power cut: ${scenario.name}`, async () => {
    await using world = await World.create();
    // What a folder that is laid out anew is known by.
    world.env.XDG_STATE_HOME = await world.folder("state home");
    const dir = await world.folder("dir");
    const setting = { world, dir, alice: await publisher(world, "alice") };
    await scenario.before?.(setting);
    await using cut = await PowerCut.create(dir);
    const { verb, args } = scenario;
    const act: Act = typeof verb === "function" ? verb : (_, env) => world.run(dir, verb, { env });
    const peer = scenario.running ? await serve(setting, cut.env, args?.(setting)) : undefined;
    const { code, stdout, stderr } = await act(setting, peer ? {} : cut.env);
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
        const again = await act(setting, {});
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
  const few = [Math.floor(syncs / 2), syncs - 1];
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
  contents: Contents,
): Promise<void> {
  for (const name of placedIn(dir)) {
    if (name.split("/").some((part) => /^\.|\.(shoal-partial|tmp)$/.test(part))) {
      continue;
    }
    const { isFile } = await Deno.lstat(`${dir}/${name}`);
    if (!isFile) continue;
    const bytes = await Deno.readFile(`${dir}/${name}`);
    const may = contents[name] ?? [];
    if (may instanceof RegExp) {
      assertMatch(new TextDecoder().decode(bytes), may);
      continue;
    }
    const allowed = may.map((content) =>
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
