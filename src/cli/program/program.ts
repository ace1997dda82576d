import { type Shell, SHELLS } from "../completion/shells.ts";
import type { BootstrapFlags, NewKeyFlags } from "../args/bootstrap_flags.ts";
import { Argument, Command, Help, Option } from "commander";
import { parsePort } from "../../peer/api/settings.ts";
import { VERSION } from "../../version.ts";
import { bootstrapOptions, LISTENING, type PeerFlags, peerOptions } from "../args/options.ts";
import { addInstallService, type InstallFlags } from "./add_install_service.ts";
import { EXITS } from "../output/exit_code.ts";
import { parseDuration } from "../output/units.ts";
import { addExamples, addVerb, type VerbLine } from "../verbs/verb_command.ts";
import { parsing } from "../output/usage.ts";
import { VERBS } from "../verbs/all.ts";

/** What `shoal peer adopt-state` can be told. */
export interface AdoptStateFlags {
  /** Take it over without being asked. */
  yes?: boolean;
  /** Be another peer from now on: the identity that came with the state may be known to others. */
  newIdentity?: boolean;
}

/** What the commands do. */
export interface Handlers {
  bootstrap(flags: BootstrapFlags, command: Command): Promise<void>;
  newKey(file: string, flags: NewKeyFlags): Promise<void>;
  peer(flags: PeerFlags, command: Command): Promise<void>;
  /** `config path` and `config show`. */
  config(what: "path" | "show", peer: Command): Promise<void>;
  verb(line: VerbLine, flags: PeerFlags): Promise<void>;
  /** `bootstrap install-service` and `peer install-service`; `words` are what is to be timed. */
  installService(parent: Command, words: string[], flags: InstallFlags): Promise<void>;
  doctor(peer: Command): Promise<void>;
  adoptState(peer: Command, flags: AdoptStateFlags): Promise<void>;
  completion(shell: Shell, program: Command): Promise<void>;
}

/** The whole command line as a tree. It does nothing but parse, help and call the handlers. */
export function buildProgram(handlers: Handlers): Command {
  const program = new Command("shoal")
    .description("Share files between machines: verified, from as many peers as have them.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions })
    .helpCommand("help [COMMAND]", "print help for a command");
  addExamples(program, [
    "shoal bootstrap",
    "shoal peer",
    "shoal peer share debian.iso",
    "shoal peer get debian.iso --bootstrap meet.example:8000",
  ]);
  program.addHelpText("after", ["\nExit codes:", ...exitCodes()].join("\n  "));
  addBootstrap(program, handlers);
  addPeer(program, handlers);
  addCompletion(program, handlers);
  return program;
}

function exitCodes(): string[] {
  return Object.values(EXITS).map(({ exit, meaning }) => `${String(exit).padEnd(5)}  ${meaning}`);
}

function addBootstrap(program: Command, handlers: Handlers): void {
  const command = program.command("bootstrap").summary("run the meeting point")
    .description("Run the meeting point: it knows who is there and what they share, no contents.");
  for (const option of bootstrapOptions()) command.addOption(option);
  command.helpCommand("help [COMMAND]", "print help for a command");
  addExamples(command, [
    "shoal bootstrap",
    "shoal bootstrap --host 127.0.0.1 --port 8001",
    "shoal bootstrap --swarm-key swarm.key",
  ]);
  command.action(() => handlers.bootstrap(command.opts(), command));
  addNewKey(command, handlers);
  addInstallService(command, (words, flags) => handlers.installService(command, words, flags));
}

function addNewKey(bootstrap: Command, handlers: Handlers): void {
  const command = bootstrap.command("new-key").summary("make a key for a private swarm")
    .description(
      "Write a new swarm key to FILE, for its owner's eyes only. Whoever has a copy of it is a " +
        "member of the swarm. With --rotate, members that have OLD or FILE get along until the " +
        "time that FILE names; after that, only those that have FILE do.",
    )
    .addArgument(new Argument("<FILE>", "where to write it; never replaced"))
    .addOption(new Option("--rotate <OLD>", "carry on the key in this file for a while"))
    .addOption(
      new Option("--for <DURATION>", "how long OLD is still good: 12h, 30d (default: 7d)")
        .argParser(parsing(parseDuration)),
    )
    .configureHelp({ visibleGlobalOptions: () => [] });
  addExamples(command, [
    "shoal bootstrap new-key swarm.key",
    "shoal bootstrap new-key --rotate swarm.key swarm-2.key --for 30d",
  ]);
  command.action((file: string) => handlers.newKey(file, command.opts()));
}

function addPeer(program: Command, handlers: Handlers): void {
  const peer = program.command("peer").summary("run a peer, or ask one for something")
    .description(
      "Run a peer that shares and fetches, with a shell on standard input. With a command, ask " +
        "the peer that runs for DIR; when none does, be one for as long as it takes.",
    )
    .addArgument(new Argument("[port]", "the same as --port"))
    .helpCommand("help [COMMAND]", "print help for a command");
  for (const option of peerOptions()) peer.addOption(option);
  addExamples(peer, [
    "shoal peer",
    "shoal peer 10001 --dir ~/shared --bootstrap meet.example:8000",
    "shoal peer share debian.iso",
    "shoal peer get debian.iso --dir ~/shared",
  ]);
  for (const verb of VERBS) {
    addVerb(peer, verb, {
      prefix: "shoal peer ",
      once: true,
      act(line) {
        const listens = line.flags.serve || line.flags.seedFor !== undefined;
        if (!listens) refuseListening(peer, line.command);
        return handlers.verb(line, peer.opts());
      },
    });
  }
  addConfig(peer, handlers);
  addDoctor(peer, handlers);
  addAdoptState(peer, handlers);
  addInstallService(peer, (words, flags) => handlers.installService(peer, words, flags));
  // A first word that is no port is a mistyped verb, whatever follows: see servePort. Said last, because
  // the commands that are added after it would take it over.
  peer.allowExcessArguments().allowUnknownOption();
  peer.action(() => {
    // Said on the command line, as with --port.
    if (peer.args.length > 0) peer.setOptionValueWithSource("port", servePort(peer), "cli");
    return handlers.peer(peer.opts(), peer);
  });
}

function addConfig(peer: Command, handlers: Handlers): void {
  const config = peer.command("config").summary("show the configuration and where it comes from")
    .description(
      "Show the configuration. A flag beats the environment, that beats the config file, and that " +
        "beats the default. A running peer reads the file again on SIGHUP.",
    )
    .helpCommand("help [COMMAND]", "print help for a command");
  addExamples(config, ["shoal peer config path", "shoal peer config show --json"]);
  const path = config.command("path").summary("print where the config file is")
    .description("Print where the config file is, or would be: it need not exist.")
    .action(() => handlers.config("path", peer));
  addExamples(path, ["$EDITOR $(shoal peer config path)"]);
  const show = config.command("show").summary("print each value and where it comes from")
    .description("Print each value and where it comes from: flag, environment, file or default.")
    .action(() => handlers.config("show", peer));
  addExamples(show, ["shoal peer config show", "SHOAL_PORT=10001 shoal peer config show"]);
}

function addDoctor(peer: Command, handlers: Handlers): void {
  const doctor = peer.command("doctor").summary("look for what is wrong, and say what helps")
    .description(
      "Look at the bootstraps, the clock, the port, DIR, free space, downloads, the hash cache, " +
        "limits, versions and the configuration. Each line is ok, warning or fault; a fault has " +
        "an exit code of its kind.",
    )
    .action(() => handlers.doctor(peer));
  addExamples(doctor, ["shoal peer doctor", "shoal peer doctor --dir /srv/shoal --json"]);
}

function addAdoptState(peer: Command, handlers: Handlers): void {
  const adopt = peer.command("adopt-state").summary(
    "take over DIR's state after a move or a restore",
  )
    .description(
      "Show what the state in DIR/.shoal would have a peer do, and take it over. State that came " +
        "with DIR from another machine, a backup or another person is not used before that.",
    )
    .addOption(new Option("--yes", "take it over without being asked"))
    .addOption(new Option("--new-identity", "be another peer from now on, with a key of its own"))
    .action(() => handlers.adoptState(peer, adopt.opts()));
  addExamples(adopt, [
    "shoal peer adopt-state --dir ~/shared",
    "shoal peer adopt-state --dir /srv/restored --yes",
  ]);
}

function addCompletion(program: Command, handlers: Handlers): void {
  const command = program.command("completion").summary("print a completion script for a shell")
    .description("Print a completion script for a shell.")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS));
  addExamples(command, [
    "source <(shoal completion bash)",
    "source <(shoal completion zsh)",
    "shoal completion fish > ~/.config/fish/completions/shoal.fish",
  ]);
  command.action((shell: Shell) => handlers.completion(shell, program));
}

/** The port of `shoal peer PORT`. Everything else that isn't an option of it is refused here. */
function servePort(peer: Command): number {
  const [word = ""] = peer.args;
  // commander has these, and the suggestions that they make, but declares them private.
  const refuse = peer as unknown as Record<
    "unknownCommand" | "unknownOption",
    (s?: string) => never
  >;
  if (!/^[-\d]/.test(word)) refuse.unknownCommand();
  const unknown = peer.args.find((arg) => arg.startsWith("-"));
  peer.allowUnknownOption(false);
  if (unknown) refuse.unknownOption(unknown);
  if (peer.args.length > 1) {
    peer.error(`error: too many arguments: '${peer.args.slice(1).join(" ")}' after the port`);
  }
  try {
    return parsing(parsePort)(word);
  } catch (error) {
    return peer.error(`error: ${(error as Error).message}`);
  }
}

/** Options for listening are no use to a verb that doesn't listen. Options of the environment may stand. */
function refuseListening(peer: Command, verb: Command): void {
  const given = LISTENING.find((name) => peer.getOptionValueSource(camelCase(name)) === "cli");
  if (given) verb.error(`error: option '--${given}' is for a peer that listens`);
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** What a command's help shows of the commands above it. */
function visibleGlobalOptions(this: Help, command: Command) {
  const listens = command.name() === "install-service" ||
    command.options.some((option) => /^(serve|seed-for)$/.test(option.name()));
  return Help.prototype.visibleGlobalOptions.call(this, command).filter((option) =>
    option.name() !== "version" && (listens || !LISTENING.includes(option.name()))
  );
}
