import { digestChunks } from "../../src/content/digest.ts";
import { PIECE_SIZE, PieceMap } from "../../src/content/piece_map.ts";
import { Disk } from "../../src/store/disk/disk.ts";
import { DownloadStore } from "../../src/store/partial/download_store.ts";
import { hashFile } from "../../src/store/hash/hash_file.ts";
import { PartialFile, type PartialOptions } from "../../src/store/partial/partial_file.ts";
import { type Bytes, patterned } from "./bytes.ts";
import { State } from "./state.ts";
import { TempFolder } from "./temp_folder.ts";

/** A folder with a state, and one content that is fetched there again and again. */
export class Place implements AsyncDisposable {
  readonly content: Bytes;
  readonly folder: TempFolder;
  readonly id: string;
  state: State;
  disk = new Disk();
  downloads: DownloadStore;

  private constructor(
    folder: TempFolder,
    state: State,
    { content, id }: { content: Bytes; id: string },
  ) {
    this.folder = folder;
    this.state = state;
    this.content = content;
    this.id = id;
    this.downloads = new DownloadStore(state.db, folder.at("partials"));
  }

  static async create(size: number): Promise<Place> {
    const folder = await TempFolder.create();
    const state = new State(folder.at("state.db"));
    const content = patterned(size, 7);
    const { id } = await hashFile(await folder.write("original", content), state);
    return new Place(folder, state, { content, id });
  }

  get path(): string {
    return this.folder.at(`partials/${this.id}.part`);
  }

  open(options: Partial<PartialOptions> = {}): PartialFile {
    const { id, downloads, disk } = this;
    return PartialFile.open({
      id,
      name: "data",
      size: this.content.length,
      overwrite: false,
      taken: "first",
    }, {
      ...{ downloads, disk, digests: this.state.digests },
      ...options,
    });
  }

  /** Stores a piece, as a download would. */
  async store(partial: PartialFile, piece: number): Promise<void> {
    const bytes = this.content.slice(piece * PIECE_SIZE, (piece + 1) * PIECE_SIZE);
    const expected = await digestChunks(bytes);
    const { buffer, byteLength: length } = bytes;
    await partial.store(piece * PIECE_SIZE, { buffer, length, expected });
    partial.map.add(piece);
  }

  /** Drops all that a process forgets when it ends. */
  restart(): void {
    this.disk.stop();
    this.disk = new Disk();
    this.state[Symbol.dispose]();
    this.state = new State(this.folder.at("state.db"));
    this.downloads = new DownloadStore(this.state.db, this.folder.at("partials"));
    this.downloads.tidy();
  }

  /** The pieces that the database claims. */
  claimed(): number[] {
    return piecesOf(this.downloads.get(this.id)!.map);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disk.stop();
    this.state[Symbol.dispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** The pieces of a map, by number. */
export function piecesOf(map: PieceMap): number[] {
  return Array.from({ length: map.pieces }, (_, piece) => piece).filter((piece) => map.has(piece));
}
