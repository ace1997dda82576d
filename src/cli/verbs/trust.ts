import type { TrustEntry } from "../../peer/api/peer_api.ts";
import { formatTable } from "../output/table.ts";
import { typedName } from "../args/typed_name.ts";
import { formatTime, shortId } from "../output/units.ts";
import { publisherOption } from "../args/publisher_option.ts";
import type { Verb, VerbGroup } from "./verb.ts";

const HEADER = ["PUBLISHER", "HOW", "SINCE", "NEWEST", "ID", "NAME"];

/** `trust list`: a row per name, or with `--json` an array of TrustEntry. */
const listVerb: Verb = {
  name: "list",
  summary: "list whose announcement of each name is taken",
  examples: ["list", "list --json"],
  role: "verb",
  async run({ api, output }) {
    const entries = await api.trust();
    if (output.json) return await output.value(entries);
    if (entries.length === 0) return output.note("Nobody is remembered.");
    const table = await formatTable(HEADER, entries.map(rowOf), {
      columns: output.columns,
      optional: ["NEWEST", "ID", "SINCE", "HOW"],
    });
    await output.raw(table + "\n");
  },
};

const ACCEPT_OPTIONS = { publisher: publisherOption("which one") };

/**
 * `trust accept NAME`: prints the publisher that is remembered from now on, with `--json` as a
 * TrustEntry.
 */
const acceptVerb: Verb<typeof ACCEPT_OPTIONS> = {
  name: "accept",
  arguments: "<NAME>",
  summary: "remember a publisher for a name, in place of any other: the only one that offers it",
  examples: ["accept x.iso", "accept x.iso --publisher 3d5464ed1b6b"],
  role: "verb",
  options: ACCEPT_OPTIONS,
  async run({ api, args: [word = ""], flags: { publisher }, output }) {
    const entry = await api.accept({ name: typedName(word), publisher });
    if (output.json) return await output.value(entry);
    await output.line(`${entry.name}  publisher ${entry.publisher}  accepted`);
  },
};

/** `trust forget NAME`: prints the forgotten publisher, with `--json` as a TrustEntry. */
const forgetVerb: Verb = {
  name: "forget",
  arguments: "<NAME>",
  summary: "forget the publisher of a name: the next get begins anew",
  examples: ["forget debian.iso"],
  role: "verb",
  async run({ api, args: [word = ""], output }) {
    const entry = await api.forget(typedName(word));
    if (output.json) return await output.value(entry);
    await output.line(`${entry.name}  publisher ${entry.publisher}  forgotten`);
  },
};

/** `trust`: the remembered publishers, by name. */
export const trustVerbs: VerbGroup = {
  name: "trust",
  summary: "list, accept or forget the publishers that are remembered for names",
  examples: ["trust list", "trust accept debian.iso", "trust forget debian.iso"],
  verbs: [listVerb, acceptVerb, forgetVerb],
};

function rowOf({ name, publisher, how, since, time, id }: TrustEntry): string[] {
  const newest = time > 0 ? formatTime(time) : "-";
  return [shortId(publisher), how, formatTime(since), newest, shortId(id), name];
}
