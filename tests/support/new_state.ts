import { State } from "./state.ts";
import { TempFolder } from "./temp_folder.ts";

/** A state database in a folder of its own. */
export async function newState(): Promise<State & AsyncDisposable> {
  const folder = await TempFolder.create();
  const state = new State(folder.at("state.db"));
  return Object.assign(state, {
    [Symbol.asyncDispose]: async () => {
      state[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  });
}
