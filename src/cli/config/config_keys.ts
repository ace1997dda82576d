import * as v from "valibot";
import { messageOf } from "../../fault.ts";
import { THEMES } from "../../peer/api/config.ts";
import { expandPath } from "./config_path.ts";
import type { OptionTable } from "../args/cli_option.ts";
import { BOOTSTRAP_OPTIONS } from "../args/bootstrap_options.ts";
import { PEER_OPTIONS } from "../args/options.ts";

/** A key of the config file: how it is written there, and what it stands for. */
export interface ConfigKey {
  name: string;
  /** The option that it is a default for, by its camel-case name. */
  attribute: string;
  /** The value for the option. Throws an Error that says what is wrong with it. */
  parse(value: unknown): unknown;
  /** Without file, flag and variable. */
  default: unknown;
}

const whole = v.pipe(v.number("it must be a number"), v.integer("it must be a whole number"));
const text = v.string("it must be a text in quotes");
const path = v.pipe(text, v.transform((given) => expandPath(given)));

const list = (what: string) =>
  v.union(
    [text, v.pipe(v.array(text), v.minLength(1), v.transform((all) => all.join(",")))],
    `it must be ${what} in quotes, or a list of them`,
  );

/**
 * Schemas of the keys whose values are no plain text. Each yields the text that the option takes.
 */
const SCHEMAS: Record<string, v.GenericSchema<unknown, string>> = {
  bootstrap: list("an address"),
  ui_origin: list("an origin"),
  ui_proxy: list("an address"),
  webhook: list("an address"),
  port: v.pipe(whole, v.transform(String)),
  metrics: v.union([text, v.pipe(whole, v.transform(String))], "it must be a port, or HOST:PORT"),
  upload_slots: v.pipe(whole, v.transform(String)),
  limit_up: v.union([text, v.pipe(whole, v.transform(String))], 'it must be a rate such as "2M"'),
  limit_down: v.union([text, v.pipe(whole, v.transform(String))], 'it must be a rate such as "2M"'),
  ui: v.pipe(
    v.union([v.boolean(), whole], "it must be true, false, or a port"),
    v.transform(String),
  ),
  dir: path,
  swarm_key: path,
  ui_password_file: path,
};

/** The keys of the config file, for each of the two commands. */
export function knownKeys(): { peer: ConfigKey[]; bootstrap: ConfigKey[] } {
  return {
    peer: [...configKeys(PEER_OPTIONS), THEME_KEY, UNSIGNED_KEY, LAN_KEY],
    bootstrap: configKeys(BOOTSTRAP_OPTIONS),
  };
}

/** Options that say how to run once, not how to be. */
const ONCE = ["config", "json", "quiet"];

/** One for each option with a value, also where that can be left out. */
function configKeys(options: OptionTable): ConfigKey[] {
  return Object.values(options).filter(({ required, optional }) => required || optional)
    .filter((option) => !ONCE.includes(option.name()))
    .map((option) => {
      const name = option.name().replaceAll("-", "_");
      return {
        name,
        attribute: option.attributeName(),
        parse(value) {
          const given = check(SCHEMAS[name] ?? text, value);
          return option.parseArg ? option.parseArg(given, undefined as never) : given;
        },
        default: option.defaultValue,
      };
    });
}

/** The page's look: it has no option. */
const THEME_KEY: ConfigKey = {
  name: "theme",
  attribute: "theme",
  parse: (value) => check(v.picklist(THEMES, `it must be one of ${THEMES.join(", ")}`), value),
  default: "auto",
};

/** The default of `get --unsigned`. */
const UNSIGNED_KEY: ConfigKey = {
  name: "unsigned",
  attribute: "unsigned",
  parse: (value) => check(v.boolean("it must be true or false"), value),
  default: undefined,
};

/** The opposite of `--no-lan`. */
const LAN_KEY: ConfigKey = {
  name: "lan",
  attribute: "lan",
  parse: (value) => check(v.boolean("it must be true or false"), value),
  default: true,
};

function check<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new Error(messageOf(result.issues[0].message));
}
