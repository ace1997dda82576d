import { State } from "../support/state.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** A folder with a state in it, made when it is first asked for; for one target. */
export class TempState {
  #made: Promise<{ folder: TempFolder; state: State }> | undefined;

  get(): Promise<{ folder: TempFolder; state: State }> {
    return this.#made ??= this.#make();
  }

  async close(): Promise<void> {
    if (!this.#made) return;
    const { folder, state } = await this.#made;
    this.#made = undefined;
    state[Symbol.dispose]();
    await folder[Symbol.asyncDispose]();
  }

  async #make() {
    const folder = await TempFolder.create();
    return { folder, state: new State(folder.at("state.db")) };
  }
}
