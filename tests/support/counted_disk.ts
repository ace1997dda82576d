import { Disk } from "../../src/store/disk/disk.ts";

/** A Disk that counts what it is asked for, and ends with the test. */
export class CountedDisk extends Disk implements Disposable {
  stores = 0;
  starts = 0;

  override store(...request: Parameters<Disk["store"]>) {
    this.stores++;
    return super.store(...request);
  }

  override start(...work: Parameters<Disk["start"]>): void {
    this.starts++;
    super.start(...work);
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}
