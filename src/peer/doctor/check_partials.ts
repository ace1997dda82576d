import { type Finding, ok, warning } from "../api/finding.ts";

/** A download that nobody has got further for so long is forgotten, in milliseconds. */
const FORGOTTEN_MS = 30 * 86_400_000;

/** What of a download counts here. */
interface PartialDownloads {
  size: number;
  /** When it last got further, in milliseconds since 1970. */
  updated: number;
}

/** How many downloads aren't whole, of what size together, and since when. */
export function checkPartials(partials: PartialDownloads[], now: number): Finding {
  if (partials.length === 0) return ok("downloads", "all are whole");
  const size = partials.reduce((sum, one) => sum + one.size, 0);
  const oldest = Math.min(...partials.map(({ updated }) => updated));
  const days = Math.max(0, Math.floor((now - oldest) / 86_400_000));
  const message = `${partials.length} unfinished, of ${(size / 2 ** 20).toFixed(1)} MiB in all; ` +
    `the oldest got no further for ${days} days`;
  if (now - oldest < FORGOTTEN_MS) return ok("downloads", message);
  return warning("downloads", message, "get them again, or remove them: shoal peer cancel NAME");
}
