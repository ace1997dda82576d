import type { LiveSettings } from "./api/peer_api.ts";
import { RateLimiter } from "../async/rate_limiter.ts";
import { type PeerSettings, UPLOAD_SLOTS } from "./api/settings.ts";
import { UploadSlots } from "./serve/upload_slots.ts";

/** The limits on what a peer sends and fetches; each can be changed while it runs. */
export class LiveLimits {
  /** On all that is sent, and on all that is fetched. */
  readonly up: RateLimiter;
  readonly down: RateLimiter;
  readonly slots: UploadSlots;

  constructor({ limitUp, limitDown, uploadSlots }: PeerSettings) {
    this.up = new RateLimiter(limitUp);
    this.down = new RateLimiter(limitDown);
    this.slots = new UploadSlots(uploadSlots);
  }

  get view(): LiveSettings {
    return {
      limit_up: this.up.rate ?? null,
      limit_down: this.down.rate ?? null,
      upload_slots: this.slots.slots,
    };
  }

  change({ limit_up, limit_down, upload_slots }: Partial<LiveSettings>): void {
    if (limit_up !== undefined) this.up.rate = limit_up ?? undefined;
    if (limit_down !== undefined) this.down.rate = limit_down ?? undefined;
    if (upload_slots !== undefined) this.slots.slots = upload_slots;
  }

  /** Applies those settings that are named in `keys`. */
  apply({ limitUp, limitDown, uploadSlots }: PeerSettings, keys: ReadonlySet<string>): void {
    if (keys.has("limit_up")) this.up.rate = limitUp;
    if (keys.has("limit_down")) this.down.rate = limitDown;
    if (keys.has("upload_slots")) this.slots.slots = uploadSlots ?? UPLOAD_SLOTS;
  }
}
