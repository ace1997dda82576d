import type { FailureCode } from "./exit_code.ts";

/** What to do next about each kind of failure: the last line of standard error. */
const REMEDIES: Record<FailureCode, string> = {
  usage: "correct that, and run it again",
  not_found: "check the name with 'list-files' or 'status'; for one yet to come: get --wait 10m",
  network: "check that the bootstrap and the peers can be reached, and run it again",
  integrity: "don't just run it again: find out who offers what, with list-files --versions NAME",
  destination:
    "choose --update, --overwrite or --no-clobber, or another place with -o, and run it again",
  disk: "make room, or see to the permissions or the disk, and run it again: what there is is kept",
  ambiguous: "choose with --publisher KEY or --id HEX, and run it again",
  deadline: "run it again: it goes on where it ended; or give it more time with --deadline",
  held: "run it again when the other one has ended, or wait for it with get --wait-lock",
  hook: "see to the command; the file itself is as the receipt says",
  unexpected: "run it again with --log-level debug, and report what it says",
  interrupted: "run it again: it goes on where it ended",
  closed_output: "",
};

/** What to do about a failure of that kind. `help` is the command that tells more, if one does. */
export function remedyFor(code: FailureCode, help?: string): string {
  return help ? `see '${help}'` : REMEDIES[code];
}
