import { toHex } from "../../src/content/hex.ts";
import { sha256 } from "../support/bytes.ts";
import type { Finding } from "./fuzzer.ts";

const FOLDER = new URL("seeds/", import.meta.url);

/** Inputs that once were findings, or reach far: one file each in seeds/TARGET/. */
export async function keptSeeds(target: string): Promise<Uint8Array[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(new URL(`${target}/`, FOLDER))) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const read = (name: string) => Deno.readFile(new URL(`${target}/${name}`, FOLDER));
  return await Promise.all(names.sort().map(read));
}

/** Keeps a finding, so that it is tried again by every run and every test; returns where. */
export async function keepFinding({ target, input }: Finding): Promise<string> {
  await Deno.mkdir(new URL(`${target}/`, FOLDER), { recursive: true });
  const file = new URL(`${target}/${toHex(sha256(input)).slice(0, 12)}`, FOLDER);
  await Deno.writeFile(file, input);
  return decodeURIComponent(file.pathname);
}
