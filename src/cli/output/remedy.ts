import type { FailureCode } from "./exit_code.ts";

/** The next step after each kind of failure, where the failure itself has none that fits it better. */
const REMEDIES: Record<FailureCode, string> = {
  usage: "correct that, and run it again",
  not_found: "see what the swarm offers: shoal peer list-files",
  network: "see what can be reached: shoal peer doctor",
  integrity: "see which peer offers what: shoal peer list-files",
  destination: "choose --update, --overwrite, --no-clobber, or another place with -o",
  disk: "see what is wrong with it: shoal peer doctor",
  ambiguous: "choose one with --publisher KEY or --id HEX",
  deadline: "run it again to resume, with a longer --deadline",
  held: "run it again when the other one has ended",
  hook: "mend that command; the file itself is as the receipt says",
  unexpected: "run it again with --log-level debug, and report what it says",
  interrupted: "run it again to resume",
  closed_output: "",
};

/** The next step after a failure of that kind. `help` is the command that tells more, if one does. */
export function remedyFor(code: FailureCode, help?: string): string {
  return help ? `see '${help}'` : REMEDIES[code];
}
