import { type Finding, ok, warning } from "../api/finding.ts";

/** A download without progress for so long counts as forgotten, in milliseconds. */
const FORGOTTEN_MS = 30 * 86_400_000;

/** The part of a partial download that counts here. */
interface PartialDownloads {
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
  if (now - oldest < FORGOTTEN_MS) return ok("downloads", message);
  return warning("downloads", message, "get them again, or remove them: shoal peer cancel NAME");
}
