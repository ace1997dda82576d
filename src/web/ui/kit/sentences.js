import { formatSize } from "./format.js";

/** Reasons of failures that are no failures to the user, who asked for them. */
const ASKED_FOR = ["paused", "cancelled", "whole", "absent"];

/** True for what ended because the user wanted it so. */
export const isAskedFor = ({ details }) => ASKED_FOR.includes(details?.reason);

/** Sentences by the reason of a failure: `name` is the file's, `on` what it was about. */
const BY_REASON = {
  space: ({ needed, free }, name) =>
    `There is no room for ${name}: it needs ${formatSize(needed)}, and ${
      formatSize(free)
    } are free on the peer’s disk. Make room there, and try again.`,
  exists: (_, name) => `Another file named ${name} is in the shared folder.`,
  name: (_, name) => `The name ${name} is taken by a file that is shared from elsewhere.`,
  no_source: (_, name) => `No peer that has ${name} can be reached now.`,
  outside: ({ path }) =>
    `${path} is outside of the shared folder. To share from there, start the peer with --ui-paths any.`,
  restart: (_, name) => `The peer was restarted before ${name} was done.`,
};

/** Sentences by the kind of a failure; of other kinds the peer's own message is shown. */
const BY_KIND = {
  destination: (name) => `Something else named ${name} is in the shared folder.`,
  deadline: (name) => `${name} took too long.`,
};

/** A failure and its remedy, for people. */
export function failureText({ kind, details, message }, name) {
  const byReason = BY_REASON[details?.reason];
  if (byReason) return byReason(details, name);
  return BY_KIND[kind]?.(name) ?? withoutOptions(message ?? "");
}

/** Hints at options of the command line are of no use here. */
function withoutOptions(message) {
  return message.replace(/[;,] (?:and )?[^;,]*--[a-z][^;,]*$/, "");
}
