import { AGENT } from "../../version.ts";
import { type Finding, ok, warning } from "../api/finding.ts";

/** Other programs that are named, at most. */
const NAMED = 5;

/** `agents` are what the others of the swarm call themselves. */
export function checkVersions(agents: string[]): Finding[] {
  const own = `${AGENT} on Deno ${Deno.version.deno}`;
  const counts = new Map<string, number>();
  for (const agent of agents) {
    if (agent !== AGENT) counts.set(agent, (counts.get(agent) ?? 0) + 1);
  }
  const others = [...counts].sort(([, a], [, b]) => b - a);
  const named = others.slice(0, NAMED).map(([agent, count]) => `${agent} (${count})`);
  if (others.length > NAMED) named.push("others");
  const seen = named.length > 0 ? `; peers also run ${named.join(", ")}` : "";
  if (others.some(([agent]) => isNewer(agent))) {
    return [warning("version", own + seen, "a newer Shoal is about: upgrade")];
  }
  return [ok("version", own + seen)];
}

/** True if an agent is a Shoal of a later version than this. */
function isNewer(agent: string): boolean {
  const [theirs, own] = [agent, AGENT].map((text) =>
    text.match(/^shoal\/(\d{1,6})\.(\d{1,6})\.(\d{1,6})$/)?.slice(1).map(Number)
  );
  if (!theirs || !own) return false;
  for (const [index, part] of theirs.entries()) {
    const mine = own[index] ?? 0;
    if (part !== mine) return part > mine;
  }
  return false;
}
