const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes for people, in powers of 1024: `1.5 KiB`. */
export function formatSize(bytes) {
  if (bytes === undefined || bytes === null) return "–";
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(unit === 0 || value >= 99.95 ? 0 : 1)} ${UNITS[unit]}`;
}

export const formatRate = (rate) => `${formatSize(rate)}/s`;

/** The exact number, for a tooltip: `1,234 bytes`. */
export function exactSize(bytes) {
  return bytes === undefined ? "" : `${bytes.toLocaleString("en")} bytes`;
}

/** The same of a rate: `1,234 bytes per second`. */
export const exactRate = (rate) => `${exactSize(Math.round(rate))} per second`;

/** The exact number of seconds, for a tooltip. */
export const exactDuration = (seconds) =>
  seconds === undefined ? "" : `${Math.ceil(seconds).toLocaleString("en")} seconds`;

/** Seconds for people: `42 s`, `3 min 20 s`, `5 h 06 min`, `2 d 03 h`. */
export function formatDuration(seconds) {
  if (!(seconds < Infinity)) return "–";
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${two((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${two((whole % 86_400) / 3_600)} h`;
}

/** The age of a time, both in milliseconds since 1970. */
export function formatAge(time, now = Date.now()) {
  const seconds = Math.max(0, Math.floor((now - time) / 1000));
  if (seconds < 60) return "just now";
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  if (seconds < 86_400 * 60) return `${Math.floor(seconds / 86_400)} days`;
  return new Date(time).toISOString().slice(0, 10);
}

/** A moment, exactly, in this browser's zone. */
export const exactTime = (time) => new Date(time).toLocaleString();

/** `3 files`, `1 file`. */
export const count = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

/** A message that another sentence can follow. */
export const sentence = (text) => /[.?!]$/.test(text) ? text : `${text}.`;

/** The beginning of a file or peer id, as the command line shows it. */
export const shortId = (id) => id ? id.slice(0, 12) : "–";

const FACTORS = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Bytes per second from text such as `500K`, `1.5 MiB/s`, `none`; undefined when it is none. */
export function parseRate(text) {
  if (/^\s*(none|no limit|0|)\s*$/i.test(text)) return null;
  const parts = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?(?:\/s)?\s*$/i.exec(text);
  const bytes = parts ? Math.round(Number(parts[1]) * FACTORS[parts[2].toUpperCase()]) : NaN;
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** The text that {@link parseRate} reads back, exactly. */
export function rateText(bytes) {
  if (!bytes) return "";
  for (const letter of ["T", "G", "M", "K"]) {
    const value = bytes / FACTORS[letter];
    if (value >= 1 && Number.isInteger(value * 10)) return `${value}${letter}`;
  }
  return String(bytes);
}
