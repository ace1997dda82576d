import { type Peer } from "./world.ts";

/** Asks a running peer over its control endpoint. */
export type Ask = (route: string, init?: RequestInit) => Promise<Response>;

/** Returns a function that asks the running peer of a folder, as its owner. */
export async function askOf({ dir }: Pick<Peer, "dir">): Promise<Ask> {
  const { url, token } = JSON.parse(await Deno.readTextFile(`${dir}/.shoal/control.json`));
  return (route, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(url + route, { ...init, headers });
  };
}

/** The JSON values of a body that has one on each line. */
export async function linesOf(response: Response) {
  return (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
}
