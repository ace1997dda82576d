import { signAnnouncement, verifyAnnouncement } from "../../../src/trust/announcement.ts";
import { Identity } from "../../../src/trust/identity.ts";
import { signRegistration, verifyRegistration } from "../../../src/trust/registration.ts";
import { decodePayload } from "../../../src/wire/codec.ts";
import { Announcement, Register } from "../../../src/wire/protocol.ts";
import { must, unlessFault } from "../allow.ts";
import { ANNOUNCEMENT } from "../samples.ts";
import type { Target } from "../target.ts";
import { bytesOf } from "../text.ts";

const identity = await Identity.generate();
const NONCE = "0f".repeat(32);

const announced = await signAnnouncement(identity, ANNOUNCEMENT);
const signed = await signRegistration(identity, NONCE, {
  port: 10_000,
  dialled: { host: "192.0.2.1", port: 8_000 },
  advertise: { host: "peer.example", port: 10_001 },
});
const registered = { action: "register", id: 2, agent: "x/1", ...signed };

/** Of what was signed, nothing that is changed counts as signed. */
export const announcements: Target = {
  name: "announcements",
  weight: 7,
  seeds: [bytesOf(JSON.stringify(announced)), bytesOf(JSON.stringify({ ...announced, name: "b" }))],
  async run(input) {
    const read = unlessFault(["network"], () => decodePayload(Announcement, input));
    if (!read || !await verifyAnnouncement(read)) return;
    must(JSON.stringify(read) === JSON.stringify(announced), "only what was signed is");
  },
};

/** The same of registrations. */
export const registrations: Target = {
  name: "registrations",
  weight: 7,
  seeds: [bytesOf(JSON.stringify(registered)), bytesOf(JSON.stringify({ ...registered, port: 1 }))],
  async run(input) {
    const read = unlessFault(["network"], () => decodePayload(Register, input));
    if (!read || !await verifyRegistration(NONCE, read)) return;
    const { peer, port, nonce, dialled, advertise, signature } = read;
    const same = JSON.stringify({ peer, port, nonce, dialled, advertise, signature });
    must(same === JSON.stringify(signed), "only what was signed is");
  },
};
