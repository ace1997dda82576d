import { Fault, inQuotes } from "../../fault.ts";
import { readManifest } from "../../store/shares/manifest_file.ts";
import type { Library } from "../../store/shares/library.ts";
import { givenName, safeName } from "../../content/safe_path.ts";
import { isWhole } from "../../trust/choose_offer.ts";
import type { Fetcher } from "./fetcher.ts";
import { isFolder } from "../target/find_folder.ts";
import type { ContentRequest, FolderListing } from "../api/ui_api.ts";
import type { Sharing } from "../share/sharing.ts";

interface FolderListerOptions {
  library: Library;
  sharing: Sharing;
  fetcher: Fetcher;
}

/** Tells what is in a folder: in one that this peer shares, or in one of the swarm. */
export class FolderLister {
  readonly #options: FolderListerOptions;

  constructor(options: FolderListerOptions) {
    this.#options = options;
  }

  /** See UiApi.listFolder. */
  async list(
    request: ContentRequest,
    signal: AbortSignal,
  ): Promise<FolderListing> {
    const { fetcher } = this.#options;
    const wanted = { ...request, name: safeName(givenName(request.name)) };
    const own = this.#own(wanted);
    if (own) return { id: own.id, ...await readManifest(own.path, signal) };
    const target = await fetcher.finder.find(wanted, signal);
    const part = isFolder(target) ? await fetcher.look(wanted, target, signal) : undefined;
    if (part?.kind === "folder") {
      return { id: target.id, entries: part.entries, bytes: part.bytes };
    }
    throw new Fault("usage", `Cannot list ${inQuotes(wanted.name)}: it is a file, not a folder`);
  }

  /** The place of the manifest of a folder that this peer shares. */
  #own({ name, id = "", publisher = "" }: ContentRequest) {
    const { library, sharing } = this.#options;
    const named = library.get(name)?.announcement;
    const whole = named?.id.startsWith(id) ? named.id : isWhole(id) ? id : undefined;
    const share = whole === undefined ? undefined : sharing.present(whole);
    if (share?.announcement.kind !== "folder") return;
    if (!share.announcement.publisher.startsWith(publisher)) return;
    return { id: share.announcement.id, path: share.path };
  }
}
