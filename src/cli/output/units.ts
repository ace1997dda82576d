import { Fault, quoted } from "../../fault.ts";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes for people, in powers of 1024: `0 B`, `1.5 KiB`, `870 MiB`, `1.0 GiB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 would be shown as 1024.
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** Bytes per second for people: `870 MiB/s`. */
export function formatRate(rate: number): string {
  return `${formatSize(rate)}/s`;
}

/** A number of seconds for people: `35 ms`, `1.2 s`, `42 s`, `3m20s`, `5h06m`, `2d03h`. */
export function formatDuration(seconds: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, "0");
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h${two((whole % 3_600) / 60)}m`;
  return `${Math.floor(whole / 86_400)}d${two((whole % 86_400) / 3_600)}h`;
}

/** The age of a time, both in milliseconds since 1970, as one word: `42s`, `3m`, `5h`, `2d`. */
export function formatAge(time: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - time) / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** A time in milliseconds since 1970 as one word, UTC, to the minute: `2026-01-31T09:05Z`. */
export function formatTime(time: number): string {
  return new Date(time).toISOString().slice(0, 16) + "Z";
}

/** A file or peer id as it is shown: its first 12 hex digits, or `-` where there is none. */
export function shortId(id: string | undefined): string {
  return id?.slice(0, 12) ?? "-";
}

/**
 * Reads a duration, in seconds: a number, then s, m, h or d. `30s`, `1.5h`; without a letter, seconds.
 * Throws a `usage` Fault.
 */
export function parseDuration(text: string): number {
  const [, count, letter] = text.trim().match(/^(\d+(?:\.\d+)?)\s*([smhd]?)$/i) ?? [];
  const unit = { s: 1, m: 60, h: 3_600, d: 86_400 }[letter?.toLowerCase() || "s"]!;
  const seconds = count === undefined ? NaN : Number(count) * unit;
  if (!(seconds > 0 && Number.isFinite(seconds))) {
    throw new Fault(
      "usage",
      `${quoted(text)} is not a duration: it must be a number over 0, such as 30s or 10m`,
    );
  }
  return seconds;
}

/**
 * Reads a size: a number, then K, M, G or T in powers of 1024; `KB`, `KiB` and small letters mean the
 * same. `512`, `64K`, `1.5G`. Throws a `usage` Fault.
 */
export function parseSize(text: string): number {
  const parts = text.trim().match(/^(\d+(?:\.\d+)?)\s*(?:([KMGT])(?:i?B)?|B)?$/i);
  const bytes = parts ? Math.round(Number(parts[1]) * 1024 ** exponent(parts[2])) : NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw new Fault(
      "usage",
      `${quoted(text)} is not a size: it must be a number, such as 512K or 1.5G`,
    );
  }
  return bytes;
}

/**
 * Reads bytes per second: a size as {@link parseSize} has it, which may end in `/s`. `none` and 0 are
 * no limit: 0. Throws a `usage` Fault.
 */
export function parseRate(text: string): number {
  if (/^none$/i.test(text.trim())) return 0;
  try {
    return parseSize(text.replace(/\/s\s*$/i, ""));
  } catch (cause) {
    const form = "it must be bytes per second, such as 512K or 1.5M, or none";
    throw new Fault("usage", `${quoted(text)} is not a rate: ${form}`, { cause });
  }
}

function exponent(letter: string | undefined): number {
  return letter === undefined ? 0 : 1 + "KMGT".indexOf(letter.toUpperCase());
}
