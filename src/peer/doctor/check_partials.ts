import { quoted } from "../../fault.ts";
import { isStale } from "../status/stale.ts";
import { type Finding, ok, warning } from "../api/finding.ts";

/** Stale downloads that a message names. */
const NAMED = 3;

/** The part of a partial download that counts here. */
interface PartialDownloads {
  name: string;
  size: number;
  /** The time of its last progress, in milliseconds since 1970. */
  updated: number;
}

/** Reports the number, total size and age of partial downloads. */
export function checkPartials(partials: PartialDownloads[], now: number): Finding {
  if (partials.length === 0) return ok("downloads", "all are whole");
  const size = partials.reduce((sum, one) => sum + one.size, 0);
  const oldest = Math.min(...partials.map(({ updated }) => updated));
  const days = Math.max(0, Math.floor((now - oldest) / 86_400_000));
  const message = `${partials.length} unfinished, of ${(size / 2 ** 20).toFixed(1)} MiB in all; ` +
    `the oldest got no further for ${days} days`;
  const stale = partials.filter((one) => isStale(one, now)).map(({ name }) => quoted(name));
  if (stale.length === 0) return ok("downloads", message);
  const more = stale.length > NAMED ? ` and ${stale.length - NAMED} more` : "";
  return warning(
    "downloads",
    `${message}; stale: ${stale.slice(0, NAMED).join(", ")}${more}`,
    "get them again, or remove them: shoal peer cancel NAME",
  );
}
