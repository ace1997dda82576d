#!/usr/bin/env node
// Runs Shoal's modules on the Deno runtime of the `deno` package, in place of this process where Node
// can do that: then signals, exit codes and the terminal are the program's own.
"use strict";
const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const { dirname, join } = require("node:path");

const FLAGS = ["@FLAGS@"];

// Where install scripts are off, the package has not put its program in its folder yet.
function runtime() {
  const folder = dirname(require.resolve("deno/package.json"));
  const path = join(folder, process.platform === "win32" ? "deno.exe" : "deno");
  return existsSync(path) ? path : require("deno/install_api.cjs").runInstall();
}

function replaceProcess(program, args, env) {
  if (process.platform === "win32" || typeof process.execve !== "function") return;
  // It is called experimental on standard error otherwise, which is Shoal's.
  process.emitWarning = () => {};
  try {
    process.execve(program, [program, ...args], env);
  } catch {
    // A child does it as well.
  }
}

function runChild(program, args, env) {
  const child = spawn(program, args, { stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      // A terminal sends this one to both; a second one would end the program at once.
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on("error", (error) => fail(error));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(error) {
  console.error(`shoal: Cannot start the Deno runtime: ${error.message}`);
  console.error("next: install it again: npm install -g shoal");
  process.exit(1);
}

try {
  const program = runtime();
  const modules = dirname(__dirname);
  const words = ["run", "--quiet", "--no-prompt", "--no-lock", "--no-check", "--cached-only"];
  const config = `--config=${join(modules, "deno.json")}`;
  const args = [...words, config, ...FLAGS, join(modules, "main.js"), ...process.argv.slice(2)];
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
  replaceProcess(program, args, env);
  runChild(program, args, env);
} catch (error) {
  fail(error);
}
