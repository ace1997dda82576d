import { formatRate, parseRate, rateText } from "../kit/format.js";

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+|[0-9a-f]*:[0-9a-f:.]*)$/i;

const OCTET = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const IPV4 = new RegExp(`^${OCTET}(\\.${OCTET}){3}$`);

/** Digits and dots alone are an address, not a name. */
const isHost = (text) => /^[\d.]+$/.test(text) ? IPV4.test(text) : HOST.test(text);

/** The reason why a text is no host, or undefined. */
function hostProblem(text) {
  return isHost(text)
    ? undefined
    : "It must be an address or a name, such as 192.0.2.7 or meet.example.";
}

/** The reason why a text is no `HOST:PORT`, or undefined. The port can be left out. */
function addressProblem(text) {
  const parts = /^(.*?)(?::(\d+))?$/.exec(text);
  const [, host, port] = text.startsWith("[") || text.split(":").length <= 2 ? parts : [, text];
  if (!host || !isHost(host)) return `“${text}” is not an address: it must be HOST:PORT.`;
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) {
    return `“${text}”: a port is a number from 1 to 65535.`;
  }
}

function wholeProblem(text, least, most) {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most
    ? undefined
    : `It must be a whole number from ${least} to ${most}.`;
}

const rate = {
  placeholder: "no limit",
  toText: (value) => rateText(value),
  problem: (text) =>
    parseRate(text) === undefined
      ? "It must be bytes per second, such as 500K or 2M; empty is no limit."
      : undefined,
  toValue: (text) => parseRate(text),
  echo: (text) => parseRate(text) ? formatRate(parseRate(text)) : "no limit",
};

const plain = { toText: (value) => String(value ?? ""), toValue: (text) => text.trim() };

/**
 * The settings, in the order of the form. `problem` says what is wrong with a text, as it is typed;
 * `toText` and `toValue` go between that and the configuration.
 */
export const FIELDS = [
  {
    key: "bootstrap",
    label: "Bootstraps",
    help: "Where peers meet: HOST:PORT, one on each line. All of them are used.",
    lines: true,
    toText: (value) => (value ?? []).join("\n"),
    toValue: (text) => text.split(/[\s,]+/).filter(Boolean),
    problem(text) {
      const addresses = text.split(/[\s,]+/).filter(Boolean);
      if (addresses.length === 0) return "At least one is needed.";
      return addresses.map(addressProblem).find(Boolean);
    },
  },
  {
    ...plain,
    key: "host",
    label: "Listen on",
    help: "An address of this machine; 0.0.0.0 is all of them. Holds after a restart.",
    problem: (text) => hostProblem(text.trim()),
  },
  {
    ...plain,
    key: "port",
    label: "Port",
    help: "Where other peers connect to; 0 is any free port. Holds after a restart.",
    toValue: (text) => Number(text),
    problem: (text) => wholeProblem(text.trim(), 0, 65_535),
  },
  {
    ...plain,
    key: "advertise",
    label: "Advertised address",
    help: "What others are told to connect to. Empty: the address that the bootstrap sees.",
    placeholder: "what the bootstrap sees",
    toValue: (text) => text.trim() || null,
    problem: (text) => text.trim() === "" ? undefined : addressProblem(text.trim()),
  },
  {
    ...plain,
    key: "dir",
    label: "Shared folder",
    help: "Where fetched and dropped files go. It must exist. Holds after a restart.",
    problem: (text) => text.trim() === "" ? "A folder is needed." : undefined,
  },
  {
    ...rate,
    key: "limit_up",
    label: "Upload limit",
    help: "Most bytes per second that others get.",
  },
  {
    ...rate,
    key: "limit_down",
    label: "Download limit",
    help: "Most bytes per second that are fetched.",
  },
  {
    ...plain,
    key: "upload_slots",
    label: "Upload slots",
    help: "How many replies are sent at a time.",
    toValue: (text) => Number(text),
    problem: (text) => wholeProblem(text.trim(), 1, 1_024),
  },
  {
    key: "ui",
    label: "This page",
    help: "Served when the peer starts: on, off, or on at a port. Holds after a restart.",
    toText: (value) => typeof value === "number" ? String(value) : value ? "on" : "off",
    toValue: (text) => ({ on: true, off: false })[text.trim()] ?? Number(text),
    problem: (text) =>
      /^(on|off)$/.test(text.trim()) || !wholeProblem(text.trim(), 0, 65_535)
        ? undefined
        : "It must be on, off, or a port from 0 to 65535.",
  },
  {
    ...plain,
    key: "ui_host",
    label: "This page’s address",
    help: "Empty: this machine only. Others may only come with a password. Holds after a restart.",
    placeholder: "this machine only",
    toValue: (text) => text.trim() || null,
    problem: (text) => text.trim() === "" ? undefined : hostProblem(text.trim()),
  },
];
