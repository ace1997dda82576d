import { Fault, quoted } from "../../fault.ts";
import { TOKEN_RIGHTS, type TokenEntry, type TokenRight } from "../../peer/api/token_api.ts";
import { option } from "../args/cli_option.ts";
import { formatTable } from "../output/table.ts";
import { formatTime } from "../output/units.ts";
import type { Verb, VerbGroup } from "./verb.ts";

const NEW_OPTIONS = {
  rights: option<TokenRight[]>(
    "--rights <RIGHTS>",
    "what it may do: read (look), get (fetch), share; several with commas",
    { parse: parseRights, otherwise: ["read"] },
  ),
};

/** `token new`: prints the secret, with `--json` as a NewToken. */
const newVerb: Verb<typeof NEW_OPTIONS> = {
  name: "new",
  arguments: "<LABEL>",
  summary: "make a token for a script, listed and revoked by its label, and print it this once",
  examples: ["new ci --rights read,get", "new backup --rights share --json"],
  role: "verb",
  options: NEW_OPTIONS,
  async run({ api, args: [label = ""], flags: { rights }, output }) {
    const made = await api.newToken({ label, rights });
    if (output.json) return await output.value(made);
    await output.line(made.token);
    output.note("It works at the page's address: start the peer with --ui.");
  },
};

/** `token list`: a row per token, or with `--json` an array of TokenEntry. */
const listVerb: Verb = {
  name: "list",
  summary: "list the tokens of scripts",
  examples: ["list"],
  role: "verb",
  async run({ api, output }) {
    const tokens = await api.tokens();
    if (output.json) return await output.value(tokens);
    if (tokens.length === 0) return output.note("No tokens yet.");
    const rows = tokens.map(rowOf);
    const options = { columns: output.columns, optional: ["CREATED"] };
    const table = await formatTable(["RIGHTS", "CREATED", "LABEL"], rows, options);
    await output.raw(table + "\n");
  },
};

/** `token revoke LABEL`: prints what was revoked, with `--json` as a TokenEntry. */
const revokeVerb: Verb = {
  name: "revoke",
  arguments: "<LABEL>",
  summary: "revoke a token at once",
  examples: ["revoke ci"],
  role: "verb",
  async run({ api, args: [label = ""], output }) {
    const entry = await api.revokeToken(label);
    if (output.json) return await output.value(entry);
    await output.line(`${entry.label}  revoked`);
  },
};

/** `token`: what lets scripts use the HTTP API. */
export const tokenVerbs: VerbGroup = {
  name: "token",
  summary: "make, list or revoke the tokens that let scripts use the HTTP API",
  examples: ["token new ci --rights get", "token list", "token revoke ci"],
  verbs: [newVerb, listVerb, revokeVerb],
};

function rowOf({ label, rights, created }: TokenEntry): string[] {
  return [rights.join(","), formatTime(created), label];
}

/** Reads rights, with commas between. Throws a `usage` Fault. */
function parseRights(text: string): TokenRight[] {
  const rights = [...new Set(text.split(",").map((one) => one.trim()))];
  for (const right of rights) {
    if (!TOKEN_RIGHTS.some((one) => one === right)) {
      const what = `it must be ${TOKEN_RIGHTS.join(", ")}`;
      throw new Fault("usage", `${quoted(right)} is no right: ${what}`);
    }
  }
  return rights as TokenRight[];
}
