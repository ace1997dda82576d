import { type ShellName, SHELLS } from "../completion/shells.ts";
import { Argument, Command, Help, type Option } from "commander";
import { parsePort } from "../../peer/api/settings.ts";
import { VERSION } from "../../version.ts";
import { addOptions, CliOption, flagsOf } from "../args/cli_option.ts";
import {
  BOOTSTRAP_OPTIONS,
  type BootstrapFlags,
  NEW_KEY_OPTIONS,
  type NewKeyFlags,
} from "../args/bootstrap_options.ts";
import {
  RECEIVE_OPTIONS,
  type ReceiveFlags,
  SEND_OPTIONS,
  type SendFlags,
} from "../args/handover_options.ts";
import {
  ADOPT_STATE_OPTIONS,
  type AdoptStateFlags,
  LISTENING,
  PEER_OPTIONS,
  type PeerFlags,
} from "../args/options.ts";
import { addInstallService, type InstallFlags } from "./add_install_service.ts";
import { HELP_LAYOUT } from "../output/help_layout.ts";
import { EXITS } from "../output/exit_code.ts";
import { addExamples, addVerb, type VerbLine } from "../verbs/verb_command.ts";
import { parsing } from "../output/usage.ts";
import { VERBS } from "../verbs/all.ts";

/** The actions of the commands. */
export interface Handlers {
  bootstrap(flags: BootstrapFlags, command: Command): Promise<void>;
  newKey(file: string, flags: NewKeyFlags): Promise<void>;
  peer(flags: PeerFlags, command: Command): Promise<void>;
  /** `config path` and `config show`. */
  config(what: "path" | "show", flags: PeerFlags, peer: Command): Promise<void>;
  verb(line: VerbLine, flags: PeerFlags): Promise<void>;
  /** `bootstrap install-service` and `peer install-service`; `words` are what is to be timed. */
  installService(parent: Command, words: string[], flags: InstallFlags): Promise<void>;
  doctor(flags: PeerFlags): Promise<void>;
  adoptState(peer: PeerFlags, flags: AdoptStateFlags): Promise<void>;
  send(paths: string[], peer: PeerFlags, flags: SendFlags): Promise<void>;
  receive(code: string | undefined, peer: PeerFlags, flags: ReceiveFlags): Promise<void>;
  completion(shell: ShellName): Promise<void>;
}

/** The whole command line as a tree. It does nothing but parse, help and call the handlers. */
export function buildProgram(handlers: Handlers): Command {
  const program = new Command("shoal")
    .description("Share files between machines: verified, from as many peers as have them.")
    .version(
      VERSION,
      "-V, --version",
      "print the version; with --json the commit and the runtime, too",
    )
    .helpOption("-h, --help", "print help")
    .configureHelp({ ...HELP_LAYOUT, visibleGlobalOptions })
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
    .description("Run the meeting point: it knows the peers and what they share, no contents.");
  addOptions(command, BOOTSTRAP_OPTIONS);
  command.helpCommand(true);
  addExamples(command, [
    "shoal bootstrap",
    "shoal bootstrap --host 127.0.0.1 --port 8001",
    "shoal bootstrap --swarm-key swarm.key",
  ]);
  command.action(() => handlers.bootstrap(flagsOf(command, BOOTSTRAP_OPTIONS), command));
  addNewKey(command, handlers);
  addInstallService(command, (words, flags) => handlers.installService(command, words, flags));
}

function addNewKey(bootstrap: Command, handlers: Handlers): void {
  const command = bootstrap.command("new-key").summary("make a key for a private swarm")
    .description(
      "Write a new swarm key to FILE, for its owner's eyes only. Everyone with a copy of it is a " +
        "member of the swarm. With --rotate, members that have OLD or FILE get along until the " +
        "time that FILE names; after that, only those that have FILE do.",
    )
    .addArgument(new Argument("<FILE>", "where to write it; never replaced"))
    .configureHelp({ ...HELP_LAYOUT, visibleGlobalOptions: () => [] });
  addOptions(command, NEW_KEY_OPTIONS);
  addExamples(command, [
    "shoal bootstrap new-key swarm.key",
    "shoal bootstrap new-key --rotate old.key new.key",
  ]);
  command.action((file: string) => handlers.newKey(file, flagsOf(command, NEW_KEY_OPTIONS)));
}

function addPeer(program: Command, handlers: Handlers): void {
  const peer = program.command("peer").summary("run a peer, or send a command to a running one")
    .description(
      "Run a peer that shares and fetches, with a shell on standard input. With a command, ask " +
        "the peer that runs for DIR; when none does, be one for as long as it takes.",
    )
    .addArgument(new Argument("[port]", "the same as --port"))
    .helpCommand(true);
  addOptions(peer, PEER_OPTIONS);
  addExamples(peer, [
    "shoal peer",
    "shoal peer 10001 --bootstrap meet.example:8000",
    "shoal peer share debian.iso",
    "shoal peer get debian.iso --dir ~/shared",
  ]);
  for (const verb of VERBS) {
    addVerb(peer, verb, {
      prefix: "shoal peer ",
      once: true,
      act(line) {
        refuseListening(peer, line.command);
        return handlers.verb(withShared(peer, line), flagsOf(peer, PEER_OPTIONS));
      },
    });
  }
  addHandover(peer, handlers);
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
    return handlers.peer(flagsOf(peer, PEER_OPTIONS), peer);
  });
}

function addHandover(peer: Command, handlers: Handlers): void {
  const send = peer.command("send").summary("hand files over to those that have the code")
    .description(
      "Hand files and folders over: prints a code, and ends when all that have it have verified " +
        "all. Nothing is shared or announced but with them, and nothing is remembered. PATH can be " +
        "-, for standard input.",
    )
    .addArgument(new Argument("<PATH...>", "files and folders"))
    .action((paths: string[]) =>
      handlers.send(paths, flagsOf(peer, PEER_OPTIONS), flagsOf(send, SEND_OPTIONS))
    );
  addOptions(send, SEND_OPTIONS);
  addExamples(send, [
    "shoal peer send report.pdf",
    "shoal peer send ~/photos notes.txt --to 5",
    "tar c . | shoal peer send - --name work.tar --for 10m",
  ]);
  const receive = peer.command("receive").summary("get what somebody sends, by its code")
    .description(
      "Get what somebody sends. Asks for the code, or for its words if only the number is given; " +
        "shows what would come, and asks before anything is written. One that was interrupted " +
        "goes on without a code. Scripts give the code in $SHOAL_CODE or --code-file.",
    )
    .addArgument(new Argument("[ROOM]", "the number in the code"))
    .action((code: string | undefined) =>
      handlers.receive(code, flagsOf(peer, PEER_OPTIONS), flagsOf(receive, RECEIVE_OPTIONS))
    );
  addOptions(receive, RECEIVE_OPTIONS);
  addExamples(receive, [
    "shoal peer receive",
    "shoal peer receive 417 -o ~/Downloads",
    "SHOAL_CODE=$(cat code) shoal peer receive --yes",
  ]);
}

function addConfig(peer: Command, handlers: Handlers): void {
  const config = peer.command("config").summary("show the configuration and where it comes from")
    .description(
      "Show the configuration. A flag beats the environment, that beats the config file, and that " +
        "beats the default. A running peer reads the file again on SIGHUP.",
    );
  addExamples(config, ["shoal peer config path", "shoal peer config show --json"]);
  const path = config.command("path").summary("print where the config file is")
    .description("Print where the config file is, or would be: it need not exist.")
    .action(() => handlers.config("path", flagsOf(peer, PEER_OPTIONS), peer));
  addExamples(path, ["$EDITOR $(shoal peer config path)"]);
  const show = config.command("show").summary("print each value and where it comes from")
    .description("Print each value and where it comes from: flag, environment, file or default.")
    .action(() => handlers.config("show", flagsOf(peer, PEER_OPTIONS), peer));
  addExamples(show, ["shoal peer config show", "SHOAL_PORT=10001 shoal peer config show"]);
}

function addDoctor(peer: Command, handlers: Handlers): void {
  const doctor = peer.command("doctor").summary("look for what is wrong, and say what helps")
    .description(
      "Look at the bootstraps, the clock, the port, DIR, free space, downloads, the hash cache, " +
        "limits, versions and the configuration. Each line is ok, warning or fault; a fault has " +
        "an exit code of its kind.",
    )
    .action(() => handlers.doctor(flagsOf(peer, PEER_OPTIONS)));
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
    .action(() =>
      handlers.adoptState(flagsOf(peer, PEER_OPTIONS), flagsOf(adopt, ADOPT_STATE_OPTIONS))
    );
  addOptions(adopt, ADOPT_STATE_OPTIONS);
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
    "shoal completion fish | source",
    "shoal completion powershell > shoal.ps1; . ./shoal.ps1",
  ]);
  command.action((shell: ShellName) => handlers.completion(shell));
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

/** A verb's line with the options that the peer has by the same name, which commander takes for its own. */
function withShared(peer: Command, line: VerbLine): VerbLine {
  const flags = { ...line.flags };
  for (const option of line.command.options) {
    const name = option.attributeName();
    if (peer.getOptionValueSource(name) === "cli") flags[name] ??= peer.getOptionValue(name);
  }
  return { ...line, flags };
}

/** Options for listening are no use to a verb that doesn't listen. Options of the environment may stand. */
function refuseListening(peer: Command, verb: Command): void {
  const asked = listeningOptions(verb).some((one) => verb.getOptionValue(one.attributeName()));
  const given = peer.options.find((option) =>
    LISTENING.includes(option.attributeName()) &&
    peer.getOptionValueSource(option.attributeName()) === "cli"
  );
  if (given && !asked) verb.error(`error: option '${given.long}' is for a peer that listens`);
}

/** Options that have a verb listen as a peer does. */
function listeningOptions({ options }: Command): readonly Option[] {
  return options.filter((option) => option instanceof CliOption && option.listens);
}

/** The options of the commands above that a command's help shows. */
function visibleGlobalOptions(this: Help, command: Command) {
  const listens = command.name() === "install-service" || listeningOptions(command).length > 0;
  return Help.prototype.visibleGlobalOptions.call(this, command).filter((option) =>
    option.name() !== "version" && (listens || !LISTENING.includes(option.attributeName()))
  );
}
