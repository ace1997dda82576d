import { cancelVerb } from "./cancel.ts";
import { getVerb } from "./get.ts";
import { holdersVerb } from "./holders.ts";
import { limitVerb } from "./limit.ts";
import { listFilesVerb } from "./list_files.ts";
import { listPeersVerb } from "./list_peers.ts";
import { pauseVerb } from "./pause.ts";
import { resumeVerb } from "./resume.ts";
import { shareVerb } from "./share.ts";
import { statusVerb } from "./status.ts";
import { tokenVerbs } from "./token.ts";
import { trustVerbs } from "./trust.ts";
import { uiVerb } from "./ui.ts";
import { unshareVerb } from "./unshare.ts";
import { waitVerb } from "./wait.ts";
import type { Verb, VerbGroup } from "./verb.ts";

/** Everything that a peer can be asked, in the order of the help. */
export const VERBS: (Verb | VerbGroup)[] = [
  shareVerb,
  getVerb,
  pauseVerb,
  resumeVerb,
  cancelVerb,
  listPeersVerb,
  listFilesVerb,
  holdersVerb,
  waitVerb,
  statusVerb,
  limitVerb,
  unshareVerb,
  trustVerbs,
  tokenVerbs,
  uiVerb,
];
