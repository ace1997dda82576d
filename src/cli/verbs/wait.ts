import type { ListedPeer, ListedSource, QueryApi } from "../../peer/api/peer_api.ts";
import { abortable, delay } from "../../async/retry.ts";
import { Fault, quoted } from "../../fault.ts";
import { absolutePath } from "../../system/paths.ts";
import { readRegularText } from "../../system/open_regular.ts";
import { reasonOf } from "../../system/file_failure.ts";
import { option } from "../args/cli_option.ts";
import { typedName } from "../args/typed_name.ts";
import { parseDuration } from "../output/units.ts";
import { deadlineOf } from "./deadline.ts";
import { publisherOption } from "../args/publisher_option.ts";
import type { Verb } from "./verb.ts";

/** Interval of looking, in milliseconds. */
const LOOK_MS = 2_000;
/** Longest list of peers, in bytes. */
const LIST_CAP = 4 << 20;
/** Missing peers that a message names. */
const NAMED = 5;

const OPTIONS = {
  holders: option("--holders <N>", "until so many peers have all of it", {
    ...{ variable: null, parse: parseCount, conflicts: ["peers"] },
  }),
  peers: option(
    "--peers <FILE>",
    "until those in the file have it: a peer id or KEY=VALUE label on each line",
    { variable: null },
  ),
  publisher: publisherOption("whose version"),
  /** In seconds. */
  deadline: option("--deadline <DURATION>", "give up after so long: 90, 30m, 8h", {
    ...{ variable: null, parse: parseDuration },
  }),
};

/** The state of a wait: those that have it, and those that don't, as they were asked for. */
interface Standing {
  present: number;
  wanted: number;
  missing: string[];
}

/** `wait NAME`: ends when the peers that are asked for have the newest version of a name. */
export const waitVerb: Verb<typeof OPTIONS> = {
  name: "wait",
  arguments: "<NAME>",
  summary: "wait until peers have the newest version of a name",
  examples: [
    "wait x.iso --holders 50 --deadline 30m",
    "wait x.iso --peers sites.txt --deadline 8h",
  ],
  role: "query",
  options: OPTIONS,
  prepare({ flags: { holders, peers } }) {
    if (holders === undefined && peers === undefined) {
      throw new Fault("usage", "Cannot wait: it is not said for whom", {
        next: "give --holders N or --peers FILE",
      });
    }
    return Promise.resolve();
  },
  async run({ api, args, flags, cwd, started, output, signal }) {
    const name = typedName(args[0]!);
    const end = deadlineOf(flags, started);
    const wanted = flags.peers === undefined ? undefined : readWanted(flags.peers, cwd);
    for (let before = "";;) {
      const sources = await abortable(api.listSources(name), signal);
      const current = currentOf(name, sources, flags.publisher);
      const standing = wanted
        ? standingOf(wanted, current, await abortable(listedBy(api, wanted), signal))
        : countOf(current, flags.holders!);
      const { present, missing } = standing;
      const text = `${present} of ${standing.wanted} have it`;
      if (missing.length === 0) {
        return output.json ? await output.value({ name, ...standing }) : output.note(`${text}.`);
      }
      if (text !== before) output.note(`${text}.`);
      before = text;
      const left = end === undefined ? Infinity : end - performance.now();
      if (left <= 0) {
        const some = missing.slice(0, NAMED).join(", ");
        const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : "";
        const which = flags.peers === undefined ? "" : `, and not ${some}${more}`;
        const what = `the deadline passed: ${text}${which}`;
        throw new Fault("deadline", `Cannot wait for ${quoted(name)} any longer: ${what}`, {
          next: `shoal peer holders ${name}`,
        });
      }
      await delay(Math.min(LOOK_MS, left), signal);
    }
  },
};

/** The peers that have all of the newest version, by id. Throws an `ambiguous` Fault for several publishers. */
function currentOf(
  name: string,
  sources: ListedSource[],
  publisher: string | undefined,
): ListedSource[] {
  const newest = sources.filter((one) =>
    one.newest && (publisher === undefined || one.publisher.startsWith(publisher))
  );
  const publishers = new Set(newest.map((one) => one.publisher));
  if (publishers.size > 1) {
    const message = `Cannot wait for ${quoted(name)}: ${publishers.size} publishers have one`;
    throw new Fault("ambiguous", message, { next: `--publisher ${newest[0]!.publisher}` });
  }
  return newest.filter(({ progress }) => progress === 1);
}

function countOf(current: ListedSource[], wanted: number): Standing {
  const present = new Set(current.map(({ peer }) => peer)).size;
  const missing = present < wanted ? [`${wanted - present} peers`] : [];
  return { present, wanted, missing };
}

/** The active peers, where a label is asked for: all that have it must have the name. */
async function listedBy(api: QueryApi, wanted: string[]): Promise<ListedPeer[]> {
  return wanted.some((one) => one.includes("=")) ? await api.listPeers() : [];
}

/** Compares the peers that are wanted with those that have it. */
function standingOf(wanted: string[], current: ListedSource[], listed: ListedPeer[]): Standing {
  const present = new Set(current.map(({ peer }) => peer));
  const missing = wanted.filter((one) => {
    if (!one.includes("=")) return !present.has(one);
    const [key = "", value] = one.split(/=(.*)/s);
    const labelled = [...listed, ...current].filter(({ labels }) => labels?.[key] === value);
    return labelled.length === 0 || labelled.some(({ peer }) => !present.has(peer));
  });
  return { present: wanted.length - missing.length, wanted: wanted.length, missing };
}

/** The peer ids and labels in a file, one on each line; `#` begins a comment. */
function readWanted(file: string, cwd: string): string[] {
  const cannot = `Cannot read the peers in ${quoted(file)}`;
  let text: string;
  try {
    text = readRegularText(absolutePath(file, cwd), { follow: true, cap: LIST_CAP });
  } catch (cause) {
    throw new Fault("usage", `${cannot}: ${reasonOf(cause)}`, { cause });
  }
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*/, "").trim()).filter(Boolean);
  const wrong = lines.find((line) => !/^[0-9a-f]{64}$|^[a-z0-9_.-]{1,32}=./.test(line));
  if (wrong !== undefined) {
    throw new Fault("usage", `${cannot}: ${quoted(wrong)} is no peer id and no KEY=VALUE`);
  }
  if (lines.length === 0) throw new Fault("usage", `${cannot}: it names none`);
  return [...new Set(lines)];
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d{1,7}$/.test(text) && count > 0) return count;
  throw new Fault("usage", "it must be a number of peers, 1 or more");
}
