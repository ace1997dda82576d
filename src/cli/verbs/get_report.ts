import type { Plan, Receipt } from "../../peer/api/peer_api.ts";
import { PATHS } from "../../peer/api/path.ts";
import { formatDuration, formatRate, formatSize, shortId } from "../output/units.ts";

/** A receipt as a line for people. */
export function describeReceipt(receipt: Receipt): string {
  const { name, size, seconds, rate, sources, chunks, kept, up_to_date, path = "" } = receipt;
  const total = chunks.reused + chunks.fetched;
  const useful = sources.filter((source) => source.bytes > 0);
  const used = useful.length;
  const how = kept ? ["left alone: it was there"] : up_to_date ? ["already up to date"] : [
    `in ${formatDuration(seconds)}`,
    ...(used > 0
      ? [`(${formatRate(rate)})`, `from ${used} source${used === 1 ? "" : "s"}${detours(useful)}`]
      : []),
    ...(chunks.reused > 0 && receipt.kind === "file"
      ? [`${chunks.reused} of ${total} chunks were there`]
      : []),
  ];
  return [name, formatSize(size), ...how, ...filesOf(receipt), `id ${shortId(receipt.id)}`, path]
    .join("  ").trimEnd();
}

/** The paths of some sources that are no plain connections, in brackets. */
function detours(sources: Receipt["sources"]): string {
  const paths = PATHS.filter((path) =>
    path !== "lan" && path !== "direct" && sources.some((source) => source.path === path)
  );
  return paths.length > 0 ? ` (${paths.join(", ")})` : "";
}

/** The numbers of a folder's files, by what was done with them; nothing for a file. */
function filesOf({ files }: Receipt): string[] {
  if (!files) return [];
  const { fetched, copied, unchanged, deleted } = files;
  const counts = [
    ...(fetched > 0 ? [`${fetched} fetched`] : []),
    ...(copied > 0 ? [`${copied} copied`] : []),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
    ...(deleted > 0 ? [`${deleted} deleted`] : []),
  ];
  return [`files: ${counts.join(", ") || "none"}`];
}

/** Notes on a download. */
export function notesOn({ name, trust, sources, older_removed }: Receipt): string[] {
  const notes = sources.filter((source) => source.dropped)
    .map((source) => `Dropped source ${source.address}: ${source.dropped}`);
  if (older_removed) {
    notes.push(`Removed ${formatSize(older_removed)} of older versions that were never finished.`);
  }
  if (trust !== "none") return notes;
  return [`Nobody signed for ${name}: it came from a legacy peer.`, ...notes];
}

/** A plan as a line for people. */
export function describePlan(plan: Plan): string {
  const { name, size, action, kept, bytes, sources, path } = plan;
  const from = sources.length > 0 ? `from ${sources.slice(0, 3).join(", ")}` : "from this peer";
  const more = sources.length > 3 ? ` and ${sources.length - 3} more` : "";
  const what = action === "none" ? [kept ? "would be left alone" : "already up to date"] : [
    `would ${action === "fetch" ? "be fetched" : "replace what is there"}`,
    ...(bytes.missing > 0 ? [`${formatSize(bytes.missing)} ${from}${more}`] : []),
    ...(bytes.reused > 0 ? [`${formatSize(bytes.reused)} from files here`] : []),
    ...(bytes.there > 0 ? [`${formatSize(bytes.there)} of an earlier try`] : []),
  ];
  return [name, formatSize(size), ...what, `id ${shortId(plan.id)}`, path].join("  ");
}
