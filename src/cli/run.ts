import { EXIT, type ExitCode } from "./output/exit_code.ts";
import { answerShell, COMPLETE } from "./completion/complete.ts";
import { settleEnvironment } from "./args/settle_environment.ts";
import { flagsOf } from "./args/cli_option.ts";
import { PEER_OPTIONS, samePeer } from "./args/options.ts";
import { setHintPlace } from "./output/hint.ts";
import { Output } from "./output/output.ts";
import { buildProgram } from "./program/program.ts";
import { reportFailure } from "./output/report_failure.ts";
import { Stop } from "./process/stop.ts";
import { buildFacts } from "../version.ts";
import { commandPath, HelpShown, takeOver } from "./output/usage.ts";

/**
 * Runs a command line, without the program's own name, and returns what to exit with. Never throws.
 * What a command needs is loaded once it is known which one it is.
 */
export async function run(argv: string[]): Promise<ExitCode> {
  using stop = new Stop();
  return await Promise.race([dispatch(argv, stop), stop.forced, strayFailure(stop)]);
}

/**
 * Resolves when something failed that no caller waited for: it too ends in one line and a code. A
 * serving process goes on: what strangers bring about must not end it.
 */
function strayFailure(stop: Stop): Promise<ExitCode> {
  return new Promise((resolve) => {
    addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      if (stop.serves) void logStray(event.reason);
      else resolve(reportFailure(event.reason, new Output()));
    });
    addEventListener("error", (event) => {
      event.preventDefault();
      resolve(reportFailure(event.error, new Output()));
    });
  });
}

async function logStray(error: unknown): Promise<void> {
  const { getLogger } = await import("@logtape/logtape");
  const what = error instanceof Error ? error.stack : String(error);
  getLogger("shoal").error("A failure that nothing waited for: {what}", { what });
}

async function dispatch(argv: string[], stop: Stop): Promise<ExitCode> {
  let exit: ExitCode = EXIT.ok;
  const program = buildProgram({
    async bootstrap(flags, command) {
      const [{ serveBootstrap }, { originsOf }] = await Promise.all([
        import("./serve_bootstrap.ts"),
        import("./config/config.ts"),
      ]);
      exit = await serveBootstrap(flags, stop, originsOf(command));
    },
    async newKey(file, flags) {
      const { newKey } = await import("./new_key.ts");
      await newKey(file, flags);
    },
    async peer(flags, command) {
      const [{ servePeer }, { originsOf }] = await Promise.all([
        import("./serve_peer.ts"),
        import("./config/config.ts"),
      ]);
      exit = await servePeer(flags, stop, originsOf(command));
    },
    async config(what, flags, peer) {
      const [{ showConfig, showConfigPath }, { originsOf }] = await Promise.all([
        import("./config/show_config.ts"),
        import("./config/config.ts"),
      ]);
      if (what === "path") await showConfigPath(flags);
      else await showConfig(flags, originsOf(peer));
    },
    async verb(line, flags) {
      const { runVerb } = await import("./run_verb.ts");
      exit = await runVerb(line, flags, stop);
    },
    async installService(parent, words, flags) {
      const { installService } = await import("./service/install_service.ts");
      await installService(parent, words, flags);
    },
    async doctor(flags) {
      const { doctor } = await import("./doctor.ts");
      exit = await doctor(flags, stop);
    },
    async adoptState(peer, flags) {
      const { adoptState } = await import("./adopt_state.ts");
      exit = await adoptState(peer, flags, stop);
    },
    async send(paths, peer, flags) {
      const { sendCommand } = await import("./handover/send_command.ts");
      exit = await sendCommand(paths, peer, flags, stop);
    },
    async receive(code, peer, flags) {
      const { receiveCommand } = await import("./handover/receive_command.ts");
      exit = await receiveCommand(code, peer, flags, stop);
    },
    async completion(shell) {
      const { STUBS } = await import("./completion/stubs.ts");
      await new Output().raw(STUBS[shell]);
    },
  });
  if (argv[0] === COMPLETE) {
    await new Output().raw(answerShell(program, argv.slice(1)));
    return EXIT.ok;
  }
  if (isVersionAsJson(argv)) {
    await new Output({ json: true }).value(buildFacts());
    return EXIT.ok;
  }
  for (const command of program.commands.filter((one) => one.options.length > 0)) {
    command.hook("preAction", async (_, asked) => {
      if (command.name() === "peer") {
        const said = (attribute: string) => command.getOptionValueSource(attribute) === "cli";
        setHintPlace(samePeer(flagsOf(command, PEER_OPTIONS), said));
      }
      // The path can be asked for whatever is wrong with the file.
      if (commandPath(asked) === "shoal peer config path") return;
      const { applyConfig } = await import("./config/apply_config.ts");
      const applied = applyConfig(command);
      // What is wrong with the file is for the doctor to tell.
      await (commandPath(asked) === "shoal peer doctor" ? applied.catch(() => {}) : applied);
    });
  }
  const printed = takeOver(program);
  try {
    settleEnvironment(program);
    await program.parseAsync(argv, { from: "user" }).catch(async (error) => {
      if (!(error instanceof HelpShown)) throw error;
      await new Output().raw(printed());
    });
    return exit;
  } catch (error) {
    return await reportFailure(error, new Output({ json: wantsJson(argv) }), {
      interrupted: stop.code,
    });
  }
}

/** True for `--version --json` and nothing else. */
function isVersionAsJson(argv: string[]): boolean {
  const words = argv.map((word) => word === "-V" ? "--version" : word);
  return words.length === 2 && words.includes("--version") && words.includes("--json");
}

/** True if a command line that could not be parsed asked for JSON. */
function wantsJson(argv: string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end < 0 ? undefined : end).includes("--json") || Deno.env.has("SHOAL_JSON");
}
